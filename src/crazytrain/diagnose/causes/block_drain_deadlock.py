"""Cause qemu-blocked/block-drain-deadlock."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.causes.storage_stall import at_the_disk
from crazytrain.diagnose.wait_signs import (
    is_long,
    lock_points,
    longest,
    monitor_points,
    none_waits,
    serving,
    wait_point,
)
from crazytrain.model.facts import QemuState, ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.figures import count
from crazytrain.model.finding import Claim, Family, Point
from crazytrain.model.waiting import DRAINS, NESTED

LONG_FROM_NS = 500_000_000
_SAYS = "QEMU waits for its own disk I/O to come to an end (drain), and it does not"


def block_drain_deadlock(waits: Waits, state: QemuState | None) -> Claim:
    """Is QEMU's main thread stuck while it waits for a block device to come to rest?"""
    nested = [wait for wait in serving(waits) if _nested(wait) and is_long(wait, LONG_FROM_NS)]
    stuck = longest([wait for wait in nested if wait.has(*DRAINS)]) or longest(nested)
    if stuck is None:
        return Claim(
            says=_SAYS, prior=0.02, points=(none_waits(waits, "event loop is stuck in a drain of a block device"),)
        )
    # A healthy loop drains for some ms at most: to be caught at it by hand says much.
    drains = (300 if stuck.picked else 100) if stuck.has(*DRAINS) else 8
    points = [wait_point(stuck, drains)]
    points += [*_in_flight(waits), *lock_points(stuck, waits, 3), *monitor_points(state)]
    return Claim(says=_SAYS, prior=0.02, points=tuple(points))


def _nested(wait: Waiting) -> bool:
    """An iothread's own loop is `aio_poll`: that it is in it says nothing."""
    return wait.has(*DRAINS) or (wait.has(*NESTED) and wait.role is not ThreadRole.IOTHREAD)


def _in_flight(waits: Waits) -> tuple[Point, ...]:
    """Whether a worker still is at the disk: then the drain waits with good reason, and the storage is slow."""
    busy = [wait for wait in waits.threads if at_the_disk(wait)]
    if busy:
        says = f"{count(len(busy), 'worker')} of QEMU still {'is' if len(busy) == 1 else 'are'} at the disk: the storage is what is slow"
        return (Point(says, busy[0].refs, 0.05),)
    if waits.partial:
        return ()
    return (Point("no worker of QEMU is at the disk: nothing seems to be in flight", waits.refs, 2),)


CAUSE = Cause(
    slug="block-drain-deadlock",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=block_drain_deadlock,
    absorbs=("monitor-hung", "guest-hung-io"),
)
