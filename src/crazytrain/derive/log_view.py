"""A log as it is shown: floods one line each, rare lines and those that matter whole, from what was counted."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from crazytrain.derive.log_leases import Renewals, renewals
from crazytrain.derive.log_rare import choose, rare_templates
from crazytrain.derive.log_times import LogTimes
from crazytrain.model.facts.log_templates import LogLineKept, LogTally, LogTemplate
from crazytrain.model.log_view import (
    LOGS_SCHEMA_VERSION,
    FloodView,
    LogAroundView,
    LogJumpView,
    LogLineView,
    LogSourceView,
    LogView,
)

MOST_FLOODS = 12
MOST_LINES = 32
_DAY_S = 86_400
_LEAST_VARIANTS = 3
_VARIES = "<*>"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How to show it. ``floods`` and ``lines``: how many at most, ``None``: all. ``around``: from and until, in the log's seconds.

    ``networks``: libvirt's network of an interface, where it is known.
    """

    tool: str
    times: LogTimes
    sources: tuple[LogSourceView, ...] = ()
    floods: int | None = MOST_FLOODS
    lines: int | None = MOST_LINES
    around: tuple[float, float] | None = None
    networks: Mapping[str, str] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    complete: bool = True


def log_view(tally: LogTally, wish: Wish) -> LogView:
    """What to show of a log."""
    times = wish.times
    rare = rare_templates(tally)
    seldom = {one.number for one in rare}
    floods = _floods(tally, seldom, wish)
    if wish.around:
        floods = tuple(one for one in floods if one.inside)
    lines, left = _lines(tally, rare, wish)
    shown = floods if wish.floods is None else floods[: wish.floods]
    span = tally.span
    return LogView(
        schema_version=LOGS_SCHEMA_VERSION,
        tool=wish.tool,
        sources=wish.sources,
        lines=tally.lines,
        bytes=tally.bytes,
        first=times.shown(span.first_s),
        last=times.shown(span.last_s),
        span_s=None if span.first_s is None or span.last_s is None else span.last_s - span.first_s + span.back_s,
        clock=times.clock(),
        floods=shown,
        other_kinds=len(floods) - len(shown),
        other_lines=sum(one.lines for one in floods[len(shown) :]),
        shown=lines,
        rare_lines=sum(one.count for one in rare),
        matter_lines=sum(one.count for one in tally.templates if one.meaning),
        matters=tally.matter_counts,
        not_shown=left,
        outside=tally.outside,
        jumps=tuple(
            LogJumpView(
                line=j.line, from_time=times.shown(j.from_s), to_time=times.shown(j.to_s), back_s=j.from_s - j.to_s
            )
            for j in span.jumps
        ),
        kinds=len(tally.templates),
        around=_around(tally, wish),
        notes=(*wish.notes, *_notes(tally)),
        complete=wish.complete,
    )


def _around(tally: LogTally, wish: Wish) -> LogAroundView | None:
    if wish.around is None:
        return None
    begin, end = wish.around
    inside = sum(one.inside for one in tally.templates)
    return LogAroundView(from_time=wish.times.shown(begin), until_time=wish.times.shown(end), lines=inside)


def _lines(
    tally: LogTally, rare: Sequence[LogTemplate], wish: Wish
) -> tuple[tuple[LogLineView, ...], tuple[tuple[str, int], ...]]:
    matter: Sequence[LogLineKept] = tally.matter
    counts = sum(number for _, number in tally.matter_counts)
    if wish.around:
        inside = [
            msgspec.structs.replace(one, kept=one.kept_inside, count=len(one.kept_inside)) for one in tally.templates
        ]
        seldom = {one.number for one in rare}
        rare = [one for one in inside if one.number in seldom and one.count]
        matter = [line for one in inside if one.meaning for line in one.kept]
        counts = sum(one.inside for one in tally.templates if one.meaning)
    chosen = choose(rare, matter, counts, wish.lines)
    return tuple(_line(line, more, wish.times) for line, more in chosen.lines), chosen.left


def _line(line: LogLineKept, more: int, times: LogTimes) -> LogLineView:
    return LogLineView(
        line=line.number,
        time=times.shown(line.at_s),
        template=f"T{line.template}",
        text=line.text,
        matters=line.meaning,
        like_it=more,
    )


def _floods(tally: LogTally, seldom: set[int], wish: Wish) -> tuple[FloodView, ...]:
    """Everything that is neither rare nor matters, the largest first."""
    by_number = {one.number: one for one in tally.templates}
    many = [one for one in tally.templates if one.number not in seldom and not one.meaning]
    leases = [one for one in renewals(tally.dhcp, wish.networks) if one.view.renewals > 1]
    numbers = {one.number for one in many}
    rows: list[FloodView] = []
    told: Counter[int] = Counter()
    for one in leases:
        here = {number: count for number, count in one.templates.items() if number in numbers}
        told.update(here)
        if here:
            rows.append(_renewal_row(one, {by_number[number]: count for number, count in here.items()}, tally, wish))
    rest = [
        msgspec.structs.replace(one, count=one.count - told[one.number]) for one in many if one.count > told[one.number]
    ]
    rows += [_row(group, tally, wish) for group in _alike(rest)]
    return tuple(sorted(rows, key=lambda row: -row.lines))


