"""The kvmclock pages of a real KVM guest are found in its RAM; what cannot be read is told; it stays within bounds."""

import asyncio
import json
import os
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crazytrain.collect.look import Look
from crazytrain.collect.pvclock import collect_pvclock
from crazytrain.decode.pvclock import decode_pvclock
from crazytrain.derive.clock import derive_clock
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import Facts
from crazytrain.model.guest import Accelerator, Guest
from tests.collect.making import HOST_FILES, a_guest, look_at, process
from tests.tiny import CLOCK_PAGE, HALT, KVMCLOCK, boot, until

MIB = 1 << 20
BASE = 0x100000
PAGE = bytes.fromhex("02000000000000003781117d13090000b1e7e40000000000b258ecc4ff010000")
CPUINFO = b"model name\t: Intel(R) Xeon(R) @ 2.60GHz\ncpu MHz\t\t: 800.000\nbogomips\t: 5199.99\n"


def guest(accelerator: Accelerator = Accelerator.KVM, memory_bytes: int | None = 4 * MIB) -> Guest:
    return msgspec.structs.replace(a_guest(700), accelerator=accelerator, memory_bytes=memory_bytes, machine="pc")


def host_with(pages: dict[int, bytes], **files: bytes | OSError) -> FakeHost:
    """A guest of 4 MiB, all in memory, with pages at guest-physical addresses."""
    memory = bytearray(BASE + 4 * MIB)
    for address, page in pages.items():
        memory[BASE + address : BASE + address + len(page)] = page
    entries = (BASE + 4 * MIB) // 4096
    known: dict[str, bytes | OSError] = {
        **HOST_FILES,
        **process(700, "qemu", ["q"]),
        "/proc/700/maps": f"{BASE:x}-{BASE + 4 * MIB:x} rw-p 00000000 00:00 0 \n".encode(),
        "/proc/700/pagemap": struct.pack("<Q", 1 << 63) * entries,
        "/proc/700/mem": bytes(memory),
        "/proc/cpuinfo": CPUINFO,
        "/proc/uptime": b"9000.00 1.00\n",
    }
    return FakeHost({**known, **{f"/proc/{name}": content for name, content in files.items()}})


def collected(host: FakeHost, asked: Guest | None = None, *, light: bool = False) -> list[Evidence]:
    look, kept = look_at(host, asked or guest(), light=light)
    asyncio.run(collect_pvclock(look))
    return kept


