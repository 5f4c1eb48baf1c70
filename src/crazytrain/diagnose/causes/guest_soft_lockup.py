"""Cause guest-stuck/guest-soft-lockup."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import burn_point
from crazytrain.diagnose.stuck_signs import kernel_points
from crazytrain.model.facts import ConsoleLog, LineMeaning, ThreadActivity, VcpuView
from crazytrain.model.figures import count
from crazytrain.model.finding import Claim, Family, Point


def guest_soft_lockup(threads: ThreadActivity, console: ConsoleLog, view: VcpuView | None) -> Claim:
    """Does the guest's kernel itself say that a CPU is stuck?"""
    stuck = (LineMeaning.SOFT_LOCKUP, LineMeaning.RCU_STALL)
    lines = [x for x in console.matter if x.meaning in stuck]
    points = [burn_point(threads), *kernel_points(view)]
    if lines:
        recent = 60 if console.after_last <= 60 else 3
        points.append(Point(f"the guest's console says: {lines[-1].text}", (lines[-1].ref,), recent))
    else:
        points.append(Point(f"no lockup or stall within {count(console.lines, 'console line')}", console.refs, 0.05))
    return Claim(says="a CPU of the guest is stuck in its kernel", prior=0.02, points=tuple(points))


CAUSE = Cause(
    slug="guest-soft-lockup",
    family=Family.GUEST_STUCK,
    rank=Rank.SYMPTOM,
    judge=guest_soft_lockup,
    absorbs=("guest-kernel-busy", "software-emulation"),
)
