"""Cause healthy/healthy-busy."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.healthy_signs import alarms, own_alarms, share_point
from crazytrain.diagnose.looks import LOOKS
from crazytrain.model.facts import (
    ConsoleLog,
    KvmExits,
    Loops,
    QemuState,
    ThreadActivity,
    VcpuView,
)
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.finding import Claim, Family


def healthy_busy(
    threads: ThreadActivity,
    view: VcpuView | None,
    loops: Loops | None,
    exits: KvmExits | None,
    state: QemuState | None,
    console: ConsoleLog | None,
    inside: GuestInside | None,
) -> Claim:
    """Does the guest work and rest in turn, as healthy guests do?"""
    points = (
        share_point(threads, idle=False),
        *alarms(threads, view, loops, exits, state),
        *own_alarms(console, inside),
    )
    # One that crashes and starts again works and rests in turn, too: somebody has to have seen its vCPUs, or looked inside.
    blind = threads.window_ns > 0 and view is None and inside is None
    return Claim(
        says="healthy: the guest works and rests in turn, and nothing stands out",
        prior=0.5,
        points=points,
        missing=(LOOKS[VcpuView],) if blind else (),
        at_most=0.6 if blind else 0.99,
    )


CAUSE = Cause(slug="healthy-busy", family=Family.HEALTHY, rank=Rank.HEALTHY, judge=healthy_busy)
