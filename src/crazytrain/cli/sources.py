"""Where pasted text comes from: a file or standard input, as it is or compressed; how much of it was read."""

import bz2
import gzip
import lzma
import os
import sys
import zlib
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import IO, Protocol, Self, cast

import zstandard

from crazytrain.model.errors import BadInput

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_XZ = b"\xfd7zXZ\0"
_BZIP2 = b"BZh"
_PACKED_BYTES = 1 << 16
_MOST_MEMORY_BYTES = 256 << 20  # xz -9 takes 65 MiB
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
        BadInput: the file cannot be opened; names it.
    """
    if path is None:
        return Source(name, cast("BufferedIOBase", sys.stdin.buffer))
    try:
        return Source(name, path.open("rb"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
