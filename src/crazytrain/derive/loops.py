"""Event loops over the window: how often the main loop and the iothreads turn, and what timeouts they ask for."""

from collections.abc import Iterable, Sequence

from crazytrain.model.facts import (
    Coverage,
    Facts,
    LoopActivity,
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
        _loop(wait, use, _label(wait.tid, threads, use, pid)) for wait in _main_waits(use) if _is_loop(wait, threads)
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
