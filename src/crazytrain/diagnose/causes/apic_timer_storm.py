"""Cause timer-storm/apic-timer-storm."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import TICK_STORM_FROM_PER_S, held_words, unseen
from crazytrain.diagnose.timer_signs import ARMS_STORM_FROM_PER_S, arm_rate, arms, own_ticks, storms_arms, storms_ticks
from crazytrain.model.facts import KvmExits, KvmStats, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point


def apic_timer_storm(
    exits: KvmExits | None, view: VcpuView | None, stats: KvmStats | None, inside: GuestInside | None
) -> Claim:
    """Is the local APIC's timer armed far too often?"""
    fired = tuple(_fired(inside))
    storms = any(point.ratio > 1 for point in fired)
    if exits and not arms(exits) and (ticks := _periodic_points(exits, view)):
        return Claim(says=_SAYS, prior=0.02, points=(*ticks, *fired))
    if exits is None or not arms(exits):
        unarmed = unseen(exits, "kvm_msr", "arming of a timer") if exits and not storms else ()
        return Claim(says=_SAYS, prior=0.02, points=(*unarmed, *fired))
    vcpus = max(1, len(view.vcpus)) if view else 1
    points = [_arm_point(exits, vcpus), *_injection_points(exits, stats), *fired]
    return Claim(says=_SAYS, prior=0.02, points=tuple(points))


def _periodic_points(exits: KvmExits, view: VcpuView | None) -> tuple[Point, ...]:
    """A timer that was armed once, to fire again and again. With several vCPUs it may as well be what they send each other."""
    ticks = own_ticks(exits)
    if ticks is None or not storms_ticks(exits, ticks):
        return ()
    says = (
        f"local APICs took vector {ticks.vector:#x} {rate(exits.per_s(ticks.count))}{held_words(exits)}, which no interrupt "
        "line and no message of a device brought: it is their own timer's"
    )
    return (Point(says, exits.refs, 250 if view and len(view.vcpus) == 1 else 15),)


def _fired(inside: GuestInside | None) -> Iterator[Point]:
    """How often the guest's own kernel says that its timer rang, on the CPU where it did most."""
    rang = [cpu for cpu in inside.view.cpus if cpu.timer_irqs_per_s is not None] if inside else []
    if inside is None or not rang:
        return
    most = max(rang, key=lambda cpu: cpu.timer_irqs_per_s or 0.0)
    per_s = most.timer_irqs_per_s or 0.0
    says = f"inside the guest, CPU {most.cpu} took {rate(per_s)} interrupts of its own timer"
    if per_s >= ARMS_STORM_FROM_PER_S:
        yield Point(says, inside.refs, 300)
    else:
        yield Point(says, inside.refs, 0.05 if per_s < TICK_STORM_FROM_PER_S else 1)


def _arm_point(exits: KvmExits, vcpus: int) -> Point:
    per_s = arm_rate(exits)
    top = max(arms(exits), key=lambda m: m.count)
    part = sum(m.count for m in arms(exits)) / sum(m.count for m in exits.msrs)
    each = f", {rate(per_s / vcpus)} per vCPU" if vcpus > 1 else ""
    says = f"{top.name or hex(top.index)} was written {rate(per_s)}{each}: {share(part)} of all MSR accesses{held_words(exits)}"
    if part < 0.25:
        return Point(says, exits.refs, 0.1)
    if storms_arms(exits, vcpus):
        return Point(says, exits.refs, 300)
    return Point(says, exits.refs, 12 if per_s / vcpus >= TICK_STORM_FROM_PER_S else 0.02)


def _injection_points(exits: KvmExits, stats: KvmStats | None) -> tuple[Point, ...]:
    """A timer that is armed for later each time, and never fires, is no storm but a busy scheduler."""
    injected = stats.per_s("irq_injections") if stats else None
    if injected is None or stats is None:
        return ()
    says = f"KVM injected {rate(injected)} interrupts"
    return (Point(says, stats.refs, 1.5 if injected >= 0.5 * arm_rate(exits) else 0.7),)


_SAYS = "the guest's own timer (local APIC) is armed and fires all the time; each time leaves guest mode"

CAUSE = Cause(
    slug="apic-timer-storm",
    family=Family.TIMER_STORM,
    rank=Rank.SPECIFIC,
    judge=apic_timer_storm,
    absorbs=(*BUSY, "msr-storm", "mmio-poll", "halt-polling"),
    either=(KvmExits, GuestInside),
)
