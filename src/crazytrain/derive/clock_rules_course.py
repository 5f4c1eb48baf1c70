"""Rules about how a guest's time goes: its kvmclock, its pace, its wall clock; and what of it nobody knows."""

from collections.abc import Iterator

from crazytrain.derive.clock_case import NOW, Seen
from crazytrain.derive.clock_state import BY_AGENT, BY_MEMORY, zone_hours
from crazytrain.model.facts import GuestClock
from crazytrain.model.facts.clock import PvclockPage
from crazytrain.model.facts.clock_setup import Misfit, Remark, WallOffset, Weight
from crazytrain.model.figures import span
from crazytrain.model.finding import Step

_STEP_NS = 1_000_000
_AHEAD_NS = 10 * 10**9
_WALL_NS = 2 * 10**9
_DRIFT_PPM = 500.0  # what NTP may correct by slewing; a sound clock is far below
_OLD_NS = 10**9
_LONGEST_SLEEP_NS = 3600 * 10**9


def kvmclock(seen: Seen) -> Iterator[Misfit]:
    """The clock that KVM gives was moved, or does not fit the age of the guest."""
    pages, page = seen.pages, seen.page
    if pages is None or page is None:
        return
    moved = next(_moved(pages, page), None)
    if moved is None:
        return
    weight, says, why = moved
    yield Misfit(
        slug="kvmclock-moved", weight=weight, says=says, why=why, steps=tuple(_off_kvmclock(seen)), refs=pages.refs
    )


def _moved(pages: GuestClock, page: PvclockPage) -> Iterator[tuple[Weight, str, str]]:
    """What shows that it was moved, the surest first: how grave, what, and why that matters."""
    why = "the host moved the clock of a running guest (migration, restore, suspend): what waits for a time in the guest now waits too long"
    steps = [change for change in pages.changes if abs(change.step_ns) >= _STEP_NS]
    if steps:
        yield Weight.FAULT, f"kvmclock was stepped by {span(steps[-1].step_ns)} while it was watched", why
    if page.signed_ns < 0:
        read = f"the guest reads that as {span(page.system_time_ns)}"
        yield Weight.FAULT, f"kvmclock stands at {span(page.signed_ns)}: {read}", why
    if pages.ahead_ns is not None and pages.ahead_ns > _AHEAD_NS:
        maybe = "it was set forward (migration, restore, suspend), or the guest's TSC was set back: this alone proves neither"
        yield Weight.ADVICE, f"kvmclock is {span(pages.ahead_ns)} ahead of its own TSC", maybe


def _off_kvmclock(seen: Seen) -> Iterator[Step]:
    yield seen.step("see what it does to the guest", "crazytrain why {name}")
    if seen.state.clocksource == "kvm-clock" and "tsc" in seen.state.available:
        yield seen.set("take the guest off it and see whether the fault goes", "clocksource=tsc", harm=NOW)
    yield seen.set_wall


def drift(seen: Seen) -> Iterator[Misfit]:
    """The guest's time goes faster or slower than the host's, beyond doubt and beyond what NTP could mend."""
    best = seen.state.drift
    if best is None or abs(best.ppm) - best.doubt_ppm < _DRIFT_PPM:
        return
    if seen.paused or (seen.argv and seen.argv.value("icount")):
        return
    word = "fast" if best.ppm > 0 else "slow"
    set_meanwhile = " (or its wall clock was set meanwhile: the agent tells no other)" if best.by == BY_AGENT else ""
    yield Misfit(
        slug="drifts",
        weight=Weight.FAULT,
        says=f"its time is {word}: {best.ppm:+,.0f} ± {best.doubt_ppm:,.0f} ppm against the host over {span(best.window_ns)}{set_meanwhile}",
        why="NTP mends up to 500 ppm by slewing; more than that is a clocksource that counts wrongly, or ticks that are lost",
        steps=(
            seen.step("watch it longer, to be sure", "crazytrain clock {name} --for 60"),
            *(
                (seen.set("try another clocksource", f"clocksource={other}", harm=NOW),)
                if (other := next((x for x in ("kvm-clock", "tsc") if x in _others(seen)), ""))
                else ()
            ),
        ),
        refs=best.refs,
    )


