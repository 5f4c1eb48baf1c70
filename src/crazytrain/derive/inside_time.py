"""How the guest's clocks went over a window, against the host's: do they move, stand, go back, drift, and how sure that is."""

from collections.abc import Iterator

from crazytrain.derive.inside_shares import tick_ns
from crazytrain.model.facts.inside import ClockReading, InsideProfile, InsideReading
from crazytrain.model.facts.inside_view import Clock, Pace, TimeProgress

# Clocks are as of the guest's last tick. A vCPU that waits for a CPU of the host ticks late, by this much as a rule at most.
_LATE_NS = 200e6
_NEVER_WRAP = ("tsc", "kvm-clock")
_STEPPED_NS = 10**6


def time_progress(first: InsideReading, last: InsideReading, profile: InsideProfile | None) -> tuple[TimeProgress, ...]:
    """Compare each clock that both readings have. Empty where a reading has no clock, or the window no length."""
    was, now = first.clock, last.clock
    if was is None or now is None or now.mono_ns <= was.mono_ns:
        return ()
    slept = not (_worked(first) and _worked(last))
    asleep = slept and not _worked(first) and not _worked(last) and not _ran(profile)
    host_ns = now.mono_ns - was.mono_ns
    tick = tick_ns(last)
    return tuple(_one(clock, spans, host_ns, (tick, slept, asleep)) for clock, spans in _clocks(was, now))


def _worked(reading: InsideReading) -> bool:
    """Whether a CPU had a task at that instant: then a tick was due, and the clocks are fresh."""
    return any(cpu.pid is not None and not cpu.idle for cpu in reading.cpus)


def _ran(profile: InsideProfile | None) -> bool:
    return any(who.pid for who in profile.who) if profile else False


def _clocks(was: ClockReading, now: ClockReading) -> Iterator[tuple[Clock, tuple[int, int | None]]]:
    """Each clock with how far it went: in its own unit, and in ns where that is known."""
    if was.jiffies is not None and now.jiffies is not None:
        went = now.jiffies - was.jiffies
        yield Clock.JIFFIES, (went, round(went * 1e9 / now.hz) if now.hz else None)
    for clock, name in ((Clock.MONOTONIC, "monotonic_ns"), (Clock.BOOT, "boot_ns"), (Clock.REALTIME, "realtime_ns")):
        before, after = getattr(was, name), getattr(now, name)
        if before is not None and after is not None:
            yield clock, (after - before, after - before)
    if was.cycle_last is not None and now.cycle_last is not None and was.clocksource == now.clocksource:
        went = now.cycle_last - was.cycle_last
        yield Clock.CYCLES, (went if went >= 0 or now.clocksource in _NEVER_WRAP else 1, _cycles_ns(went, now))


def _cycles_ns(went: int, now: ClockReading) -> int | None:
    if now.clocksource == "kvm-clock":
        return went  # it counts in ns
    return round(went * 1e6 / now.tsc_khz) if now.clocksource == "tsc" and now.tsc_khz else None


def _one(clock: Clock, spans: tuple[int, int | None], host_ns: int, how: tuple[float, bool, bool]) -> TimeProgress:
    went, guest_ns = spans
    tick, slept, asleep = how
    doubt_ns = 2 * tick + _LATE_NS
    drift = None if slept or guest_ns is None or went < 0 else (guest_ns / host_ns - 1) * 1e6
    doubt = None if drift is None else doubt_ns / host_ns * 1e6
    return TimeProgress(
        clock=clock,
        pace=_stands(host_ns, tick, asleep=asleep) if went == 0 else _pace(went, drift, doubt),
        guest_ns=guest_ns,
        host_ns=host_ns,
        ratio=None if guest_ns is None else guest_ns / host_ns,
        drift_ppm=drift,
        doubt_ppm=doubt,
    )


def _stands(host_ns: int, tick: float, *, asleep: bool) -> Pace:
    if host_ns < 3 * tick + _LATE_NS:
        return Pace.TOO_SHORT
    return Pace.ASLEEP if asleep else Pace.STANDS


def _pace(went: int, drift: float | None, doubt: float | None) -> Pace:
    if went < 0:
        return Pace.BACK
    if drift is None or doubt is None or abs(drift) <= doubt:
        return Pace.MOVES
    return Pace.FAST if drift > 0 else Pace.SLOW


def wall_step_ns(first: InsideReading, last: InsideReading) -> int | None:
    """By how much the guest's wall clock was set between: what it went more than the monotonic one. ``None``: not, or not known."""
    was, now = first.clock, last.clock
    if was is None or now is None:
        return None
    times = (was.realtime_ns, now.realtime_ns, was.monotonic_ns, now.monotonic_ns)
    if None in times:
        return None
    wall_was, wall_now, mono_was, mono_now = (time or 0 for time in times)
    step = (wall_now - wall_was) - (mono_now - mono_was)
    return step if abs(step) >= _STEPPED_NS else None


def rebooted(first: InsideReading, last: InsideReading) -> bool:
    """Whether another kernel runs now: another build, at another place, or one that began to count anew."""
    one, other = first.kernel, last.kernel
    if one and other and (one.text, one.banner) != (other.text, other.banner) and one.text and other.text:
        return True
    was, now = first.clock, last.clock
    if was is None or now is None or None in (was.jiffies, now.jiffies, was.boot_ns, now.boot_ns):
        return False
    return (now.jiffies or 0) < (was.jiffies or 0) and (now.boot_ns or 0) < (was.boot_ns or 0)
