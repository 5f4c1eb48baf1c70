"""Where real QEMUs keep their RAM: what we have at an address is what QEMU itself has there, for RAM of every make."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain.collect.inside_monitor import asker
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.collect.inside_session import open_session
from crazytrain.host import LiveHost
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import RamMap, Unreadable
from tests.collect.ram_guests import RamGuest, huge_pages, ram_guest, shared_kib, write
from tests.support import skip_real

pytestmark = pytest.mark.real
MIB, GIB = 1 << 20, 1 << 30
MEMFD = "memory-backend-memfd,id={0},size={1},share=on"
TWO_NODES = ("-m", "256M", "-numa", "node,memdev=a", "-numa", "node,memdev=b")
KINDS: dict[str, tuple[int, tuple[str, ...], bool]] = {
    "i440fx, 5 GiB": (5120, ("-machine", "pc", "-m", "5G"), True),
    "q35, 4 GiB": (4096, ("-machine", "q35", "-m", "4G", "-device", "VGA"), True),
    "q35, its hole moved": (3072, ("-machine", "q35,max-ram-below-4g=1G", "-m", "3G"), True),
    "microvm": (4096, ("-machine", "microvm", "-m", "4G"), True),
    "memfd": (256, ("-machine", "pc,memory-backend=m", "-m", "256M", "-object", MEMFD.format("m", "256M")), True),
    "a file": (
        64,
        (
            "-machine",
            "pc,memory-backend=m",
            "-m",
            "64M",
            "-object",
            "memory-backend-file,id=m,size=64M,share=on,mem-path={folder}",
        ),
        True,
    ),
    "two nodes": (
        256,
        (*TWO_NODES, "-object", "memory-backend-ram,id=a,size=96M", "-object", "memory-backend-ram,id=b,size=160M"),
        True,
    ),
    "two nodes of one size": (
        256,
        (*TWO_NODES, "-object", MEMFD.format("a", "128M"), "-object", MEMFD.format("b", "128M")),
        False,
    ),
}


def found_in(guest: Guest, *, asking: bool = True) -> RamMap:
    host = LiveHost()
    return asyncio.run(find_ram_map(host, guest, asker(host, guest) if asking else None))


def agrees(made: RamGuest, found: RamMap, seed: int) -> None:
    """Write something else near both ends of each segment, and have QEMU read it."""
    for number, segment in enumerate(found.segments):
        for offset in (0x1000, segment.size_bytes - 0x1000):
            address, value = segment.address + offset, seed << 32 | number << 16 | (offset >> 12 & 0xFFFF)
            if 0xA0000 <= address < 0x100000:  # what the firmware's shadow hides in a guest that never ran
                continue
            write(made.guest.pid, segment.place + offset, value.to_bytes(8, "little"))
            assert made.has(address) == value, f"{address:#x}"


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        skip_real("not root: another process's memory is not ours to read")


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("kind", KINDS)
def test_real_ram(kind: str) -> None:
    mib, arguments, tells_by_itself = KINDS[kind]
    with ram_guest(*arguments, memory_mib=mib) as made:
        found = found_in(made.guest)
        assert found.how == "as the monitor says"
        assert mib * MIB - 2 * MIB < found.size_bytes <= mib * MIB
        agrees(made, found, 1)
        if not tells_by_itself:
            with pytest.raises(Unreadable, match="cannot be told: others have its size"):
                found_in(made.guest, asking=False)
            return
        alone = found_in(made.guest, asking=False)
        assert alone.size_bytes == mib * MIB
        agrees(made, alone, 2)


@pytest.mark.usefixtures("as_root")
def test_real_huge_pages() -> None:
    with huge_pages(34) as folder:
        if folder is None:
            pytest.skip("this machine lets us have no huge pages")
        backend = f"memory-backend-file,id=m,size=64M,share=on,mem-path={folder}"
        with ram_guest("-machine", "pc,memory-backend=m", "-m", "64M", "-object", backend, memory_mib=64) as made:
            for seed, asking in enumerate((True, False)):
                agrees(made, found_in(made.guest, asking=asking), seed + 3)


@pytest.mark.usefixtures("as_root")
def test_real_memory_that_was_plugged_in() -> None:
    with ram_guest("-machine", "pc", "-m", "128M,slots=2,maxmem=1G", memory_mib=128) as made:
        made.ask("object-add", **{"qom-type": "memory-backend-ram", "id": "later", "size": 256 * MIB})
        made.ask("device_add", driver="pc-dimm", id="dimm0", memdev="later")
        found = found_in(made.guest)
        assert found.segments[-1].address >= 4 * GIB
        assert found.segments[-1].size_bytes == 256 * MIB
        agrees(made, found, 5)
        alone = found_in(made.guest, asking=False)
        assert alone.size_bytes == 128 * MIB
        assert "plugged in later is not known" in alone.how


@contextlib.contextmanager
def watched(pid: int, read: Callable[[], object]) -> Iterator[int]:
    before = shared_kib(pid)
    read()
    yield shared_kib(pid) - before


@pytest.mark.usefixtures("as_root")
def test_looking_makes_qemu_no_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared backend grows by each untouched page that is read: a blind read does it, ours does not."""
    monkeypatch.setenv("CRAZYTRAIN_CACHE", str(tmp_path))
    arguments = ("-machine", "q35,memory-backend=m", "-m", "2G", "-object", MEMFD.format("m", "2G"))
    with ram_guest(*arguments, memory_mib=2048) as made:
        host, pid = LiveHost(), made.guest.pid
        (*_, last) = found_in(made.guest).segments

        async def look() -> None:
            async with open_session(host, made.guest, None) as session:
                reading = await session.begin("")  # without registers all that is in memory is looked through
                assert any(one.what == "kernel" for one in reading.missing)

        with watched(pid, lambda: asyncio.run(look())) as grown:
            assert grown < 512
        with watched(pid, lambda: host.read_at(f"/proc/{pid}/mem", last.place + 512 * MIB, 16 * MIB)) as grown:
            assert grown > 15 << 10
