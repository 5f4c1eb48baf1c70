"""Cause guest-clock/slow-clocksource."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.emulated_access import clock_read_points
from crazytrain.diagnose.hpet_signs import hpet_clock_points
from crazytrain.diagnose.looks import look_for
from crazytrain.diagnose.signs import PM_TIMER_PORTS, port_rate, port_share, runs_os
from crazytrain.model.facts import KvmExits, ThreadActivity, VcpuView
from crazytrain.model.facts.clock_setup import ClockState
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.stacks import CpuProfile
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Claim, Family, Point


def slow_clocksource(
    exits: KvmExits | None,
    view: VcpuView | None,
    inside: GuestInside | None,
    clock: ClockState | None,
    threads: ThreadActivity | None,
    profile: CpuProfile | None,
) -> Claim:
    """Does the guest read a slow emulated clock (ACPI PM timer, HPET) all the time?"""
    reads = (*_reads_from_inside(inside), *hpet_clock_points(exits))
    if exits is None and not reads and inside and inside.clock and inside.clock.clocksource in _SLOW:
        reads = clock_read_points(profile, threads, inside.clock.clocksource)
    named = _from_inside(inside) or _from_console(clock)
    if exits is None and not reads:
        return Claim(says=_SAYS, prior=0.01, points=tuple(named), missing=(look_for(KvmExits),), at_most=0.1)
    points = [*(_port_points(exits, view, reads) if exits else ()), *named, *reads]
    return Claim(says=_SAYS, prior=0.03, points=tuple(points))


def _port_points(exits: KvmExits, view: VcpuView | None, reads: tuple[Point, ...]) -> list[Point]:
    """How often the PM timer's port was read. That it was not says nothing of an HPET, which has no port."""
    per_s = port_rate(exits, *PM_TIMER_PORTS)
    part = port_share(exits, *PM_TIMER_PORTS)
    says = f"the ACPI PM timer was read {rate(per_s)}, {share(part)} of all port accesses"
    seen = exits.ports or not any("kvm_pio" in event for event in exits.left_out)  # not shown is not never
    often = per_s >= 2000 and part >= 0.5
    points = [Point(says, exits.refs, 60 if often else 0.01)] if seen and (often or not reads) else []
    if view and per_s >= 2000:
        points.append(_mode_point(view))
    return points


def _reads_from_inside(inside: GuestInside | None) -> tuple[Point, ...]:
    """Whether the guest's kernel spends its time in reading such a device, as the looks at its registers say."""
    found = [one for one in inside.kernel_functions if one.name.startswith(_READERS)] if inside else []
    asks = [one for one in inside.kernel_functions if one.name.startswith(_ASKERS)] if inside else []
    low, part = sum(one.share.low for one in found), sum(one.share.ratio for one in (*found, *asks))
    if inside is None or not found or (low < _READS_FROM and not (asks and part >= _MUCH_FROM)):
        return ()
    where = f"{found[0].name} and {asks[0].name}" if asks else found[0].name
    says = f"{share(part)} of {count(found[0].share.samples, 'look')} at its registers were in {where}: it reads the time from that device"
    return (Point(says, inside.refs, 60 if low >= _MUCH_FROM else 20),)


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


_SAYS = "the guest's clocksource is a slow emulated device (the ACPI PM timer or HPET): each reading of the time leaves guest mode"
_READERS = ("acpi_pm_read", "read_hpet", "hpet_readl", "pit_read", "i8253_read")
# What a program's question for the time goes through where the clock cannot be read without the kernel.
_ASKERS = (
    "posix_get_",
    "put_timespec64",
    "__x64_sys_clock_gettime",
    "__x64_sys_gettimeofday",
    "__ia32_sys_clock_gettime",
)
_READS_FROM, _MUCH_FROM = 0.05, 0.15  # of the looks, at least: it is nothing at all in a guest with a fast clock
_SLOW = ("acpi_pm", "hpet", "pit", "jiffies", "refined-jiffies")

CAUSE = Cause(
    slug="slow-clocksource",
    family=Family.GUEST_CLOCK,
    rank=Rank.SPECIFIC,
    judge=slow_clocksource,
    absorbs=(*BUSY, "pio-poll"),
    either=(KvmExits, GuestInside),
)