def _others(seen: Seen) -> tuple[str, ...]:
    return tuple(one for one in seen.state.available if one != seen.state.clocksource)


def wall(seen: Seen) -> Iterator[Misfit]:
    """The guest's wall clock is not the host's."""
    offset = min(seen.state.wall, key=lambda one: (one.doubt_ns is None, _doubt_ns(one)), default=None)
    if seen.paused or offset is None or abs(offset.ahead_ns) - _doubt_ns(offset) < _WALL_NS:
        return
    doubt = f" (± {span(offset.doubt_ns)})" if offset.doubt_ns is not None else ""
    hours = zone_hours(offset.ahead_ns)
    zone = f", which looks like a time zone ({hours:+g} h)" if hours is not None else ""
    way = "ahead of" if offset.ahead_ns > 0 else "behind"
    yield Misfit(
        slug="wall-clock-off",
        weight=Weight.FAULT,
        says=f"its wall clock is {span(abs(offset.ahead_ns))} {way} the host's{doubt}{zone}",
        why=_why_off(seen),
        steps=(
            seen.step("see whether something keeps its time", "chronyc tracking   # in the guest, or: timedatectl"),
            seen.set_wall,
        ),
        refs=offset.refs,
    )


def _why_off(seen: Seen) -> str:
    why = "nothing in the guest keeps it right (chrony, timesyncd), or it was paused, saved or migrated and nobody told it, or somebody set it"
    if seen.state.tsc_unstable:
        return f"{why}; its kernel has given its TSC up: what it counted wrongly until then stays in its wall clock"
    return why


def _doubt_ns(offset: WallOffset) -> int:
    """A clock that was read as of an old tick may only seem to be behind; none sleeps for an hour without a tick."""
    if offset.doubt_ns is not None:
        return offset.doubt_ns
    return _LONGEST_SLEEP_NS if offset.ahead_ns < 0 else 0


def remarks(seen: Seen) -> Iterator[Remark]:
    """What a real-time clock that differs means."""
    rtc = seen.rtc
    if seen.paused:
        yield Remark("paused", "it does not run just now: its clock stands, and will be behind until something sets it")
    hours = zone_hours(rtc.ahead_s * 1e9) if rtc else None
    if rtc and hours is not None:
        says = f"its RTC is {rtc.ahead_s:+,.0f} s against the host's UTC, a time zone ({hours:+g} h): as set, or as the guest has set it"
        yield Remark("rtc-time-zone", says, (rtc.ref,))
    pages = seen.pages
    if pages and pages.ahead_ns is not None and pages.ahead_ns < -_OLD_NS and not any(kvmclock(seen)):
        says = f"kvmclock is {span(-pages.ahead_ns)} behind its TSC: the guest was paused or saved for so long, which its clock leaves out"
        yield Remark("kvmclock-was-paused", says, pages.refs)


def unknown(seen: Seen) -> Iterator[str]:
    """What nobody knows, and what would tell."""
    if not seen.state.accelerator:
        yield "whether KVM runs the guest: much of what fits depends on it"
    if not seen.state.clocksource and not seen.windows:
        yield "which clocksource the guest uses: let it run qemu-guest-agent, or look as root (its memory), or log its console to a file"
    if not seen.state.system:
        yield "which operating system it runs: what suits Windows does not suit Linux"
    if seen.state.clocksource and not seen.state.available:
        yield "which clocksources it could use: its agent or its memory would tell"
    if seen.state.drift is None:
        read = any(one.by == BY_MEMORY for one in seen.state.sources)
        why = (
            "its CPUs sleep between ticks, so its memory cannot tell; its agent would"
            if read
            else "its agent or its memory would tell"
        )
        yield f"how its time goes against the host's: {why}"
