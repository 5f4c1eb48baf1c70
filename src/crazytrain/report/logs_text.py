"""A log for people: floods one line each, then the lines that matter and the rare ones as they are, harmless to show."""

import re
from collections.abc import Iterator

from crazytrain.model.figures import count, share, size, span
from crazytrain.model.log_view import DhcpView, FloodView, LogLineView, LogView
from crazytrain.report.escape import plain
from crazytrain.report.style import Line

_ZONE = re.compile(r"[+-]\d\d:\d\d$")
_LONGEST = 400
_LONGEST_PATTERN = 110
_MOST_TEMPLATES = 4
_DAY_S = 86_400
_BY_NOW = 4  # a lease so much longer than its renewals tell was set since
_SHOWN_JUMPS = 2
_SHOWN_NOTES = 3
_SHOWN_PROBLEMS = 2


def logs_text(view: LogView) -> Iterator[Line]:
    """The whole answer, a line each; none is wrapped, so that they can be searched."""
    yield from _head(view)
    yield from _floods(view)
    yield from _lines(view)
    yield from _tail(view)


def _head(view: LogView) -> Iterator[Line]:
    names = ", ".join(plain(source.name, 100) for source in view.sources[:3])
    more = f" and {len(view.sources) - 3} more" if len(view.sources) > 3 else ""
    when = f", {_from_to(view.first, view.last)}" if view.first else ", without times"
    took = f" ({span(view.span_s * 1e9)})" if view.span_s else ""
    zone = _ZONE.search(view.first)
    when += f" UTC{zone[0]}" if zone and zone[0] != "+00:00" else " UTC" if zone else ""
    outside = f"; {count(view.outside, 'line')} of them not in the time asked for" if view.outside else ""
    yield Line(f"{names}{more}: {count(view.lines, 'line')}, {size(view.bytes)}{when}{took}{outside}", "title")
    for jump in view.jumps[:_SHOWN_JUMPS]:
        yield Line(_jump(view, jump.line, jump.from_time, jump.to_time, jump.back_s), "bad")
    if len(view.jumps) > _SHOWN_JUMPS:
        yield Line(f"  ... and {len(view.jumps) - _SHOWN_JUMPS} more such falls of the clock: --json lists them", "dim")
    if view.around:
        yield Line(
            f"around: {_from_to(view.around.from_time, view.around.until_time)}: {count(view.around.lines, 'line')}",
            "title",
        )


def _jump(view: LogView, line: int, before: str, after: str, back_s: int) -> str:
    if view.clock.startswith("seconds"):
        return f"  another boot began at line {line:,}, {_short(before)} into the log"
    return f"  the log's clock falls back by {span(back_s * 1e9)} at line {line:,}: from {_short(before)} to {_short(after)}"


def _from_to(first: str, last: str) -> str:
    return f"{_short(first)} to {_short(last)}" if last != first else _short(first)


def _short(time: str) -> str:
    """A time without its zone, which the first line tells."""
    return plain(_ZONE.sub("", time))


def _floods(view: LogView) -> Iterator[Line]:
    if view.floods:
        yield Line("floods, folded (crazytrain logs SOURCE --raw TEMPLATE gives their lines back):", "title")
    for flood in view.floods:
        yield Line(f"  {_flood(flood, view)}", "row")
    if view.other_kinds:
        more = f"{count(view.other_kinds, 'more kind')} of lines, {count(view.other_lines, 'line')} in all"
        yield Line(f"  ... and {more}: --top 0 shows them", "dim")


def _flood(flood: FloodView, view: LogView) -> str:
    numbers = "+".join(flood.templates[:_MOST_TEMPLATES])
    more = f"+{len(flood.templates) - _MOST_TEMPLATES} more" if len(flood.templates) > _MOST_TEMPLATES else ""
    if view.around:
        usual = f" (usually {flood.usual_inside:,.0f} in such a time)" if flood.usual_inside is not None else ""
        return f"{numbers}{more}  {count(flood.inside or 0, 'line')}{usual}  {_what(flood)}"
    head = f"{numbers}{more}  {count(flood.lines, 'line')} ({share(flood.share)})"
    when = [part for part in (_times(flood), _burst(flood)) if part]
    return "; ".join((f"{head}  {flood_words(flood)}", *when))


def flood_words(flood: FloodView) -> str:
    """What it is, how often it comes, and what may be done about it."""
    parts = [part for part in (_rate(flood), _renewal(flood.dhcp) if flood.dhcp else "") if part]
    return f"{_what(flood)}: {', '.join(parts)}" if parts else _what(flood)


