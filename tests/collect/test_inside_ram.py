"""Where a guest's RAM lies, by recorded mappings, command lines and answers of monitors: found or not, never guessed."""

import asyncio
import json
from collections.abc import Sequence

import msgspec
import pytest

from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.collect.inside_ram_words import RamWords, ram_words, size_of, why_encrypted
from crazytrain.collect.monitor import Answers
from crazytrain.host import FakeHost
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import RamMap, Segment, Unreadable
from tests.collect.making import a_guest

MIB, GIB = 1 << 20, 1 << 30
BASE = 0x7F0000000000


def line(start: int, size: int, perms: str = "rw-p", inode: int = 0, name: str = "", offset: int = 0) -> bytes:
    return f"{start:x}-{start + size:x} {perms} {offset:08x} 00:00 {inode} {name}\n".encode()


def words(text: str, **known: int) -> Guest:
    argv = ("qemu-system-x86_64", *text.split())
    return msgspec.structs.replace(a_guest(7), command_line=argv, memory_bytes=known.get("memory_bytes"))


def by_maps(text: str, *lines: bytes, **known: int) -> RamMap:
    host = FakeHost({"/proc/7/maps": b"".join(lines)})
    return asyncio.run(find_ram_map(host, words(text, **known), None))


def by_monitor(tree: str, places: Sequence[str], *lines: bytes) -> RamMap:
    async def ask(questions: Sequence[bytes]) -> Answers:
        asked = [json.loads(question)["arguments"]["command-line"] for question in questions]
        said = [tree] if asked == ["info mtree -f"] else list(places)
        data = b"".join(json.dumps({"return": text}).encode() + b"\n" for text in said)
        return Answers(data=data, outcome=Outcome.OK, detail="", source="")

    host = FakeHost({"/proc/7/maps": b"".join(lines)})
    return asyncio.run(find_ram_map(host, words("-m 64M"), ask))


def spans(found: RamMap) -> list[tuple[int, int, int]]:
    return [(one.address, one.size_bytes, one.place) for one in found.segments]


# What the command line says.


def test_a_machine_without_backends() -> None:
    argv = ("q", "-M", "q35,max-ram-below-4g=1G", "-m", "size=4G,slots=2,maxmem=8G")
    assert ram_words(argv) == RamWords(size_bytes=4 * GIB, machine="q35", most_below_4g=GIB)


def test_backends_in_the_order_of_their_nodes() -> None:
    found = ram_words(
        [
            "q",
            "-machine",
            "pc",
            "-m",
            "192",
            "-object",
            "memory-backend-ram,id=b,size=128M",
            "-object",
            '{"qom-type":"memory-backend-file","id":"a","size":67108864,"mem-path":"/dev/shm/a,b"}',
            "-numa",
            "node,nodeid=1,memdev=b",
            "-numa",
            "node,nodeid=0,memdev=a",
        ]
    )
    assert [(one.id, one.kind, one.size_bytes, one.path) for one in found.backends] == [
        ("a", "file", 64 * MIB, "/dev/shm/a,b"),
        ("b", "ram", 128 * MIB, ""),
    ]


def test_a_backend_that_is_not_there() -> None:
    assert (
        ram_words(("q", "-machine", "pc,memory-backend=x")).why_unclear
        == "its memory backend x is not on the command line"
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512 * MIB),
        ("1.5G", 3 * GIB // 2),
        ("4g", 4 * GIB),
        ("0x10000", 65536),
        ("2048k", 2 * MIB),
        ("big", None),
        ("", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-machine q35,confidential-guest-support=sev0 -object sev-guest,id=sev0,cbitpos=47", "encrypted (sev-guest)"),
        ("-machine q35,memory-encryption=lsec0", "encrypted (lsec0)"),
        ("-object tdx-guest,id=tdx", "encrypted (tdx-guest)"),
        ("-machine pc -object memory-backend-ram,id=sev-guest,size=1M", ""),
    ],
)
def test_encrypted(text: str, says: str) -> None:
    assert (says in why_encrypted(text.split())) if says else why_encrypted(text.split()) == ""
    if says:
        with pytest.raises(Unreadable, match="the host cannot read it, by design"):
            by_maps(text, line(BASE, 64 * MIB), memory_bytes=64 * MIB)


