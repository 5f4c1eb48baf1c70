"""Cause guest-busy/guest-user-busy."""

from crazytrain.diagnose.busy_signs import account_points, chosen, exit_points, halted_points
from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.inside_signs import task_points, ticks
from crazytrain.diagnose.signs import burn_point
from crazytrain.model.facts import KvmExits, ThreadActivity, VcpuActivity, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Pace
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point


def guest_user_busy(
    threads: ThreadActivity, view: VcpuView | None, exits: KvmExits | None, inside: GuestInside | None
) -> Claim:
    """Does a program in the guest compute?"""
    where = (*_view_points(view),) if view else (*account_points(inside, of_programs=True), *_no_tick(inside))
    points = (burn_point(threads), *where)
    return Claim(
        says="a program inside the guest computes: its vCPU is in user space nearly all the time",
        prior=0.15,
        points=(*points, *exit_points(exits), *task_points(inside)),
    )


def _no_tick(inside: GuestInside | None) -> tuple[Point, ...]:
    """A program that computes lets the guest's ticks through; a kernel that holds them off is none."""
    time = ticks(inside)
    if inside is None or time is None or time.pace is not Pace.STANDS:
        return ()
    return (Point("the guest's count of ticks stands still: no program runs with interrupts off", inside.refs, 0.05),)


def _view_points(view: VcpuView) -> tuple[Point, ...]:
    return (*(_user_point(v, view) for v in chosen(view)), *halted_points(view))


def _user_point(vcpu: VcpuActivity, view: VcpuView) -> Point:
    says = f"vCPU {vcpu.vcpu} was in user space in {share(vcpu.user_ratio)} of {count(vcpu.samples, 'sample')}"
    ratio = 15 if vcpu.user_ratio >= 0.75 else 2 if vcpu.user_ratio >= 0.5 else 0.05
    return Point(says, view.refs, ratio)


CAUSE = Cause(
    slug="guest-user-busy",
    family=Family.GUEST_BUSY,
    rank=Rank.GENERAL,
    judge=guest_user_busy,
    absorbs=("software-emulation",),
    either=(VcpuView, GuestInside),
)
