"""Cause exit-storm/interrupt-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import EXITS_MATTER_FROM_PER_S, burning_vcpus, held_words
from crazytrain.model.facts import InterruptRates, KvmExits, ThreadActivity, ThreadRole
from crazytrain.model.figures import rate
from crazytrain.model.finding import Claim, Family, Point

STORM_FROM_PER_S = (
    20_000.0  # of the timers behind the old controllers none gets there: the RTC ends at 8,192, KVM's PIT at 5,000
)
_FIRST_PIC, _SECOND_PIC = 0x20, 0xA0
_HELD_MOST = 5.0
_MOSTLY = 0.8


def interrupt_storm(irqs: InterruptRates | None, exits: KvmExits | None, threads: ThreadActivity | None) -> Claim:
    """Does one interrupt line fire without end?"""
    says = "one interrupt line fires far too often"
    answered = _answered_points(exits)
    if irqs is None:
        return Claim(says=says, prior=0.02, points=(*answered, *_cost_points(threads)))
    others = [r for r in irqs.rates if r.irq not in (0, 8)]
    worst = max(others, key=lambda r: r.per_s, default=None)
    if worst is None or (answered and worst.per_s < EXITS_MATTER_FROM_PER_S):
        which = ": one of the lines 8 to 15" if answered and "lines 8" in answered[0].says else ""
        none = () if answered else (Point("no interrupt line but the timers' fired", irqs.refs, 0.05),)
        return Claim(says=says + which, prior=0.02, points=(*answered, *none, *_cost_points(threads)))
    owner = f" ({worst.owner})" if worst.owner else ""
    fact = f"IRQ {worst.irq}{owner} fired {rate(worst.per_s)}"
    ratio = 100 if worst.per_s >= STORM_FROM_PER_S else 3 if worst.per_s >= EXITS_MATTER_FROM_PER_S else 0.05
    if ratio > 1:
        says = f"{says}: IRQ {worst.irq}{owner}"
    return Claim(says=says, prior=0.02, points=(Point(fact, irqs.refs, ratio), *_cost_points(threads)))


def _answered_points(exits: KvmExits | None) -> tuple[Point, ...]:
    """Writes to the old interrupt controllers: a guest ends each interrupt by one. A line that stays up is raised but once."""
    if exits is None or not exits.window_ns:
        return ()
    first, second = (_written_per_s(exits, port) for port in (_FIRST_PIC, _SECOND_PIC))
    if first * exits.unheld(_HELD_MOST) < STORM_FROM_PER_S:
        return ()
    which = " of the lines 8 to 15" if second >= _MOSTLY * first else ""
    says = f"the guest ended {rate(first)} interrupts{which} (port {_FIRST_PIC:#x}), more than any timer there gives{held_words(exits)}"
    return (Point(says, exits.refs, 300),)


def _written_per_s(exits: KvmExits, port: int) -> float:
    return exits.per_s(sum(one.count for one in exits.ports if one.port == port and one.write))


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
    absorbs=(*BUSY, "pio-poll"),
    either=(InterruptRates, KvmExits),
)
