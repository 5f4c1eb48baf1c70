"""Somebody who opens the terminal behind a guest's serial line, and goes away."""

import ctypes
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from crazytrain.lab.errors import NotReady
from crazytrain.lab.process import is_alive
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.rights import check_root
from crazytrain.lab.props.stage import Stage
from crazytrain.model.guest import ProcessId

MASTER = "/dev/ptmx"
_PIDFD_GETFD = 438  # asm-generic/unistd.h: the same on all architectures
_UNLOCK, _NUMBER = 0x40045431, 0x80045430  # TIOCSPTLCK, TIOCGPTN
_SPINS_TICKS = 30


class LeftTerminal(Prop, frozen=True, kw_only=True):
    """QEMU's second serial line is the master of a pseudo-terminal; once the guest runs its slave is opened and closed.

    From then on each read of the master fails (EIO) and it is ready for ever (POLLHUP): QEMU keeps it and tries again.
    """

    needs: ClassVar[tuple[str, ...]] = ("root",)

    def check(self) -> None:
        """Raise where we may not reach into QEMU's descriptors."""
        check_root("only root may open the terminal that a process holds")

    def once_ready(self, stage: Stage) -> None:
        """Open and close the slave, and wait until the main loop burns."""
        before = _ticks(stage.qemu.pid)
        with (
            stage.doing("the terminal behind the guest's second serial line is opened and closed"),
            _master(stage.qemu) as fd,
        ):
            fcntl.ioctl(fd, _UNLOCK, struct.pack("i", 0))
            (number,) = struct.unpack("i", fcntl.ioctl(fd, _NUMBER, bytes(4)))
            os.close(os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        stage.wait(lambda: _ticks(stage.qemu.pid) > before + _SPINS_TICKS, "QEMU's main loop spins")


@contextmanager
def _master(process: ProcessId) -> Iterator[int]:
    """Give a descriptor of our own of the terminal's master that this very process holds."""
    handle = os.pidfd_open(process.pid)
    try:
        if not is_alive(process):
            raise NotReady(f"process {process.pid} has ended")
        fd = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, handle, _number_in(process.pid), 0)
        if fd < 0:
            raise NotReady(f"no descriptor of process {process.pid} can be had: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(handle)
    try:
        yield fd
    finally:
        os.close(fd)


def _number_in(pid: int) -> int:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if str(link.readlink()) == MASTER:
            return int(link.name)
    raise NotReady(f"process {pid} holds no {MASTER}")


def _ticks(pid: int) -> int:
    """CPU time of the process' main thread in clock ticks: user and system."""
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
