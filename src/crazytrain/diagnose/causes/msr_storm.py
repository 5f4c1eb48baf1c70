"""Cause exit-storm/msr-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import held_words, leaving_rate, storms, unseen
from crazytrain.diagnose.timer_signs import arm_rate
from crazytrain.model.facts import KvmExits
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point

EOI_MSRS = (0x80B, 0x40000070)  # x2APIC, Hyper-V


def msr_storm(exits: KvmExits) -> Claim:
    """Do accesses to model-specific registers dominate the exits?"""
    msr = max(exits.msrs, key=lambda m: m.count, default=None)
    says = "the guest accesses model-specific registers all the time; each access leaves guest mode"
    if msr is None:
        return Claim(says=says, prior=0.02, points=unseen(exits, "kvm_msr", "MSR access"))
    every = sum(m.count for m in exits.msrs)
    part = every / max(every, leaving_rate(exits) * exits.window_ns / 1e9)
    name = msr.name or f"MSR {msr.index:#x}"
    way = "writes to" if msr.write else "reads of"
    fact = f"{rate(exits.per_s(msr.count))} {way} {name} ({msr.index:#x}); MSRs are {share(part)} of what was seen{held_words(exits)}"
    storm = storms(exits, msr.count) and part >= 0.4
    points = [Point(fact, exits.refs, 300 if storm else 0.02)]
    if arm_rate(exits) >= 0.25 * exits.per_s(every):
        points.append(Point("they arm timers and end interrupts: a timer storm says more", exits.refs, 0.1))
    elif msr.write and msr.index in EOI_MSRS:
        points.append(Point("it is how interrupts are ended: what interrupts so often says more", exits.refs, 0.02))
    return Claim(says=f"{says} (mostly {name})", prior=0.02, points=tuple(points))


CAUSE = Cause(slug="msr-storm", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=msr_storm, absorbs=BUSY)
