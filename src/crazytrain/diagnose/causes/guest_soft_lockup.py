"""Cause guest-stuck/guest-soft-lockup."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.inside_signs import function_points, has_panicked
from crazytrain.diagnose.signs import burn_point, is_fresh
from crazytrain.diagnose.starved_signs import starved_lockup_point
from crazytrain.diagnose.stuck_signs import kernel_points
from crazytrain.model.facts import ConsoleLog, HostFacts, LineMeaning, ThreadActivity, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.host import HostCpu
from crazytrain.model.figures import count
from crazytrain.model.finding import Claim, Family, Point

LINE_AT_MOST = 0.7


def guest_soft_lockup(
    threads: ThreadActivity | None,
    console: ConsoleLog,
    view: VcpuView | None,
    inside: GuestInside | None,
    host: HostFacts | None,
    cpu: HostCpu | None,
) -> Claim:
    """Does the guest's kernel itself say that a CPU is stuck?"""
    stuck = (LineMeaning.SOFT_LOCKUP, LineMeaning.RCU_STALL)
    lines = [x for x in console.matter if x.meaning in stuck]
    points = [*([burn_point(threads)] if threads else []), *kernel_points(view)]
    if has_panicked(inside) and inside:
        points.append(Point("the guest's kernel has panicked: that is what came of it", inside.refs, 0.2))
    points += function_points(inside)
    if lines:
        points.append(Point(lines[-1].says, (lines[-1].ref,), 60 if is_fresh(console, lines[-1]) else 3))
        points += starved_lockup_point(host, cpu)
    else:
        points.append(
            Point(f"no lockup or stall within {count(console.lines, 'line')} of the guest's", console.refs, 0.05)
        )
    # A line alone tells of a symptom: what held the CPU up may be outside of the guest.
    at_most = LINE_AT_MOST if threads is None and view is None and inside is None else 0.99
    return Claim(says="a CPU of the guest is stuck in its kernel", prior=0.02, points=tuple(points), at_most=at_most)


CAUSE = Cause(
    slug="guest-soft-lockup",
    family=Family.GUEST_STUCK,
    rank=Rank.SYMPTOM,
    judge=guest_soft_lockup,
    absorbs=("guest-kernel-busy", "software-emulation"),
)
