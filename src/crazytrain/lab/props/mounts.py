"""Mounts below a guest's folder: made there, found there, and taken away with it."""

import ctypes
import os
import re
from pathlib import Path

from crazytrain.lab.errors import LabError

_MNT_DETACH = 2  # linux/fs.h: it disappears at once, whoever uses it still
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def mount_tmpfs(folder: Path, limit_bytes: int) -> None:
    """Mount a file system in memory that holds so many bytes; ``LabError`` where we may not."""
    options = f"size={limit_bytes},mode=0700".encode()
    flags = _NOSUID | _NODEV | _NOEXEC
    if _libc().mount(b"crazytrain-lab", os.fsencode(folder), b"tmpfs", flags, options):
        raise LabError(f"no file system can be mounted at {folder}: {os.strerror(ctypes.get_errno())}", "be root")


def mounts_below(folder: Path) -> list[Path]:
    """Return what is mounted at or below a folder, the newest first (Documentation/filesystems/proc.rst, 3.5)."""
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    points = [Path(os.fsdecode(_ESCAPED.sub(_unescaped, line.split()[4]))) for line in lines]
    return [point for point in reversed(points) if point.is_relative_to(folder)]


def unmount_below(folder: Path) -> None:
    """Take away what is mounted at or below a folder, also where a file system there does not answer."""
    for point in mounts_below(folder):
        _libc().umount2(os.fsencode(point), _MNT_DETACH)
    if left := mounts_below(folder):
        raise LabError(f"{left[0]} cannot be unmounted: {os.strerror(ctypes.get_errno())}", "be root: umount -l it")


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 8),))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
