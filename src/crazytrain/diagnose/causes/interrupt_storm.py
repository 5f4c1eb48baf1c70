"""Cause exit-storm/interrupt-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import EXITS_MATTER_FROM_PER_S
from crazytrain.model.facts import InterruptRates
from crazytrain.model.figures import rate
from crazytrain.model.finding import Claim, Family, Point


def interrupt_storm(irqs: InterruptRates) -> Claim:
    """Does one interrupt line fire without end?"""
    others = [r for r in irqs.rates if r.irq not in (0, 8)]
    worst = max(others, key=lambda r: r.per_s, default=None)
    says = "one interrupt line fires far too often"
    if worst is None:
        return Claim(says=says, prior=0.02, points=(Point("no interrupt line but the timers' fired", irqs.refs, 0.05),))
    owner = f" ({worst.owner})" if worst.owner else ""
    fact = f"IRQ {worst.irq}{owner} fired {rate(worst.per_s)}"
    ratio = 100 if worst.per_s >= 20_000 else 3 if worst.per_s >= EXITS_MATTER_FROM_PER_S else 0.05
    return Claim(says=says, prior=0.02, points=(Point(fact, irqs.refs, ratio),))


CAUSE = Cause(
    slug="interrupt-storm",
    family=Family.EXIT_STORM,
    rank=Rank.SPECIFIC,
    judge=interrupt_storm,
    absorbs=BUSY,
)
