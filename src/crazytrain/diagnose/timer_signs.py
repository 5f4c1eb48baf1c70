"""Signs that the causes of family timer-storm share."""

from crazytrain.diagnose.signs import TICK_STORM_FROM_PER_S, loop_share, port_rate, port_share
from crazytrain.model.facts import (
    InterruptRates,
    KvmExits,
    ThreadActivity,
)
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point

RTC_IRQ, PIT_IRQ = 8, 0


def irq_point(irqs: InterruptRates, irq: int, owner: str) -> Point:
    """How often a timer's interrupt fires, as a point for causes that say it storms."""
    per_s = irqs.per_s(irq)
    says = f"IRQ {irq} ({owner}) fired {rate(per_s)}"
    if per_s >= TICK_STORM_FROM_PER_S:
        return Point(says, irqs.refs, 1000)
    return Point(says, irqs.refs, 0.01 if per_s < 300 else 0.4)


def port_point(exits: KvmExits, owner: str, *ports: int) -> Point:
    """How often a timer's ports are accessed, as a point for causes that say it storms."""
    per_s, part = port_rate(exits, *ports), port_share(exits, *ports)
    says = f"{owner} were accessed {rate(per_s)}, {share(part)} of all port accesses"
    if per_s >= TICK_STORM_FROM_PER_S and part >= 0.3:
        return Point(says, exits.refs, 60)
    return Point(says, exits.refs, 0.1)


def loop_cpu_point(threads: ThreadActivity | None) -> tuple[Point, ...]:
    """What the main loop takes of a CPU."""
    used = loop_share(threads)
    if used is None or threads is None:
        return ()
    says = f"the main loop's thread wanted {share(used)} of a CPU"
    return (Point(says, threads.refs, 2 if used >= 0.1 else 0.15),)
