"""Signs that rest on the guest's control groups."""

from crazytrain.model.facts.cgroup import CgroupLimits, GroupUse
from crazytrain.model.figures import share
from crazytrain.model.finding import Point

RAN_OUT_FROM = 0.2  # of its periods: below that a quota is touched now and then, as by any guest that works in bursts
HELD_FROM = 0.05  # of the window


def throttled(limits: CgroupLimits | None) -> GroupUse | None:
    """The group whose quota holds the guest back noticeably, or ``None``."""
    worst = limits.throttled if limits else None
    if (
        worst is None
        or (worst.throttled_periods_ratio or 0.0) < RAN_OUT_FROM
        or (worst.throttled_ratio or 0.0) < HELD_FROM
    ):
        return None
    return worst


def quota_point(limits: CgroupLimits | None, ratio: float) -> tuple[Point, ...]:
    """That a quota holds the guest back, with its figures; nothing where none does."""
    group = throttled(limits)
    if group is None or limits is None:
        return ()
    may = f"may take {group.quota_cpus:g} of a CPU" if group.quota_cpus is not None else "has a quota"
    says = (
        f"its control group {group.path} {may}, ran out of that in {share(group.throttled_periods_ratio or 0)} of its periods "
        f"and was held back {share(group.throttled_ratio or 0)} of the time"
    )
    return (Point(says, limits.refs, ratio),)


def few_cpus_point(limits: CgroupLimits | None) -> tuple[Point, ...]:
    """That the vCPUs may use fewer CPUs than they are; nothing where they may use enough."""
    if limits is None or limits.allowed_cpus is None or limits.allowed_cpus >= limits.vcpu_threads:
        return ()
    says = f"its {limits.vcpu_threads} vCPU threads may use only {limits.allowed_cpus} of the host's CPUs"
    return (Point(says, limits.refs, 2),)
