"""Cause exit-storm/interrupt-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import EXITS_MATTER_FROM_PER_S, burning_vcpus
from crazytrain.model.facts import InterruptRates, ThreadActivity, ThreadRole
from crazytrain.model.figures import rate
from crazytrain.model.finding import Claim, Family, Point


def interrupt_storm(irqs: InterruptRates, threads: ThreadActivity | None) -> Claim:
    """Does one interrupt line fire without end?"""
    others = [r for r in irqs.rates if r.irq not in (0, 8)]
    worst = max(others, key=lambda r: r.per_s, default=None)
    says = "one interrupt line fires far too often"
    if worst is None:
        return Claim(says=says, prior=0.02, points=(Point("no interrupt line but the timers' fired", irqs.refs, 0.05),))
    owner = f" ({worst.owner})" if worst.owner else ""
    fact = f"IRQ {worst.irq}{owner} fired {rate(worst.per_s)}"
    ratio = 100 if worst.per_s >= 20_000 else 3 if worst.per_s >= EXITS_MATTER_FROM_PER_S else 0.05
    if ratio > 1:
        says = f"{says}: IRQ {worst.irq}{owner}"
    return Claim(says=says, prior=0.02, points=(Point(fact, irqs.refs, ratio), *_cost_points(threads)))


def _cost_points(threads: ThreadActivity | None) -> tuple[Point, ...]:
    """Who serves an interrupt line that fires without end does nothing else; a burst of output to a serial port passes."""
    vcpus = threads.of(ThreadRole.VCPU) if threads and threads.window_ns else ()
    if threads is None or not vcpus or burning_vcpus(threads):
        return ()
    return (Point("its vCPUs rest in between all the same: that is a burst, and no storm", threads.refs, 0.1),)


CAUSE = Cause(
    slug="interrupt-storm",
    family=Family.EXIT_STORM,
    rank=Rank.SPECIFIC,
    judge=interrupt_storm,
    absorbs=BUSY,
)
