"""A copy of a descriptor that another process has open (pidfd_getfd, Linux 5.6)."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crazytrain.model.guest import ProcessId

_PIDFD_GETFD = 438  # the same number on every architecture that has it
_START_TICKS = 19  # field 22 of stat, counted after the name


@contextmanager
def opened_by(process: ProcessId, fd: int) -> Iterator[int]:
    """Give a copy of a descriptor of ``process`` for the time of a ``with`` block.

    Raises:
        OSError: ``ESRCH`` where the process is gone or another one, ``EBADF`` where it has no such descriptor, ``EPERM``
            where we may not (it takes the right to trace it), ``ENOSYS`` on older kernels.
    """
    pidfd = os.pidfd_open(process.pid)
    try:
        if _start_ticks(process.pid) != process.start_ticks:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        copy = _copied(pidfd, fd)
    finally:
        os.close(pidfd)
    try:
        yield copy
    finally:
        os.close(copy)


def _start_ticks(pid: int) -> int:
    """When the process began; read after its pidfd was opened, so that both are of one process."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[_START_TICKS])


def _copied(pidfd: int, fd: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    copy: int = libc.syscall(ctypes.c_long(_PIDFD_GETFD), ctypes.c_int(pidfd), ctypes.c_int(fd), ctypes.c_uint(0))
    if copy < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return copy
