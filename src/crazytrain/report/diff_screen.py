"""A comparison on one screen: the answer, what differs most, and a line each for the rest."""

from collections.abc import Iterator, Sequence

from crazytrain.model.difference import Comparison, Difference, DiffReport, SideView, Standing
from crazytrain.model.figures import count, share, span
from crazytrain.report.diff_words import amount, factor, short
from crazytrain.report.style import Line, wrapped

LINES = 24
_MEASURE, _FIGURE = 35, 24
_LEAST_ROWS, _MOST_ROWS, _MOST_ODD = 3, 8, 3
_MORE = "--all"


def screen(report: DiffReport, width: int) -> list[Line]:
    """At most ``LINES`` lines, each at most ``width`` wide."""
    answer = Line(report.answer, "bad" if report.comparison.notable else "good")
    head = [*_side("here", report.here), *_side("there", report.there), *_kinds(report), Line("")]
    head += wrapped(answer, width)
    tail = [*_nothing(report.comparison), *_unseen(report.comparison), _last(report)]
    left = LINES - len(head) - len(tail)
    rows = _rows(report.comparison, max(_LEAST_ROWS, min(_MOST_ROWS, left - 3)))
    odd = _odd(report.comparison, max(0, min(_MOST_ODD, left - len(rows) - 3)))
    shown = [*head, *rows, *odd, Line(""), *tail]
    return [cut(line, width) for line in _shortened(shown)]


def _shortened(lines: list[Line]) -> list[Line]:
    """Blank lines go first where it is too long; then what stands last but one."""
    spare = len(lines) - LINES
    for place in [n for n, line in enumerate(lines) if not line.text][: max(0, spare)][::-1]:
        del lines[place]
    while len(lines) > LINES:
        del lines[-2]
    return lines


def cut(line: Line, width: int) -> Line:
    """A line that is too long loses its end."""
    return line if len(line.text) <= width else Line(f"{line.text[: width - 1].rstrip()}…", line.style)


def _side(word: str, side: SideView) -> Iterator[Line]:
    pasted = side.kind == "text"
    seen = f" · {span(side.window_ns)}" if side.window_ns else ""
    case = f" · case {side.case}" if side.case else ""
    sure = f" ({share(side.confidence)})" if side.cause != "unknown" else ""
    yield Line(f"{word:<6} {side.name if pasted else side.about}{seen}", "title")
    yield Line(f"       {side.family}/{side.cause}{sure}{case}", "dim")


def _kinds(report: DiffReport) -> Iterator[Line]:
    if report.other_kind:
        yield Line(f"       not the same {', '.join(report.other_kind)}: read the differences with that in mind", "dim")


def _rows(comparison: Comparison, most: int) -> list[Line]:
    notable = comparison.notable
    if not notable:
        return []
    shown = notable[:most] if len(notable) <= most else notable[: most - 1]
    title = "What differs most, first what brings it about"
    rows = [Line(""), Line(f"{title:<{_MEASURE + 2}} {'here':>{_FIGURE - 8}} {'there':>{_FIGURE}}", "title")]
    rows += [Line(_row(d), "row") for d in shown]
    if len(shown) < len(notable):
        rest = ", ".join(d.measure for d in notable[len(shown) :])
        rows.append(Line(f"  and {len(notable) - len(shown)} more: {rest}", "dim"))
    return rows


def _row(d: Difference) -> str:
    title = (
        d.measure if len(d.measure) <= _MEASURE else f"{d.measure[: _MEASURE // 2]}…{d.measure[-_MEASURE // 2 + 1 :]}"
    )
    here, there = (amount(d, here=side).replace(" to ", "–") for side in (True, False))
    by = factor(d).removesuffix(" less")
    return f"  {title:<{_MEASURE}} {here:>{_FIGURE}} {there:>{_FIGURE}}  {by}".rstrip()


def _odd(comparison: Comparison, most: int) -> list[Line]:
    found = sorted(comparison.odd, key=lambda d: ("EAGAIN" not in d.measure, d.unit != "share", -(d.here + d.there)))
    if not found or most < 1:
        return []
    told = [f"  · {d.measure}: {short(d, here=True)}, {short(d, here=False)} ({d.odd})" for d in found[:most]]
    return [
        Line(""),
        Line("Looks odd, and does not tell them apart (here, there)", "title"),
        *(Line(text) for text in told),
    ]


def _nothing(comparison: Comparison) -> Iterator[Line]:
    alike = sum(d.standing is Standing.ALIKE for d in comparison.differences)
    if found := comparison.harmless:
        figures = (f"{d.measure} ({short(d, here=True)}, {short(d, here=False)}: {d.nothing})" for d in found)
        yield Line(f"Differs, but says nothing: {', '.join(figures)}", "dim")
    unsure = [d for d in comparison.differences if d.standing is Standing.CANNOT_TELL]
    if unsure:
        names = ", ".join(f"{d.measure} ({short(d, here=True)}, {short(d, here=False)})" for d in unsure)
        same = f"{alike} do not differ; " if alike else ""
        yield Line(f"Of the rest {same}too little seen to tell: {names}", "dim")


def _unseen(comparison: Comparison) -> Iterator[Line]:
    for side, other in (("here", "there"), ("there", "here")):
        seen: Sequence[str] = [one.source for one in comparison.unseen if one.side == side]
        if seen:
            yield Line(f"Not looked at {other}, so not compared: {', '.join(seen)}", "dim")


def _last(report: DiffReport) -> Line:
    notes = len(report.notes) + len(report.here.notes) + len(report.there.notes)
    more = f", {count(notes, 'note')}" if notes else ""
    measures = count(len(report.comparison.differences), "measure")
    return Line(f"{measures} compared{more}; intervals hold the true figure 19 times of 20; {_MORE} shows all", "dim")
