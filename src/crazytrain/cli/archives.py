"""Files out of a folder, a tar or a zip, in memory and bounded: nothing is unpacked to disk, links and devices are passed over."""

import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from crazytrain.cli.choosing import Chooser

_BLOCK = 512
_LONGEST_NAME = 64 << 10
_STEP = 1 << 20
_MOST_MEMBERS = 500_000
_MOST_UNPACKED = 4 << 30
_DEEPEST = 24
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
_SPECIAL = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)


class Reader(Protocol):
    """What a tar is read from, from its beginning to its end."""

    def read(self, size: int) -> bytes: ...


class Member(msgspec.Struct, frozen=True):
    """One file: its name within, and what of it was kept. ``tail``: only its end."""

    name: str
    data: bytes
    tail: bool = False


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar (POSIX or GNU)."""
    return head[257:262] == b"ustar"


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def of_tar(reader: Reader, chooser: Chooser) -> Iterator[Member]:
    """The files of a tar that the chooser wants; what it left out it counts. A tar that is cut off gives what there was."""
    unpacked = 0
    long_name = ""
    for _ in range(_MOST_MEMBERS):
        info = _header(reader.read(_BLOCK))
        if info is None:
            return
        unpacked += info.size
        if info.size < 0 or unpacked > _MOST_UNPACKED:
            chooser.stopped("it unpacks to more than 4 GiB" if info.size > 0 else "it is damaged")
            return
        if info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE) and info.size <= _LONGEST_NAME:
            long_name = _said_name(info.type, _exactly(reader, info.size)) or long_name
            continue
        name, long_name = long_name or info.name, ""
        if info.type in _PLAIN:
            yield from _kept(reader, name, info.size, chooser)
        else:
            if info.type in _SPECIAL:
                chooser.special(name)
            _skip(reader, _padded(info.size))
    chooser.stopped("it holds more files than are looked at")


def _header(block: bytes) -> tarfile.TarInfo | None:
    """The header of the next file; ``None`` at the end, and where there is none."""
    if len(block) < _BLOCK or not any(block):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.TarError:
        return None


def _said_name(kind: bytes, data: bytes) -> str:
    """A name that is too long for the header: GNU's, or the record ``LENGTH path=NAME`` of POSIX."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return data.rstrip(b"\0").decode("utf-8", "replace")
    found = next((row for row in data.split(b"\n") if b" path=" in row), b"")
    return found.partition(b" path=")[2].decode("utf-8", "replace")


def _kept(reader: Reader, name: str, size: int, chooser: Chooser) -> Iterator[Member]:
    limit = chooser.limit(name, size)
    if not limit:
        _skip(reader, _padded(size))
        return
    tail = size > limit
    if tail:
        _skip(reader, size - limit)
    data = reader.read(min(size, limit))
    _skip(reader, _padded(size) - size)
    yield Member(name, data, tail)


def _exactly(reader: Reader, size: int) -> bytes:
    data = reader.read(size)
    _skip(reader, _padded(size) - size)
    return data


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _skip(reader: Reader, size: int) -> None:
    while size > 0:
        got = len(reader.read(min(size, _STEP)))
        if not got:
            return
        size -= got


def of_zip(path: Path, chooser: Chooser) -> Iterator[Member]:
    """The files of a zip that the chooser wants; encrypted ones and such as cannot be unpacked are counted."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist()[:_MOST_MEMBERS]:
                yield from _of_zip(archive, info, chooser)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        chooser.stopped(f"it is damaged ({error})")


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, chooser: Chooser) -> Iterator[Member]:
    link = stat.S_ISLNK(info.external_attr >> 16)
    if link:
        chooser.special(info.filename)
    limit = 0 if info.is_dir() or link else chooser.limit(info.filename, info.file_size)
    if not limit:
        return
    try:
        with archive.open(info) as file:
            data = file.read(limit)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError, OSError):
        chooser.unread(info.filename)
        return
    yield Member(info.filename, data)


def of_folder(folder: Path, chooser: Chooser) -> Iterator[Member]:
    """The files below a folder that the chooser wants, in order of their names; what cannot be read is counted."""
    yield from _below(folder, "", chooser, 0)


def _below(folder: Path, prefix: str, chooser: Chooser, depth: int) -> Iterator[Member]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        chooser.unread(prefix or str(folder))
        return
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if depth < _DEEPEST:
                yield from _below(Path(entry.path), f"{name}/", chooser, depth + 1)
            else:
                chooser.unread(f"{name}/")
        elif entry.is_file(follow_symlinks=False):
            yield from _of_file(Path(entry.path), name, chooser)
        else:
            chooser.special(name)


def _of_file(path: Path, name: str, chooser: Chooser) -> Iterator[Member]:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            limit = chooser.limit(name, size)
            if limit and size > limit:
                file.seek(size - limit)
            data = file.read(limit) if limit else b""
    except OSError:
        chooser.unread(name)
        return
    if data:
        yield Member(name, data, size > limit)
