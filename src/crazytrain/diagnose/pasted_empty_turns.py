"""Turns of an event loop in which nothing is done, in a trace without times, as points of causes.

A healthy loop that is woken takes what woke it: it reads, writes or sets an interrupt. One that is woken again and again and does nothing,
or whose reads all fail, has a descriptor that nobody serves.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.syscalls import CallUse, SyscallUse
from crazytrain.model.figures import count
from crazytrain.model.finding import Point

_LEAST, _MANY = 3, 1000
_NEARLY_ALL, _EACH_TURN = 0.9, (0.5, 4.0)
_READS = frozenset(("read", "readv", "recv", "recvfrom", "recvmsg"))
_DATAGRAMS = frozenset(("recvfrom", "recvmsg"))  # what user networking reads its sockets with
# Cause: how much speaks for it that turns are empty.
_EMPTY: dict[str, float] = {
    "fd-monitor-spin": 12, "iothread-spin": 5, "dead-client-spin": 3, "usernet-spin": 1.5, "block-drain-deadlock": 0.15,
    "blocked-sync-io": 0.15, "storage-stall": 0.15, "monitor-hung": 0.3,
}  # fmt: skip
# Cause: how much speaks for it that each turn tries to read and gets nothing, by datagrams and otherwise.
_FAILING: dict[str, tuple[float, float]] = {
    "usernet-spin": (10, 1),
    "dead-client-spin": (5, 8),
    "chardev-spin": (0.4, 1.5),
    "block-drain-deadlock": (0.2, 0.2),
}


def empty_turn_points(cause: str, uses: Iterable[SyscallUse]) -> Iterator[Point]:
    """Points of one cause; a trace with a window is the causes' own."""
    if cause not in _EMPTY and cause not in _FAILING:
        return
    for use in (use for use in uses if use.window_ns is None):
        point = _empty(cause, use) or _failing(cause, use)
        if point:
            yield point
            return


def _empty(cause: str, use: SyscallUse) -> Point | None:
    turns = sum(wait.infinite for wait in use.waits)
    if cause not in _EMPTY or turns < _LEAST or turns < sum(call.count for call in use.calls):
        return None
    says = (
        f"the loop was woken {count(turns, 'time')} and did nothing about it: a descriptor is ready that nobody serves"
    )
    return Point(says, use.refs, _EMPTY[cause])


def _failing(cause: str, use: SyscallUse) -> Point | None:
    turns = sum(wait.count for wait in use.waits)
    worst = max((one for one in use.calls if _fails(one)), key=lambda one: one.failed, default=None)
    if cause not in _FAILING or worst is None or not _EACH_TURN[0] <= worst.count / max(turns, 1) <= _EACH_TURN[1]:
        return None
    says = f"{worst.call} failed in {worst.failed:,} of {count(worst.count, 'try', 'tries')}, about once for each turn of the loop"
    return Point(says, worst.refs or use.refs, _FAILING[cause][worst.call not in _DATAGRAMS])


def _fails(one: CallUse) -> bool:
    """Reads that drain a descriptor end in an error once for each time that data came: as many succeed as fail."""
    return one.call in _READS and one.count >= _MANY and one.failed >= _NEARLY_ALL * one.count
