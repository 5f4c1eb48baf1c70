"""Event loops over the window: how often they turn, what timeouts they ask for, how long they wait and what wakes them."""

from collections.abc import Iterable, Sequence

import msgspec

from crazytrain.derive.loop_ready import ready_uses
from crazytrain.model.facts import (
    Coverage,
    Facts,
    LoopActivity,
    LoopReading,
    LoopReadings,
    Loops,
    ProcessFacts,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
    WaitUse,
)

MAIN_LOOP = ThreadRole.MAIN_LOOP.value
_COUNTED_IN_KERNEL = "bpftrace"
_WAITS = frozenset(
    ("ppoll", "poll", "select", "_newselect", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2", "io_uring_enter")
)
# A vCPU or a worker that polls once is no event loop.
_NO_LOOPS = frozenset((ThreadRole.VCPU, ThreadRole.WORKER, ThreadRole.RCU))


def derive_loops(facts: Facts) -> Loops | None:
    """Make event loops of waits by thread; ``None`` where no system calls were seen.

    Counts of the kernel are preferred to lines of strace, which slow down what they show. A loop that waits in several
    calls (epoll_wait behind ppoll) turns as often as the most frequent of them.
    """
    use = _best(facts.all(SyscallUse))
    if use is None:
        return None
    threads = {thread.tid: thread for thread in _threads(facts)}
    process = facts.get(ProcessFacts)
    pid = process.pid if process else None
    loops = [
        _woken(_loop(wait, use, _label(wait.tid, threads, use, pid)), facts, use)
        for wait in _main_waits(use)
        if _is_loop(wait, threads)
    ]
    if not loops:
        return None
    loops.sort(key=lambda loop: (loop.label != MAIN_LOOP, -loop.turns))
    return Loops(loops=tuple(loops), refs=tuple(dict.fromkeys(ref for loop in loops for ref in loop.refs)))


def _best(uses: Sequence[SyscallUse]) -> SyscallUse | None:
    in_kernel = [use for use in uses if use.method == _COUNTED_IN_KERNEL]
    told = [use for use in uses if any(True for _ in _waits(use))]
    return next(iter((*reversed(in_kernel), *reversed(told))), None)


def _threads(facts: Facts) -> tuple[ThreadUse, ...]:
    activity = facts.get(ThreadActivity)
    return activity.threads if activity else ()


def _waits(use: SyscallUse) -> Iterable[WaitUse]:
    """Waits with their timeouts; where those were not seen (strace -c) the bare counts of the calls that wait."""
    if use.waits:
        return use.waits
    return [
        WaitUse(tid=call.tid, call=call.call, count=call.count, refs=call.refs)
        for call in use.calls
        if call.call in _WAITS
    ]


def _main_waits(use: SyscallUse) -> list[WaitUse]:
    """Give the most frequent wait of each thread."""
    most: dict[int | None, WaitUse] = {}
    for wait in _waits(use):
        if wait.tid not in most or wait.count > most[wait.tid].count:
            most[wait.tid] = wait
    return list(most.values())


def _is_loop(wait: WaitUse, threads: dict[int, ThreadUse]) -> bool:
    thread = threads.get(wait.tid) if wait.tid is not None else None
    return wait.count > 0 and (thread is None or thread.role not in _NO_LOOPS)


def _label(tid: int | None, threads: dict[int, ThreadUse], use: SyscallUse, pid: int | None) -> str:
    """Name a loop. A trace of one thread without its number (strace -p PID) is one of the main loop."""
    if tid is None:
        return MAIN_LOOP if use.coverage is Coverage.ONE_THREAD else "all loops together"
    thread = threads.get(tid)
    if tid == pid or (thread and thread.role is ThreadRole.MAIN_LOOP):
        return MAIN_LOOP
    if thread is None:
        return f"thread {tid}"
    if thread.role is ThreadRole.IOTHREAD:
        return f"iothread {thread.comm.removeprefix('IO ')}"
    return f"{thread.label if thread.role is not ThreadRole.OTHER else thread.comm} (thread {tid})"


def _loop(wait: WaitUse, use: SyscallUse, label: str) -> LoopActivity:
    return LoopActivity(
        tid=wait.tid,
        label=label,
        call=wait.call,
        turns=wait.count,
        turns_per_s=wait.count * 1e9 / use.window_ns if use.window_ns else None,
        buckets=wait.buckets,
        zero=wait.zero,
        infinite=wait.infinite,
        refs=wait.refs or use.refs,
    )


def _woken(loop: LoopActivity, facts: Facts, use: SyscallUse) -> LoopActivity:
    """Add how long a loop really waited and what woke it, where the kernel counted that in the same run."""
    told = facts.get(LoopReadings)
    if told is None or use.method != _COUNTED_IN_KERNEL:
        return msgspec.structs.replace(loop, unseen="which descriptors were ready was not looked at")
    mine = [reading for reading in told.readings if reading.tid == loop.tid]
    chief = next((reading for reading in mine if reading.call == loop.call), None)
    looked = any(reading.looked for reading in mine)
    return msgspec.structs.replace(
        loop,
        waited=chief.waited if chief else (),
        waited_ns=chief.waited_ns if chief else None,
        ready=ready_uses(mine, facts, use, told.empty),
        ready_turns=max((reading.ready_turns for reading in mine), default=0) if looked else None,
        unseen=_unseen(loop, mine),
        refs=tuple(dict.fromkeys((*loop.refs, *told.refs))),
    )


def _unseen(loop: LoopActivity, readings: Sequence[LoopReading]) -> str:
    """What of a loop's waking could not be seen."""
    if loop.call == "io_uring_enter":
        return "what woke it is not seen: io_uring tells QEMU in memory that both share, not in a system call"
    if not all(reading.looked for reading in readings if reading.call == loop.call):
        return "which descriptors were ready was not looked at"
    missed = sum(reading.ready_sum - sum(one.count for one in reading.ready) for reading in readings)
    total = sum(reading.ready_sum for reading in readings)
    if missed > 0.01 * total:
        return f"of {total} times that a descriptor was ready, {missed} were behind the first 32 of a wait"
    return ""
