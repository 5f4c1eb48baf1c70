"""Cause guest-clock/slow-clocksource."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import PM_TIMER_PORTS, port_rate, port_share, runs_os
from crazytrain.model.facts import KvmExits, VcpuView
from crazytrain.model.facts.clock_setup import ClockState
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point


def slow_clocksource(
    exits: KvmExits, view: VcpuView | None, inside: GuestInside | None, clock: ClockState | None
) -> Claim:
    """Does the guest read a slow emulated clock (ACPI PM timer) all the time?"""
    per_s = port_rate(exits, *PM_TIMER_PORTS)
    part = port_share(exits, *PM_TIMER_PORTS)
    says = f"the ACPI PM timer was read {rate(per_s)}, {share(part)} of all port accesses"
    seen = exits.ports or not any("kvm_pio" in event for event in exits.left_out)  # not shown is not never
    points = [Point(says, exits.refs, 60 if per_s >= 2000 and part >= 0.5 else 0.01)] if seen else []
    if view and per_s >= 2000:
        points.append(_mode_point(view))
    points += _from_inside(inside) or _from_console(clock)
    return Claim(
        says="the guest's clocksource is the ACPI PM timer: each reading of the time leaves guest mode",
        prior=0.03,
        points=tuple(points),
    )


def _from_inside(inside: GuestInside | None) -> list[Point]:
    """Which clock the guest's kernel itself says it uses; that it is a slow one does not say that it is read often."""
    clock = inside.clock if inside else None
    if inside is None or clock is None or not clock.clocksource:
        return []
    says = f"the guest's kernel keeps time by {clock.clocksource}"
    return [Point(says, inside.refs, 8 if clock.clocksource in _SLOW else 0.02)]


def _from_console(clock: ClockState | None) -> list[Point]:
    """What the guest's console said of it last, which may have changed since."""
    said = [source for source in (clock.sources if clock else ()) if source.line]
    return [
        Point(f"the guest's console said: {one.line}", one.refs, 4 if one.clocksource in _SLOW else 0.2) for one in said
    ]


def _mode_point(view: VcpuView) -> Point:
    if runs_os(view):
        return Point("the vCPUs run an operating system (protected or long mode, many places)", view.refs, 3)
    return Point(
        "the vCPU stays at a few addresses or in real mode: no operating system keeps time there", view.refs, 0.02
    )


_SLOW = ("acpi_pm", "hpet", "pit", "jiffies", "refined-jiffies")

CAUSE = Cause(
    slug="slow-clocksource",
    family=Family.GUEST_CLOCK,
    rank=Rank.SPECIFIC,
    judge=slow_clocksource,
    absorbs=(*BUSY, "pio-poll"),
)
