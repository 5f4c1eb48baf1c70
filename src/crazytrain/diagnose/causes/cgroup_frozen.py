"""Cause host-pressure/cgroup-frozen."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import ThreadActivity
from crazytrain.model.facts.cgroup import CgroupLimits
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point

RUNS_FROM = 0.02


def cgroup_frozen(limits: CgroupLimits, threads: ThreadActivity | None) -> Claim:
    """Is the guest's control group frozen, so that no thread of it can run?"""
    says = "the guest's control group is frozen: no thread of QEMU runs, and the guest stands still"
    known = [group for group in limits.groups if group.frozen is not None]
    held = limits.frozen
    if held is None:
        return Claim(
            says=says,
            prior=0.02,
            points=(Point("none of its control groups is frozen", limits.refs, 0.01),) if known else (),
        )
    which = "all its threads are" if held.whole else f"{len(held.tids)} of its threads are"
    points = [Point(f"control group {held.path} is frozen, and {which} in it", limits.refs, 1000)]
    if threads and threads.cpu_ratio() >= RUNS_FROM:
        fact = f"its threads took {share(threads.cpu_ratio())} of a CPU within the window: it was frozen or thawed in between"
        points.append(Point(fact, threads.refs, 0.3))
    return Claim(says=says, prior=0.02, points=tuple(points))


CAUSE = Cause(
    slug="cgroup-frozen",
    family=Family.HOST_PRESSURE,
    rank=Rank.SPECIFIC,
    judge=cgroup_frozen,
    absorbs=("monitor-hung", "cpu-contention", "guest-halted-dead", "healthy-idle", "storage-stall", "blocked-sync-io"),
)
