"""A guest's clock as text: one screen. First what it goes by and how, then how it is set up, then what fits badly and what to do."""

import textwrap
from collections.abc import Iterator

from crazytrain.model.clock_report import ClockReport
from crazytrain.model.facts.clock_setup import (
    ClockArgv,
    ClockOption,
    ClockXml,
    Drift,
    Misfit,
    SourceSaid,
    WallOffset,
    Weight,
)
from crazytrain.model.facts.host import HostFacts
from crazytrain.model.figures import count, span
from crazytrain.model.finding import Step
from crazytrain.report.escape import plain
from crazytrain.report.inside_time import kvmclock_lines
from crazytrain.report.style import Line, wrapped

WIDTH = 100
_COLUMN = 13
_LABELS = frozenset(
    ("", "clock", "its TSC", "system", "kvmclock", "wall time", "pace", "RTC", "XML", "differs", "QEMU", "host")
)
_FAR_NS = 2 * 10**9
_RTC_DOUBT_S = 1.5
_MOST_LINES, _MOST_SOURCES, _NAME = 24, 8, 40
_WEIGHTS = {Weight.FAULT: "time is wrong", Weight.COST: "time is dear", Weight.ADVICE: "could be safer"}
_OPTIONS = {
    "rtc-base": "RTC begins at",
    "rtc-clock": "RTC follows",
    "rtc-driftfix": "RTC's lost ticks",
    "hpet": "HPET",
    "pit-lost-ticks": "PIT's lost ticks",
    "kvmclock": "kvm-clock",
    "hv-time": "Hyper-V's clock",
    "acpi": "ACPI (and its timer)",
}
_VALUES = {
    ("rtc-driftfix", "slew"): "made up for (slew)",
    ("rtc-driftfix", "none"): "dropped (none)",
    ("pit-lost-ticks", "delay"): "delivered late (delay)",
    ("rtc-clock", "host"): "the host",
    ("rtc-clock", "vm"): "the guest's own time (vm)",
}
_HOST_FLAGS = ("constant_tsc", "nonstop_tsc", "tsc_known_freq", "tsc_reliable", "tsc_scale")


def clock_lines(report: ClockReport, *, width: int = WIDTH) -> tuple[Line, ...]:
    """The report as styled lines."""
    lines = (
        *_title(report),
        *_goes_by(report),
        *_how_it_goes(report),
        *_written(report),
        *_started(report.argv),
        *_host(report.host),
        *_fit(report),
        *_unseen(report),
    )
    return tuple(part for one in lines for part in _wrapped(one, width))


def _wrapped(one: Line, width: int) -> Iterator[Line]:
    """Wrap a line; what follows a label hangs under its text."""
    if one.style in ("command", "row") or len(one.text) <= width or one.text[2:_COLUMN].strip() not in _LABELS:
        yield from wrapped(one, width)
        return
    pieces = textwrap.wrap(one.text[_COLUMN:], max(width - _COLUMN, 20), break_on_hyphens=False)
    for number, text in enumerate(pieces):
        yield Line((" " * _COLUMN if number else one.text[:_COLUMN]) + text, one.style)


def _title(report: ClockReport) -> Iterator[Line]:
    guest, argv = report.guest, report.argv
    traits = [report.state.accelerator.upper() or "accelerator not known", plain(argv.machine, 40) if argv else ""]
    traits.append(plain(guest.manager, 20) if guest.manager != "unknown" else "")
    traits.append(plain(report.status, 40).upper() if report.status not in ("", "running") else "")
    told = ", ".join(one for one in traits if one)
    yield Line(f"{plain(guest.name, 80) or 'guest'} (pid {guest.pid}): {told}", "title")
    misfits = report.fit.misfits
    wrong = any(one.weight is Weight.FAULT for one in misfits)
    goes = (
        f"keeps time by {name(report.state.clocksource)}"
        if report.state.clocksource
        else "its clocksource is not known"
    )
    judged = (
        f"{count(len(misfits), 'thing fits', 'things fit')} badly" if misfits else "nothing is seen that fits badly"
    )
    yield Line(f"  {goes}; {judged}", "bad" if wrong else "verdict")


