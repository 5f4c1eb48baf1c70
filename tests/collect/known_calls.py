"""A process that makes system calls of known number, descriptor and outcome when it is told to, and tells when it is done.

It writes one JSON line with its descriptors, waits for a byte on standard input, makes the calls, writes ``done`` and
waits for another byte.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import sys
from collections.abc import Callable

libc = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("ns", ctypes.c_long))


class PollFd(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


pipe, into_pipe = os.pipe2(os.O_NONBLOCK)
null = os.open("/dev/null", os.O_RDWR)
epoll = select.epoll()
always_ready = select.poll()
always_ready.register(into_pipe, select.POLLOUT)
nothing = select.poll()
MANY = int(sys.argv[1]) if len(sys.argv) > 1 else 0
copies = [os.dup(null) for _ in range(MANY)]


def ppoll_ready(seconds: int, ns: int) -> None:
    """Wait for what is ready at once, whatever the timeout."""
    fds = PollFd(into_pipe, select.POLLOUT, 0)
    libc.ppoll(ctypes.byref(fds), 1, ctypes.byref(Timespec(seconds, ns)), None)


def suppressed(call: Callable[[], object]) -> None:
    with contextlib.suppress(OSError):
        call()


def write_and_read() -> None:
    os.write(into_pipe, b"x")
    os.read(pipe, 1)


CALLS: tuple[tuple[int, Callable[[], object]], ...] = (
    (100, write_and_read),
    (7, lambda: suppressed(lambda: os.read(pipe, 1))),
    (3, lambda: suppressed(lambda: os.lseek(pipe, 0, os.SEEK_SET))),
    (2, lambda: suppressed(lambda: fcntl.ioctl(null, 0x5401))),
    (5, lambda: libc.ppoll(None, 0, ctypes.byref(Timespec(0, 250_000)), None)),
    (3, lambda: libc.ppoll(None, 0, ctypes.byref(Timespec(0, 0)), None)),
    (4, lambda: ppoll_ready(5, 0)),
    (2, lambda: ppoll_ready(2_000_000_000, 0)),
    (6, always_ready.poll),
    (2, lambda: nothing.poll(10)),
    (8, lambda: epoll.poll(0)),
    (2, lambda: select.select([], [], [], 0.001)),
    (1, lambda: [os.write(copy, b"x") for copy in copies]),
)

print(json.dumps({"pipe": pipe, "into_pipe": into_pipe, "null": null, "epoll": epoll.fileno()}), flush=True)
os.read(0, 1)
for times, act in CALLS:
    for _ in range(times):
        act()
print("done", flush=True)
os.read(0, 1)
