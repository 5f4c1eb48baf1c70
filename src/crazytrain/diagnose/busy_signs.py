"""Signs that the causes of family guest-busy share."""

from crazytrain.diagnose.signs import AWAKE_HALTED_TO, awake
from crazytrain.model.facts import KvmExits, VcpuActivity, VcpuView
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point


def chosen(view: VcpuView) -> tuple[VcpuActivity, ...]:
    """The vCPU that idles least: the one that the question is about."""
    return tuple(sorted(view.vcpus, key=lambda v: v.halted_ratio)[:1])


def halted_points(view: VcpuView) -> tuple[Point, ...]:
    """Whether a vCPU has idle time, as points for causes that say it has none."""
    if awake(view):
        return (Point(f"a vCPU was halted in less than {share(AWAKE_HALTED_TO)} of the samples", view.refs, 3),)
    least = min((v.halted_ratio for v in view.vcpus), default=1.0)
    return (
        Point(f"every vCPU was halted in at least {share(least)} of the samples: it has idle time", view.refs, 0.02),
    )


def exit_points(exits: KvmExits | None) -> tuple[Point, ...]:
    """Whether it leaves guest mode as seldom as plain computing does."""
    if exits is None or not exits.window_ns:
        return ()
    per_s = exits.per_s(sum(e.count for e in exits.userspace))
    if per_s > 5000:
        return (Point(f"it left guest mode for QEMU {rate(per_s)}: that is no plain computing", exits.refs, 0.05),)
    return (Point(f"few exits to QEMU: {rate(per_s)}", exits.refs, 1.5),)
