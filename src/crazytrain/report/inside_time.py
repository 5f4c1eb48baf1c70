"""What is said of the guest's kernel and of its time."""

import datetime as dt
from collections.abc import Iterator

from crazytrain.model.facts.clock import GuestClock
from crazytrain.model.facts.inside import ClockReading, GuestKernel, InsideReading
from crazytrain.model.facts.inside_view import Clock, InsideView, Pace, TimeProgress
from crazytrain.model.figures import count, span
from crazytrain.report.escape import plain
from crazytrain.report.inside_cells import name
from crazytrain.report.text import Line

_ORDER = (Clock.MONOTONIC, Clock.JIFFIES, Clock.BOOT, Clock.CYCLES)
_FINE = (Pace.MOVES, Pace.ASLEEP, Pace.TOO_SHORT)
_MOST_CLOCKSOURCES = 8
_FAR_NS = 2 * 10**9
_STEP_NS = 1_000_000
_MOST_PAGES = 4
_LAST_SECOND = 253_402_300_799  # of the year 9999


def kernel_lines(kernel: GuestKernel | None) -> Iterator[Line]:
    """Which kernel runs, and how it was found."""
    if kernel is None:
        yield Line("  kernel     not found in the guest's memory", "bad")
        return
    if not kernel.release:
        yield Line(f"  system     {plain(kernel.system, 60)}: {plain(kernel.banner, 200)}")
    else:
        yield Line(f"  kernel     {plain(kernel.system, 60)} {plain(kernel.release, 120)}")
        yield Line(f"             {plain(kernel.version, 160)}", "dim")
    known = f", {count(kernel.symbols, 'symbol')}" if kernel.symbols else ""
    types = f", types from {plain(kernel.types, 20)}" if kernel.types else ", no types"
    kept = ", known from the last time" if kernel.cached else ""
    yield Line(f"             found by {kernel.found_by.value}{known}{types}{kept} ({span(kernel.took_ns)})", "dim")


def kvmclock_lines(clock: GuestClock | None) -> Iterator[Line]:
    """The clock pages that KVM keeps in the guest's RAM, each as it was last, and what speaks against them."""
    latest = {page.address: page for page in clock.pages} if clock else {}
    for page in list(latest.values())[:_MOST_PAGES]:
        flags = "TSC stable" if page.tsc_is_stable else "TSC not stable between vCPUs"
        told = f"{span(page.signed_ns)} at TSC {page.tsc_timestamp:,}, {page.tsc_hz / 1e6:,.3f} MHz, {flags}"
        yield Line(f"  kvmclock   page at {page.address:#x}: {told}", "plain" if page.signed_ns >= 0 else "bad")
        if page.system_time_ns != page.signed_ns:
            yield Line(f"             it has wrapped: the guest reads {span(page.system_time_ns)}", "bad")
        if page.guest_was_stopped:
            yield Line(
                "             KVM says that the guest was stopped, and the guest has not taken note of it", "bad"
            )
    if clock and latest:
        yield from _judged(clock)


def _judged(clock: GuestClock) -> Iterator[Line]:
    """The kvmclock against the host's clocks and against itself."""
    steps = [change for change in clock.changes if abs(change.step_ns) >= _STEP_NS]
    if clock.ahead_ns is not None:
        way = "ahead of" if clock.ahead_ns > 0 else "behind"
        far = abs(clock.ahead_ns) > _FAR_NS
        told = f"{span(abs(clock.ahead_ns))} {way} its own TSC, which {clock.tsc_base}"
        yield Line(f"             {told}; QEMU runs for {span(clock.uptime_ns)}", "bad" if far else "dim")
    for change in steps[:_MOST_PAGES]:
        yield Line(f"             it was STEPPED by {span(change.step_ns)} while it was watched", "bad")
    if clock.drift:
        yield Line(
            f"             drift {clock.drift.ppm:+.1f} ± {clock.drift.uncertain_ppm:.1f} ppm against the host", "dim"
        )


def clock_lines(reading: InsideReading, view: InsideView) -> Iterator[Line]:
    """Uptime, wall clock, clock source."""
    if view.rebooted:
        yield Line("  The guest booted while it was looked at: only what runs now is shown.", "bad")
    if view.uptime_ns is not None:
        booted = f", booted {moment(view.booted_wall_ns)}" if view.booted_wall_ns is not None else ""
        yield Line(f"  up         {span(view.uptime_ns)}{booted}")
    if reading.clock:
        yield Line(f"  clock      {_source(reading.clock)}", "bad" if reading.clock.tsc_unstable else "plain")
        yield from _wall(view)


def _source(clock: ClockReading) -> str:
    others = [name(one) for one in clock.available[:_MOST_CLOCKSOURCES] if one != clock.clocksource]
    parts = [name(clock.clocksource) + (f" (could be {', '.join(others)})" if others else "")]
    if clock.tsc_khz:
        parts.append(f"TSC {clock.tsc_khz / 1000:,.3f} MHz")
    if clock.tsc_unstable is not None:
        parts.append("the guest calls its TSC UNSTABLE" if clock.tsc_unstable else "TSC trusted")
    if clock.hz:
        parts.append(f"{clock.hz} ticks/s")
    return ", ".join(parts)


def _wall(view: InsideView) -> Iterator[Line]:
    ahead, doubt = view.wall_ahead_ns, view.wall_doubt_ns
    if ahead is not None:
        late = ", as of its last tick, which may be old: all its CPUs sleep" if doubt is None else f", ± {span(doubt)}"
        where = "ahead of" if ahead > 0 else "behind"
        told = "as the host's" if abs(ahead) <= (doubt or 0) else f"{span(abs(ahead))} {where} the host's"
        yield Line(f"  wall time  {told}{late}", "bad" if abs(ahead) > _FAR_NS else "plain")
    if view.wall_step_ns is not None:
        yield Line(f"  wall time  was set by {span(view.wall_step_ns)} meanwhile", "bad")


def pace_lines(view: InsideView) -> Iterator[Line]:
    """Whether time moves inside: the monotonic clock, and every other one that goes another way."""
    shown = [one for one in (view.clock(which) for which in _ORDER) if one]
    for one in [x for number, x in enumerate(shown) if number == 0 or x.pace is not shown[0].pace]:
        yield Line(f"  time       {_pace(one)} ({one.clock.value})", "plain" if one.pace in _FINE else "bad")
    wall = view.clock(Clock.REALTIME)
    if wall and wall.pace is Pace.BACK:
        yield Line("  time       realtime: went back", "bad")


def _pace(one: TimeProgress) -> str:
    window = f"in {span(one.host_ns)} of the host's"
    if one.guest_ns is None or one.pace in (Pace.STANDS, Pace.ASLEEP, Pace.TOO_SHORT):
        return f"{one.pace.value}, {window}"
    went = f"{one.pace.value}: {span(one.guest_ns)} {window}"
    if one.ratio is None or one.doubt_ppm is None:
        return went + ", as of the last ticks: a CPU slept, so no pace is told"
    return f"{went}, {one.ratio:.4f} times its pace, ± {one.doubt_ppm / 1e6:.4f}"


def moment(wall_ns: int) -> str:
    """A moment of the host's wall clock, in UTC. A guest's figures may make any of it."""
    seconds = wall_ns / 1e9
    if not 0 <= seconds <= _LAST_SECOND:
        return "at no time that a calendar has"
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
