"""The view of the guest from inside: two readings, and what was seen between them, as figures with their doubt."""

from collections.abc import Iterator

from crazytrain.derive.inside_memory import memory_rates
from crazytrain.derive.inside_shares import cpu_shares, function_shares, stack_shares, task_shares, tick_ns
from crazytrain.derive.inside_time import rebooted, time_progress, wall_step_ns
from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.inside import GuestLog, GuestTask, InsideProfile, InsideReading, Missing
from crazytrain.model.facts.inside_view import InsideView, LockHeld, LogMatter, StuckTask

_MOST_STUCK = 1000


def inside_view(
    first: InsideReading, last: InsideReading, profile: InsideProfile | None = None, log: GuestLog | None = None
) -> InsideView:
    """Compare two readings of one guest (the same one twice: only what one instant tells), with samples and log where there are any."""
    if rebooted(first, last):
        return _after_reboot(first, last, log)
    tasks, doubted_tasks = task_shares(first, last, profile)
    cpus, doubted_cpus = cpu_shares(first, last, profile)
    stacks = profile.stacks if profile else ()
    return InsideView(
        window_ns=max(0, last.mono_ns - first.mono_ns),
        uptime_ns=_uptime(last),
        booted_wall_ns=_booted(last),
        wall_ahead_ns=_wall_ahead(last),
        wall_doubt_ns=_wall_doubt(last),
        wall_step_ns=wall_step_ns(first, last),
        time=time_progress(first, last, profile),
        cpus=cpus,
        tasks=tasks,
        functions=function_shares(stacks),
        stacks=stack_shares(stacks),
        stuck=tuple(_stuck(first, last))[:_MOST_STUCK],
        locks=tuple(_locks(first, last)),
        log=log_matters(log),
        memory=memory_rates(first, last),
        looks=profile.task_samples if profile else 0,
        samples=profile.samples if profile else 0,
        missing=(*doubted_tasks, *doubted_cpus),
    )


def _after_reboot(first: InsideReading, last: InsideReading, log: GuestLog | None) -> InsideView:
    """Nothing is compared: the numbers are of two kernels."""
    alone = inside_view(last, last, None, log)
    return InsideView(
        window_ns=max(0, last.mono_ns - first.mono_ns),
        rebooted=True,
        uptime_ns=alone.uptime_ns,
        booted_wall_ns=alone.booted_wall_ns,
        wall_ahead_ns=alone.wall_ahead_ns,
        wall_doubt_ns=alone.wall_doubt_ns,
        stuck=alone.stuck,
        locks=alone.locks,
        log=alone.log,
        missing=(Missing("the window", "the guest booted meanwhile: the readings are of two kernels"),),
    )


def _uptime(last: InsideReading) -> int | None:
    if last.clock is None:
        return None
    return last.clock.boot_ns if last.clock.boot_ns is not None else last.clock.monotonic_ns


def _booted(last: InsideReading) -> int | None:
    uptime = _uptime(last)
    return None if uptime is None or last.clock is None or not last.clock.wall_ns else last.clock.wall_ns - uptime


def _wall_ahead(last: InsideReading) -> int | None:
    clock = last.clock
    return (
        None if clock is None or clock.realtime_ns is None or not clock.wall_ns else clock.realtime_ns - clock.wall_ns
    )


def _wall_doubt(last: InsideReading) -> int | None:
    """A tick where one was due; where all CPUs sleep, the clock was read late by an amount that is not known."""
    if _wall_ahead(last) is None or not any(cpu.pid is not None and not cpu.idle for cpu in last.cpus):
        return None
    return round(tick_ns(last))


def _stuck(first: InsideReading, last: InsideReading) -> Iterator[StuckTask]:
    before = {task.pid: task for task in first.tasks}
    for task in last.tasks:
        if task.state == "D":
            yield StuckTask(
                pid=task.pid,
                comm=task.comm,
                all_window=_all_window(before.get(task.pid), task) if first is not last else None,
                stack=task.stack,
                stack_whole=task.stack_whole,
            )


def _all_window(was: GuestTask | None, now: GuestTask) -> bool | None:
    if was is None or was.state != "D" or was.tgid != now.tgid:
        return False
    return None if was.switches is None or now.switches is None else was.switches == now.switches


def _locks(first: InsideReading, last: InsideReading) -> Iterator[LockHeld]:
    before = {(lock.kind, lock.cpu, lock.pid, lock.lock) for lock in first.locks} if first is not last else set()
    for lock in last.locks:
        same = (lock.kind, lock.cpu, lock.pid, lock.lock) in before
        yield LockHeld(wait=lock, all_window=same and lock.lock != 0)  # 0: which lock it is could not be read


def log_matters(log: GuestLog | None) -> tuple[LogMatter, ...]:
    """The lines of the guest's log that matter, by meaning, in the order in which the last of each came."""
    found: dict[LineMeaning, LogMatter] = {}
    for line, at_ns in zip(log.matter, log.at_ns, strict=False) if log else ():
        known = found.pop(line.meaning, None)
        found[line.meaning] = LogMatter(
            meaning=line.meaning,
            count=known.count + 1 if known else 1,
            first=known.first if known else line.text,
            first_at_ns=known.first_at_ns if known else at_ns,
            last=line.text,
            last_at_ns=at_ns,
        )
    return tuple(found.values())
