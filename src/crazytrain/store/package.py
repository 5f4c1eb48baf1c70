"""Files of a case, wherever they lie: in a folder, or packed in one file. And packing: tar inside zstd.

A packed case ``ID.crazytrain`` holds the case's folder as it is: ``tar --zstd -xf`` gives it back. Reading one is
strict: plain files with harmless names only, no links, every size bounded before memory is taken.
"""

import io
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import zstandard

from crazytrain.model.errors import BrokenCase
from crazytrain.store.folders import read_file
from crazytrain.store.limits import READ_UNPACKED_BYTES
from crazytrain.store.names import BASELINE, EVIDENCE, JOURNAL
from crazytrain.store.stored import unzstd

_BLOCK = 512
_ZSTD = b"\x28\xb5\x2f\xfd"
_MEMBER = re.compile(
    r"(?P<id>[A-Za-z0-9_][A-Za-z0-9_.-]{0,119})/(?P<name>(?:baseline/)?(?:evidence/)?[A-Za-z0-9_][A-Za-z0-9._~+-]{0,199})"
)
_SNIFF_BYTES = 256 << 10  # more than zstd's longest block
_FOLDERS = (EVIDENCE, BASELINE, f"{BASELINE}/{EVIDENCE}")


class Files(Protocol):
    """Where a case's files are. ``where`` is for people. ``names`` are relative, such as ``evidence/tasks.0.txt``."""

    @property
    def where(self) -> str: ...

    def names(self) -> Iterable[str]: ...

    def read(self, name: str, limit_bytes: int) -> bytes:
        """A file; ``OSError`` where it is missing, no regular file or above the limit."""
        ...


class FolderFiles:
    """Files of a case that is a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def where(self) -> str:
        return str(self.path)

    def names(self) -> Iterable[str]:
        """The names in the folders that a case has; what is unfinished (a leftover of a crash) included."""
        for folder in ("", *_FOLDERS):
            place = self.path / folder
            if place.is_dir() and not place.is_symlink():
                names = (f"{folder}/{entry.name}".lstrip("/") for entry in place.iterdir())
                yield from sorted(name for name in names if name not in _FOLDERS)

    def read(self, name: str, limit_bytes: int) -> bytes:
        return read_file(self.path, name, limit_bytes)


class PackedFiles:
    """Files of a packed case."""

    def __init__(self, where: str, files: Mapping[str, bytes]) -> None:
        self.where = where
        self.files = files

    def names(self) -> Iterable[str]:
        return sorted(self.files)

    def read(self, name: str, limit_bytes: int) -> bytes:
        if name not in self.files:
            raise FileNotFoundError(2, "is missing")
        data = self.files[name]
        if len(data) > limit_bytes:
            raise OSError(0, f"is longer than {limit_bytes} bytes")
        return data


def is_packed(data: bytes) -> bool:
    """Whether this is a packed case (the first 256 KiB do), judged by content. Never raises."""
    if not data.startswith(_ZSTD):
        return False
    reader = zstandard.ZstdDecompressor(max_window_size=8 << 20).stream_reader(io.BytesIO(data[:_SNIFF_BYTES]))
    try:
        first = reader.read(_BLOCK)
        name = tarfile.TarInfo.frombuf(first, "utf-8", "replace").name
    except (zstandard.ZstdError, tarfile.TarError):
        return False
    return name.endswith(f"/{JOURNAL}") or _MEMBER.fullmatch(f"{name}/x") is not None


def packed_files(data: bytes, where: str) -> PackedFiles:
    """The files in a packed case; ``BrokenCase`` where it is damaged or holds what no case holds."""
    try:
        return PackedFiles(where, _members(unzstd(data, READ_UNPACKED_BYTES)))
    except (ValueError, tarfile.TarError) as error:
        raise BrokenCase(
            f"{where}: the packed case {error}", "ask for it again: it was damaged or cut off on its way"
        ) from error


def _members(tar: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    at = 0
    while any(block := tar[at : at + _BLOCK]):
        info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
        begin, at = at + _BLOCK, at + _BLOCK + -(-info.size // _BLOCK) * _BLOCK
        if info.isdir() and info.size == 0:
            continue
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise ValueError("holds something that is no plain file")
        if info.size < 0 or at > len(tar):
            raise ValueError("is cut off")
        _add(files, info.name, tar[begin : begin + info.size])
    if len(tar) - at < 2 * _BLOCK or any(tar[at:]):
        raise ValueError("is cut off")
    return files


def _add(files: dict[str, bytes], name: str, data: bytes) -> None:
    found = _MEMBER.fullmatch(name.removeprefix("./"))
    if found is None or found["name"] in files:
        raise ValueError("holds a file whose name does not belong there")
    files[found["name"]] = data


def package(folder: str, files: Mapping[str, bytes]) -> bytes:
    """One file from many: the same input gives the same bytes (no times, no owners; the journal first)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files, key=lambda name: (name != JOURNAL, name)):
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size, info.mode, info.mtime = len(files[name]), 0o600, 0
            tar.addfile(info, io.BytesIO(files[name]))
    return zstandard.ZstdCompressor(level=9, write_checksum=True).compress(out.getvalue())
