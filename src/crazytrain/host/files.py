"""Files under a root: ``/`` on a live host, a folder of recorded files in tests."""

import errno
import os
import stat
from pathlib import Path

from crazytrain.host.borrowed import opened_by
from crazytrain.host.door import FILE_LIMIT_BYTES, Space
from crazytrain.model.guest import ProcessId


class Files:
    """Reading below ``root``. Links are read, not followed, by ``link``; ``read`` never waits on a pipe or device."""

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def read(self, path: str, limit_bytes: int = FILE_LIMIT_BYTES) -> bytes:
        """Up to ``limit_bytes`` of a file; /proc files give it all in as many reads as they need."""
        chunks: list[bytes] = []
        left = limit_bytes
        fd = os.open(self._at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while left > 0 and (chunk := os.read(fd, min(left, 1 << 16))):
                chunks.append(chunk)
                left -= len(chunk)
        finally:
            os.close(fd)
        return b"".join(chunks)

    def read_tail(self, path: str, limit_bytes: int) -> tuple[bytes, int]:
        """The last bytes of a regular file, and its size."""
        fd = os.open(self._at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EOPNOTSUPP, "no regular file")
            return os.pread(fd, limit_bytes, max(0, found.st_size - limit_bytes)), found.st_size
        finally:
            os.close(fd)

    def read_at(self, path: str, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset`` on, by one ``pread``."""
        fd = os.open(self._at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)

    def read_opened(self, process: ProcessId, fd: int, offset: int, length: int) -> bytes:
        """What another process has open, by one ``pread`` of a copy of its descriptor."""
        with opened_by(process, fd) as copy:
            return os.pread(copy, length, offset)

    def link(self, path: str) -> str:
        """Where a link points."""
        return str(self._at(path).readlink())

    def space(self, path: str) -> Space:
        """The space of the file system behind a path, by statvfs(3)."""
        found = os.statvfs(self._at(path))
        return Space(**{name: getattr(found, name) for name in Space.__struct_fields__})

    def names(self, path: str) -> tuple[str, ...]:
        """Names in a folder, numbers in numeric order."""
        found = (entry.name for entry in self._at(path).iterdir())
        return tuple(sorted(found, key=lambda n: (0, int(n), "") if n.isdigit() else (1, 0, n)))
