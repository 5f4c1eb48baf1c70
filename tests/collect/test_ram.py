"""What may be read of guest RAM: what is in memory, in each of the stretches that it is made of."""

import os
import struct

import pytest

from crazytrain.collect.ram import present_runs, read_ram, segment_at
from crazytrain.host.fake import FakeHost
from crazytrain.model.guest_memory import RamMap, Segment

HIGH = 1 << 32
RAM = Segment(HIGH, 8 * 4096, 0x10000)


def test_which_stretch_holds_an_address() -> None:
    low = Segment(0, 4096, 0x90000)
    ram = RamMap(segments=(low, RAM), how="")
    assert [segment_at(ram, at) for at in (0, 4095, 4096, HIGH - 1, HIGH, HIGH + 8 * 4096)] == [
        low,
        low,
        None,
        None,
        RAM,
        None,
    ]


PRESENT, SWAPPED, ABSENT, SHARED = 1 << 63 | 0x123, 1 << 62 | 1, 0, 1 << 61


def test_only_what_is_in_memory_is_read() -> None:
    entries = [ABSENT] * 16 + [PRESENT, PRESENT, SWAPPED, ABSENT, PRESENT, SHARED, SHARED | PRESENT, PRESENT]
    host = FakeHost({"/proc/7/pagemap": struct.pack(f"<{len(entries)}Q", *entries)})
    assert list(present_runs(host, 7, RAM, HIGH, RAM.size_bytes)) == [
        (HIGH, 8192),
        (HIGH + 4 * 4096, 4096),
        (HIGH + 6 * 4096, 8192),
    ]
    assert list(present_runs(host, 7, RAM, HIGH + 4096, 8192)) == [(HIGH + 4096, 4096)]
    assert list(present_runs(host, 7, RAM, HIGH + 7 * 4096, 2 << 20)) == [(HIGH + 7 * 4096, 4096)]


def test_reading() -> None:
    host = FakeHost({"/proc/7/mem": bytes(0x10000) + b"abcdef"})
    assert read_ram(host, 7, RAM, HIGH + 2, 3) == b"cde"
    assert read_ram(FakeHost({"/proc/7/mem": OSError(5, os.strerror(5))}), 7, RAM, HIGH + 2, 3) == b""
    with pytest.raises(PermissionError):
        read_ram(FakeHost({"/proc/7/mem": PermissionError(13, "no")}), 7, RAM, HIGH + 2, 3)
