"""Where pasted text comes from: a file or standard input, as it is or compressed; how much of it was read."""

import bz2
import gzip
import lzma
import os
import stat
import sys
import time
import zlib
from io import BufferedIOBase, BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, Self, cast

import zstandard

from crazytrain.model.errors import BadInput

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_XZ = b"\xfd7zXZ\0"
_BZIP2 = b"BZh"
_PACKED_BYTES = 1 << 16
_MOST_MEMORY_BYTES = 256 << 20  # xz -9 takes 65 MiB
_WAIT_FOR_WRITER_S = 5.0
_LOOK_AGAIN_S = 0.05
_LONGEST_NAME = 120
_LARGEST_WINDOW_BYTES = 64 << 20


class _Readable(Protocol):
    def readinto1(self, room: memoryview, /) -> int: ...


class Source:
    """One text. ``name`` is what it is called in the report, ``problem`` why reading it ended early."""

    def __init__(self, name: str, file: BufferedIOBase) -> None:
        self.name = name
        self.problem = ""
        self._file = file
        self._ahead = b""
        self._read_bytes = 0
        self._all_bytes = _size(file)
        self._text: _Readable = _plain(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not sys.stdin.buffer:
            self._file.close()

    def read(self, size: int) -> bytes:
        """The next bytes, less only at the end."""
        room, held = memoryview(bytearray(size)), 0
        while held < size and (more := self.readinto(room[held:])):
            held += more
        return bytes(room[:held])

    def readinto(self, room: memoryview) -> int:
        """Put the next bytes there; 0 at the end."""
        if self._ahead:
            size = min(len(room), len(self._ahead))
            room[:size], self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            size = self._next(room)
        self._read_bytes += size
        return size

    def put_back(self, data: bytes) -> None:
        """Have these bytes read once more, before all others."""
        self._ahead = data + self._ahead
        self._read_bytes -= len(data)

    def _next(self, room: memoryview) -> int:
        try:
            return self._text.readinto1(room)  # one call of the system: a signal is not held up by the next one
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
            self.problem = f"{self.name} is cut off or damaged: what could be unpacked was read ({error})"
        except OSError as error:
            self.problem = f"{self.name} could not be read to its end: {error.strerror}"
        return 0

    def progress(self) -> str:
        """How far it is."""
        done = f"{self.name}: {self._read_bytes / 1e6:,.0f} MB read"
        if not self._all_bytes:
            return done
        return f"{done}, {min(self._file.tell() / self._all_bytes, 1):.0%} of the file"


def _size(file: BufferedIOBase) -> int:
    """The size of a file, 0 for what has none."""
    try:
        return os.fstat(file.fileno()).st_size if file.seekable() else 0
    except (OSError, ValueError):
        return 0


def is_compressed(head: bytes) -> bool:
    """Whether text that begins so is unpacked as it is read."""
    return head.startswith((_GZIP, _ZSTD, _XZ, _BZIP2))


def _plain(file: BufferedIOBase) -> _Readable:
    """The file, unpacked where its first bytes say that it is compressed."""
    first = file.peek(6) if isinstance(file, BufferedReader) else b""
    if first.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file)
    if first.startswith(_ZSTD):
        unpacker = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW_BYTES)
        return unpacker.stream_reader(cast("IO[bytes]", file), read_across_frames=True, closefd=False)
    if first.startswith((_XZ, _BZIP2)):
        return Unpacked(file, xz=first.startswith(_XZ))
    return file


class Unpacked:
    """A file that xz or bzip2 has packed, unpacked as it is read; never more than asked for is in memory."""

    def __init__(self, file: BufferedIOBase, *, xz: bool) -> None:
        self._file = file
        self._new = (lambda: lzma.LZMADecompressor(memlimit=_MOST_MEMORY_BYTES)) if xz else bz2.BZ2Decompressor
        self._unpacker: lzma.LZMADecompressor | bz2.BZ2Decompressor = self._new()

    def readinto1(self, room: memoryview, /) -> int:
        """Put the next bytes there; 0 at the end.

        Raises:
            EOFError: it is cut off, or damaged.
        """
        while True:
            packed = self._file.read1(_PACKED_BYTES) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("ends early")
            try:
                data = self._unpacker.decompress(packed, len(room))
            except (lzma.LZMAError, OSError, ValueError) as error:
                raise EOFError(str(error)) from error
            if data:
                room[: len(data)] = data
                return len(data)
            if self._unpacker.eof and not self._next():
                return 0

    def _next(self) -> bool:
        """Go on with what follows: several packed parts may stand one after the other."""
        rest = self._unpacker.unused_data or self._file.read1(_PACKED_BYTES)
        if not rest.strip(b"\0"):
            return False
        self._unpacker = self._new()
        try:
            self._unpacker.decompress(rest, 0)
        except (lzma.LZMAError, OSError, ValueError):
            return False
        return True


def opened(path: Path | None, name: str) -> Source:
    """A file's text, or that of standard input.

    Raises:
        BadInput: the file cannot be opened, or it is a pipe into which nobody writes; names it.
    """
    if path is None:
        return Source(name, cast("BufferedIOBase", sys.stdin.buffer))
    try:
        if stat.S_ISSOCK(path.stat().st_mode):
            raise BadInput(f"{path} is a socket: there is no text to read in it", "Give what a command printed.")
        return Source(name, _of_pipe(path) if stat.S_ISFIFO(path.stat().st_mode) else path.open("rb"))
    except OSError as error:
        raise BadInput(f"{_short(path)} cannot be read: {error.strerror}") from error


def _of_pipe(path: Path) -> BufferedIOBase:
    """A named pipe that somebody writes into. Opening it would wait for a writer without an end."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        first = _first(fd, path)
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return BufferedReader(_Continued(first, open(fd, "rb", buffering=0)))  # noqa: PTH123 - a descriptor


def _first(fd: int, path: Path) -> bytes:
    """What stands in a pipe already; empty where its writer has written nothing yet."""
    until_s = time.monotonic() + _WAIT_FOR_WRITER_S
    while True:
        try:
            data = os.read(fd, _PACKED_BYTES)
        except BlockingIOError:
            return b""  # somebody holds it open for writing
        if data:
            return data
        if time.monotonic() >= until_s:
            raise BadInput(f"{path} is a pipe, and nobody writes into it", "Give a file, or pipe a command into '-'.")
        time.sleep(_LOOK_AGAIN_S)


class _Continued(RawIOBase):
    """A file that begins with what was read from it already."""

    def __init__(self, first: bytes, file: RawIOBase) -> None:
        super().__init__()
        self._first = first
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, room: "WriteableBuffer", /) -> int | None:
        if not self._first:
            return self._file.readinto(room)
        view = memoryview(room).cast("B")
        size = min(len(view), len(self._first))
        view[:size], self._first = self._first[:size], self._first[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def is_folder(path: Path) -> bool:
    """Whether there is a folder; false where nobody can tell (no permission, a name too long), which opening it will say."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether there is a plain file; false where nobody can tell, as ``is_folder``."""
    try:
        return path.is_file()
    except OSError:
        return False
