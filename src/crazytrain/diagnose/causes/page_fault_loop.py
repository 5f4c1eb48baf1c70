"""Cause exit-storm/page-fault-loop."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import storms, unseen
from crazytrain.model.facts import KvmExits, KvmStats, VcpuView
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Claim, Family, Point

_MOSTLY = 0.5


def page_fault_loop(exits: KvmExits, stats: KvmStats | None, view: VcpuView | None) -> Claim:
    """Does the guest fault at the same page again and again, and nothing fixes it?"""
    says = "the guest faults at one page of its memory again and again, and nothing that KVM does fixes it"
    worst = max(exits.faults, key=lambda fault: fault.count, default=None)
    if worst is None or not exits.window_ns:
        return Claim(
            says=says, prior=0.01, points=unseen(exits, "kvm_page_fault", "page fault") if exits.window_ns else ()
        )
    part = worst.count / sum(fault.count for fault in exits.faults)
    per_s = exits.per_s(worst.count)
    fact = f"{rate(per_s)} page faults at guest address {worst.page:#x}: {share(part)} of all"
    storm = storms(exits, worst.count) and part >= _MOSTLY
    points = [Point(fact, exits.refs, 150 if storm else 0.02)]
    if any(use.page == worst.page and use.count >= 0.5 * worst.count for use in exits.mmio):
        points.append(Point("the page is a device's: each access is emulated, which says more", exits.refs, 0.02))
    points.extend(_fixed(stats))
    if view and storm and any(v.places <= 2 for v in view.vcpus):
        points.append(Point(f"a vCPU stays at {count(1, 'instruction')} or two", view.refs, 3))
    return Claim(says=f"{says} ({worst.page:#x})", prior=0.01, points=tuple(points))


def _fixed(stats: KvmStats | None) -> tuple[Point, ...]:
    """Whether faults get fixed: a guest that touches new memory faults often, but each time elsewhere."""
    taken, fixed = (stats.per_s("pf_taken"), stats.per_s("pf_fixed")) if stats else (None, None)
    if stats is None or taken is None or fixed is None or taken < 100:
        return ()
    says = f"KVM took {rate(taken)} page faults and fixed {rate(fixed)}"
    return (Point(says, stats.refs, 4 if fixed < 0.2 * taken else 0.3),)


CAUSE = Cause(slug="page-fault-loop", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=page_fault_loop, absorbs=BUSY)
