"""Family guest-busy: the guest really works."""

from crazytrain.diagnose.signs import AWAKE_HALTED_TO, awake, burn_point, panic_line
from crazytrain.model.facts import ConsoleLog, KvmExits, ThreadActivity, VcpuActivity, VcpuView
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Claim, Point

FEW_PLACES = 12


def guest_user_busy(threads: ThreadActivity, view: VcpuView, exits: KvmExits | None) -> Claim:
    """Does a program in the guest compute?"""
    points = [burn_point(threads), *(_user_point(v, view) for v in _chosen(view)), *_halted_points(view)]
    return Claim(
        says="a program inside the guest computes: its vCPU is in user space nearly all the time",
        prior=0.15,
        points=(*points, *_exit_points(exits)),
    )


def guest_kernel_busy(
    threads: ThreadActivity, view: VcpuView, exits: KvmExits | None, console: ConsoleLog | None
) -> Claim:
    """Does the guest's kernel work, in many different places?"""
    points = [burn_point(threads), *(_kernel_point(v, view) for v in _chosen(view)), *_halted_points(view)]
    if panic_line(console):
        points.append(Point("the guest's console ends in a panic", console.refs if console else (), 0.05))
    return Claim(
        says="the guest's kernel is busy: its vCPU runs many different places in kernel mode",
        prior=0.1,
        points=(*points, *_exit_points(exits)),
    )


def _chosen(view: VcpuView) -> tuple[VcpuActivity, ...]:
    """The vCPU that idles least: the one that the question is about."""
    return tuple(sorted(view.vcpus, key=lambda v: v.halted_ratio)[:1])


def _user_point(vcpu: VcpuActivity, view: VcpuView) -> Point:
    says = f"vCPU {vcpu.vcpu} was in user space in {share(vcpu.user_ratio)} of {count(vcpu.samples, 'sample')}"
    ratio = 15 if vcpu.user_ratio >= 0.75 else 2 if vcpu.user_ratio >= 0.5 else 0.05
    return Point(says, view.refs, ratio)


def _kernel_point(vcpu: VcpuActivity, view: VcpuView) -> Point:
    says = (
        f"vCPU {vcpu.vcpu} was in kernel mode in {share(vcpu.kernel_ratio)} of {count(vcpu.samples, 'sample')}, "
        f"at {count(vcpu.places, 'place')}"
    )
    moving = vcpu.places > FEW_PLACES and vcpu.kernel_ratio >= 0.6
    return Point(says, view.refs, 15 if moving else 0.1)


def _halted_points(view: VcpuView) -> tuple[Point, ...]:
    if awake(view):
        return (Point(f"a vCPU was halted in less than {share(AWAKE_HALTED_TO)} of the samples", view.refs, 3),)
    least = min((v.halted_ratio for v in view.vcpus), default=1.0)
    return (
        Point(f"every vCPU was halted in at least {share(least)} of the samples: it has idle time", view.refs, 0.02),
    )


def _exit_points(exits: KvmExits | None) -> tuple[Point, ...]:
    if exits is None or not exits.window_ns:
        return ()
    per_s = exits.per_s(sum(e.count for e in exits.userspace))
    if per_s > 5000:
        return (Point(f"it left guest mode for QEMU {rate(per_s)}: that is no plain computing", exits.refs, 0.05),)
    return (Point(f"few exits to QEMU: {rate(per_s)}", exits.refs, 1.5),)
