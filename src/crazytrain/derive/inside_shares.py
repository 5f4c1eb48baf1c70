"""Who and what took the guest's CPUs over a window: by its kernel's own account, and by how often they were seen."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from crazytrain.model.facts.inside import (
    CpuTimes,
    GuestCpu,
    GuestFrame,
    GuestTask,
    InsideProfile,
    InsideReading,
    Missing,
    Mode,
    StackCount,
)
from crazytrain.model.facts.inside_view import CpuShare, FunctionShare, Share, StackShare, TaskShare

_Z = 1.959964  # 95 % of a normal distribution lie within so many deviations
_BELIEVED = 1.1  # a thread or CPU that took more of one CPU than this (and what ticks may add) is not believed
_SLOWEST_HZ = 100
_MOST_TASKS = 1000
_MOST_FUNCTIONS = 500
_TIMER_WRAPS = 1 << 32
_FASTEST_TIMER_PER_S = 1e7
_MOST_ON_A_CPU = 20
_WORKS = ("user", "nice", "system", "softirq", "irq", "steal")
_ALL_TIMES = (*_WORKS, "iowait", "idle")


def wilson(seen: int, samples: int) -> Share:
    """Give the share with the interval that holds the true one 19 times of 20 (Wilson's score interval).

    >>> wilson(70, 100).low < 0.7 < wilson(70, 100).high
    True
    """
    if samples <= 0:
        return Share(seen=0, samples=0, low=0.0, high=1.0)
    seen = min(max(seen, 0), samples)
    ratio, square = seen / samples, _Z * _Z / samples
    middle = (ratio + square / 2) / (1 + square)
    half = _Z * math.sqrt(ratio * (1 - ratio) / samples + square / samples / 4) / (1 + square)
    return Share(seen=seen, samples=samples, low=max(0.0, middle - half), high=min(1.0, middle + half))


def tick_ns(reading: InsideReading) -> float:
    """How long a tick of the guest is; where it is not known, the longest that a kernel may have."""
    hz = reading.clock.hz if reading.clock else None
    return 1e9 / (hz if hz and 0 < hz <= 10_000 else _SLOWEST_HZ)


def task_shares(
    first: InsideReading, last: InsideReading, profile: InsideProfile | None
) -> tuple[tuple[TaskShare, ...], tuple[Missing, ...]]:
    """Give every thread that ran or was seen on a CPU, busiest first; and whose account is not believed."""
    window_ns = last.mono_ns - first.mono_ns
    before = {task.pid: task for task in first.tasks}
    seen = _seen(profile)
    missing: list[Missing] = []
    shares = []
    for task in last.tasks:
        new = task.pid not in before and bool(before) and not first.tasks_cut
        spent = _spent_ns(before.get(task.pid), task, new=new)
        ratio = spent / window_ns if spent is not None and window_ns > 0 else None
        if ratio is not None and ratio > _BELIEVED + 2 * tick_ns(last) / window_ns:
            missing.append(Missing(f"the CPU time of pid {task.pid}", "it grew by more than the window holds"))
            ratio = None
        shares.append(_task(task, min(ratio, 1.0) if ratio is not None else None, seen.pop(task.pid, None), new=new))
    shares += [_gone(pid, profile, share) for pid, share in seen.items() if profile]
    ran = [one for one in shares if one.seen is not None or (one.cpu_ratio or 0) > 0]
    return tuple(sorted(ran, key=_busiest)[:_MOST_TASKS]), tuple(missing)


def _busiest(one: TaskShare) -> tuple[float, float, int]:
    """By whichever of both says more: who runs with interrupts off has no account."""
    seen = one.seen.ratio if one.seen else 0.0
    return (-max(one.cpu_ratio or 0.0, seen), -seen, one.pid)


def _spent_ns(before: GuestTask | None, now: GuestTask, *, new: bool) -> int | None:
    if now.exec_ns < 0:
        return None
    if before is not None and before.tgid == now.tgid and now.exec_ns >= before.exec_ns:
        return now.exec_ns - before.exec_ns
    return now.exec_ns if new or before is not None else None  # the number was given to another task meanwhile


def _seen(profile: InsideProfile | None) -> dict[int, Share]:
    """How often each thread was on a CPU. The idle task is none: it has one number for all CPUs."""
    counts: Counter[int] = Counter()
    for who in profile.who if profile else ():
        counts[who.pid] += who.count
    counts.pop(0, None)
    return {pid: wilson(count, profile.task_samples) for pid, count in counts.items()} if profile else {}


def _task(task: GuestTask, ratio: float | None, seen: Share | None, *, new: bool) -> TaskShare:
    return TaskShare(
        pid=task.pid,
        tgid=task.tgid,
        comm=task.comm,
        kernel_thread=task.kernel_thread,
        state=task.state,
        cpu=task.cpu,
        cpu_ratio=ratio,
        seen=seen,
        new=new,
    )


def _gone(pid: int, profile: InsideProfile, seen: Share) -> TaskShare:
    """A thread that was seen on a CPU and ended before the last reading, or was left out of it."""
    who = next(one for one in profile.who if one.pid == pid)
    return TaskShare(pid=pid, tgid=who.tgid, comm=who.comm, cpu=who.cpu, seen=seen)


def cpu_shares(
    first: InsideReading, last: InsideReading, profile: InsideProfile | None
) -> tuple[tuple[CpuShare, ...], tuple[Missing, ...]]:
    """Give each CPU's share of user, system, steal, and what was seen of it; and whose account is not believed."""
    window_ns = last.mono_ns - first.mono_ns
    before = {cpu.cpu: cpu for cpu in first.cpus}
    rested = {who.cpu for who in profile.who if who.pid == 0} if profile else set()
    missing: list[Missing] = []
    accounts: dict[int, dict[str, float]] = {}
    for cpu in last.cpus:
        was = before.get(cpu.cpu)
        if window_ns <= 0 or was is None or was.times is None or cpu.times is None:
            continue
        slept = was.idle or cpu.idle or cpu.cpu in rested
        account = _account((was.times, cpu.times), window_ns, tick_ns(last), slept=slept)
        if isinstance(account, str):
            missing.append(Missing(f"the times of CPU {cpu.cpu}", account))
        else:
            accounts[cpu.cpu] = account
    stacks = profile.stacks if profile else ()
    numbers = sorted({cpu.cpu for cpu in last.cpus} | {stack.cpu for stack in stacks})
    timers = _timer_rates(before, last, window_ns)
    shares = (_cpu(number, accounts.get(number, {}), stacks, timers.get(number)) for number in numbers)
    return tuple(shares), tuple(missing)


def _timer_rates(before: dict[int, GuestCpu], last: InsideReading, window_ns: int) -> dict[int, float]:
    """How often each CPU's own timer interrupted it, per second. The counter wraps; a rate that no timer can have is left out."""
    rates: dict[int, float] = {}
    for cpu in last.cpus:
        was = before.get(cpu.cpu)
        if window_ns > 0 and was is not None and was.timer_irqs is not None and cpu.timer_irqs is not None:
            rates[cpu.cpu] = (cpu.timer_irqs - was.timer_irqs) % _TIMER_WRAPS * 1e9 / window_ns
    return {number: per_s for number, per_s in rates.items() if per_s <= _FASTEST_TIMER_PER_S}


def _account(times: tuple[CpuTimes, CpuTimes], window_ns: int, tick: float, *, slept: bool) -> dict[str, float] | str:
    """The shares of the window, or why they are not believed. ``slept``: it was seen idle."""
    grown = {name: getattr(times[1], name) - getattr(times[0], name) for name in _ALL_TIMES}
    if min(grown.values()) < 0:
        return "they went back"
    ratios = {name: ns / window_ns for name, ns in grown.items()}
    busy = sum(ratios[name] for name in _WORKS)
    if busy > _BELIEVED + 2 * tick / window_ns:
        return f"the guest accounts for {busy:.3g} times what the window holds"
    shares = {name: ratios[name] / max(1.0, busy) for name in _WORKS}
    left = 1.0 - min(1.0, busy)
    shares["iowait"] = min(ratios["iowait"], left)
    left -= shares["iowait"]
    # It accounts for its sleep when it wakes, also for what was before the window: so its own figure is no more than a bound.
    shares["idle"] = left if slept else min(ratios["idle"], left)
    shares["unaccounted"] = left - shares["idle"]
    shares["tick_ratio"] = tick / window_ns
    return shares


def _cpu(number: int, account: dict[str, float], stacks: Sequence[StackCount], timer_per_s: float | None) -> CpuShare:
    own = [stack for stack in stacks if stack.cpu == number]
    modes: Counter[Mode] = Counter()
    for stack in own:
        modes[stack.mode] += stack.count
    total = sum(modes.values())
    return CpuShare(
        cpu=number,
        **account,
        halted=wilson(modes[Mode.HALTED], total) if total else None,
        kernel=wilson(modes[Mode.KERNEL], total) if total else None,
        in_user=wilson(modes[Mode.USER], total) if total else None,
        functions=function_shares(own)[:_MOST_ON_A_CPU],
        timer_irqs_per_s=timer_per_s,
    )


def function_shares(stacks: Sequence[StackCount]) -> tuple[FunctionShare, ...]:
    """Where the vCPUs of these stacks were, hottest first: kernel functions, programs' code, and halted as one."""
    counts: Counter[tuple[Mode, str, int | None, str]] = Counter()
    for stack in stacks:
        counts[_place(stack)] += stack.count
    total = sum(counts.values())
    hottest = sorted(counts.items(), key=lambda one: (-one[1], one[0][1], one[0][3]))[:_MOST_FUNCTIONS]
    return tuple(
        FunctionShare(mode=mode, name=name, pid=pid, comm=comm, share=wilson(count, total))
        for (mode, name, pid, comm), count in hottest
    )


def _place(stack: StackCount) -> tuple[Mode, str, int | None, str]:
    name = stack.frames[0].name if stack.frames else ""
    if stack.mode is Mode.HALTED:
        return stack.mode, "", None, ""
    return (stack.mode, name, None, "") if stack.mode is Mode.KERNEL else (stack.mode, name, stack.pid, stack.comm)


def stack_shares(stacks: Sequence[StackCount]) -> tuple[StackShare, ...]:
    """Fold the stacks by their names, the outermost function first."""
    counts: Counter[tuple[int, Mode, int | None, str, tuple[str, ...], bool]] = Counter()
    for stack in stacks:
        names = tuple(_names(stack))
        counts[stack.cpu, stack.mode, stack.pid, stack.comm, names, stack.whole] += stack.count
    return tuple(
        StackShare(cpu=cpu, mode=mode, pid=pid, comm=comm, frames=frames, whole=whole, count=count)
        for (cpu, mode, pid, comm, frames, whole), count in sorted(counts.items(), key=lambda one: (one[0][0], -one[1]))
    )


def _names(stack: StackCount) -> Iterator[str]:
    for frame in reversed(stack.frames):
        yield frame.name or _nameless(frame, stack.mode)


def _nameless(frame: GuestFrame, mode: Mode) -> str:
    return "(program code)" if mode is Mode.USER else f"(no symbol) {frame.address >> 12:#x}000"
