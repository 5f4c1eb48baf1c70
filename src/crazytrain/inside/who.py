"""Who a ``task_struct`` is: pid, thread group and name, by one short read."""

import struct
from typing import NamedTuple

from crazytrain.inside.kernel import Kernel
from crazytrain.model.guest_memory import Unreadable

_MOST_PID = 4 << 20  # PID_MAX_LIMIT of linux/threads.h
_MOST_BYTES = 64 << 10  # struct task_struct is smaller
_KERNEL_HALF = 1 << 63
_I32 = struct.Struct("<i")


class Who(NamedTuple):
    """A task at one moment."""

    pid: int
    tgid: int
    comm: str


class WhoReader:
    """Reads tasks of one kernel. Raises ``Unreadable`` at once where it is not known how."""

    def __init__(self, kernel: Kernel) -> None:
        pid, tgid, comm = (kernel.layout.field("task_struct", name) for name in ("pid", "tgid", "comm"))
        self._space = kernel.space
        self._start = min(pid.offset, tgid.offset, comm.offset)
        self._pid, self._tgid = pid.offset - self._start, tgid.offset - self._start
        self._comm = comm.offset - self._start
        self._comm_end = self._comm + min(comm.size, 64)
        self._bytes = max(self._pid + 4, self._tgid + 4, self._comm_end)
        if self._bytes > _MOST_BYTES:
            raise Unreadable("a task this big is not believed")

    def read(self, task: int) -> Who:
        """Read who a task is. Raises ``Unreadable``, also for what cannot be a task."""
        if task < _KERNEL_HALF:
            raise Unreadable("this is no task of the kernel's")
        data = self._space.read(task + self._start, self._bytes)
        pid, tgid = _I32.unpack_from(data, self._pid)[0], _I32.unpack_from(data, self._tgid)[0]
        if not (0 <= pid <= _MOST_PID and 0 <= tgid <= _MOST_PID):
            raise Unreadable("a task with this pid is not believed")
        comm = data[self._comm : self._comm_end].split(b"\0")[0]
        return Who(pid, tgid, comm.decode("utf-8", "backslashreplace"))
