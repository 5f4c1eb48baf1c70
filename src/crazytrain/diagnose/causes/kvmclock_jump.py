"""Cause guest-clock/kvmclock-jump."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import awake, burn_point
from crazytrain.model.facts import (
    GuestClock,
    PvclockPage,
    ThreadActivity,
    VcpuView,
)
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Clock, Pace
from crazytrain.model.figures import span
from crazytrain.model.finding import Claim, Family, Point

WRAP_FROM = 1 << 63
FAR_OFF_NS = 600 * 10**9
STEP_FROM_NS = 10**9  # what NTP or a new master clock corrects is far below


def kvmclock_jump(
    clock: GuestClock, threads: ThreadActivity | None, view: VcpuView | None, inside: GuestInside | None
) -> Claim:
    """Was the guest's kvmclock stepped, so that the guest waits for a time that does not come?"""
    if not clock.pages:
        says = f"no kvmclock page was found in {clock.searched_bytes >> 20} MiB of the guest's memory"
        return Claim(says="the guest's kvmclock was stepped", prior=0.02, points=(Point(says, clock.refs, 0.3),))
    worst = max(clock.pages, key=lambda p: _off_ns(p, clock))
    points = [_page_point(worst, clock), *_tsc_points(worst, clock), *_step_points(clock), *_from_inside(inside)]
    if threads and _off_ns(worst, clock) > FAR_OFF_NS:
        points.append(_waits_point(threads, view))
    return Claim(
        says="the guest's kvmclock was stepped: what the guest reads as time is far from the time since it was started",
        prior=0.03,
        points=tuple(points),
    )


def _off_ns(page: PvclockPage, clock: GuestClock) -> int:
    """How far the page's time is ahead of what the process can have lived through, or below zero."""
    return -page.signed_ns if page.signed_ns < 0 else max(0, page.signed_ns - clock.uptime_ns)


def _page_point(page: PvclockPage, clock: GuestClock) -> Point:
    where = f"kvmclock page at guest address {page.address:#x}"
    if page.system_time_ns >= WRAP_FROM:
        says = (
            f"{where}: system_time is {page.system_time_ns}, which is {span(page.signed_ns)} wrapped around 64 bits "
            f"({span(page.system_time_ns)} as the guest reads it)"
        )
        return Point(says, clock.refs, 2000)
    if _off_ns(page, clock) > FAR_OFF_NS:
        says = (
            f"{where}: system_time is {span(page.system_time_ns)}, but QEMU runs only for {span(clock.uptime_ns)} "
            "(a migrated or restored guest shows this, too)"
        )
        return Point(says, clock.refs, 6)
    return Point(
        f"{where}: system_time is {span(page.system_time_ns)}, QEMU runs for {span(clock.uptime_ns)}", clock.refs, 0.05
    )


def _tsc_points(worst: PvclockPage, clock: GuestClock) -> Iterator[Point]:
    """What the TSC beside the time says: a migration carries both along, a step only the clock."""
    far = _off_ns(worst, clock) > FAR_OFF_NS
    if clock.ahead_ns is None:
        if far and worst.signed_ns > 0:
            yield Point(
                "the guest's TSC is not of this host or QEMU either: it was migrated or restored", clock.refs, 0.3
            )
        return
    if abs(clock.ahead_ns) <= FAR_OFF_NS:
        return
    way = "ahead of" if clock.ahead_ns > 0 else "behind"
    says = f"system_time is {span(abs(clock.ahead_ns))} {way} the guest's own TSC, which {clock.tsc_base}"
    if clock.ahead_ns < 0 and worst.signed_ns >= 0:
        yield Point(f"{says} (a guest that was paused for so long shows this, too)", clock.refs, 1.5)
    else:
        yield Point(says, clock.refs, 8)


def _step_points(clock: GuestClock) -> Iterator[Point]:
    steps = [change for change in clock.changes if abs(change.step_ns) >= STEP_FROM_NS]
    if steps:
        one = max(steps, key=lambda change: abs(change.step_ns))
        says = f"the clock was stepped by {span(one.step_ns)} while it was watched (page {one.address:#x})"
        yield Point(says, clock.refs, 2000)


def _from_inside(inside: GuestInside | None) -> Iterator[Point]:
    """How the guest's own clock goes: one that was set back waits for the past to be over, and stands meanwhile."""
    clock = inside.view.clock(Clock.MONOTONIC) if inside else None
    ticks = inside.view.clock(Clock.JIFFIES) if inside else None
    if inside is None or clock is None:
        return
    if clock.pace is Pace.BACK:
        yield Point("the guest's monotonic clock went back, which it never may", inside.refs, 200)
    elif clock.pace is Pace.STANDS and ticks is not None and ticks.pace is Pace.MOVES:
        yield Point("the guest's clock stands still while its ticks go on", inside.refs, 20)


def _waits_point(threads: ThreadActivity, view: VcpuView | None) -> Point:
    narrow = [v for v in awake(view) if v.places <= 8]
    if narrow:
        says = f"vCPU {narrow[0].vcpu} never halts and stays at {narrow[0].places} places: it waits in a loop"
        return Point(says, view.refs if view else (), 4)
    return burn_point(threads)


CAUSE = Cause(
    slug="kvmclock-jump",
    family=Family.GUEST_CLOCK,
    rank=Rank.SPECIFIC,
    judge=kvmclock_jump,
    absorbs=(*BUSY, "guest-soft-lockup"),
)
