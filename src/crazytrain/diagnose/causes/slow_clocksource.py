"""Cause guest-clock/slow-clocksource."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import PM_TIMER_PORTS, port_rate, port_share
from crazytrain.model.facts import (
    CpuMode,
    KvmExits,
    VcpuView,
)
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point


def slow_clocksource(exits: KvmExits, view: VcpuView | None) -> Claim:
    """Does the guest read a slow emulated clock (ACPI PM timer) all the time?"""
    per_s = port_rate(exits, *PM_TIMER_PORTS)
    part = port_share(exits, *PM_TIMER_PORTS)
    says = f"the ACPI PM timer was read {rate(per_s)}, {share(part)} of all port accesses"
    points = [Point(says, exits.refs, 60 if per_s >= 2000 and part >= 0.5 else 0.01)]
    if view and per_s >= 2000:
        points.append(_mode_point(view))
    return Claim(
        says="the guest's clocksource is the ACPI PM timer: each reading of the time leaves guest mode",
        prior=0.03,
        points=tuple(points),
    )


def _mode_point(view: VcpuView) -> Point:
    runs_os = any(v.mode in (CpuMode.LONG, CpuMode.PROTECTED) and v.places > 8 for v in view.vcpus)
    if runs_os:
        return Point("the vCPUs run an operating system (protected or long mode, many places)", view.refs, 3)
    return Point(
        "the vCPU stays at a few addresses or in real mode: no operating system keeps time there", view.refs, 0.02
    )


CAUSE = Cause(
    slug="slow-clocksource",
    family=Family.GUEST_CLOCK,
    rank=Rank.SPECIFIC,
    judge=slow_clocksource,
    absorbs=(*BUSY, "pio-poll"),
)
