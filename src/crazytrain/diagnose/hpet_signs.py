"""Signs that rest on accesses to the HPET's page: who reads its counter keeps time by it, who writes its registers sets it as a timer."""

from crazytrain.diagnose.signs import TICK_STORM_FROM_PER_S
from crazytrain.model.facts import KvmExits
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point

HPET_PAGE = 0xFED00000
_OFTEN_FROM_PER_S = 2000.0
_MOST_FROM = 0.5  # of all MMIO
_ARMS_FROM = (
    0.3  # of what goes to the HPET: a timer that is set again for each tick is read once and written once or twice
)


def hpet_timer_points(exits: KvmExits | None) -> tuple[Point, ...]:
    """That the HPET is set again and again, as a timer for each tick."""
    reads, writes, part = _uses(exits)
    if exits is None or part < _MOST_FROM or writes < _ARMS_FROM * (reads + writes):
        return ()
    per_s = exits.per_s(writes) * exits.unheld(2.0)
    says = f"the HPET's registers were written {rate(exits.per_s(writes))}, {share(part)} of all MMIO is its"
    return (Point(says, exits.refs, 60 if per_s >= TICK_STORM_FROM_PER_S else 0.3),) if exits.window_ns else ()


def hpet_clock_points(exits: KvmExits | None) -> tuple[Point, ...]:
    """That the HPET's counter is read all the time, and hardly anything is written to it."""
    reads, writes, part = _uses(exits)
    if exits is None or not exits.window_ns or part < _MOST_FROM or writes >= _ARMS_FROM * (reads + writes):
        return ()
    often = exits.per_s(reads) >= _OFTEN_FROM_PER_S
    says = f"the HPET was read {rate(exits.per_s(reads))}, {share(part)} of all MMIO is its"
    return (Point(says, exits.refs, 60),) if often else ()


def _uses(exits: KvmExits | None) -> tuple[int, int, float]:
    """Reads and writes of the HPET, and its share of all MMIO."""
    uses = exits.mmio if exits else ()
    mine = [use for use in uses if use.page == HPET_PAGE]
    every = sum(use.count for use in uses)
    reads = sum(use.count for use in mine if not use.write)
    writes = sum(use.count for use in mine if use.write)
    return reads, writes, (reads + writes) / every if every else 0.0
