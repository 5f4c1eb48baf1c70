"""Folders and files by descriptor: no path is walked twice, no link is followed that another user could have set."""

import contextlib
import errno
import os
import stat
from pathlib import Path

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40
_TRUST = "in a folder that everybody may write to; name another by CRAZYTRAIN_STATE"


def open_root(path: Path) -> int:
    """Open a folder, making what is missing (mode 0700), and return its descriptor.

    Below a folder that everybody may write to (/tmp), only what we or root own is entered, links included: there,
    anybody can set a trap. ``OSError`` where that, or the machine, says no.
    """
    todo = [*reversed(path.absolute().parts[1:])]
    links = 0
    fd = os.open("/", os.O_PATH | _FOLDER)
    try:
        while todo:
            name = todo.pop()
            target = _link_target(fd, name, path)
            if target is None:
                fd = _enter(fd, name, path)
                continue
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            if target.startswith("/"):
                fd = _swap(fd, os.open("/", os.O_PATH | _FOLDER))
            todo += reversed([part for part in target.split("/") if part not in ("", ".")])
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    finally:
        os.close(fd)


def _swap(old: int, new: int) -> int:
    os.close(old)
    return new


def _link_target(fd: int, name: str, path: Path) -> str | None:
    """Where ``name`` points if it is a link that may be followed; ``None`` if it is none."""
    try:
        found = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISLNK(found.st_mode):
        return None
    _refuse_strangers(fd, found, name, path)
    return os.readlink(name, dir_fd=fd)


def _enter(fd: int, name: str, path: Path) -> int:
    with contextlib.suppress(FileExistsError):
        if not _exists(fd, name):
            os.mkdir(name, 0o700, dir_fd=fd)
    child = os.open(name, os.O_PATH | _FOLDER, dir_fd=fd)
    try:
        _refuse_strangers(fd, os.fstat(child), name, path)
    except OSError:
        os.close(child)
        raise
    return _swap(fd, child)


def _exists(fd: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _refuse_strangers(parent: int, found: os.stat_result, name: str, path: Path) -> None:
    open_to_all = os.fstat(parent).st_mode & stat.S_IWOTH
    if open_to_all and name != ".." and found.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, f"{name} belongs to user {found.st_uid}, {_TRUST}", str(path))


def make_folder(parent: int, name: str) -> int:
    """Make a new folder (mode 0700) and open it."""
    os.mkdir(name, 0o700, dir_fd=parent)
    return os.open(name, os.O_RDONLY | _FOLDER, dir_fd=parent)


def make_file(parent: int, name: str) -> int:
    """Make a new file (mode 0600) and open it for writing."""
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` at ``offset``."""
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count


def read_file(folder: Path, name: str, limit_bytes: int) -> bytes:
    """A regular file below ``folder``, no link on the way below it.

    ``OSError`` where it is none, or above the limit.
    """
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        *way, last = name.split("/")
        for part in way:
            fd = _swap(fd, os.open(part, os.O_PATH | _FOLDER, dir_fd=fd))
        fd = _swap(fd, os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd))
        return read_regular(fd, limit_bytes)
    finally:
        os.close(fd)


def read_regular(fd: int, limit_bytes: int) -> bytes:
    """All of an open regular file; ``OSError`` where it is none, or longer than the limit."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "is no regular file")
    if found.st_size > limit_bytes:
        raise OSError(errno.EFBIG, f"is longer than {limit_bytes} bytes")
    chunks: list[bytes] = []
    left = limit_bytes
    while left > 0 and (chunk := os.read(fd, min(left, 1 << 20))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)
