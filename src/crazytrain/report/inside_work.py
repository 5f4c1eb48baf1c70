"""What is said of the guest's work: CPUs, tasks, hot functions, stacks."""

from collections import Counter
from collections.abc import Iterator

from crazytrain.model.facts.inside import GuestCpu, GuestTask, InsideReading, Mode
from crazytrain.model.facts.inside_view import CpuShare, FunctionShare, InsideView, StackShare, TaskShare
from crazytrain.model.figures import count, share, span
from crazytrain.report.escape import plain
from crazytrain.report.inside_cells import around, doubtful, frame, name, optional, table
from crazytrain.report.text import Line

MOST_CPUS = 16
MOST_TASKS = 10
MOST_FUNCTIONS = 10
MOST_STACKS = 12
_LONGEST_STACK = 30
_NOTABLE = 0.02  # of a CPU without account
_LEAST = 0.0005  # of a CPU: less is shown as 0.0 %
_FAR = 0.25  # between what was seen and the account, beyond all doubt


def now_lines(reading: InsideReading, most: int = MOST_CPUS) -> Iterator[Line]:
    """What each CPU runs at this instant, and how many tasks there are."""
    for cpu in reading.cpus[:most]:
        ready = f", {count(cpu.ready, 'task')} ready to run" if cpu.ready else ""
        yield Line(f"  CPU {cpu.cpu:<6} {_runs(cpu)}{ready}")
    if len(reading.cpus) > most:
        idle = sum(1 for cpu in reading.cpus[most:] if cpu.idle)
        yield Line(f"             and {len(reading.cpus) - most} more CPUs, {idle} of them idle", "dim")
    if reading.tasks_total:
        load = f"; load {' '.join(f'{one:.2f}' for one in reading.load[:3])}" if reading.load else ""
        yield Line(f"  tasks      {_tasks(reading)}{load}")


def _tasks(reading: InsideReading) -> str:
    states = Counter(task.state for task in reading.tasks)
    told = [
        f"{number} {word}"
        for state, word in (("R", "ready or running"), ("D", "in D state"))
        if (number := states[state])
    ]
    cut = f"{len(reading.tasks)} read" if reading.tasks_cut else ""
    return ", ".join((f"{reading.tasks_total:,}", *told, *([cut] if cut else ())))


def _runs(cpu: GuestCpu) -> str:
    if not cpu.online:
        return "offline"
    if cpu.idle:
        return "idle"
    return "not known" if cpu.pid is None else f"{name(cpu.comm)} (pid {cpu.pid})"


_ACCOUNT = ("CPU", "runs now", "busy", "user", "system", "irq", "steal", "idle")
_SEEN = ("seen in user", "kernel", "halted")
_NO_ACCOUNT = "no account"


def cpu_lines(reading: InsideReading | None, view: InsideView, most: int = MOST_CPUS) -> Iterator[Line]:
    """Each CPU over the window: by the guest's own account, and by looks at its registers."""
    now = {cpu.cpu: cpu for cpu in reading.cpus} if reading else {}
    shown = view.cpus[:most]
    if not shown:
        return
    lost = any((cpu.unaccounted or 0) > _NOTABLE for cpu in shown)
    titles = (*_ACCOUNT, *((_NO_ACCOUNT,) if lost else ()), *(_SEEN if view.samples else ()))
    rows = [_cpu(one, now.get(one.cpu), titles) for one in shown]
    yield from table(titles, rows, frozenset({1}))
    if len(view.cpus) > most:
        yield Line(f"  and {len(view.cpus) - most} more (--json has them all)", "dim")
    tick = next((cpu.tick_ratio for cpu in view.cpus if cpu.tick_ratio), None)
    if tick:
        yield Line(f"  the guest accounts in ticks: give or take {share(tick)} each", "dim")
    if lost:
        yield Line("  no account: no tick came there: interrupts are off, or the host let the vCPU wait", "bad")


def _cpu(one: CpuShare, now: GuestCpu | None, titles: tuple[str, ...]) -> tuple[str, ...]:
    cells = {
        "CPU": str(one.cpu),
        "runs now": _runs(now) if now else "?",
        "busy": optional(one.busy),
        "user": optional(None if one.user is None else one.user + (one.nice or 0)),
        "system": optional(one.system),
        "irq": optional(None if one.irq is None else one.irq + (one.softirq or 0)),
        "steal": optional(one.steal),
        "idle": optional(None if one.idle is None else one.idle + (one.iowait or 0)),
        _NO_ACCOUNT: optional(one.unaccounted),
        **dict(zip(_SEEN, map(around, (one.in_user, one.kernel, one.halted)), strict=True)),
    }
    return tuple(cells[title] for title in titles)


