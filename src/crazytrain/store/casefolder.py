"""One journal with its evidence on disk. Each step leaves a folder that can be read.

What is not there yet is not named.
"""

import contextlib
import errno
import hashlib
import os

from crazytrain.store.flush import flush
from crazytrain.store.folders import make_file, make_folder, write_at
from crazytrain.store.journal import Kept, Line, Opened, Sealed, encode
from crazytrain.store.limits import JOURNAL_BYTES
from crazytrain.store.names import EVIDENCE, JOURNAL, UNFINISHED


class CaseFolder:
    """A case being written, below the open folder ``parent``. Every method may raise ``OSError``.

    A file is written under a name that readers pass over, then renamed, then named in the journal: who is killed
    between two steps leaves a file that nobody asks for. The page cache outlives us, so this order is enough against
    ``kill -9``; against a host that loses power, ``sync`` writes all of it through, and a seal is only written after
    that.
    """

    def __init__(self, parent: int, name: str, opened: Opened) -> None:
        self._unsynced: list[int] = []
        self._open: list[int] = []
        self._kept = 0
        self._end = 0
        self._sum = hashlib.sha256()
        self._sound = True
        try:
            self._make(parent, name, opened)
        except OSError:
            self.close()
            raise

    def _make(self, parent: int, name: str, opened: Opened) -> None:
        """Make the folder with its first line, then give it its name: no case is without its first line."""
        unfinished = UNFINISHED + name
        self.fd = self._held(make_folder(parent, unfinished))
        self._evidence = self._held(make_folder(self.fd, EVIDENCE))
        self._journal = self._held(make_file(self.fd, JOURNAL))
        self.append(opened)
        self.sync()
        os.rename(unfinished, name, src_dir_fd=parent, dst_dir_fd=parent)
        os.fsync(parent)

    def _held(self, fd: int) -> int:
        self._open.append(fd)
        return fd

    def append(self, line: Line) -> None:
        """Add a line to the journal. One that does not fit on the disk is taken back whole."""
        data = encode(line)
        if not self._sound or self._end + len(data) > JOURNAL_BYTES:
            raise OSError(errno.EFBIG, "the journal takes no more")
        try:
            write_at(self._journal, data, self._end)
        except OSError:
            self._take_back()
            raise
        self._end += len(data)
        self._sum.update(data)
        self._kept += isinstance(line, Kept)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._journal, self._end)
        except OSError:
            self._sound = False

    def put(self, kept: Kept, data: bytes) -> None:
        """Keep an evidence: its file first, then its line."""
        if kept.file:
            self._put_file(self._evidence, kept.file.removeprefix(f"{EVIDENCE}/"), data)
        self.append(kept)

    def put_report(self, name: str, data: bytes) -> None:
        """Keep a file beside the journal."""
        self._put_file(self.fd, name, data)

    def _put_file(self, folder: int, name: str, data: bytes) -> None:
        unfinished = UNFINISHED + name
        fd = make_file(folder, unfinished)
        try:
            write_at(fd, data, 0)
            os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(unfinished, dir_fd=folder)
            raise
        self._unsynced.append(fd)

    def sync(self) -> None:
        """Wait until the disk has all of it: files, then the folders that name them, then the journal."""
        unsynced, self._unsynced = self._unsynced, []
        try:
            flush(unsynced)
        finally:
            for fd in unsynced:
                os.close(fd)
        os.fsync(self._evidence)
        os.fsync(self.fd)
        os.fsync(self._journal)

    def seal(self, files: dict[str, str]) -> str:
        """Say that this is all, once the disk has it; return sha256 of the whole journal."""
        self.sync()
        self.append(Sealed(count=self._kept, journal_sha256=self._sum.hexdigest(), files=files))
        os.fsync(self._journal)
        return self._sum.hexdigest()

    def close(self) -> None:
        """Let go of the descriptors."""
        held, self._unsynced, self._open = [*self._unsynced, *self._open], [], []
        for fd in held:
            with contextlib.suppress(OSError):
                os.close(fd)
