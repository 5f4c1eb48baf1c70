"""Cause timer-storm/apic-timer-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import TICK_STORM_FROM_PER_S, held_words, unseen
from crazytrain.diagnose.timer_signs import arm_rate, arms, storms_arms
from crazytrain.model.facts import KvmExits, KvmStats, VcpuView
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point


def apic_timer_storm(exits: KvmExits, view: VcpuView | None, stats: KvmStats | None) -> Claim:
    """Is the local APIC's timer armed far too often?"""
    says = "the guest's own timer (local APIC) is armed and fires all the time; each time leaves guest mode"
    used = arms(exits)
    if not used:
        return Claim(says=says, prior=0.02, points=unseen(exits, "kvm_msr", "arming of a timer"))
    vcpus = max(1, len(view.vcpus)) if view else 1
    points = [_arm_point(exits, vcpus), *_injection_points(exits, stats)]
    return Claim(says=says, prior=0.02, points=tuple(points))


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


CAUSE = Cause(
    slug="apic-timer-storm",
    family=Family.TIMER_STORM,
    rank=Rank.SPECIFIC,
    judge=apic_timer_storm,
    absorbs=(*BUSY, "msr-storm", "mmio-poll", "halt-polling"),
)