def name(text: str) -> str:
    """A name that the guest gave, harmless to show."""
    return plain(text, _NAME)


def _goes_by(report: ClockReport) -> Iterator[Line]:
    state = report.state
    told = dict.fromkeys((one.clocksource, one.available if not one.line else ()) for one in state.sources)
    for current, available in told:
        same = [
            one
            for one in state.sources
            if (one.clocksource, one.available if not one.line else ()) == (current, available)
        ]
        yield Line(f"  clock      {_source(current, available)}, {_sayers(same)}")
    tsc = [f"{state.tsc_khz / 1e3:,.3f} MHz"] if state.tsc_khz else []
    if state.tsc_unstable is not None:
        tsc.append("the guest calls it UNSTABLE" if state.tsc_unstable else "the guest trusts it")
    if report.agent and report.agent.tsc_flags:
        tsc.append(" ".join(name(flag) for flag in report.agent.tsc_flags))
    if tsc:
        yield Line(f"  its TSC    {', '.join(tsc)}", "bad" if state.tsc_unstable else "plain")
    if state.system:
        full = report.agent.system_name if report.agent else ""
        yield Line(f"  system     {plain(full, 80) or name(state.system)}, says {state.system_by}")
    yield from kvmclock_lines(report.kvmclock)


def _source(current: str, available: tuple[str, ...]) -> str:
    others = [name(one) for one in available[:_MOST_SOURCES] if one != current]
    return name(current) + (f" (could be {', '.join(others)})" if others else "")


def _sayers(said: list[SourceSaid]) -> str:
    """Who says it; a console said it once, and in which words."""
    if said[0].line:
        return f"said {said[0].by}: {plain(said[0].line, 120)}"
    return f"{'says' if len(said) == 1 else 'say'} {' and '.join(one.by for one in said)}"


def _how_it_goes(report: ClockReport) -> Iterator[Line]:
    for offset in report.state.wall:
        yield _wall(offset)
    for drift in report.state.drifts:
        yield Line(f"  pace       {_pace(drift)}, by {drift.by}")
    if report.rtc:
        same = abs(report.rtc.ahead_s) < _RTC_DOUBT_S
        told = "as the host's UTC" if same else f"{report.rtc.ahead_s:+,.0f} s against the host's UTC"
        yield Line(f"  RTC        {told} (to about a second)")


def _wall(offset: WallOffset) -> Line:
    way = "ahead of" if offset.ahead_ns > 0 else "behind"
    far = abs(offset.ahead_ns) > _FAR_NS + (offset.doubt_ns or 0)
    if offset.doubt_ns is None:
        doubt = ", as of its last tick, which may be old: all its CPUs sleep"
    else:
        doubt = f", ± {span(offset.doubt_ns)}"
    same = offset.doubt_ns is not None and abs(offset.ahead_ns) <= offset.doubt_ns
    told = "as the host's" if same else f"{span(abs(offset.ahead_ns))} {way} the host's"
    return Line(
        f"  wall time  {told}{doubt}, by {offset.by}", "bad" if far and offset.doubt_ns is not None else "plain"
    )


def _pace(drift: Drift) -> str:
    figures = f"{drift.ppm:+,.0f} ± {drift.doubt_ppm:,.0f} ppm over {span(drift.window_ns)}"
    if not drift.is_beyond_doubt:
        return f"as the host's, as far as {span(drift.window_ns)} can tell ({figures})"
    return f"{'fast' if drift.ppm > 0 else 'slow'}: {figures}"


def _written(report: ClockReport) -> Iterator[Line]:
    """Both definitions; where they are the same, once."""
    xmls = report.xml
    if not xmls:
        return
    same = len(xmls) > 1 and not report.pending
    for number, xml in enumerate(xmls[:1] if same else xmls):
        place = f"{xml.place.value} and persistent" if same else xml.place.value
        later = " (from the next full stop and start on)" if number else ""
        yield Line(f"  XML        {place}{later}:")
        yield from _xml(xml)
    if len(xmls) == 1:
        yield Line("             it is transient: there is no persistent definition", "dim")
    for one in report.pending[:_MOST_LINES]:
        told = f"{plain(one.what, 60)}: {plain(one.live, 60)} now, {plain(one.persistent, 60)} then"
        yield Line(f"  differs    {told}", "bad")


