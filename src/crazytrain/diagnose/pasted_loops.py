"""What a table of calls without a window says of the loop that made them: whether timers wake it or descriptors do."""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.syscalls import SyscallUse
from crazytrain.model.figures import count
from crazytrain.model.finding import Point

_MOST_OFTEN = 1000  # turns; fewer may be an idle guest that was watched for long
_QUIET_TO = 0.1  # reads and writes for each turn: more, and descriptors may have woken it
_EACH_TURN = (0.7, 1.4)  # ioctls for each turn: one interrupt line set, or its level raised and lowered in one call
_MOVES = frozenset(
    (
        "read",
        "readv",
        "recv",
        "recvmsg",
        "recvfrom",
        "write",
        "writev",
        "send",
        "sendmsg",
        "sendto",
        "preadv",
        "pwritev",
    )
)
_CLOCK_READS, _MOSTLY = frozenset(("gettimeofday", "clock_gettime", "time")), 0.5
# Cause: how much it speaks for it that the loop turns often and moves next to nothing, without and with an ioctl for each turn.
_BY_TIMERS: dict[str, tuple[float, float]] = {
    "rtc-periodic-storm": (2.5, 5),
    "pit-hpet-storm": (2.5, 5),
    "rtc-catchup": (1.5, 2.5),
    "usb-polling": (3, 2),
    "timer-always-due": (2, 1.5),
    "throttle-timer-spin": (1.5, 1),
    "chardev-spin": (0.2, 0.2),
    "dead-client-spin": (0.3, 0.3),
    "guest-agent-spin": (0.2, 0.2),
}


def loop_points(cause: str, uses: Iterable[SyscallUse]) -> Iterator[Point]:
    """Points of one cause from tables as ``strace -c`` prints them."""
    if cause == "slow-clocksource":
        yield from _clock_points(uses)
    if cause not in _BY_TIMERS:
        return
    plain, injecting = _BY_TIMERS[cause]
    for use in uses:
        turns = sum(wait.count for wait in use.waits)
        moved = sum(call.count for call in use.calls if call.call in _MOVES)
        if use.window_ns is not None or turns < _MOST_OFTEN or moved > _QUIET_TO * turns:
            continue
        ioctls = sum(call.count for call in use.calls if call.call == "ioctl")
        each = _EACH_TURN[0] <= ioctls / turns <= _EACH_TURN[1]
        says = f"the loop waited {count(turns, 'time')} and moved data {count(moved, 'time')}: timers wake it, not descriptors"
        yield Point(says + (", and each turn makes one ioctl" if each else ""), use.refs, injecting if each else plain)
        return


def _clock_points(uses: Iterable[SyscallUse]) -> Iterator[Point]:
    """A program asks the kernel for the time only where the vDSO cannot read the clock: it is no TSC and no kvmclock."""
    for use in uses:
        reads = sum(call.count for call in use.calls if call.call in _CLOCK_READS)
        every = sum(call.count for call in use.calls)
        if reads >= _MOST_OFTEN and reads >= _MOSTLY * every:
            says = f"a program asked the kernel for the time {count(reads, 'time')} by system calls: it could not read the clock itself"
            yield Point(says, use.refs, 8)
            return