def task_lines(view: InsideView, most: int = MOST_TASKS) -> Iterator[Line]:
    """The threads that took most CPU."""
    ran = [one for one in view.tasks if one.seen or (one.cpu_ratio or 0) >= _LEAST]
    if not ran:
        return
    titles = ("pid", "thread of", "name", "state", "CPU", "of one CPU", "seen on it")
    yield from table(titles, [_task(one) for one in ran[:most]], frozenset({2, 3}))
    if len(ran) > most:
        yield Line(f"  and {len(ran) - most} more that ran (--json)", "dim")
    for one in ran[:most]:
        if one.seen and one.cpu_ratio is not None and one.seen.low - one.cpu_ratio > _FAR:
            both = f"on a CPU in {share(one.seen.ratio)} of the looks, but accounted for {share(one.cpu_ratio)}"
            yield Line(f"  {name(one.comm)} (pid {one.pid}) was {both}", "bad")


def _task(one: TaskShare) -> tuple[str, ...]:
    title = f"[{name(one.comm)}]" if one.kernel_thread else name(one.comm)
    state = name(one.state, 4) or "gone"
    return (
        str(one.pid),
        "" if one.tgid in (0, one.pid) else str(one.tgid),
        title + (" (new)" if one.new else ""),
        state,
        "?" if one.cpu is None else str(one.cpu),
        optional(one.cpu_ratio),
        around(one.seen) if one.seen else "-",
    )


def function_lines(view: InsideView, most: int = MOST_FUNCTIONS) -> Iterator[Line]:
    """The places where vCPUs were seen, hottest first."""
    for one in view.functions[:most]:
        yield Line(f"  {doubtful(one.share):>22}  {place(one)}", "dim" if one.mode is Mode.HALTED else "plain")
    if len(view.functions) > most:
        yield Line(f"  and {len(view.functions) - most} more places (--json, --flame)", "dim")


def place(one: FunctionShare) -> str:
    """Where it was, in words."""
    if one.mode is Mode.HALTED:
        return "halted: nothing to do"
    if one.mode is Mode.KERNEL:
        return plain(one.name, 120) or "kernel, at an address without a symbol (a module's?)"
    whose = f"{name(one.comm)} (pid {one.pid})" if one.pid is not None else "a program"
    return f"code of {whose}" + (f", in {plain(one.name, 120)}" if one.name else "")


def stack_lines(view: InsideView, most: int = MOST_STACKS) -> Iterator[Line]:
    """The stacks that were seen most, innermost first. Those that were not read to their end say so."""
    merged: Counter[tuple[str, tuple[str, ...], bool]] = Counter()
    for one in view.stacks:
        if one.mode is not Mode.HALTED:
            merged[_whose(one), one.frames, one.whole] += one.count
    for (whose, frames, whole), seen in merged.most_common(most):
        yield Line(f"  {count(seen, 'time')}, {whose}", "dim")
        inner = tuple(reversed(frames))
        yield from (Line(f"      {plain(one, 120)}") for one in inner[:_LONGEST_STACK])
        if not whole or len(inner) > _LONGEST_STACK:
            yield Line("      (the rest is not known)" if not whole else "      ...", "dim")


def _whose(one: StackShare) -> str:
    task = f"{name(one.comm)} (pid {one.pid})" if one.pid is not None else "an unknown task"
    return f"CPU {one.cpu}, {task}, {one.mode.value}"


def all_task_lines(reading: InsideReading, *, stacks: bool = False) -> Iterator[Line]:
    """Every task, as ps lists them, each with the stack that it sleeps in where ``stacks`` is asked for."""
    rows = [_listed(task) for task in reading.tasks]
    listed = table(("pid", "tgid", "parent", "state", "CPU", "CPU time", "name"), rows, frozenset({3, 6}))
    head = next(listed, None)
    if head is None or not rows:
        return
    yield head
    for task, line in zip(reading.tasks, listed, strict=True):
        yield line
        yield from (Line(f"           {frame(one)}", "dim") for one in task.stack[:_LONGEST_STACK] if stacks)


def _listed(task: GuestTask) -> tuple[str, ...]:
    return (
        str(task.pid),
        str(task.tgid),
        str(task.ppid),
        name(task.state, 4),
        "?" if task.cpu is None else str(task.cpu),
        span(task.exec_ns),
        f"[{name(task.comm)}]" if task.kernel_thread else name(task.comm),
    )
