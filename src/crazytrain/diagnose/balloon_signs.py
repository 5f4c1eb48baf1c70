"""What pasted print-outs of a guest's memory say (``info balloon``, ``dommemstat``), as points of causes."""

from collections.abc import Iterator, Sequence

from crazytrain.model.facts import Facts
from crazytrain.model.facts.moments import GuestMemory
from crazytrain.model.facts.services import BalloonUse
from crazytrain.model.figures import share, size
from crazytrain.model.finding import Point

MOVED_FROM_BYTES = 256 << 20
SCARCE_TO = 0.05
SWAPPED_FROM_BYTES = 16 << 20


def balloon_points(cause: str, facts: Facts) -> Iterator[Point]:
    """Points of one cause: the balloon moved in a time that is not told, or the guest has next to no memory left."""
    for told_by in ("dommemstat", "info balloon"):
        readings = [one for one in facts.all(GuestMemory) if one.told_by == told_by]
        if cause == "balloon-deflate" and len(readings) > 1 and facts.get(BalloonUse) is None:
            yield _moved(readings)
        if cause == "guest-memory-thrash" and readings:
            yield from _scarce(readings)


def _moved(readings: Sequence[GuestMemory]) -> Point:
    first, last = readings[0], readings[-1]
    grown = last.actual_bytes - first.actual_bytes
    way = "given back to" if grown > 0 else "taken from"
    if abs(grown) >= MOVED_FROM_BYTES:
        says = f"{size(abs(grown))} were {way} the guest between two looks at its balloon; in what time is not told"
        return Point(says, (first.ref, last.ref), 5)
    return Point(f"the balloon left the guest {size(last.actual_bytes)} each time", (first.ref, last.ref), 0.3)


def _scarce(readings: Sequence[GuestMemory]) -> Iterator[Point]:
    first, last = readings[0], readings[-1]
    if last.usable_bytes is not None and last.actual_bytes:
        part = last.usable_bytes / last.actual_bytes
        says = f"{share(part)} of the guest's memory is usable without swapping"
        if part <= SCARCE_TO:
            yield Point(says, (last.ref,), 4)
        elif part >= 4 * SCARCE_TO:
            yield Point(says, (last.ref,), 0.3)
    if first.swapped_in_bytes is not None and last.swapped_in_bytes is not None:
        swapped = last.swapped_in_bytes - first.swapped_in_bytes
        if swapped >= SWAPPED_FROM_BYTES:
            yield Point(f"the guest read {size(swapped)} from its swap between two looks", (first.ref, last.ref), 8)