def _xml(xml: ClockXml) -> Iterator[Line]:
    for text in xml.section[:_MOST_LINES] or ("(no <clock>)",):
        yield Line(f"             {plain(text, 160)}", "row")
    for text in xml.beside:
        yield Line(f"             {plain(text, 300)}")


def _started(argv: ClockArgv | None) -> Iterator[Line]:
    """What the running QEMU has: what its command line says, and in another line what is a default."""
    if argv is None:
        return
    for words in dict.fromkeys(option.words for option in argv.options if option.said):
        made = "; ".join(_option(option) for option in argv.options if option.words == words)
        yield Line(f"  QEMU       {plain(words, 120)}: {made}")
    defaults = [_defaulted(option) for option in argv.options if not option.said and option.value]
    if defaults:
        yield Line(f"  QEMU       by default: {'; '.join(defaults)}", "dim")
    if argv.kernel_words:
        yield Line(f"  QEMU       its kernel is told: {plain(' '.join(argv.kernel_words), 200)}")
    if argv.incoming:
        yield Line("  QEMU       was started to take a guest that was migrated or saved (-incoming)")


def _option(option: ClockOption) -> str:
    value = _VALUES.get((option.name, option.value), option.value)
    return f"{_OPTIONS.get(option.name, plain(option.name, _NAME))} {plain(value, 60)}"


def _defaulted(option: ClockOption) -> str:
    of = f" ({plain(option.default_of, 60)})" if option.default_of not in ("", "QEMU") else ""
    return _option(option) + of


def _host(host: HostFacts | None) -> Iterator[Line]:
    if host is None:
        return
    others = [one for one in host.clocksources if one != host.clocksource]
    could = f" (could be {', '.join(others)})" if others else ""
    yield Line(f"  host       clocksource {host.clocksource or 'not known'}{could}")
    if host.tsc_flags is not None:
        has = [flag for flag in _HOST_FLAGS if flag in host.tsc_flags]
        lacks = [flag for flag in _HOST_FLAGS[:2] if flag not in host.tsc_flags]
        told = " ".join(has) or "none"
        without = f"; not {' nor '.join(lacks)}" if lacks else ""
        guest = "; it is itself a guest" if host.hypervisor else ""
        yield Line(f"             TSC flags {told}{without}{guest}")


def _fit(report: ClockReport) -> Iterator[Line]:
    fit = report.fit
    if fit.misfits:
        yield Line("")
        yield Line("Fits badly", "title")
    for number, one in enumerate(fit.misfits, 1):
        yield from _misfit(number, one)
    if fit.remarks:
        yield Line("")
        yield Line("As it should be, or no matter" if not fit.misfits else "Only looks odd, or no matter", "title")
        yield from (Line(f"  · {plain(one.says, 400)}") for one in fit.remarks)


def _misfit(number: int, one: Misfit) -> Iterator[Line]:
    yield Line(
        f"  {number}. {plain(one.says, 400)} ({_WEIGHTS[one.weight]})", "bad" if one.weight is Weight.FAULT else "plain"
    )
    yield Line(f"     why: {plain(one.why, 600)}")
    rests = ", ".join(dict.fromkeys(ref.evidence for ref in one.refs))
    if rests:
        yield Line(f"     rests on: {plain(rests, 200)}", "dim")
    for step in one.steps:
        yield from _step(step)


def _step(step: Step) -> Iterator[Line]:
    harm = f" ({plain(step.harm, 200)})" if step.harm else ""
    yield Line(f"     {plain(step.why, 300)}{harm}:", "dim")
    yield Line(f"     $ {plain(step.command, 400)}", "command")


def _unseen(report: ClockReport) -> Iterator[Line]:
    if report.missing or report.fit.unknown:
        yield Line("")
        yield Line("Not known", "title")
    yield from (Line(f"  · {plain(one, 300)}") for one in report.fit.unknown)
    yield from (Line(f"  · {plain(one.what, 60)}: {plain(one.why, 300)}", "dim") for one in report.missing)
