"""Cause healthy/healthy-idle."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.healthy_signs import alarms, own_alarms, servant_alarm, share_point
from crazytrain.diagnose.looks import LOOKS
from crazytrain.diagnose.standing_signs import lifeless
from crazytrain.model.facts import (
    ConsoleLog,
    KvmExits,
    Loops,
    QemuConfig,
    QemuState,
    ThreadActivity,
    VcpuView,
)
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.waits import Waits
from crazytrain.model.finding import Claim, Family


def healthy_idle(
    threads: ThreadActivity,
    view: VcpuView | None,
    loops: Loops | None,
    exits: KvmExits | None,
    state: QemuState | None,
    console: ConsoleLog | None,
    inside: GuestInside | None,
    waits: Waits | None,
    config: QemuConfig | None,
) -> Claim:
    """Does the guest idle, as healthy guests do?"""
    points = (
        share_point(threads, idle=True),
        *alarms(threads, view, loops, exits, state),
        *own_alarms(console, inside),
    )
    still, served = lifeless(waits, config), servant_alarm(threads)
    points = (*points, served) if served else points
    # A guest that hangs idles, too: where nobody has seen its vCPUs, or looked inside, that is as likely as not.
    blind = threads.window_ns > 0 and view is None and inside is None
    return Claim(
        says="healthy: the guest idles, and nothing stands out",
        prior=0.5,
        points=(*points, still) if still else points,
        missing=(LOOKS[VcpuView],) if blind else (),
        at_most=0.6 if blind else 0.99,
    )


CAUSE = Cause(slug="healthy-idle", family=Family.HEALTHY, rank=Rank.HEALTHY, judge=healthy_idle)
