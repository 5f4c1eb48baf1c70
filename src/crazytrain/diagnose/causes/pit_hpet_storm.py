"""Cause timer-storm/pit-hpet-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import PIT_PORTS
from crazytrain.diagnose.timer_signs import PIT_IRQ, irq_point, port_point
from crazytrain.model.facts import (
    InterruptRates,
    KvmExits,
    ThreadActivity,
    ThreadRole,
)
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Look, Point


def pit_hpet_storm(irqs: InterruptRates | None, exits: KvmExits | None, threads: ThreadActivity | None) -> Claim:
    """Does the PIT or the HPET tick at a high rate?"""
    points: list[Point] = []
    if irqs and PIT_IRQ not in irqs.uncounted:
        points.append(irq_point(irqs, PIT_IRQ, "the PIT or HPET"))
    if exits and exits.ports:
        points.append(port_point(exits, "the PIT's ports 0x40 to 0x43", *PIT_PORTS))
    pit = threads.of(ThreadRole.KVM_PIT) if threads else ()
    if pit and threads:
        used = sum(t.cpu_ratio for t in pit)
        says = f"the kernel thread {pit[0].comm} took {share(used)} of a CPU"
        points.append(Point(says, threads.refs, 40 if used >= 0.1 else 0.3))
    return Claim(
        says="the guest's PIT or HPET ticks at a high rate",
        prior=0.02,
        points=tuple(points),
        missing=() if points else (Look("how often IRQ 0 fires", "info irq, twice, in the monitor"),),
    )


CAUSE = Cause(
    slug="pit-hpet-storm",
    family=Family.TIMER_STORM,
    rank=Rank.SPECIFIC,
    judge=pit_hpet_storm,
    absorbs=(*BUSY, "timer-always-due"),
)