def read(evidence: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(evidence.data)
    return found


def test_a_page_where_linux_has_it_ends_the_search_early() -> None:
    first, second = collected(host_with({2 * MIB + 0x1000: PAGE, 0x8000: PAGE}))
    assert [(e.id, e.kind, e.outcome, e.cost) for e in (first, second)] == [
        (f"pvclock.{i}", Kind.PVCLOCK, Outcome.OK, Cost.READS) for i in (0, 1)
    ]
    found = read(first)
    assert [(page["address"], page["raw"]) for page in found["pages"]] == [(2 * MIB + 0x1000, PAGE.hex())]
    assert (found["searched_bytes"], found["skipped_bytes"]) == (2 * 16384, 4 * MIB - 2 * 16384)
    assert found["stopped"] == "the first 16 KiB of each 2 MiB were searched"
    assert (found["tsc"], found["why"]) == (
        {"hz": 2.599995e9, "known_by": "bogomips"},
        "their scale is that of the host's TSC",
    )
    assert found["uptime_ns"] == 8995 * 10**9
    again = read(second)
    assert [page["raw"] for page in again["pages"]] == [PAGE.hex()]
    assert again["pages"][0]["mono_ns"] > found["pages"][0]["mono_ns"]


def test_elsewhere_all_that_is_in_memory_is_searched() -> None:
    first, _ = collected(host_with({0x8000: PAGE, 3 * MIB + 0x40: PAGE}))
    assert [page["address"] for page in read(first)["pages"]] == [0x8000, 3 * MIB + 0x40]
    assert read(first)["stopped"] == "all that is in memory was searched"
    assert read(first)["skipped_bytes"] == 0


def test_no_page_is_a_finding_too_and_is_not_looked_for_again() -> None:
    (only,) = collected(host_with({}))
    assert only.outcome is Outcome.OK
    assert (read(only)["pages"], read(only)["searched_bytes"]) == ([], 4 * MIB)


def test_what_is_not_in_memory_is_not_touched() -> None:
    host = host_with({0x8000: PAGE})
    host.files["/proc/700/pagemap"] = bytes(8 * ((BASE + 4 * MIB) // 4096))
    host.files["/proc/700/mem"] = AssertionError  # type: ignore[assignment]
    (only,) = collected(host)
    assert (read(only)["searched_bytes"], read(only)["skipped_bytes"]) == (0, 4 * MIB)


def test_a_page_that_is_being_written_all_the_time_is_left_out() -> None:
    host = host_with({0x8000: PAGE})
    look, kept = look_at(host, guest())

    def keep(evidence: Evidence) -> None:
        kept.append(evidence)
        memory = bytearray(host.read_at("/proc/700/mem", 0, BASE + 4 * MIB))
        memory[BASE + 0x8000] = 3
        host.files["/proc/700/mem"] = bytes(memory)

    asyncio.run(collect_pvclock(msgspec.structs.replace(look, keep=keep)))
    assert [len(read(e)["pages"]) for e in kept] == [1, 0]


DENIED = PermissionError(13, os.strerror(13))
GONE = ProcessLookupError(3, os.strerror(3))


@pytest.mark.parametrize(
    ("files", "outcome", "detail"),
    [
        ({"700/maps": DENIED}, Outcome.DENIED, "reading the guest's memory needs CAP_SYS_PTRACE (be root)"),
        ({"700/mem": DENIED}, Outcome.DENIED, "reading the guest's memory needs CAP_SYS_PTRACE (be root)"),
        ({"700/pagemap": DENIED}, Outcome.DENIED, "reading the guest's memory needs CAP_SYS_PTRACE (be root)"),
        ({"700/mem": GONE}, Outcome.ABSENT, "No such process"),
        ({"700/mem": TimeoutError("slow")}, Outcome.TIMED_OUT, "slow"),
        ({"700/maps": b""}, Outcome.ABSENT, "no mappings may be the guest's RAM of 4 MiB"),
        ({"700/stat": b""}, Outcome.ABSENT, "the process has ended"),
    ],
)
def test_what_cannot_be_read_is_told(files: dict[str, bytes | OSError], outcome: Outcome, detail: str) -> None:
    kept = collected(host_with({0x8000: PAGE}, **files))
    assert [(e.id, e.outcome, e.data) for e in kept] == [("pvclock.0", outcome, b"")]
    assert kept[0].detail.startswith(detail)


def test_pages_that_the_kernel_cannot_give_are_skipped() -> None:
    (only,) = collected(host_with({0x8000: PAGE}, **{"700/mem": OSError(5, os.strerror(5))}))
    assert (only.outcome, read(only)["searched_bytes"]) == (Outcome.OK, 0)


def test_only_kvm_has_a_kvmclock() -> None:
    for accelerator in (Accelerator.TCG, Accelerator.UNKNOWN):
        (only,) = collected(host_with({}), guest(accelerator))
        assert (only.outcome, only.detail) == (
            Outcome.ABSENT,
            f"the guest runs on {accelerator.value}: only KVM writes a kvmclock",
        )
    assert collected(host_with({}), light=True) == []


@pytest.mark.parametrize(
    ("cpuinfo", "hz", "known_by"),
    [
        (CPUINFO, 2.599995e9, "bogomips"),
        (CPUINFO.replace(b"bogomips", b"other"), 2.6e9, "model name"),
        (b"model name\t: AMD EPYC 7543\ncpu MHz\t\t: 2794.748\n", 2.794748e9, "cpu MHz"),
        (b"bogomips\t: ..\n", None, ""),
        (b"", None, ""),
        (DENIED, None, ""),
    ],
)
def test_the_tsc_of_the_host(cpuinfo: bytes | OSError, hz: float | None, known_by: str) -> None:
    (only, *_) = collected(host_with({}, cpuinfo=cpuinfo))
    assert read(only)["tsc"] == {"hz": hz, "known_by": known_by}


def test_time_bounds_the_search() -> None:
    host = host_with({3 * MIB: PAGE})
    host.tick_ns = 400_000_000
    (only, *_) = collected(host)
    assert read(only)["stopped"] == "the time for it was over (1.5 s)"


def live(asked: Guest, seconds: float = 0.0) -> list[Evidence]:
    host, kept = LiveHost(), list[Evidence]()
    begin = host.mono_ns()
    look = Look(host=host, guest=asked, start_ns=begin, end_ns=begin + int(seconds * 1e9), keep=kept.append)
    asyncio.run(collect_pvclock(look))
    return kept


def addresses(asked: Guest) -> list[int]:
    """Where pages are found; nowhere while QEMU has no RAM yet. While the firmware runs, it has a page of its own."""
    first = live(asked)[0]
    return [page["address"] for page in read(first)["pages"]] if first.usable else []


def searched(asked: Guest) -> int:
    first = live(asked)[0]
    return int(read(first)["searched_bytes"]) if first.usable else 0


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.real
def test_the_clock_of_a_real_guest() -> None:
    with boot(KVMCLOCK, Accelerator.KVM) as tiny:
        until(lambda: CLOCK_PAGE in addresses(tiny.guest), "the guest has set up its clock")
        kept = live(tiny.guest, 0.2)
        assert [e.outcome for e in kept] == [Outcome.OK] * 2
        clock = derive_clock(Facts(fact for e in kept for fact in decode_pvclock(e)))
        assert clock is not None
        early, late = (page for page in clock.pages if page.address == CLOCK_PAGE)
        assert early.mono_ns < late.mono_ns
        assert 0 < early.signed_ns < clock.uptime_ns
        assert early.tsc_hz == pytest.approx(read(kept[0])["tsc"]["hz"], rel=0.002)
        assert kept[0].took_ns < 4e9


@pytest.mark.real
def test_ram_of_two_backends_that_only_the_monitor_tells_apart() -> None:
    halves = [("-object", f"memory-backend-ram,id={one},size=32M", "-numa", f"node,memdev={one}") for one in ("a", "b")]
    with boot(KVMCLOCK, Accelerator.KVM, *halves[0], *halves[1]) as tiny:
        until(lambda: CLOCK_PAGE in addresses(tiny.guest), "the guest has set up its clock")
        assert "the monitor" in read(live(tiny.guest)[0])["ram"]["how"]


@pytest.mark.real
@pytest.mark.parametrize(
    "backend", [(), ("-object", "memory-backend-memfd,id=m,size=64M,share=on", "-machine", "pc,memory-backend=m")]
)
def test_a_search_leaves_memory_as_it_is(backend: tuple[str, ...]) -> None:
    """A shared backend would be filled with empty pages by a blind search."""
    with boot(HALT, Accelerator.KVM, *backend) as tiny:
        until(lambda: searched(tiny.guest) > 0, "the guest has begun")
        before = resident_bytes(tiny.process)
        (only,) = live(tiny.guest)
        assert read(only)["pages"] == []
        assert read(only)["skipped_bytes"] > 32 * MIB
        assert resident_bytes(tiny.process) - before < 4 * MIB


def test_pages_are_watched_and_each_change_is_kept_once() -> None:
    """Times: when it was read, and the last look at which it was another."""
    host = host_with({0x8000: PAGE})
    look, kept = look_at(host, guest(), seconds=1.0)
    moved = bytes([4]) + PAGE[1:16] + (int.from_bytes(PAGE[16:24], "little") + 5).to_bytes(8, "little") + PAGE[24:]

    async def sleep_until(mono_ns: int) -> None:
        host.now_ns = max(host.now_ns, mono_ns)
        if host.now_ns > look.start_ns + 400_000_000:
            memory = bytearray(host.read_at("/proc/700/mem", 0, BASE + 4 * MIB))
            memory[BASE + 0x8000 : BASE + 0x8020] = moved
            host.files["/proc/700/mem"] = bytes(memory)

    host.sleep_until = sleep_until  # type: ignore[method-assign]
    asyncio.run(collect_pvclock(look))
    first, last = map(read, kept)
    assert [page["raw"] for page in first["pages"]] == [PAGE.hex()]
    assert [page["raw"] for page in last["pages"]] == [moved.hex()] * 2  # when it changed, and at the end
    change, end = last["pages"]
    assert first["pages"][0]["mono_ns"] < change["after_ns"] < change["mono_ns"] < end["mono_ns"]
    assert change["mono_ns"] - change["after_ns"] < 150_000_000
    assert end["after_ns"] == change["after_ns"]
    assert first["host_ns"] == last["host_ns"] == 9000 * 10**9
