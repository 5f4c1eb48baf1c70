"""Reading guest RAM from our own process, as far as that makes the host neither fetch nor fill a page."""

import errno
import re
from collections.abc import Iterator

from crazytrain.host.door import Host
from crazytrain.model.guest_memory import PAGE_BYTES, RamMap, Segment

# Top byte of a pagemap entry: bit 7 present, bit 6 swapped (Documentation/admin-guide/mm/pagemap.rst).
_PRESENT = bytes(value & 0xC0 == 0x80 for value in range(256))
_RUN = re.compile(rb"\x01+")


def segment_at(ram: RamMap, address: int) -> Segment | None:
    """The stretch of RAM that holds a guest-physical address; ``None`` where there is none."""
    found = (one for one in ram.segments if one.address <= address < one.address + one.size_bytes)
    return next(found, None)


def present_runs(host: Host, pid: int, segment: Segment, address: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield (address, length) of what of a stretch is in memory: neither swapped out nor never touched.

    Reading anything else would make the host fetch it, or fill a shared backend with empty pages.
    """
    offset = address - segment.address
    pages = (min(length, segment.size_bytes - offset) + PAGE_BYTES - 1) // PAGE_BYTES
    first = (segment.place + offset) // PAGE_BYTES
    marks = host.read_at(f"/proc/{pid}/pagemap", first * 8, pages * 8)[7::8].translate(_PRESENT)
    for run in _RUN.finditer(marks):
        yield address + run.start() * PAGE_BYTES, (run.end() - run.start()) * PAGE_BYTES


def read_ram(host: Host, pid: int, segment: Segment, address: int, length: int) -> bytes:
    """Read guest RAM while the guest runs; empty where the kernel cannot give it. Raises ``OSError`` when it may not."""
    try:
        return host.read_at(f"/proc/{pid}/mem", segment.place + address - segment.address, length)
    except OSError as error:
        if error.errno in (errno.EIO, errno.EFAULT):
            return b""
        raise
