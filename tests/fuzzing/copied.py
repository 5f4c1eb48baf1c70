"""A guest's RAM copied into our own memory, where it can be mutated: to the child we are the guest's process."""

import ctypes
import mmap
import os
import random
import struct
from collections.abc import Callable, Sequence

from crazytrain.confined.readers import PARTS
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.inside.memory import Recorder
from crazytrain.inside.registers import parse_registers
from crazytrain.model.guest_memory import PAGE_BYTES, RamMap, Segment, Unreadable

PARTS_ASKED = ("clock", "cpus", "tasks", "stacks", "locks")
_LOOKS = 20
_WORDS = struct.Struct("<512Q")
_PLACES, _AT = range(PAGE_BYTES * 8), range(512)
_EVIL = (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 63, (1 << 64) - 1, 0x7FFF_FFFF_FFFF_FFFF, 1 << 47, 4096)


class Copied:
    """The copy. ``hot`` are the pages (guest-physical numbers) that a look at the sound guest reads."""

    def __init__(self, pid: int, ram: RamMap, registers: str) -> None:
        self._segments = ram.segments
        self._ours = [
            mmap.mmap(-1, one.size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for one in ram.segments
        ]
        placed = zip(ram.segments, self._ours, strict=True)
        segments = (Segment(one.address, one.size_bytes, _address(ours)) for one, ours in placed)
        self.ram = RamMap(segments=tuple(segments), how="a copy")
        self._copy(pid, ram)
        self.hot = self._looked_at(registers)
        self._kept: dict[int, bytes] = {}

    def _copy(self, pid: int, ram: RamMap) -> None:
        mem, pagemap = (os.open(f"/proc/{pid}/{name}", os.O_RDONLY) for name in ("mem", "pagemap"))
        try:
            memory = OpenedMemory(mem, pagemap, ram.segments)
            for segment, ours in zip(ram.segments, self._ours, strict=True):
                for start, length in memory.present(segment.address, segment.size_bytes):
                    at = start - segment.address
                    ours[at : at + length] = memory.read(start, length)
        finally:
            os.close(mem)
            os.close(pagemap)

    def _looked_at(self, registers: str) -> Sequence[int]:
        """Look at the sound copy with all readers, here, and see which pages that takes."""
        mem, pagemap = (os.open(f"/proc/self/{name}", os.O_RDONLY) for name in ("mem", "pagemap"))
        try:
            recorder = Recorder(OpenedMemory(mem, pagemap, self.ram.segments))
            cpus = parse_registers(registers)
            kernel, _ = PARTS.find_kernel(recorder, cpus, b"")
            PARTS.read_instant(kernel, PARTS_ASKED, 5000, lambda: (1, 1), cpus)
            PARTS.read_log(kernel, 1000)
            sampler = PARTS.sampler(kernel, lambda: (1, 1))
            for _ in range(_LOOKS):
                sampler.look()
                sampler.spot(registers, 1, stopped=True)
        finally:
            os.close(mem)
            os.close(pagemap)
        return sorted(recorder.pages)

    def mutate(self, pages: Sequence[int], rolls: random.Random) -> None:
        """Change these pages, each in a way of its own."""
        for page in pages:
            before = self._page(page)
            self._kept.setdefault(page, before)
            change = rolls.choice(_CHANGES)
            self._write(page, change(before, rolls, self))

    def restore(self) -> None:
        """Make the copy sound again."""
        for page, before in self._kept.items():
            self._write(page, before)
        self._kept.clear()

    def other(self, rolls: random.Random) -> bytes:
        """Another hot page as it is now."""
        return self._page(rolls.choice(self.hot))

    def _page(self, page: int) -> bytes:
        ours, at = self._where(page)
        return ours[at : at + PAGE_BYTES]

    def _write(self, page: int, data: bytes) -> None:
        ours, at = self._where(page)
        ours[at : at + PAGE_BYTES] = data

    def _where(self, page: int) -> tuple[mmap.mmap, int]:
        address = page * PAGE_BYTES
        for segment, ours in zip(self._segments, self._ours, strict=True):
            if segment.address <= address < segment.address + segment.size_bytes:
                return ours, address - segment.address
        raise Unreadable(f"{address:#x} is no RAM")


def _address(ours: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(ours))


Change = Callable[[bytes, random.Random, Copied], bytes]


def _bits(page: bytes, rolls: random.Random, copied: Copied) -> bytes:
    del copied
    data = bytearray(page)
    for place in rolls.choices(_PLACES, k=rolls.choice((1, 1, 4, 32, 256))):
        data[place >> 3] ^= 1 << (place & 7)
    return bytes(data)


def _evil_words(page: bytes, rolls: random.Random, copied: Copied) -> bytes:
    del copied
    words = list(_WORDS.unpack(page))
    count = rolls.choice((1, 4, 64, 256))
    for place, evil in zip(rolls.choices(_AT, k=count), rolls.choices(_EVIL, k=count), strict=True):
        words[place] = evil
    return _WORDS.pack(*words)


def _crossed_pointers(page: bytes, rolls: random.Random, copied: Copied) -> bytes:
    """Words of this page, and of another, in each other's places: lists get loops, tables lead to the wrong things."""
    words = list(_WORDS.unpack(page))
    others, count = (*words, *_WORDS.unpack(copied.other(rolls))), rolls.choice((1, 8, 64))
    for place, other in zip(rolls.choices(_AT, k=count), rolls.choices(others, k=count), strict=True):
        words[place] = other
    return _WORDS.pack(*words)


def _random(page: bytes, rolls: random.Random, copied: Copied) -> bytes:
    del page, copied
    return rolls.randbytes(PAGE_BYTES)


def _one_value(page: bytes, rolls: random.Random, copied: Copied) -> bytes:
    del page, copied
    return bytes([rolls.choice((0, 0xFF, 0x41, 0x80, rolls.randrange(256)))]) * PAGE_BYTES


def _another(page: bytes, rolls: random.Random, copied: Copied) -> bytes:
    del page
    return copied.other(rolls)


_CHANGES: tuple[Change, ...] = (
    _bits,
    _bits,
    _evil_words,
    _evil_words,
    _crossed_pointers,
    _crossed_pointers,
    _random,
    _one_value,
    _another,
)
