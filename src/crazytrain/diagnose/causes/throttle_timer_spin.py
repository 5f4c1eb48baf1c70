"""Cause main-loop-spin/throttle-timer-spin."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import loop_rate_point
from crazytrain.model.facts import Loops
from crazytrain.model.facts.block import BlockUse, DiskStates
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Look, Point

NO_WORK_TO_PER_S = 10.0
AT_ONCE_NS = 2_000
_LIMITS = Look("whether a disk has an I/O limit", "virsh qemu-monitor-command {name} --hmp 'info block -v'")
_TURNS = Look("how often the main loop turns", "crazytrain why {name}")


def throttle_timer_spin(states: DiskStates | None, loops: Loops | None, use: BlockUse | None) -> Claim:
    """Does the timer of an I/O limit fire again and again with no request waiting?"""
    says = "the timer of a disk's I/O limit fires again and again, though no request waits for it"
    points = (*_limit_points(states), *_loop_points(loops), *_work_points(use))
    missing = (_LIMITS,) if states is None and loops else (_TURNS,) if states and loops is None else ()
    return Claim(says=says, prior=0.01, points=points, missing=missing, at_most=0.9)


def _limit_points(states: DiskStates | None) -> Iterator[Point]:
    if states is None:
        return
    limited = [disk.disk for disk in states.disks if disk.throttled]
    if limited:
        yield Point(f"there is an I/O limit on {', '.join(limited[:3])}", states.refs, 15)
    else:
        yield Point("no disk has an I/O limit", states.refs, 0.005)


def _loop_points(loops: Loops | None) -> Iterator[Point]:
    loop = loops.main if loops else None
    point = loop_rate_point(loop, loops.refs) if loop and loops else None
    if point is None or loop is None or loops is None:
        return
    at_once = loop.share_below(AT_ONCE_NS)
    yield point
    yield Point(f"{share(at_once)} of its waits asked for no more than 1 µs", loops.refs, 8 if at_once >= 0.7 else 0.1)


def _work_points(use: BlockUse | None) -> Iterator[Point]:
    if use is not None:
        per_s = sum(disk.requests_per_s for disk in use.disks)
        yield Point(f"the disks did {rate(per_s)} requests", use.refs, 2 if per_s <= NO_WORK_TO_PER_S else 0.3)


CAUSE = Cause(
    slug="throttle-timer-spin",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=throttle_timer_spin,
    absorbs=("timer-always-due",),
)
