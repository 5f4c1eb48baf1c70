"""Which file's code lies where in a process: ``/proc/PID/maps``, by module."""

import re
from collections.abc import Iterable, Sequence

import msgspec

_LINE = re.compile(
    rb"^([0-9a-f]{1,16})-([0-9a-f]{1,16}) (?P<rights>\S{4}) (?P<at>[0-9a-f]{1,16}) (?P<device>\S+) (?P<inode>\d+) *(?P<path>[^\n]*)",
    re.MULTILINE,
)
MAPS_LIMIT_BYTES = 8 << 20
_DELETED = " (deleted)"


class Mapping(msgspec.Struct, frozen=True):
    """One line: addresses ``[start, stop)`` show a file's bytes from ``file_offset`` on (``path`` is empty or ``[heap]`` for none)."""

    start: int
    stop: int
    executable: bool
    file_offset: int
    path: str
    inode: int
    device: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.removesuffix(_DELETED).rpartition("/")[2] or "anonymous memory"

    @property
    def deleted(self) -> bool:
        """Whether the path no longer leads to this file."""
        return self.path.endswith(_DELETED)

    @property
    def has_code_file(self) -> bool:
        """Whether its code is that of a file which can be opened without harm; a device is none."""
        return self.executable and self.inode != 0 and self.path.startswith("/") and not self.path.startswith("/dev/")


def mappings(maps: bytes) -> tuple[Mapping, ...]:
    """Read the lines of ``/proc/PID/maps``; they are in order of address. Source: proc_pid_maps(5)."""
    return tuple(
        Mapping(
            int(found[1], 16),
            int(found[2], 16),
            found["rights"][2:3] == b"x",
            int(found["at"], 16),
            found["path"].decode("utf-8", "backslashreplace"),
            int(found["inode"]),
            found["device"].decode("ascii", "replace"),
        )
        for found in _LINE.finditer(maps)
    )


def mapping_of(address: int, known: Sequence[Mapping]) -> Mapping | None:
    """The mapping in which an address lies."""
    low, high = 0, len(known)
    while low < high:
        middle = (low + high) // 2
        if known[middle].stop <= address:
            low = middle + 1
        else:
            high = middle
    return known[low] if low < len(known) and known[low].start <= address else None


def where_to_read(pid: int, mapping: Mapping) -> Iterable[str]:
    """Paths by which just this file can be read: through the mapping itself (root), or by its path as the process sees it."""
    yield f"/proc/{pid}/map_files/{mapping.start:x}-{mapping.stop:x}"
    if not mapping.deleted:
        yield f"/proc/{pid}/root{mapping.path}"