def _alike(many: Sequence[LogTemplate]) -> list[list[LogTemplate]]:
    """Kinds that differ in the same one word, put together where there are several."""
    groups: dict[tuple[str, int, tuple[str, ...]], list[LogTemplate]] = {}
    for one in many:
        for place in range(len(one.words)):
            groups.setdefault((one.program, place, (*one.words[:place], *one.words[place + 1 :])), []).append(one)
    taken: set[int] = set()
    found: list[list[LogTemplate]] = []
    for group in sorted(groups.values(), key=len, reverse=True):
        free = [one for one in group if one.number not in taken]
        if len(free) >= _LEAST_VARIANTS:
            found.append(free)
            taken.update(one.number for one in free)
    return [*found, *([one] for one in many if one.number not in taken)]


def _row(group: Sequence[LogTemplate], tally: LogTally, wish: Wish) -> FloodView:
    first_s, last_s = _ends(one.first_s for one in group), _ends((one.last_s for one in group), last=True)
    most = max(group, key=lambda one: one.burst)
    columns = zip(*(one.words for one in group), strict=True)
    pattern = " ".join(column[0] if len(set(column)) == 1 else _VARIES for column in columns)
    return _flood(
        FloodView(
            templates=tuple(f"T{one.number}" for one in group),
            program=group[0].program,
            pattern=pattern,
            lines=sum(one.count for one in group),
            share=0.0,
            first="",
            last="",
            per_day=None,
            every_s=group[0].gap_s if len(group) == 1 else None,
            burst=most.burst,
            burst_time=wish.times.shown(most.burst_at_s),
            variants=len(group),
            inside=sum(one.inside for one in group) if wish.around else None,
        ),
        (first_s, last_s, max(one.spent_s for one in group)),
        tally,
        wish,
    )


def _renewal_row(one: Renewals, templates: Mapping[LogTemplate, int], tally: LogTally, wish: Wish) -> FloodView:
    most = max(templates, key=lambda template: template.burst, default=None)
    spent_s = max((template.spent_s for template in templates), default=0)
    row = FloodView(
        templates=tuple(f"T{template.number}" for template in templates),
        program=one.program,
        pattern="/".join(one.view.messages) + (f" on {one.view.interface}" if one.view.interface else ""),
        lines=sum(templates.values()),
        share=0.0,
        first="",
        last="",
        per_day=None,
        every_s=one.view.every_s,
        burst=most.burst if most else 0,
        burst_time=wish.times.shown(most.burst_at_s) if most else "",
        dhcp=one.view,
        inside=sum(template.inside for template in templates) if wish.around else None,
    )
    begun = row.lines / one.view.renewals * one.at_once  # the lines of the first renewals: those count no time
    return _flood(row, (one.first_s, one.last_s, spent_s), tally, wish, begun if begun < row.lines else 1)


def _flood(
    row: FloodView, ends: tuple[int | None, int | None, int], tally: LogTally, wish: Wish, begun: float = 1
) -> FloodView:
    """``begun``: how many lines there were at the beginning of its time."""
    first_s, last_s, took_s = ends
    per_day = (row.lines - begun) / took_s * _DAY_S if took_s > 0 and row.lines > 1 else None
    usual = None
    if wish.around and per_day is not None:
        usual = per_day / _DAY_S * (wish.around[1] - wish.around[0])
    return msgspec.structs.replace(
        row,
        share=row.lines / max(1, tally.lines - tally.outside),
        first=wish.times.shown(first_s),
        last=wish.times.shown(last_s),
        per_day=per_day,
        whole=_whole(ends[:2], tally),
        usual_inside=usual,
    )


def _whole(ends: tuple[int | None, int | None], tally: LogTally) -> bool:
    """Whether it went on as long as the log, but for a fiftieth at each end."""
    (first_s, last_s), (begin_s, end_s) = ends, (tally.span.first_s, tally.span.last_s)
    if first_s is None or last_s is None or begin_s is None or end_s is None:
        return False
    slack_s = max(60, (end_s - begin_s) / 50)
    return first_s <= begin_s + slack_s and last_s >= end_s - slack_s


def _ends(seconds: Iterable[int | None], *, last: bool = False) -> int | None:
    known = [one for one in seconds if one is not None]
    return (max(known) if last else min(known)) if known else None


def _are(lines: int) -> str:
    return "1 line is" if lines == 1 else f"{lines:,} lines are"


def _notes(tally: LogTally) -> Iterable[str]:
    if tally.full:
        yield "there are more kinds of lines than are told apart: the rarest of the most varied were put together as <anything>"
    if tally.binary_lines:
        yield f"{_are(tally.binary_lines)} no text, and counted as <no text>"
    if tally.long_lines:
        yield f"{_are(tally.long_lines)} longer than 1 MiB; the beginning of each was read"
    if tally.dhcp_left:
        yield f"more than 2,000 DHCP clients: {tally.dhcp_left:,} lines of the others are not in their figures"
    if tally.span.year_guessed:
        yield "the stamps name no year: it was taken from when the log was written"
    yield from tally.notes
