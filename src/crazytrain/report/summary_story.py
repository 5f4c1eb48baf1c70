"""What a table of calls tells that names neither descriptors nor times (``strace -c``)."""

from crazytrain.model.facts import Coverage, Facts, SyscallUse
from crazytrain.model.figures import share
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_METHOD = "strace -c"
_SHOWN = 5
_NOTABLE = 0.005
_WHOSE = {
    Coverage.ALL_THREADS: "all threads together",
    Coverage.SOME_THREADS: "threads that it does not name",
    Coverage.ONE_THREAD: "one thread (the main loop, where strace was given QEMU's pid)",
}


def summary_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Two sentences of such a table, or none where there is none."""
    return tuple(
        line(says, use.refs)
        for use in facts.all(SyscallUse)
        if use.method == _METHOD
        for says in (_calls(use), _time(use))
        if says
    )


def _calls(use: SyscallUse) -> str:
    every = sum(call.count for call in use.calls)
    most = sorted(use.calls, key=lambda call: -call.count)[:_SHOWN]
    parts = ", ".join(
        f"{call.call} {share(call.count / every)}{_failed(call.failed, call.count)}" for call in most if call.count
    )
    says = f"{every:,} calls of {_WHOSE[use.coverage]} were counted: {parts}"
    return f"{says}; for how long is not told, so that these are no rates" if parts else ""


def _failed(failed: int, count: int) -> str:
    return f" ({share(failed / count)} of them ended in an error)" if failed >= _NOTABLE * count and failed else ""


def _time(use: SyscallUse) -> str:
    """Without ``-w`` the times are those on a CPU, with it those that the calls lasted: the table does not say which."""
    took = sum(call.time_ns or 0 for call in use.calls)
    most = max(use.calls, key=lambda call: call.time_ns or 0)
    return f"of the time that it tells, {share((most.time_ns or 0) / took)} is in {most.call}" if took else ""
