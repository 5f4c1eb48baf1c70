"""What a table of calls tells that names no descriptors and mostly no times (``strace -c``, ``perf trace -s``)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from crazytrain.model.facts import CallUse, Coverage, Facts, SyscallUse, ThreadActivity
from crazytrain.model.figures import rate, share
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_BY_STRACE, _BY_PERF = "strace -c", "perf trace -s"
_SHOWN, _SHOWN_THREADS = 5, 6
_NOTABLE = 0.005
_WHOSE = {
    Coverage.ALL_THREADS: "all threads together",
    Coverage.SOME_THREADS: "threads that it does not name",
    Coverage.ONE_THREAD: "one thread (the main loop, where strace was given QEMU's pid)",
}


def summary_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about such tables, or none where there is none; threads that are measured have sentences of their own."""
    if facts.get(ThreadActivity) is not None:
        return ()
    return tuple(line(says, use.refs) for use in facts.all(SyscallUse) if use.calls for says in _of_table(use))


def _of_table(use: SyscallUse) -> Iterator[str]:
    if use.method == _BY_STRACE:
        yield f"{_calls(use.calls, _WHOSE[use.coverage])}; for how long is not told, so that these are no rates"
        yield from _time(use)
    if use.method == _BY_PERF:
        yield from _by_thread(use)


def _by_thread(use: SyscallUse) -> Iterator[str]:
    threads: dict[int | None, list[CallUse]] = defaultdict(list)
    for call in use.calls:
        threads[call.tid].append(call)
    busiest = sorted(threads.items(), key=lambda one: -_sum(one[1]))
    for tid, calls in busiest[:_SHOWN_THREADS]:
        often = f", {rate(_sum(calls) * 1e9 / use.window_ns)}" if use.window_ns else ""
        yield _calls(calls, f"thread {tid}{often}")


def _calls(calls: Sequence[CallUse], whose: str) -> str:
    every = max(_sum(calls), 1)
    most = sorted(calls, key=lambda call: -call.count)[:_SHOWN]
    parts = ", ".join(f"{call.call} {share(call.count / every)}{_failed(call)}" for call in most if call.count)
    return f"{_sum(calls):,} calls of {whose} were counted" + (f": {parts}" if parts else "")


def _sum(calls: Sequence[CallUse]) -> int:
    return sum(call.count for call in calls)


def _failed(call: CallUse) -> str:
    notable = call.failed and call.failed >= _NOTABLE * call.count
    return f" ({share(call.failed / call.count)} of them ended in an error)" if notable else ""


def _time(use: SyscallUse) -> Iterator[str]:
    """Without ``-w`` the times are those on a CPU, with it those that the calls lasted: the table does not say which."""
    took = sum(call.time_ns or 0 for call in use.calls)
    most = max(use.calls, key=lambda call: call.time_ns or 0)
    if took:
        yield f"of the time that it tells, {share((most.time_ns or 0) / took)} is in {most.call}"
