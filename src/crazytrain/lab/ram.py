"""Reading the memory of the lab's own guest while it runs: the mapping of just its size in /proc/PID/maps."""

import os
import re
from pathlib import Path

import msgspec

from crazytrain.lab.errors import LabError

_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw", re.MULTILINE)


class Ram(msgspec.Struct, frozen=True, kw_only=True):
    """Where guest-physical address 0 is in QEMU's memory. Good for addresses below the memory's size (up to 3 GiB)."""

    pid: int
    base: int

    def read(self, address: int, size_bytes: int) -> bytes:
        """Return bytes at a guest-physical address, live; the guest is not stopped."""
        return _read(self.pid, self.base + address, size_bytes)

    def write(self, address: int, data: bytes) -> None:
        """Put bytes at a guest-physical address, live. QEMU does not learn of it: code must be new to the guest."""
        fd = _open(self.pid, os.O_RDWR)
        try:
            os.pwrite(fd, data, self.base + address)
        finally:
            os.close(fd)

    def number(self, address: int, size_bytes: int) -> int:
        """Return a little-endian number."""
        return int.from_bytes(self.read(address, size_bytes), "little")


def find_ram(pid: int, size_bytes: int, marker: bytes, marker_address: int) -> Ram:
    """Find the guest's memory: of the mappings of its size, the one that holds ``marker`` where the guest put it."""
    for base in _mappings(Path(f"/proc/{pid}/maps").read_text("ascii", "replace"), size_bytes):
        if _read(pid, base + marker_address, len(marker)) == marker:
            return Ram(pid=pid, base=base)
    raise LabError(f"the guest's memory is not found in process {pid}", "is it a lab guest?")


def _mappings(maps: str, size_bytes: int) -> list[int]:
    spans = ((int(found[1], 16), int(found[2], 16)) for found in _MAPPING.finditer(maps))
    return [start for start, stop in spans if stop - start == size_bytes]


def _read(pid: int, address: int, size_bytes: int) -> bytes:
    fd = _open(pid, os.O_RDONLY)
    try:
        return os.pread(fd, size_bytes, address)
    finally:
        os.close(fd)


def _open(pid: int, how: int) -> int:
    try:
        return os.open(f"/proc/{pid}/mem", how | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(f"/proc/{pid}/mem: {error.strerror}", "be root, or have CAP_SYS_PTRACE") from error
