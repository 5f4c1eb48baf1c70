"""Where guest RAM lies: by the size of its mapping; what may be read of it: what is in memory."""

import os
import struct

import pytest

from crazytrain.collect.ram import Ram, find_ram, present_runs, read_ram
from crazytrain.host.fake import FakeHost

MIB = 1 << 20
GIB = 1 << 30


def line(start: int, size: int, perms: str = "rw-p", inode: int = 0, name: str = "") -> bytes:
    return f"{start:x}-{start + size:x} {perms} 00000000 00:00 {inode} {name}\n".encode()


def ram_of(size: int | None, *lines: bytes, machine: str = "pc-i440fx-7.2") -> Ram | None:
    return find_ram(FakeHost({"/proc/7/maps": b"".join(lines)}), 7, size, machine)


def test_the_mapping_of_just_the_size() -> None:
    found = ram_of(64 * MIB, line(0x1000, MIB), line(0x7F0000000000, 64 * MIB), line(0x7F1000000000, 128 * MIB))
    assert found is not None
    assert (found.base, found.size_bytes, found.how) == (0x7F0000000000, 64 * MIB, "the mapping of just the RAM's size")


def test_a_shared_backend() -> None:
    found = ram_of(64 * MIB, line(0x7F0000000000, 64 * MIB, "rw-s", 5, "/memfd:pc.ram (deleted)"))
    assert found is not None
    assert found.base == 0x7F0000000000


def test_a_mapping_that_was_cut_in_pieces() -> None:
    found = ram_of(64 * MIB, line(0x7F0000000000, 16 * MIB), line(0x7F0001000000, 48 * MIB))
    assert found is not None
    assert (found.base, found.how) == (0x7F0000000000, "the mapping of just the RAM's size")


def test_ram_ends_where_a_larger_mapping_ends() -> None:
    found = ram_of(64 * MIB, line(0x7F0000000000, 70 * MIB), line(0x7F1000000000, 2 * MIB))
    assert found is not None
    assert found.base == 0x7F0000000000 + 6 * MIB
    assert found.how == f"the end of the largest mapping, 7f0000000000-{0x7F0000000000 + 70 * MIB:x}"


def test_what_is_not_guessed() -> None:
    halves = (line(0x7F0000000000, 32 * MIB, "rw-s", 5), line(0x7F1000000000, 32 * MIB, "rw-s", 6))
    assert ram_of(64 * MIB, *halves) is None
    assert ram_of(None, line(0x7F0000000000, 64 * MIB)) is None
    assert ram_of(64 * MIB, line(0x7F0000000000, 64 * MIB, "r--p")) is None
    assert ram_of(64 * MIB, b"garbage\n") is None


@pytest.mark.parametrize(
    ("size", "machine", "below"),
    [
        (2 * GIB, "pc-q35-7.2", 2 * GIB),
        (4 * GIB, "pc-q35-7.2", 2 * GIB),
        (0xB0000000 - 4096, "q35", 0xB0000000 - 4096),
        (3 * GIB, "pc-i440fx-7.2", 3 * GIB),
        (4 * GIB, "", 3 * GIB),
    ],
)
def test_there_is_a_hole_below_4_gib(size: int, machine: str, below: int) -> None:
    found = ram_of(size, line(0x7F0000000000, size), machine=machine)
    assert found is not None
    assert found.below == below
    assert found.address(below - 1) == below - 1
    for offset in (0, below - 64, below, size - 64):
        assert found.offset(found.address(offset)) == offset
    if size > below:
        assert found.address(below) == 4 * GIB


RAM = Ram(base=0x10000, size_bytes=8 * 4096, below=8 * 4096, how="")
PRESENT, SWAPPED, ABSENT, SHARED = 1 << 63 | 0x123, 1 << 62 | 1, 0, 1 << 61


def test_only_what_is_in_memory_is_read() -> None:
    entries = [ABSENT] * 16 + [PRESENT, PRESENT, SWAPPED, ABSENT, PRESENT, SHARED, SHARED | PRESENT, PRESENT]
    host = FakeHost({"/proc/7/pagemap": struct.pack(f"<{len(entries)}Q", *entries)})
    assert list(present_runs(host, 7, RAM, 0, RAM.size_bytes)) == [(0, 8192), (4 * 4096, 4096), (6 * 4096, 8192)]
    assert list(present_runs(host, 7, RAM, 4096, 8192)) == [(4096, 4096)]
    assert list(present_runs(host, 7, RAM, 7 * 4096, 2 << 20)) == [(7 * 4096, 4096)]


def test_reading() -> None:
    host = FakeHost({"/proc/7/mem": bytes(0x10000) + b"abcdef"})
    assert read_ram(host, 7, RAM, 2, 3) == b"cde"
    assert read_ram(FakeHost({"/proc/7/mem": OSError(5, os.strerror(5))}), 7, RAM, 2, 3) == b""
    with pytest.raises(PermissionError):
        read_ram(FakeHost({"/proc/7/mem": PermissionError(13, "no")}), 7, RAM, 2, 3)