# By mappings, on recorded ones.


def test_one_mapping() -> None:
    found = by_maps("-machine pc -m 64M", line(0x1000, MIB), line(BASE, 64 * MIB), line(BASE + GIB, 64 * MIB, "rwxp"))
    assert spans(found) == [(0, 64 * MIB, BASE)]


def test_pieces_of_one_mapping() -> None:
    anonymous = by_maps("-m 64M", line(BASE, 16 * MIB), line(BASE + 16 * MIB, 48 * MIB))
    assert spans(anonymous) == [(0, 64 * MIB, BASE)]
    pieces = (line(BASE, 16 * MIB, "rw-s", 5, "/x"), line(BASE + 16 * MIB, 48 * MIB, "rw-s", 5, "/x", 16 * MIB))
    assert spans(by_maps("-m 64M", *pieces)) == [(0, 64 * MIB, BASE)]
    apart = (line(BASE, 16 * MIB, "rw-s", 5, "/x"), line(BASE + 16 * MIB, 48 * MIB, "rw-s", 5, "/x", 0))
    with pytest.raises(Unreadable, match="no mappings"):
        by_maps("-m 64M", *apart)


def test_the_end_of_a_larger_one() -> None:
    assert spans(by_maps("-m 64M", line(BASE, 70 * MIB))) == [(0, 64 * MIB, BASE + 6 * MIB)]
    with pytest.raises(Unreadable, match="2 mappings may be the guest's RAM of 64 MiB"):
        by_maps("-m 64M", line(BASE, 70 * MIB), line(BASE + GIB, 80 * MIB))


@pytest.mark.parametrize(
    ("machine", "size", "below"),
    [
        ("q35", 4 * GIB, 2 * GIB),
        ("q35", 0xB0000000 - 4096, 0xB0000000 - 4096),
        ("pc", 4 * GIB, 3 * GIB),
        ("pc-i440fx-7.2", 3 * GIB, 3 * GIB),
        ("microvm", 4 * GIB, 3 * GIB),
        ("q35,max-ram-below-4g=1G", 3 * GIB, GIB),
        ("pc,max-ram-below-4g=3G", 5 * GIB, 3 * GIB),
        ("pc,max-ram-below-4g=4G", 5 * GIB, 3 * GIB),
    ],
)
def test_the_hole_below_4_gib(machine: str, size: int, below: int) -> None:
    found = by_maps(f"-machine {machine} -m {size >> 10}K", line(BASE, size))
    above = [(4 * GIB, size - below, BASE + below)] if size > below else []
    assert spans(found) == [(0, below, BASE), *above]


NODES = "-m 5G -numa node,memdev=a -numa node,memdev=b -object memory-backend-{0},id=a,size={1} -object memory-backend-{0},id=b,size={2}"


def test_a_hole_within_the_second_backend() -> None:
    found = by_maps(
        "-machine pc " + NODES.format("ram", "2G", "3G"), line(BASE, 2 * GIB), line(BASE + 9 * GIB, 3 * GIB)
    )
    assert spans(found) == [
        (0, 2 * GIB, BASE),
        (2 * GIB, GIB, BASE + 9 * GIB),
        (4 * GIB, 2 * GIB, BASE + 10 * GIB),
    ]


def test_backends_of_one_size_are_told_apart_by_name_only() -> None:
    text = NODES.format("file,mem-path=/dev/hugepages", "32M", "32M").replace("5G", "64M")
    named = [
        line(BASE + at * GIB, 32 * MIB, "rw-s", 5 + at, f"/dev/hugepages/qemu_back_mem.{name}.Xy12Zz (deleted)")
        for at, name in enumerate("ba")
    ]
    assert spans(by_maps(text, *named)) == [(0, 32 * MIB, BASE + GIB), (32 * MIB, 32 * MIB, BASE)]
    with pytest.raises(Unreadable, match="which mapping is the memory backend a cannot be told"):
        by_maps(text.replace("file,mem-path=/dev/hugepages", "ram"), line(BASE, 32 * MIB), line(BASE + GIB, 32 * MIB))


