"""Cause guest-busy/guest-kernel-busy."""

from crazytrain.diagnose.busy_signs import chosen, exit_points, halted_points
from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import burn_point, panic_line
from crazytrain.model.facts import ConsoleLog, KvmExits, ThreadActivity, VcpuActivity, VcpuView
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point

FEW_PLACES = 12


def guest_kernel_busy(
    threads: ThreadActivity, view: VcpuView, exits: KvmExits | None, console: ConsoleLog | None
) -> Claim:
    """Does the guest's kernel work, in many different places?"""
    points = [burn_point(threads), *(_kernel_point(v, view) for v in chosen(view)), *halted_points(view)]
    if panic_line(console):
        points.append(Point("the guest's console ends in a panic", console.refs if console else (), 0.05))
    return Claim(
        says="the guest's kernel is busy: its vCPU runs many different places in kernel mode",
        prior=0.1,
        points=(*points, *exit_points(exits)),
    )


def _kernel_point(vcpu: VcpuActivity, view: VcpuView) -> Point:
    says = (
        f"vCPU {vcpu.vcpu} was in kernel mode in {share(vcpu.kernel_ratio)} of {count(vcpu.samples, 'sample')}, "
        f"at {count(vcpu.places, 'place')}"
    )
    moving = vcpu.places > FEW_PLACES and vcpu.kernel_ratio >= 0.6
    return Point(says, view.refs, 15 if moving else 0.1)


CAUSE = Cause(
    slug="guest-kernel-busy",
    family=Family.GUEST_BUSY,
    rank=Rank.GENERAL,
    judge=guest_kernel_busy,
    absorbs=("software-emulation",),
)
