"""The guest's tasks: each thread, from one read of its task_struct.

Processes hang on a list from ``init_task`` on, the threads of each on a list of its own. The guest goes on meanwhile: a list
that leads to nonsense, or round in a circle, was torn, and is read anew a few times; what was read then is told as partial.
"""

import struct
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from crazytrain.inside import generations
from crazytrain.inside.kernel import Field, Kernel
from crazytrain.model.facts.inside import GuestTask
from crazytrain.model.guest_memory import Unreadable

_HIGHEST_PID = 1 << 22  # PID_MAX_LIMIT
_TRIES = 4
_MOST_SPAN = 64 << 10
_KERNEL = 1 << 63
_PF_KTHREAD = 0x0020_0000

# include/linux/sched.h, fs/proc/array.c: the lowest letter is running, then one for each bit.
_LETTERS = "RSDTtXZPI"
_REPORTED = 0x7F
_IDLE, _NOLOAD_SLEEP = 0x80, 0x402
_LOCK_WAIT, _UNINTERRUPTIBLE = 0x1000, 0x2

_NUMBERS = {1: "B", 2: "H", 4: "I", 8: "Q"}


class _Wanted(NamedTuple):
    name: str
    members: tuple[str, ...]
    code: str = ""  # of struct, where it is no plain number
    needed: bool = False


_WANTED = (
    _Wanted("pid", ("pid",), needed=True),
    _Wanted("tgid", ("tgid",), needed=True),
    _Wanted("comm", ("comm",), "16s", needed=True),
    _Wanted("tasks", ("tasks",), "Q8x", needed=True),
    _Wanted("threads", ("thread_node",), "Q8x"),
    _Wanted("signal", ("signal",)),
    _Wanted("parent", ("real_parent",)),
    _Wanted("state", generations.TASK_STATE),
    _Wanted("exit_state", ("exit_state",)),
    _Wanted("flags", ("flags",)),
    _Wanted("cpu", generations.TASK_CPU),
    _Wanted("on_cpu", generations.TASK_ON_CPU),
    _Wanted("exec_ns", generations.TASK_EXEC),
    _Wanted("yielded", ("nvcsw",)),
    _Wanted("preempted", ("nivcsw",)),
)


class TaskRow(NamedTuple):
    """What is read of a task_struct, as it stands there; 0 for what this kernel's layout has not (see ``TaskReader.has``)."""

    pid: int
    tgid: int
    comm: bytes
    tasks: int
    threads: int
    signal: int
    parent: int
    state: int
    exit_state: int
    flags: int
    cpu: int
    on_cpu: int
    exec_ns: int
    yielded: int
    preempted: int

    @property
    def name(self) -> str:
        """``comm`` as text, as the guest has it."""
        return self.comm.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


class Tasks(NamedTuple):
    """The tasks that were read, where each lies, whether there are more, what was wrong, and which members this kernel has not."""

    tasks: tuple[GuestTask, ...]
    addresses: tuple[int, ...]
    cut: bool
    trouble: str
    lacks: tuple[str, ...] = ()


NO_TASKS = Tasks((), (), cut=False, trouble="")


class TaskReader:
    """Reads single tasks of a kernel: some ten microseconds each."""

    def __init__(self, kernel: Kernel) -> None:
        self._space = kernel.space
        fields = {wanted: found for wanted in _WANTED if (found := _field(kernel, wanted)) is not None}
        self.has = frozenset(wanted.name for wanted in fields)
        self.lacks = tuple(wanted.members[0] for wanted in _WANTED if wanted.name not in self.has)
        self.tasks_at = kernel.layout.field("task_struct", "tasks").offset
        order = sorted(fields.items(), key=lambda item: item[1].offset)
        self._first = order[0][1].offset
        self._struct = _struct_of(order)
        places = {wanted: place for place, (wanted, _) in enumerate(order)}
        self._pick = itemgetter(*(places.get(wanted, len(order)) for wanted in _WANTED))

    def row(self, address: int) -> TaskRow:
        """Read a task. Raises ``Unreadable``, also where that is no believable task."""
        if address < _KERNEL or address % 8:
            raise Unreadable("a list of tasks leads out of the kernel")
        data = self._space.read(address + self._first, self._struct.size)
        row = TaskRow(*self._pick((*self._struct.unpack(data), 0)))
        if row.pid > _HIGHEST_PID or row.tgid > _HIGHEST_PID or b"\0" not in row.comm:
            raise Unreadable("a list of tasks leads to what is no task")
        return row

    def one(self, address: int) -> GuestTask:
        """Read a task by the address of its task_struct; its parent's number is not looked up (0)."""
        return self.task(self.row(address), 0)

    def task(self, row: TaskRow, ppid: int) -> GuestTask:
        """What a row says."""
        return GuestTask(
            pid=row.pid,
            tgid=row.tgid,
            ppid=ppid,
            comm=row.name,
            state=state_letter(row.state, row.exit_state) if "state" in self.has else "?",
            kernel_thread=bool(row.flags & _PF_KTHREAD),
            cpu=row.cpu if "cpu" in self.has else None,
            on_cpu=bool(row.on_cpu) if "on_cpu" in self.has else None,
            exec_ns=row.exec_ns,
            switches=row.yielded + row.preempted if "yielded" in self.has and "preempted" in self.has else None,
        )


