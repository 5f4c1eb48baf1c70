"""Measures of threads: CPU time by role, waiting for a CPU, and how unevenly all that came over the window."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from crazytrain.derive.compare_weight import DELAY_SOURCE, HOST_LOAD
from crazytrain.model.facts import Facts, TaskReading, TaskTable, ThreadActivity, ThreadRole
from crazytrain.model.measure import Amount, Events, Measure, Part, Spread

CPU_SOURCE = "CPU time of threads"
SWITCH_SOURCE = "how often threads went to sleep"
MONITOR_THREAD = "IO mon_iothread"
_WAITING_MATTERS = (ThreadRole.VCPU, ThreadRole.MAIN_LOOP, ThreadRole.IOTHREAD)
_LEAST_ERROR = 0.0005  # of a CPU: what lies between reading a clock and reading the counter
_SCREEN_ERROR = 0.03  # one screen of top does not say over which time it counted
_LEAST_PART_NS = 50_000_000
_LAGS = -math.log(3)  # it depends on the host, too: told behind what a guest does itself, unless it is far more
_LITTLE_DELAY = 0.15  # of the time: less says nothing of the guest

_Counter = Callable[[TaskReading], int | None]


def monitor_threads(facts: Facts) -> frozenset[int]:
    """The thread that serves the monitor: what it does while we look is mostly our own questions."""
    threads = facts.get(ThreadActivity)
    return frozenset(t.tid for t in threads.threads if t.comm == MONITOR_THREAD) if threads else frozenset()


def thread_measures(facts: Facts, asked_per_s: float = 0.0) -> Iterator[Measure]:
    """Measures of each role. ``asked_per_s`` is how often our own questions may have woken the main loop and vCPUs."""
    activity = facts.get(ThreadActivity)
    if activity is None:
        return
    apart = monitor_threads(facts)
    for role in ThreadRole:
        tids = frozenset(t.tid for t in activity.of(role)) - apart
        if tids:
            mine = asked_per_s if role in (ThreadRole.MAIN_LOOP, ThreadRole.VCPU) else 0.0
            yield from _of_role(facts, activity, tids, mine)


def thread_zeros(facts: Facts) -> dict[str, Amount]:
    """The sources that were looked at, with what a role without threads has there."""
    activity = facts.get(ThreadActivity)
    if activity is None:
        return {}
    zeros: dict[str, Amount] = {CPU_SOURCE: Part(share=0.0, error=_error(activity, _LEAST_ERROR))}
    if any(t.delay_ratio is not None for t in activity.threads):
        zeros[DELAY_SOURCE] = Part(share=0.0, error=_LEAST_ERROR)
    if activity.window_ns and any(t.switches_per_s is not None for t in activity.threads):
        zeros[SWITCH_SOURCE] = Events(count=0, window_ns=activity.window_ns)
    return zeros


def _of_role(facts: Facts, activity: ThreadActivity, tids: frozenset[int], asked_per_s: float) -> Iterator[Measure]:
    mine = [t for t in activity.threads if t.tid in tids]
    role = mine[0].role
    shares = _per_ns(facts, tids, _run_ns)
    yield Measure(
        title=f"{role.value} CPU",
        source=CPU_SOURCE,
        amount=_part(sum(t.cpu_ratio for t in mine), shares, _error(activity, _LEAST_ERROR)),
        refs=activity.refs,
    )
    if role in _WAITING_MATTERS and any(t.delay_ratio is not None for t in mine):
        delays = _per_ns(facts, tids, lambda task: task.delay_ns)
        share = sum(t.delay_ratio or 0.0 for t in mine)
        title = f"{role.value} waiting for a CPU"
        part = _part(share, delays, _LEAST_ERROR)
        yield Measure(
            title=title,
            source=DELAY_SOURCE,
            amount=part,
            little=HOST_LOAD,
            little_to=_LITTLE_DELAY,
            lead=_LAGS,
            refs=activity.refs,
        )
    if activity.window_ns and any(t.switches_per_s is not None for t in mine):
        seconds = activity.window_ns / 1e9
        count = sum(t.switches_per_s or 0.0 for t in mine) * seconds
        ours = min(count, asked_per_s * seconds)
        yield Measure(
            title=f"{role.value} went to sleep",
            source=SWITCH_SOURCE,
            amount=Events(count=count, window_ns=activity.window_ns, ours=ours, spread=spread_of(facts, role)),
            follows=True,
            refs=activity.refs,
        )


def _error(activity: ThreadActivity, least: float) -> float:
    return least if activity.window_ns else _SCREEN_ERROR


def _run_ns(task: TaskReading) -> int | None:
    """CPU time, to the ns where the kernel tells it. Where there are only clock ticks they are too coarse to be divided."""
    return task.run_ns


def _part(share: float, parts: Sequence[tuple[float, float]], least: float) -> Part:
    if len(parts) < 3:
        return Part(share=share, error=max(least, share * 0.1))
    weight = sum(length for _, length in parts)
    mean = sum(amount for amount, _ in parts) / weight
    squares = sum(length * (amount / length - mean) ** 2 for amount, length in parts) / weight
    return Part(share=share, error=max(least, math.sqrt(squares / (len(parts) - 1))), freedom=len(parts) - 1)


def spread_of(facts: Facts, role: ThreadRole | None) -> Spread:
    """How unevenly a role's threads went to sleep over the window: calls, turns and interrupts come as unevenly."""
    activity = facts.get(ThreadActivity)
    if activity is None or role is None:
        return Spread()
    tids = frozenset(t.tid for t in activity.of(role)) - monitor_threads(facts)
    parts = _per_ns(facts, tids, lambda task: task.voluntary_switches)
    total, weight = sum(amount for amount, _ in parts), sum(length for _, length in parts)
    if len(parts) < 3 or total <= 0:
        return Spread()
    mean = total / weight
    off = sum((amount - mean * length) ** 2 / (mean * length) for amount, length in parts)
    return Spread(off / (len(parts) - 1), len(parts) - 1)


def _per_ns(facts: Facts, tids: frozenset[int], counter: _Counter) -> list[tuple[float, float]]:
    """What a counter grew by in each part of the window, and how long that was; empty where it is not known."""
    tables = sorted(facts.all(TaskTable), key=lambda table: table.mono_ns)
    parts = []
    for before, after in itertools.pairwise(tables):
        grown = _grown(before, after, tids, counter)
        if grown is None:
            return []
        if after.mono_ns - before.mono_ns >= _LEAST_PART_NS:
            parts.append((grown, float(after.mono_ns - before.mono_ns)))
    return parts


def _grown(before: TaskTable, after: TaskTable, tids: frozenset[int], counter: _Counter) -> float | None:
    first = {task.tid: counter(task) for task in before.tasks if task.tid in tids}
    grown = 0
    for task in after.tasks:
        if task.tid in first:
            now, then = counter(task), first[task.tid]
            if now is None or then is None:
                return None
            grown += max(0, now - then)
    return float(grown)
