"""Cause qemu-blocked/balloon-deflate."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts.devices import VirtQueues
from crazytrain.model.facts.services import BalloonUse
from crazytrain.model.figures import rate, size
from crazytrain.model.finding import Claim, Family, Look, Point

MOVES_FROM_BYTES_PER_S = 4 << 20
REQUESTS_FROM_PER_S = 50.0  # of up to 256 pages each: a balloon that is moved back and forth ends where it began
TWICE = Look("how much memory the guest has, twice", "virsh dommemstat {name}")
_INFLATE, _DEFLATE = 0, 1  # the balloon's first queues (virtio 1.2, 5.5.2)


def balloon_deflate(balloon: BalloonUse | None, queues: VirtQueues | None) -> Claim:
    """Is the guest held up by its memory balloon at work?"""
    if balloon is None:
        return Claim(says="the memory balloon is at work", prior=0.02, missing=(TWICE,))
    per_s = balloon.grown_bytes * 1e9 / balloon.window_ns
    moves = abs(per_s) >= MOVES_FROM_BYTES_PER_S
    asked = _request_points(queues, 20 if moves else 60)
    way = "given back to" if per_s > 0 else "taken from"
    says = f"the memory balloon is at work: memory is {way} the guest" if moves else "the memory balloon is at work"
    moved = f"{size(abs(balloon.grown_bytes))} were {way} the guest within the window; it has {size(balloon.actual_bytes)} now"
    still = f"the guest's memory stayed at {size(balloon.actual_bytes)}"
    points = [Point(moved, balloon.refs, 100)] if moves else [Point(still, balloon.refs, 1 if asked else 0.02)]
    points += (*asked, *_queue_points(queues))
    return Claim(says=says, prior=0.02, points=tuple(points), at_most=0.9)


def _request_points(queues: VirtQueues | None, ratio: float) -> tuple[Point, ...]:
    """How often the balloon's driver handed pages over or took some back, whatever came of it in the end."""
    own = (
        [q for q in queues.queues if q.device == "virtio-balloon" and q.queue in (_INFLATE, _DEFLATE)] if queues else []
    )
    busiest = max(own, key=lambda queue: queue.used_per_s, default=None)
    if queues is None or busiest is None or busiest.used_per_s < REQUESTS_FROM_PER_S:
        return ()
    does = "takes pages from the guest" if busiest.queue == _INFLATE else "gives pages back to the guest"
    return (Point(f"its driver {does}: {rate(busiest.used_per_s)} requests", queues.refs, ratio),)


def _queue_points(queues: VirtQueues | None) -> tuple[Point, ...]:
    """Buffers that the balloon keeps: the driver waits for each before it goes on."""
    held = (
        [q for q in queues.queues if q.device == "virtio-balloon" and q.queue in (_INFLATE, _DEFLATE)] if queues else []
    )
    waits = [q for q in held if q.in_use]
    if not waits or queues is None:
        return ()
    return (Point(f"QEMU holds a request of the balloon's queue {waits[0].queue}", queues.refs, 3),)


CAUSE = Cause(slug="balloon-deflate", family=Family.QEMU_BLOCKED, rank=Rank.SYMPTOM, judge=balloon_deflate)