def _field(kernel: Kernel, wanted: _Wanted) -> Field | None:
    try:
        return generations.field_of(kernel.layout, "task_struct", wanted.members)
    except Unreadable:
        if wanted.needed:
            raise
        return None


def _struct_of(order: Sequence[tuple[_Wanted, Field]]) -> struct.Struct:
    """One structure over all the members, with padding between: it is unpacked at one go."""
    code, at = "<", order[0][1].offset
    for wanted, field in order:
        number = wanted.code or _NUMBERS.get(field.size, "")
        if not number or field.offset < at:
            raise Unreadable(f"the kernel's type information tells nonsense of task_struct.{wanted.members[0]}")
        code += f"{field.offset - at}x{number}"
        at = field.offset + struct.calcsize("<" + number)
        if at - order[0][1].offset > _MOST_SPAN:
            raise Unreadable("the kernel's type information tells nonsense of task_struct")
    return struct.Struct(code)


def state_letter(state: int, exit_state: int) -> str:
    """The letter that ps shows for a task's state (fs/proc/array.c, kernels 4.14 and later)."""
    if state & _NOLOAD_SLEEP == _NOLOAD_SLEEP:
        bits = _IDLE
    elif state & _LOCK_WAIT:
        bits = _UNINTERRUPTIBLE
    else:
        bits = (state | exit_state) & _REPORTED
    return _LETTERS[bits.bit_length()]


def read_tasks(kernel: Kernel, most: int) -> Tasks:
    """Read all threads of the guest, at most ``most``; without the idle tasks, which are on no list. Raises ``Unreadable``."""
    reader = TaskReader(kernel)
    walks = []
    for _ in range(_TRIES):
        walk = _Walk(kernel, reader, most)
        walk.run()
        if not walk.trouble:
            break
        walks.append(walk)
    else:
        walk = max(walks, key=lambda one: len(one.rows))
    return Tasks(walk.tasks(), tuple(walk.rows), walk.cut, walk.trouble, reader.lacks)


class _Walk:
    """One walk along the lists."""

    def __init__(self, kernel: Kernel, reader: TaskReader, most: int) -> None:
        self._reader = reader
        self._most = most
        self._init = kernel.symbols["init_task"]
        self.rows: dict[int, TaskRow] = {}
        self.cut = False
        self.trouble = ""
        self._threads: tuple[int, int] | None = None
        if {"threads", "signal"} <= reader.has:
            layout = kernel.layout
            node = layout.field("task_struct", "thread_node").offset
            self._threads = node, layout.field("signal_struct", "thread_head").offset
        else:
            self.trouble = "of each process only its first thread is listed: where the others are, is not known"

    def run(self) -> None:
        try:
            self._processes()
        except Unreadable as error:
            self.trouble = f"the list of tasks could not be read to its end: {error}"

    def _processes(self) -> None:
        reader, at = self._reader, self._reader.tasks_at
        node = reader.row(self._init).tasks
        while node != self._init + at:
            row = self._add(node - at)
            if row is None:
                return
            if row.pid != row.tgid:
                raise Unreadable("a thread is where processes are listed")
            self._threads_of(row)
            node = row.tasks

    def _add(self, address: int) -> TaskRow | None:
        """Read one more task; ``None`` when there are enough."""
        if len(self.rows) >= self._most:
            self.cut = True
            return None
        if address in self.rows:
            raise Unreadable("it goes round in a circle")
        row = self._reader.row(address)
        if not row.pid:
            raise Unreadable("it leads to an idle task")
        self.rows[address] = row
        return row

    def _threads_of(self, leader: TaskRow) -> None:
        if self._threads is None or not leader.signal:
            return
        at, head = self._threads
        node, end = leader.threads, leader.signal + head
        try:
            while node != end and node - at not in self.rows:
                row = self._add(node - at)
                if row is None:
                    return
                if row.tgid != leader.tgid:
                    self.trouble = "the list of a process's threads led to another process"
                    return
                node = row.threads
        except Unreadable as error:
            self.trouble = f"the list of a process's threads could not be read to its end: {error}"

    def tasks(self) -> tuple[GuestTask, ...]:
        numbers = {address: row.tgid for address, row in self.rows.items()}
        return tuple(self._reader.task(row, numbers.get(row.parent, 0)) for row in self.rows.values())
