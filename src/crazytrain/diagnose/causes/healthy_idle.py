"""Cause healthy/healthy-idle."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.healthy_signs import IDLE_TO, alarms
from crazytrain.diagnose.signs import (
    vcpu_share,
)
from crazytrain.model.facts import (
    ConsoleLog,
    KvmExits,
    Loops,
    QemuState,
    ThreadActivity,
    VcpuView,
)
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point


def healthy_idle(
    threads: ThreadActivity,
    view: VcpuView | None,
    loops: Loops | None,
    exits: KvmExits | None,
    state: QemuState | None,
    console: ConsoleLog | None,
) -> Claim:
    """Does the guest idle, as healthy guests do?"""
    used = vcpu_share(threads)
    fits = Point(f"the vCPU threads took {share(used)} of a CPU", threads.refs, 4 if used < IDLE_TO else 0.05)
    points = (fits, *alarms(threads, view, loops, exits, state, console))
    return Claim(says="healthy: the guest idles, and nothing stands out", prior=0.5, points=points)


CAUSE = Cause(slug="healthy-idle", family=Family.HEALTHY, rank=Rank.HEALTHY, judge=healthy_idle)
