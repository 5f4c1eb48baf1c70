"""The cpio archive ("newc") that Linux unpacks as its first root, as in the kernel's buffer-format.rst."""

import stat
from collections.abc import Iterable

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file: ``mode`` as in stat (type and permissions), ``data`` its content or where a symbolic link points."""

    name: str
    mode: int
    data: bytes = b""


def folder(name: str) -> Entry:
    """Return a folder."""
    return Entry(name=name, mode=stat.S_IFDIR | 0o755)


def program(name: str, data: bytes) -> Entry:
    """Return a file that can be run."""
    return Entry(name=name, mode=stat.S_IFREG | 0o755, data=data)


def link(name: str, target: str) -> Entry:
    """Return a symbolic link."""
    return Entry(name=name, mode=stat.S_IFLNK | 0o777, data=target.encode())


def write_newc(entries: Iterable[Entry]) -> bytes:
    """Return the archive. The same entries give the same bytes: all times are 0, all owners root."""
    files = [_member(number, entry) for number, entry in enumerate(entries, start=1)]
    return b"".join([*files, _member(0, Entry(name="TRAILER!!!", mode=0))])


def _member(inode: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
