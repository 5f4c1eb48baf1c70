"""What the times inside of system calls say of a thread that must not wait, as points of causes."""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts import CallUse, SyscallUse
from crazytrain.model.figures import share, span
from crazytrain.model.finding import Point

# QEMU asks a file for its holes in the thread that runs the event loop (block/file-posix.c: find_allocation), not in a worker.
_OF_LOOPS = frozenset({"lseek"})
# Calls that belong into workers: in a thread that polls for events they hold everything up.
_OF_WORKERS = frozenset(
    {"fallocate", "ftruncate", "fsync", "fdatasync", "pread64", "pwrite64", "preadv", "pwritev", "openat", "io_submit"}
)
_POLLS = frozenset({"ppoll", "poll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2"})
_MEAN_FROM_NS = 1_000_000
_SHARE_FROM, _RATIO = 0.3, 60.0


def file_call_points(cause: str, every: Iterable[SyscallUse]) -> Iterator[Point]:
    """Whether an event loop spends its time in calls that wait for a file."""
    if cause != "blocked-sync-io":
        return
    for use in every:
        slow = max((one for one in use.calls if _slow(one, use)), key=lambda one: one.time_ns or 0, default=None)
        if slow is not None and slow.time_ns and use.window_ns:
            who = "a thread" if slow.tid is None else f"thread {slow.tid}"
            each, part = span(slow.time_ns // slow.count), share(slow.time_ns / use.window_ns)
            says = f"{who} was inside {slow.call} {part} of the time, {each} each: an event loop does nothing else meanwhile"
            yield Point(says, slow.refs or use.refs, _RATIO)
            return


def _slow(one: CallUse, use: SyscallUse) -> bool:
    if not one.time_ns or not one.count or not use.window_ns or one.time_ns < _SHARE_FROM * use.window_ns:
        return False
    loops = one.call in _OF_LOOPS or (one.call in _OF_WORKERS and one.tid in _polling(use))
    return loops and one.time_ns >= _MEAN_FROM_NS * one.count


def _polling(use: SyscallUse) -> frozenset[int | None]:
    return frozenset(one.tid for one in use.calls if one.call in _POLLS)
