"""A comparison as text: one screen, or all of it."""

from collections.abc import Iterator

from crazytrain.model.difference import LEAST_PER_S, LEAST_SHARE, NOTABLE_FACTOR, DiffReport, SideView
from crazytrain.model.figures import count, rate, share, span
from crazytrain.report.diff_rows import differing, heading, odd, rest
from crazytrain.report.diff_screen import screen
from crazytrain.report.style import Line, wrapped

WIDTH = 100
_SHOWN_ALL = 1000


def diff_lines(report: DiffReport, *, width: int = WIDTH, full: bool = False) -> tuple[Line, ...]:
    """The comparison as styled lines: one screen, or with ``full`` every measure that differs and all that looks odd."""
    return _all(report, width) if full else tuple(screen(report, width))


def _all(report: DiffReport, width: int) -> tuple[Line, ...]:
    parts = [*_side("here", report.here), *_side("there", report.there), *_kinds(report), Line("")]
    parts += [Line(report.answer, "bad" if report.comparison.notable else "good")]
    parts += [*_differs(report), *_odd(report), *_rest(report), *_tail(report)]
    return tuple(part for one in parts for part in wrapped(one, width))


def diff_text(report: DiffReport, width: int = WIDTH, *, full: bool = False) -> str:
    """The same as plain text."""
    return "\n".join(line.text for line in diff_lines(report, width=width, full=full)) + "\n"


def _side(word: str, side: SideView) -> Iterator[Line]:
    pasted = side.kind == "text"
    seen = f" · {span(side.window_ns)}" if side.window_ns else ""
    yield Line(f"{word:<6} {side.name if pasted else side.about}{seen}", "title")
    if side.case:
        yield Line(f"       case {side.case}", "dim")
    sure = f" ({share(side.confidence)})" if side.cause != "unknown" else ""
    yield Line(f"       {side.family}/{side.cause}{sure}: {side.headline}", "dim")


def _kinds(report: DiffReport) -> Iterator[Line]:
    if report.other_kind:
        yield Line(f"       not the same {', '.join(report.other_kind)}: read the differences with that in mind", "dim")


def _differs(report: DiffReport) -> Iterator[Line]:
    rows = tuple(differing(report.comparison, shown=_SHOWN_ALL))
    if rows:
        yield Line("")
        yield Line(
            "What differs most (in parentheses: the interval that holds the true figure 19 times of 20)", "title"
        )
        yield heading()
        yield from rows


def _odd(report: DiffReport) -> Iterator[Line]:
    rows = tuple(odd(report.comparison, shown=_SHOWN_ALL))
    if rows:
        yield Line("")
        yield Line("Looks odd, and does not tell them apart", "title")
        yield from rows


def _rest(report: DiffReport) -> Iterator[Line]:
    rows = tuple(rest(report.comparison))
    if rows:
        yield Line("")
        yield Line("The rest", "title")
        yield from rows


def _tail(report: DiffReport) -> Iterator[Line]:
    compared = count(len(report.comparison.differences), "measure")
    yield Line(
        f"  {compared} compared. One counts as different from a factor of {NOTABLE_FACTOR:g} and {rate(LEAST_PER_S)} or "
        f"{LEAST_SHARE * 100:.0f} % on, and if two equal guests would show any such difference less than once in 20 times.",
        "dim",
    )
    for note in report.notes:
        yield Line(f"  note: {note}", "dim")
    for word, side in (("here", report.here), ("there", report.there)):
        for note in side.notes:
            yield Line(f"  {word}: {note}", "dim")
