"""Cause host-pressure/cpu-throttled."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.cgroup_signs import quota_point
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.model.facts.cgroup import CgroupLimits
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point


def cpu_throttled(limits: CgroupLimits, threads: ThreadActivity | None) -> Claim:
    """Does a CPU quota of its control group hold the guest back?"""
    says = "a CPU quota holds this guest back: its control group may take only so much, and the guest wants more"
    quota = quota_point(limits, 300)
    if not quota:
        limited = [group for group in limits.groups if group.quota_cpus is not None]
        fact = f"{len(limited)} of its control groups have a CPU quota" if limited else "no CPU quota stands above it"
        rest = " and none ran out of it" if limited else ""
        return Claim(says=says, prior=0.03, points=(Point(fact + rest, limits.refs, 0.02),) if limits.groups else ())
    points = [*quota]
    vcpus = threads.of(ThreadRole.VCPU) if threads else ()
    if threads and vcpus:
        delay = max(thread.delay_ratio or 0.0 for thread in vcpus)
        points.append(
            Point(f"a vCPU waited for a CPU {share(delay)} of the time", threads.refs, 2 if delay >= 0.2 else 1)
        )
    return Claim(says=says, prior=0.03, points=tuple(points))


CAUSE = Cause(
    slug="cpu-throttled",
    family=Family.HOST_PRESSURE,
    rank=Rank.SYMPTOM,
    judge=cpu_throttled,
)
