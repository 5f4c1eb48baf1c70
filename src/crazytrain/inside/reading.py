"""All that is read of a guest's kernel at one instant, each part on its own."""

from collections.abc import Callable, Collection, Sequence

import msgspec

from crazytrain.inside import clocks
from crazytrain.inside.attempts import Attempts
from crazytrain.inside.cpus import read_cpus
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.locks import read_locks
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.tasks import NO_TASKS, Tasks, read_tasks
from crazytrain.inside.vm_events import read_vm_events
from crazytrain.model.facts.inside import GuestFrame, GuestTask, InsideReading
from crazytrain.model.guest_memory import Unreadable

_MOST_STACKS = 500
_STUCK = "D"

Now = Callable[[], tuple[int, int]]


def read_instant(
    kernel: Kernel, parts: Collection[str], most_tasks: int, now: Now, registers: Sequence[CpuRegisters] = ()
) -> InsideReading:
    """Read the ``parts`` that are asked for ("clock", "cpus", "tasks", "stacks", "locks"), load and panic always.

    ``now`` gives the host's monotonic and wall clock in ns. What could not be read is in ``missing``; nothing is raised.
    "stacks" are those of tasks that sleep uninterruptibly; who spins for a lock is told from ``registers``.
    """
    attempts = Attempts()
    mono_ns, wall_ns = now()
    clock = attempts.get("clock", clocks.read_clock, kernel, mono_ns, wall_ns, attempts) if "clock" in parts else None
    cpus = attempts.get("cpus", read_cpus, kernel, _guest_now(kernel), attempts) if "cpus" in parts else None
    memory = attempts.get("memory events", read_vm_events, kernel) if cpus else None
    tasks = _tasks(kernel, parts, most_tasks, attempts)
    locks = attempts.get("locks", read_locks, kernel, tasks, registers, attempts) if "locks" in parts else None
    return InsideReading(
        mono_ns=mono_ns,
        took_ns=now()[0] - mono_ns,
        kernel=kernel.about,
        clock=clock,
        cpus=cpus or (),
        tasks=tasks.tasks,
        tasks_total=_total(kernel, tasks),
        tasks_cut=tasks.cut,
        load=attempts.get("load", clocks.load, kernel) or (),
        locks=locks or (),
        memory=memory,
        panicked=attempts.get("panic", clocks.has_panicked, kernel),
        missing=attempts.missing,
    )


def _guest_now(kernel: Kernel) -> int | None:
    try:
        return clocks.read_timekeeper(kernel).monotonic_ns
    except Unreadable:
        return None


def _tasks(kernel: Kernel, parts: Collection[str], most: int, attempts: Attempts) -> Tasks:
    if not {"tasks", "stacks", "locks"} & set(parts):
        return NO_TASKS
    found = attempts.get("tasks", read_tasks, kernel, most) or NO_TASKS
    if found.trouble:
        attempts.note("tasks", found.trouble)
    if found.lacks:
        attempts.note("tasks", f"of each task this is not known: {', '.join(found.lacks)}")
    return _with_stacks(kernel, found, attempts) if {"stacks", "locks"} & set(parts) else found


def _with_stacks(kernel: Kernel, found: Tasks, attempts: Attempts) -> Tasks:
    """Add the stacks of the tasks that sleep uninterruptibly."""
    stuck = [place for place, task in enumerate(found.tasks) if task.state == _STUCK]
    if not stuck:
        return found
    tasks = list(found.tasks)
    for place in stuck[:_MOST_STACKS]:
        got = attempts.get("stacks", _stack, kernel, tasks[place], found.addresses[place])
        if got:
            tasks[place] = msgspec.structs.replace(tasks[place], stack=got[0], stack_whole=got[1])
    if len(stuck) > _MOST_STACKS:
        attempts.note(
            "stacks", f"{len(stuck)} tasks sleep uninterruptibly: only the first {_MOST_STACKS} stacks were read"
        )
    return found._replace(tasks=tuple(tasks))


def _stack(kernel: Kernel, task: GuestTask, address: int) -> tuple[tuple[GuestFrame, ...], bool]:
    from crazytrain.inside.stacks import sleeping_stack  # noqa: PLC0415 - seldom needed, and not small

    return sleeping_stack(kernel, task, address)


def _total(kernel: Kernel, tasks: Tasks) -> int:
    """How many tasks there are: counted, or as the kernel counts them where not all were read."""
    if not tasks.cut:
        return len(tasks.tasks)
    try:
        return max(len(tasks.tasks), kernel.space.u32(kernel.symbols["nr_threads"]))
    except Unreadable:
        return len(tasks.tasks)
