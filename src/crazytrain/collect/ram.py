"""Where the guest's RAM lies in the QEMU process, and which of it can be read without making the host fetch or fill it."""

import errno
import re
from collections.abc import Iterator

import msgspec

from crazytrain.host.door import Host

PAGE_BYTES = 4096
_MAPPING = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) rw(?P<rest>..) \S+ \S+ (?P<inode>\d+)", re.MULTILINE)
_MAPS_LIMIT_BYTES = 8 << 20
# Top byte of a pagemap entry: bit 7 present, bit 6 swapped (Documentation/admin-guide/mm/pagemap.rst).
_PRESENT = bytes(value & 0xC0 == 0x80 for value in range(256))
_RUN = re.compile(rb"\x01+")
# RAM below 4 GiB makes room for PCI: from this size on it ends at that address (hw/i386/pc_piix.c, pc_q35.c).
_HOLES = {"q35": (0xB000_0000, 0x8000_0000), "pc": (0xE000_0000, 0xC000_0000)}
_HIGH_RAM = 1 << 32


class Ram(msgspec.Struct, frozen=True, kw_only=True):
    """The one mapping that holds guest RAM: its ``base`` in QEMU, ``below`` = size of the part below 4 GiB, how it was found."""

    base: int
    size_bytes: int
    below: int
    how: str

    def address(self, offset: int) -> int:
        """The guest-physical address of a place in the mapping."""
        return offset if offset < self.below else offset - self.below + _HIGH_RAM

    def offset(self, address: int) -> int:
        """The place in the mapping of a guest-physical address."""
        return address if address < self.below else address - _HIGH_RAM + self.below


def find_ram(host: Host, pid: int, size_bytes: int | None, machine: str) -> Ram | None:
    """Find the mapping of just the RAM's size, or the end of a larger one (RAM is followed by a guard page).

    ``None`` where no mapping is large enough: RAM that is made of several backends is not guessed at. Raises ``OSError``
    where ``/proc/PID/maps`` cannot be read.
    """
    spans = _spans(host.read(f"/proc/{pid}/maps", _MAPS_LIMIT_BYTES))
    sizes = [stop - start for start, stop in spans]
    if not size_bytes or not any(size >= size_bytes for size in sizes):
        return None
    exact = [start for start, stop in spans if stop - start == size_bytes]
    below = _below(size_bytes, machine)
    if len(exact) == 1:
        return Ram(base=exact[0], size_bytes=size_bytes, below=below, how="the mapping of just the RAM's size")
    start, stop = max(spans, key=lambda span: span[1] - span[0])
    how = f"the end of the largest mapping, {start:x}-{stop:x}"
    return Ram(base=stop - size_bytes, size_bytes=size_bytes, below=below, how=how)


def _below(size_bytes: int, machine: str) -> int:
    limit, end = _HOLES["q35" if "q35" in machine else "pc"]
    return end if size_bytes >= limit else size_bytes


def _spans(maps: bytes) -> list[tuple[int, int]]:
    """Writable mappings; one that madvise() has cut in pieces is put together again."""
    spans: list[tuple[int, int, bytes]] = []
    for found in _MAPPING.finditer(maps):
        start, stop, kind = int(found[1], 16), int(found[2], 16), found["rest"] + found["inode"]
        if spans and spans[-1][1] == start and spans[-1][2] == kind:
            start = spans.pop()[0]
        spans.append((start, stop, kind))
    return [(start, stop) for start, stop, _ in spans]


def present_runs(host: Host, pid: int, ram: Ram, offset: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of what is in memory: neither swapped out nor never touched.

    Reading anything else would make the host fetch it, or fill a shared backend with empty pages.
    """
    first = (ram.base + offset) // PAGE_BYTES
    pages = (min(length, ram.size_bytes - offset) + PAGE_BYTES - 1) // PAGE_BYTES
    marks = host.read_at(f"/proc/{pid}/pagemap", first * 8, pages * 8)[7::8].translate(_PRESENT)
    for run in _RUN.finditer(marks):
        yield offset + run.start() * PAGE_BYTES, (run.end() - run.start()) * PAGE_BYTES


def read_ram(host: Host, pid: int, ram: Ram, offset: int, length: int) -> bytes:
    """Read guest RAM while the guest runs; empty where the kernel cannot give it. Raises ``OSError`` when it may not."""
    try:
        return host.read_at(f"/proc/{pid}/mem", ram.base + offset, length)
    except OSError as error:
        if error.errno in (errno.EIO, errno.EFAULT):
            return b""
        raise
