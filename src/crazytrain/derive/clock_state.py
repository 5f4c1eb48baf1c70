"""A guest's clock put together from all ways of knowing it: its agent, its memory, its console; what it goes by, and how well it goes."""

import math
from collections.abc import Iterator

from crazytrain.model.facts import Facts, GuestClock, QemuConfig
from crazytrain.model.facts.clock_setup import (
    AgentClock,
    AgentMoment,
    ClockArgv,
    ClockState,
    ClockXml,
    ConsoleClock,
    Drift,
    SourceSaid,
    WallOffset,
)
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Clock

BY_AGENT, BY_MEMORY, BY_CONSOLE, BY_PAGES = "its agent", "its memory", "its console", "its kvmclock pages"
_LINUX_ONLY = ("kvm-clock", "tsc", "tsc-early", "hpet", "acpi_pm", "jiffies", "refined-jiffies")
_ACCELERATORS = ("kvm", "tcg")


def derive_clock_state(facts: Facts) -> ClockState | None:
    """Put it together; ``None`` where nothing at all is known of the guest's clock."""
    sources = tuple(_sources(facts))
    drifts, wall = tuple(_drifts(facts)), tuple(_wall(facts))
    system, system_by = next(_systems(facts, sources), ("", ""))
    inside = facts.get(GuestInside)
    clock = inside.clock if inside else None
    setup = facts.get(ClockArgv) is not None or facts.get(ClockXml) is not None
    if not (sources or drifts or wall or system or setup):
        return None
    return ClockState(
        sources=sources,
        system=system,
        system_by=system_by,
        accelerator=_accelerator(facts),
        tsc_unstable=_unstable(facts),
        tsc_khz=clock.tsc_khz if clock else None,
        drifts=drifts,
        wall=wall,
        refs=tuple(dict.fromkeys(ref for one in sources for ref in one.refs)),
    )


def _sources(facts: Facts) -> Iterator[SourceSaid]:
    """What is believed most comes first: who runs in the guest now, then what lies in its memory, then what it once printed."""
    agent, inside, console = facts.get(AgentClock), facts.get(GuestInside), _console(facts)
    if agent and agent.clocksource:
        yield SourceSaid(by=BY_AGENT, clocksource=agent.clocksource, available=agent.available, refs=agent.refs)
    if inside and inside.clock and inside.clock.clocksource:
        clock = inside.clock
        yield SourceSaid(
            by=BY_MEMORY,
            clocksource=clock.clocksource,
            available=clock.available,
            refs=inside.last.refs or inside.refs[:1],
        )
    if console and console.clocksource:
        yield SourceSaid(by=BY_CONSOLE, clocksource=console.clocksource, line=console.line, refs=console.refs[:1])


def _console(facts: Facts) -> ConsoleClock | None:
    """What the console said last that names a clocksource; else what it said last."""
    told = facts.all(ConsoleClock)
    return next((one for one in reversed(told) if one.clocksource), told[-1] if told else None)


def _systems(facts: Facts, sources: tuple[SourceSaid, ...]) -> Iterator[tuple[str, str]]:
    """The guest's operating system by every way of knowing it, the surest first."""
    agent, inside, argv = facts.get(AgentClock), facts.get(GuestInside), facts.get(ClockArgv)
    if agent and agent.system:
        yield ("windows" if agent.system == "mswindows" else _unix(agent.system)), BY_AGENT
    if sources and sources[0].clocksource in _LINUX_ONLY:
        yield "linux", sources[0].by
    kernel = inside.last.kernel if inside else None
    if kernel and kernel.system and kernel.system != "unknown":
        yield kernel.system.lower(), BY_MEMORY
    for xml in facts.all(ClockXml):
        if xml.system:
            yield _of_libosinfo(xml.system), "its XML's metadata"
        if xml.direct_boot:
            yield "linux", "its XML, which boots a Linux kernel directly"
    if argv and argv.kernel_words:
        yield "linux", "its command line, which boots a Linux kernel directly"


def _unix(name: str) -> str:
    return name if "bsd" in name or name in ("solaris", "macos", "darwin") else "linux"


