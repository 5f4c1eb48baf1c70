"""A guest's RAM through descriptors that were opened before privileges were given up: nothing here opens anything."""

import bisect
import os
import re
from collections.abc import Iterator, Sequence

from crazytrain.model.guest_memory import PAGE_BYTES, Segment, Unreadable

# Top byte of a pagemap entry: bit 7 present, bit 6 swapped (Documentation/admin-guide/mm/pagemap.rst).
_PRESENT = bytes(value & 0xC0 == 0x80 for value in range(256))
_RUN = re.compile(rb"\x01+")
_MAP_PAGES = 1 << 18  # looked up at once: 2 MiB of pagemap, 1 GiB of RAM
_BLOCK_PAGES = 512


class OpenedMemory:
    """A ``Memory`` over ``/proc/PID/mem`` and ``/proc/PID/pagemap``. It asks pagemap before it touches a page for the first time.

    A page that was there once is asked for no more: should it be swapped out meanwhile, one read brings it back. ``most_bytes``
    bounds all that is read.
    """

    def __init__(self, mem: int, pagemap: int, segments: Sequence[Segment], most_bytes: int = 8 << 30) -> None:
        self._mem = mem
        self._pagemap = pagemap
        self._segments = sorted(segments, key=lambda segment: segment.address)
        self._starts = [segment.address for segment in self._segments]
        self._there: dict[int, bytes] = {}
        self._left_bytes = most_bytes

    def read(self, address: int, length: int) -> bytes:
        """See ``inside.memory.Memory``."""
        parts = []
        while length > 0:
            segment = self._segment(address)
            step = min(length, segment.address + segment.size_bytes - address)
            parts.append(self._read(segment.place + address - segment.address, step, address))
            address, length = address + step, length - step
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _segment(self, address: int) -> Segment:
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._segments[index].address + self._segments[index].size_bytes:
            raise Unreadable(f"guest-physical {address:#x} is no RAM")
        return self._segments[index]

    def _read(self, place: int, length: int, address: int) -> bytes:
        first, last = place // PAGE_BYTES, (place + length - 1) // PAGE_BYTES
        if not all(self._is_there(page) for page in range(first, last + 1)):
            raise Unreadable(f"guest-physical {address:#x} is not in memory: never touched, or swapped out")
        self._left_bytes -= length
        if self._left_bytes < 0:
            raise Unreadable("more of the guest's memory was read than is allowed")
        try:
            data = os.pread(self._mem, length, place)
        except OSError as error:
            raise Unreadable(f"guest-physical {address:#x}: {error.strerror}") from error
        if len(data) != length:
            raise Unreadable(f"guest-physical {address:#x} could not be read whole")
        return data

    def _is_there(self, page: int) -> bool:
        """Whether a page of QEMU is in memory: looked up a block at a time, again where it was not."""
        block, at = divmod(page, _BLOCK_PAGES)
        marks = self._there.get(block)
        if marks is None or not marks[at]:
            marks = self._there[block] = self._marks(block * _BLOCK_PAGES, _BLOCK_PAGES)
        return at < len(marks) and bool(marks[at])

    def _marks(self, page: int, pages: int) -> bytes:
        try:
            marks = os.pread(self._pagemap, pages * 8, page * 8)[7::8].translate(_PRESENT)
        except OSError as error:
            raise Unreadable(f"what is in memory cannot be told: {error.strerror}") from error
        return marks.ljust(pages, b"\0")

    def present(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        """See ``inside.memory.Memory``."""
        for segment in self._segments:
            first = max(address, segment.address)
            stop = min(address + length, segment.address + segment.size_bytes)
            for start in range(first, stop, _MAP_PAGES * PAGE_BYTES):
                yield from self._runs(segment, start, min(stop, start + _MAP_PAGES * PAGE_BYTES))

    def _runs(self, segment: Segment, start: int, stop: int) -> Iterator[tuple[int, int]]:
        place = segment.place + start - segment.address
        marks = self._marks(place // PAGE_BYTES, (stop - start + PAGE_BYTES - 1) // PAGE_BYTES)
        for run in _RUN.finditer(marks):
            yield start + run.start() * PAGE_BYTES, (run.end() - run.start()) * PAGE_BYTES
