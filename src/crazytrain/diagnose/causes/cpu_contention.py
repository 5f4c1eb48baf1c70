"""Cause host-pressure/cpu-contention."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.cgroup_signs import few_cpus_point, quota_point
from crazytrain.diagnose.inside_signs import ticks
from crazytrain.diagnose.looks import look_for
from crazytrain.diagnose.signs import BURNS_FROM, awake
from crazytrain.model.facts import CpuMode, HostFacts, ThreadActivity, ThreadRole, ThreadUse, VcpuView
from crazytrain.model.facts.cgroup import CgroupLimits
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Pace
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point

DELAY_FROM = 0.35
BLIND_AT_MOST = 0.75
_BARE_TO = 0.05
_RAN_FROM = 0.1
RESTS_TO = 0.75  # of the time running or waiting: a vCPU that still rests gets all its work done, if later


def cpu_contention(
    threads: ThreadActivity,
    host: HostFacts | None,
    limits: CgroupLimits | None,
    view: VcpuView | None,
    inside: GuestInside | None,
) -> Claim:
    """Do the guest's vCPUs wait for a CPU of the host?"""
    known = [t for t in threads.of(ThreadRole.VCPU) if t.delay_ratio is not None]
    says = "the host has not enough CPU for this guest: its vCPUs are runnable but wait"
    quota = quota_point(limits, 300)
    if quota:
        says = "a CPU quota of its control group holds this guest back: its vCPUs are runnable but must wait"
    if not known:
        return Claim(says=says, prior=0.05, points=quota)
    worst = max(known, key=lambda t: t.delay_ratio or 0.0)
    delay = worst.delay_ratio or 0.0
    held = delay >= DELAY_FROM and delay >= 0.7 * worst.cpu_ratio
    waited = worst.cpu_ratio + delay
    fact = f"{worst.label} waited for a CPU {share(delay)} of the time (of {share(waited)} that it wanted)"
    # Some kernels do not count the time of a throttled thread as waiting: beside a quota that ran out, no delay proves nothing.
    against = 1.0 if quota else 0.02
    points = [Point(fact, threads.refs, 150 if held else against), *quota]
    if held:
        points.extend(few_cpus_point(limits))
    if host and host.pressure_cpu_avg10 is not None:
        stalled = host.pressure_cpu_avg10
        points.append(
            Point(f"CPU pressure of the host: {stalled:.0f} % (avg10)", host.refs, 2 if stalled >= 20 else 0.7)
        )
    # That it waits is certain then. That it waits for want of CPUs, and not because it spins, nobody knows who has not looked at it.
    blind = waited >= BURNS_FROM and not quota and inside is None and (view is None or _spins_bare(view))
    return Claim(
        says=says,
        prior=0.05,
        points=tuple(points),
        missing=(look_for(VcpuView),) if blind and view is None else (),
        at_most=BLIND_AT_MOST if blind else 1.0,
        aside=not quota and (waited <= RESTS_TO or _stands(worst, inside)),
    )


def _stands(vcpu: ThreadUse, inside: GuestInside | None) -> bool:
    """Whether it ran for long enough to take a tick, and took none: to wait for a CPU is not all that holds it up."""
    time = ticks(inside)
    return time is not None and time.pace is Pace.STANDS and vcpu.cpu_ratio >= _RAN_FROM


def _spins_bare(view: VcpuView) -> bool:
    """Whether a vCPU that never rests runs no operating system: why it does not rest is the question then, on any host."""
    bare = (CpuMode.REAL, CpuMode.PROTECTED)
    return any(vcpu.mode in bare and vcpu.paging_ratio <= _BARE_TO for vcpu in awake(view))


CAUSE = Cause(
    slug="cpu-contention",
    family=Family.HOST_PRESSURE,
    rank=Rank.PRESSURE,
    judge=cpu_contention,
    absorbs=("cpu-throttled",),
)
