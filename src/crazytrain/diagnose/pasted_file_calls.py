"""What the times inside of system calls say of a thread that must not wait, as points of causes."""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts import CallUse, Coverage, SyscallUse
from crazytrain.model.figures import share, span
from crazytrain.model.finding import Point

# QEMU asks a file for its holes in the thread that runs the event loop (block/file-posix.c: find_allocation), not in a worker; and it submits
# to native AIO there, which waits only where the file system has to allocate first or the queue is full.
_OF_LOOPS = frozenset({"lseek", "io_submit"})
# Calls that belong into workers: in a thread that polls for events they hold everything up.
_OF_WORKERS = frozenset(
    {"fallocate", "ftruncate", "fsync", "fdatasync", "pread64", "pwrite64", "preadv", "pwritev", "openat", "io_submit"}
)
_POLLS = frozenset({"ppoll", "poll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2"})
_MEAN_FROM_NS = 1_000_000
_BY_NAME = frozenset(
    {"openat", "open", "stat", "newfstatat", "statfs", "unlink", "rename", "access", "connect", "close"}
)
_LONG_NS, _BY_NAME_RATIO = 1_000_000_000, 25.0
_SHARE_FROM, _RATIO = 0.3, 60.0
_UNSURE = 12.0  # a table of `strace -c` does not tell whose calls they are: most people watch the main thread alone


def file_call_points(cause: str, every: Iterable[SyscallUse]) -> Iterator[Point]:
    """Whether an event loop spends its time in calls that wait for a file."""
    if cause != "blocked-sync-io":
        return
    for use in every:
        window_ns = _window_ns(use)
        slow = max((one for one in use.calls if _slow(one, use)), key=lambda one: one.time_ns or 0, default=None)
        if slow is not None and slow.time_ns and window_ns:
            who = "a thread" if slow.tid is None else f"thread {slow.tid}"
            each, part = span(slow.time_ns // slow.count), share(slow.time_ns / window_ns)
            says = f"{who} was inside {slow.call} {part} of the time, {each} each: an event loop does nothing else meanwhile"
            sure = bool(use.window_ns) or use.coverage is Coverage.ONE_THREAD
            yield Point(says, slow.refs or use.refs, _RATIO if sure else _UNSURE)
            return
        if (long := _long_name_call(use)) and long.time_ns:
            who = "a thread" if long.tid is None else f"thread {long.tid}"
            says = f"{who} was inside {long.call} for {span(long.time_ns // long.count)}: QEMU opens files with its lock held"
            yield Point(says, long.refs or use.refs, _BY_NAME_RATIO)
            return


def _window_ns(use: SyscallUse) -> int:
    """The window; where only the calls were timed (``strace -T``, ``-c``), the sum of one thread's: a loop is nearly always in some call."""
    if use.window_ns or use.coverage is Coverage.ALL_THREADS:
        return use.window_ns or 0
    return sum(one.time_ns or 0 for one in use.calls)


def _slow(one: CallUse, use: SyscallUse) -> bool:
    window_ns = _window_ns(use)
    if not one.time_ns or not one.count or not window_ns or one.time_ns < _SHARE_FROM * window_ns:
        return False
    loops = one.call in _OF_LOOPS or (one.call in _OF_WORKERS and one.tid in _polling(use))
    return loops and one.time_ns >= _MEAN_FROM_NS * one.count


def _long_name_call(use: SyscallUse) -> CallUse | None:
    """A call that works on a file's name and took a second or more: workers read and write, and do not open."""
    found = (one for one in use.calls if one.call in _BY_NAME and (one.time_ns or 0) >= _LONG_NS * one.count)
    return max(found, key=lambda one: one.time_ns or 0, default=None)


def _polling(use: SyscallUse) -> frozenset[int | None]:
    return frozenset(one.tid for one in use.calls if one.call in _POLLS)
