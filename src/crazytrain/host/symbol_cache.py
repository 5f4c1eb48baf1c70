"""Symbols of guests' kernels, kept between looks: opaque bytes that only the child without privileges reads or makes."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from crazytrain.model.guest import ProcessId

MOST_BYTES = 16 << 20
_MOST_IN_ALL_BYTES = 256 << 20
_DRAFT = ".draft-"


def folder() -> Path:
    """Where they are kept: ``$CRAZYTRAIN_CACHE/inside``, else below the user's cache."""
    override = os.environ.get("CRAZYTRAIN_CACHE")
    base = Path(override) if override else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "crazytrain")
    return base.expanduser() / "inside"


def opened(process: ProcessId) -> tuple[int, int] | None:
    """A descriptor of what is kept for this process, and its size; ``None`` where there is nothing that may be trusted to be ours."""
    with _folder(make=False) as at:
        if at is None:
            return None
        try:
            fd = os.open(_name(process), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        except OSError:
            return None
    with contextlib.suppress(OSError):
        os.utime(fd)  # the oldest go first
    about = os.fstat(fd)
    if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid() and 0 < about.st_size <= MOST_BYTES:
        return fd, about.st_size
    os.close(fd)
    return None


def keep(process: ProcessId, source: int, size_bytes: int) -> None:
    """Keep what a descriptor holds from its start on. What cannot be kept is not: the next look finds the symbols anew."""
    if not 0 < size_bytes <= MOST_BYTES:
        return
    data = os.pread(source, size_bytes, 0)
    with _folder(make=True) as at, contextlib.suppress(OSError):
        if at is None or len(data) != size_bytes:
            return
        _write(at, f"{_DRAFT}{os.getpid()}-{_name(process)}", data)
        os.replace(f"{_DRAFT}{os.getpid()}-{_name(process)}", _name(process), src_dir_fd=at, dst_dir_fd=at)
        _forget_oldest(at)


def _name(process: ProcessId) -> str:
    """One guest has one entry: a pid may come again, its start and the host's boot with it may not."""
    identity = f"{process.pid} {process.start_ticks} {process.boot_id}"
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()


@contextlib.contextmanager
def _folder(*, make: bool) -> Iterator[int | None]:
    """The folder's descriptor, where it is ours alone."""
    path, at = folder(), None
    try:
        if make:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        at = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        about = os.fstat(at)
        yield at if about.st_uid == os.geteuid() and not about.st_mode & 0o077 else None
    except OSError:
        if at is not None:
            raise
        yield None
    finally:
        if at is not None:
            os.close(at)


def _write(at: int, name: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, 0o600, dir_fd=at), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(data)


def _forget_oldest(at: int) -> None:
    """Unlink the oldest until the rest is small enough; a draft that somebody left counts like any other."""
    names = sorted(os.listdir(at), key=lambda name: -_about(at, name)[0])
    left = _MOST_IN_ALL_BYTES
    for name in names:
        left -= _about(at, name)[1]
        if left < 0:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=at)


def _about(at: int, name: str) -> tuple[int, int]:
    """When it was used last (ns), and its size."""
    try:
        about = os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError:
        return 0, 0
    return about.st_mtime_ns, about.st_size