@pytest.mark.parametrize(
    ("text", "lines", "why"),
    [
        ("-m 64M", (line(BASE, 64 * MIB, "rw-s", 5, "/secretmem (deleted)"),), "memfd_secret"),
        ("", (line(BASE, 64 * MIB),), "the size of the guest's RAM is not known"),
        ("-m 2000G", (line(BASE, 2000 * GIB),), "only its monitor knows"),
        ("-m 64M", (b"garbage\n",), "no mappings"),
        (
            "-machine pc,memory-backend=x -m 64M",
            (line(BASE, 64 * MIB),),
            "its memory backend x is not on the command line",
        ),
        (
            NODES.format("ram", "1G", "2G"),
            (line(BASE, GIB),),
            "the memory backends make 3072 MiB, but -m says 5120 MiB",
        ),
    ],
)
def test_it_says_why_not(text: str, lines: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        by_maps(text, *lines)


@pytest.mark.parametrize(
    ("error", "why"),
    [(PermissionError(13, "no"), "CAP_SYS_PTRACE"), (FileNotFoundError(2, "No such file"), "No such file")],
)
def test_mappings_that_cannot_be_read(error: OSError, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        asyncio.run(find_ram_map(FakeHost({"/proc/7/maps": error}), words("-m 64M"), None))


# By the monitor, on recorded answers.

TREE = """FlatView #0
 AS "I/O", root: io
 Root memory region: io
  0000000000000000-0000000000000007 (prio 0, ram): wrong

FlatView #1
 AS "cpu-memory-0", root: system
 AS "memory", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram KVM
  00000000000a0000-00000000000bffff (prio 1, ram): vga.vram @0000000000000000 KVM
  00000000000c0000-00000000000cafff (prio 0, rom): pc.ram @00000000000c0000 KVM
  00000000000cb000-0000000003ffffff (prio 0, ram): pc.ram @00000000000cb000 KVM
  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram KVM
  00000000fe000000-00000000fe00ffff (prio 1, ramd): 0000:01:00.0 BAR 0 mmaps[0] KVM
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios KVM
  0000000100000000-0000000103ffffff (prio 0, nv-ram): dimm1 KVM
"""


def hva(address: int, name: str, place: int) -> str:
    return f"Host virtual address for {address:#x} ({name}) is {place:#x}\r\n"


PLACES = (hva(0, "pc.ram", BASE), hva(0xC0000, "pc.ram", BASE + 0xC0000), hva(4 * GIB, "dimm1", BASE + GIB))


def test_the_monitors_map() -> None:
    found = by_monitor(TREE, PLACES, line(BASE, 64 * MIB), line(BASE + GIB, 64 * MIB))
    assert found.how == "as the monitor says"
    assert found.segments == (
        Segment(0, 0xA0000, BASE),
        Segment(0xC0000, 64 * MIB - 0xC0000, BASE + 0xC0000),
        Segment(4 * GIB, 64 * MIB, BASE + GIB),
    )


@pytest.mark.parametrize(
    ("tree", "places", "why"),
    [
        (TREE, (PLACES[0], hva(0xC0000, "pc.ram", BASE), PLACES[2]), "do not fit together"),
        (TREE, ("Memory at address 0x0 is not RAM\r\n",) * 3, "does not say where RAM lies"),
        (TREE, PLACES[:2], "the monitor did not answer"),
        ("", (), "names no RAM"),
        (TREE, (hva(0, "pc.ram", 0x1000), hva(0xC0000, "pc.ram", 0xC1000), PLACES[2]), "is not mapped in this process"),
    ],
)
def test_a_monitor_that_errs(tree: str, places: tuple[str, ...], why: str) -> None:
    """The mappings tell it, then, and why is said."""
    found = by_monitor(tree, places, line(BASE, 64 * MIB))
    assert spans(found) == [(0, 64 * MIB, BASE)]
    assert why in found.how
    with pytest.raises(Unreadable, match=why):
        by_monitor(tree, places, line(BASE, MIB))
