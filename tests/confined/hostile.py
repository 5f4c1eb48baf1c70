"""A child that gave up everything and then tries what a taken-over one would: one attempt by name, its outcome on descriptor 1.

Run as ``python -I hostile.py PARENT ATTEMPT``. Descriptor 3 is a file that it may read.
"""

import _thread
import ctypes
import errno
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from crazytrain.host.confine import Limits, give_up

_libc = ctypes.CDLL(None, use_errno=True)
_EXEC_PROT, _ANONYMOUS = 7, 0x22
_libc.mmap.restype = ctypes.c_void_p


def _raw(name: str, *arguments: object) -> Callable[[], object]:
    def call() -> None:
        ctypes.set_errno(0)
        if getattr(_libc, name)(*arguments) in (-1, ctypes.c_void_p(-1).value):
            raise OSError(ctypes.get_errno(), name)

    return call


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _start_thread() -> None:
    _thread.start_new_thread(print, ())


def _read_kept() -> None:
    if os.pread(3, 5, 0) != b"kept\n":
        raise OSError(errno.EIO, "not what is there")


def _write_kept() -> None:
    os.pwrite(3, b"x", 0)


def _grow() -> None:
    bytearray(1 << 30)


def _compute() -> None:
    while True:
        pass


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read what was handed": _read_kept,
    "write what was handed to be read": _write_kept,
    "open": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "open for writing": lambda: os.open("/tmp/never-made", os.O_WRONLY | os.O_CREAT),
    "open itself again": lambda: os.open("/proc/self/fd/3", os.O_RDONLY),
    "list a folder": lambda: list(os.scandir("/")),
    "stat": Path("/etc/passwd").stat,
    "unlink": Path("/tmp/never-made").unlink,
    "fork": _fork,
    "thread": _start_thread,
    "kill the parent": lambda: os.kill(os.getppid(), 9),
    "kill all": lambda: os.kill(-1, 9),
    "pipe": os.pipe,
    "dup": lambda: os.dup(3),
    "memfd": lambda: os.memfd_create("x"),
    "inherited": lambda: os.read(9, 1),
    "become root": lambda: os.setuid(0),
    "mount": _raw("mount", b"none", b"/", b"proc", 0, None),
    "chroot": _raw("chroot", b"/"),
    "unshare": _raw("unshare", 0x10000000),
    "code": _raw("mmap", None, ctypes.c_size_t(4096), _EXEC_PROT, _ANONYMOUS, -1, ctypes.c_long(0)),
    "memory without end": _grow,
    "socket": socket.socket,
    "execve": lambda: os.execve("/bin/true", ["true"], {}),
    "ptrace": _raw("ptrace", 16, os.getppid(), None, None),
    "another process's memory": _raw("process_vm_readv", os.getppid(), None, 0, None, 0, 0),
    "a call of the x32 ABI": _raw("syscall", ctypes.c_long(0x4000_0000 + 39)),
    "compute without end": _compute,
}

if __name__ == "__main__":
    parent, attempt = int(sys.argv[1]), ATTEMPTS[sys.argv[2]]
    notes = give_up((0, 1, 2, 3), parent, Limits(memory_bytes=1 << 29, cpu_s=1, file_bytes=1 << 20))
    if notes:
        os.write(1, repr(notes).encode())
        os._exit(3)
    try:
        attempt()
        os.write(1, b"done")
    except (OSError, MemoryError, RuntimeError) as error:
        os.write(1, type(error).__name__.encode())
    os._exit(0)