def _of_libosinfo(name: str) -> str:
    """``http://microsoft.com/win/10``, ``http://debian.org/debian/12``."""
    low = name.lower()
    if "microsoft.com" in low:
        return "windows"
    return next((one for one in ("freebsd", "openbsd", "netbsd", "apple.com") if one in low), "linux")


def _accelerator(facts: Facts) -> str:
    argv, config = facts.get(ClockArgv), facts.get(QemuConfig)
    told = (argv.accelerator if argv else "", config.accelerator.value if config else "")
    xml = next((one.accelerator for one in facts.all(ClockXml)), "")
    return next((one for one in (*told, xml) if one in _ACCELERATORS), "")


def _unstable(facts: Facts) -> bool | None:
    """What the guest thinks of its TSC: by its memory, else by what it printed since it booted."""
    inside, console = facts.get(GuestInside), _console(facts)
    if inside and inside.clock and inside.clock.tsc_unstable is not None:
        return inside.clock.tsc_unstable
    return True if console and console.unstable else None


def _drifts(facts: Facts) -> Iterator[Drift]:
    inside, pages, agent = facts.get(GuestInside), facts.get(GuestClock), facts.get(AgentClock)
    mono = inside.view.clock(Clock.MONOTONIC) if inside else None
    if inside and mono and mono.drift_ppm is not None and mono.doubt_ppm is not None:
        yield Drift(
            by=BY_MEMORY, ppm=mono.drift_ppm, doubt_ppm=mono.doubt_ppm, window_ns=mono.host_ns, refs=inside.refs
        )
    if pages and pages.drift:
        host_ns = sum(change.host_ns for change in pages.changes if change.address == pages.drift.address)
        yield Drift(
            by=BY_PAGES, ppm=pages.drift.ppm, doubt_ppm=pages.drift.uncertain_ppm, window_ns=host_ns, refs=pages.refs
        )
    if agent:
        yield from _agents_drift(agent)


def _agents_drift(agent: AgentClock) -> Iterator[Drift]:
    """The best reading of the window's beginning against the best of its end. The agent only tells the wall clock: one that is set
    meanwhile goes fast or slow by that.
    """
    if len(agent.moments) < 2:
        return
    middle_ns = (agent.moments[0].before_ns + agent.moments[-1].after_ns) // 2
    first = _best([one for one in agent.moments if one.after_ns <= middle_ns])
    last = _best([one for one in agent.moments if one.before_ns > middle_ns])
    if first is None or last is None:
        return
    host_ns = last.before_ns + last.doubt_ns - first.before_ns - first.doubt_ns
    guest_ns = last.guest_ns - first.guest_ns
    if host_ns > 0:
        yield Drift(
            by=BY_AGENT,
            ppm=(guest_ns / host_ns - 1) * 1e6,
            doubt_ppm=(first.doubt_ns + last.doubt_ns) / host_ns * 1e6,
            window_ns=host_ns,
            refs=agent.refs,
        )


def _best(moments: list[AgentMoment]) -> AgentMoment | None:
    return min(moments, key=lambda one: one.doubt_ns, default=None)


def _wall(facts: Facts) -> Iterator[WallOffset]:
    agent, inside = facts.get(AgentClock), facts.get(GuestInside)
    best = _best(list(agent.moments)) if agent else None
    if agent and best:
        yield WallOffset(by=BY_AGENT, ahead_ns=best.ahead_ns, doubt_ns=best.doubt_ns, refs=agent.refs)
    if inside and inside.view.wall_ahead_ns is not None:
        yield WallOffset(
            by=BY_MEMORY, ahead_ns=inside.view.wall_ahead_ns, doubt_ns=inside.view.wall_doubt_ns, refs=inside.last.refs
        )


def zone_hours(ahead_ns: float, near_ns: float = 120e9) -> float | None:
    """Which time zone an offset looks like, in hours and quarters of them; ``None`` where it is none, or too small for one.

    >>> zone_hours(7200.4e9), zone_hours(5e9), zone_hours(4000e9)
    (2.0, None, None)
    """
    quarters = ahead_ns / 900e9
    near = math.floor(quarters + 0.5)
    if near == 0 or abs(near) > 56 or abs(quarters - near) * 900e9 > near_ns:
        return None
    return near / 4
