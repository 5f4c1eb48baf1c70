"""What each thread did over the window: the difference between its first and its last reading."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.derive.roles import Role, hints_of, roles_of
from crazytrain.model.facts import Facts, TaskReading, TaskTable, ThreadActivity, ThreadUse


class _Life(msgspec.Struct, frozen=True):
    """The readings of one thread in order.

    ``born``: it began after the first instant, with all its counters at 0. ``whole``: the first and the last have it.
    """

    readings: tuple[TaskReading, ...]
    born: bool
    whole: bool


class _Spent(msgspec.Struct, frozen=True):
    """CPU time within the window, in ns, by kind."""

    user_ns: float
    system_ns: float
    guest_ns: float


def derive_threads(facts: Facts) -> ThreadActivity | None:
    """Compare the first and the last instant; ``None`` with fewer than two (a counter alone is no rate).

    Shares are of one CPU over the whole window. A thread that began in it counts from its beginning, one that ended in
    it up to its last reading. Time on a CPU comes from ``schedstat`` (ns) where it is there, and is divided into user,
    system and guest by the clock ticks of ``stat``; without it the ticks alone are used.
    """
    tables = sorted(facts.all(TaskTable), key=lambda table: table.mono_ns)
    window_ns = tables[-1].mono_ns - tables[0].mono_ns if tables else 0
    if window_ns <= 0:
        return None
    lives = tuple(_lives(tables))
    roles = roles_of([life.readings[-1] for life in lives], hints_of(facts, tables))
    uses = (_use(life, roles, window_ns, tables[0].ticks_per_s) for life in lives)
    return ThreadActivity(
        window_ns=window_ns,
        samples=len(tables),
        threads=tuple(sorted(uses, key=lambda use: use.tid)),
        refs=(*tables[0].refs, *tables[-1].refs),
    )


def _lives(tables: Sequence[TaskTable]) -> Iterator[_Life]:
    """Readings thread by thread. An id that was given anew (other start, or counters that fell) is another thread."""
    lives: dict[int, list[list[TaskReading]]] = defaultdict(list)
    born: dict[int, list[bool]] = defaultdict(list)
    for instant, table in enumerate(tables):
        for task in table.tasks:
            own = lives[task.tid]
            if not own or not _goes_on(own[-1][-1], task):
                born[task.tid].append(instant > 0 and (bool(own) or _began_within(task, tables[0])))
                own.append([])
            own[-1].append(task)
    at_first, at_last = ({task.tid for task in table.tasks} for table in (tables[0], tables[-1]))
    for tid, own in lives.items():
        for life, new in zip(own, born[tid], strict=True):
            whole = len(own) == 1 and tid in at_first and tid in at_last
            yield _Life(tuple(life), new, whole)


def _goes_on(before: TaskReading, after: TaskReading) -> bool:
    same = before.start_ticks == after.start_ticks
    grows = before.user_ticks + before.system_ticks <= after.user_ticks + after.system_ticks
    return same and grows and (before.run_ns or 0) <= (after.run_ns if after.run_ns is not None else before.run_ns or 0)


def _began_within(task: TaskReading, first: TaskTable) -> bool:
    """Whether a thread that the first instant does not have began after it; else it was only not read then."""
    if first.host_uptime_s is None:
        return False
    return task.start_ticks >= int(first.host_uptime_s * first.ticks_per_s) - 1


def _use(life: _Life, roles: dict[tuple[int, int], Role], window_ns: int, ticks_per_s: int) -> ThreadUse:
    last = life.readings[-1]
    first = _newborn(last) if life.born else life.readings[0]
    role = roles[last.tid, last.start_ticks]
    span_ns = _span_ns(life, window_ns)
    spent = _spent(first, last, ticks_per_s)
    return ThreadUse(
        tid=last.tid,
        comm=last.comm,
        role=role.role,
        vcpu=role.vcpu,
        user_ratio=spent.user_ns / span_ns,
        system_ratio=spent.system_ns / span_ns,
        guest_ratio=spent.guest_ns / span_ns,
        delay_ratio=_grown(first.delay_ns, last.delay_ns, 1 / span_ns),
        switches_per_s=_grown(*_switches(life, first), 1e9 / span_ns),
        states=tuple(reading.state for reading in life.readings),
        why=role.why,
    )


def _span_ns(life: _Life, window_ns: int) -> int:
    """The time that a thread's share is of: between its own readings where it was there all the time, else the window.

    A thread that was there for a tenth of the window at a whole CPU took a tenth of a CPU.
    """
    first, last = life.readings[0].mono_ns, life.readings[-1].mono_ns
    return last - first if life.whole and first and last > first else window_ns


def _newborn(task: TaskReading) -> TaskReading:
    """The same thread at its first moment, when it had used nothing."""
    return msgspec.structs.replace(
        task, user_ticks=0, system_ticks=0, guest_ticks=0, run_ns=0, delay_ns=0, voluntary_switches=0
    )


def _spent(first: TaskReading, last: TaskReading, ticks_per_s: int) -> _Spent:
    guest, user, system = _split_ticks(first, last)
    tick_ns = 1e9 / ticks_per_s
    total = guest + user + system
    if first.run_ns is None or last.run_ns is None:
        return _Spent(user * tick_ns, system * tick_ns, guest * tick_ns)
    run_ns = max(0, last.run_ns - first.run_ns)
    if not total:  # less than a tick in the window: as it was divided since the thread began
        guest, user, system = _split_ticks(_newborn(last), last)
        total = guest + user + system
    if not total:
        return _Spent(float(run_ns), 0.0, 0.0)
    return _Spent(run_ns * user / total, run_ns * system / total, run_ns * guest / total)


def _split_ticks(first: TaskReading, last: TaskReading) -> tuple[int, int, int]:
    """Ticks in guest mode, in user mode without guest mode, and in the kernel."""
    with_guest = max(0, last.user_ticks - first.user_ticks)
    guest = min(max(0, last.guest_ticks - first.guest_ticks), with_guest)
    return guest, with_guest - guest, max(0, last.system_ticks - first.system_ticks)


def _switches(life: _Life, first: TaskReading) -> tuple[int | None, int | None]:
    """Voluntary waits at the thread's first and last reading; they are read at the window's ends only."""
    return first.voluntary_switches, life.readings[-1].voluntary_switches


def _grown(first: int | None, last: int | None, factor: float) -> float | None:
    return None if first is None or last is None else max(0, last - first) * factor