def _what(flood: FloodView) -> str:
    pattern = plain(flood.pattern, _LONGEST_PATTERN) or "(empty)"
    program = f"{plain(flood.program, 40)}: " if flood.program and not flood.dhcp else ""
    said_by = f" (said by {plain(flood.program, 40)})" if flood.dhcp and flood.program else ""
    variants = f" [{flood.variants} kinds]" if flood.variants > 1 else ""
    return f"{program}{pattern}{said_by}{variants}"


def _rate(flood: FloodView) -> str:
    if flood.per_day is None:
        return ""
    every = f", every {span(flood.every_s * 1e9)}" if flood.every_s and not flood.dhcp else ""
    return f"{_per(flood.per_day)}{every}"


def _per(per_day: float) -> str:
    """A rate in the largest step of time that keeps it a number of people."""
    if per_day >= 10 * _DAY_S:
        return f"{per_day / _DAY_S:,.0f} a second"
    return f"{per_day:,.0f} a day" if per_day >= 10 else f"{per_day:.2g} a day"


def _renewal(dhcp: DhcpView) -> str:
    if dhcp.every_s is None:
        return ""
    each = f"every {_seconds(dhcp.every_s)}" + (f" by each of {dhcp.clients} clients" if dhcp.clients > 1 else "")
    about = "" if dhcp.lease_said else "about "
    about = "now " if dhcp.lease_s and dhcp.lease_s > _BY_NOW * dhcp.every_s else about
    where = f" on network {plain(dhcp.network, 60)}" if dhcp.network else ""
    lease = f": lease {about}{_seconds(dhcp.lease_s)}{where}" if dhcp.lease_s else ""
    if not dhcp.command or dhcp.then_renewals_per_day is None:
        return each + lease
    lines = f" ({dhcp.then_lines_per_day:,.0f} lines)" if dhcp.then_lines_per_day is not None else ""
    per_client = " by each" if dhcp.clients > 1 else ""
    return f"{each}{lease}; `{plain(dhcp.command, 120)}` would make it {dhcp.then_renewals_per_day:,.0f} a day{per_client}{lines}"


def _seconds(seconds: int) -> str:
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds} s" if seconds < 600 else span(seconds * 1e9)


def _times(flood: FloodView) -> str:
    """When it began and ended, unless that is as long as the log."""
    if not flood.first or flood.whole:
        return ""
    return _from_to(flood.first, flood.last)


def _burst(flood: FloodView) -> str:
    usual = (flood.per_day or 0) / 1440
    if flood.burst < 10 or flood.burst < 5 * usual:
        return ""
    return f"most {flood.burst:,} in one minute, {_short(flood.burst_time)}"


def _lines(view: LogView) -> Iterator[Line]:
    total = view.rare_lines + view.matter_lines
    if view.around:
        yield Line(
            "lines that matter, and rare ones, in that time:"
            if view.shown
            else "nothing rare in that time, and nothing that matters",
            "title",
        )
    elif view.shown:
        rare = f"{count(view.rare_lines, 'rare line')}, {count(view.matter_lines, 'line')} that {'matters' if view.matter_lines == 1 else 'matter'}"
        yield Line(f"lines that matter (!), and rare ones: {rare}", "title")
    elif not total and view.lines:
        yield Line("no line is rare, and none matters", "good")
    for one in view.shown:
        yield _line(one)
    if view.not_shown:
        left = sum(number for _, number in view.not_shown)
        names = ", ".join(f"{plain(name, 40)} {number:,}" for name, number in view.not_shown[:6])
        yield Line(f"  ... and {count(left, 'more line')} ({names}): --top 0 shows them", "dim")


def _line(one: LogLineView) -> Line:
    mark = "!" if one.matters else " "
    more = f"   [and {count(one.like_it, 'line')} like it]" if one.like_it else ""
    return Line(f"{mark} {plain(one.text.rstrip().expandtabs(4), _LONGEST)}{more}", "bad" if one.matters else "row")


def _tail(view: LogView) -> Iterator[Line]:
    if view.matters:
        told = ", ".join(f"{plain(name)} {number:,}" for name, number in view.matters[:10])
        yield Line(f"what matters: {told}", "bad")
    problems = [source.problem for source in view.sources if source.problem]
    for problem in problems[:_SHOWN_PROBLEMS]:
        yield Line(f"note: {plain(problem)}", "dim")
    if len(problems) > _SHOWN_PROBLEMS:
        yield Line(f"note: {len(problems) - _SHOWN_PROBLEMS} more sources were not read whole: --json tells", "dim")
    for note in view.notes[:_SHOWN_NOTES]:
        yield Line(f"note: {plain(note)}", "dim")
    if not view.complete:
        yield Line("note: it was stopped before its end; this is what was counted until then", "bad")
