"""The rows of a comparison, as ``diff`` and ``why`` show them: what differs, what only looks odd, what nobody can tell."""

from collections.abc import Iterator, Sequence

from crazytrain.model.difference import Comparison, Difference, Standing, Unseen
from crazytrain.report.diff_words import amount, factor, named, odd_sentence, short
from crazytrain.report.style import Line

SHOWN = 8
SHOWN_ODD = 5
_NAMES = 10
_MEASURE = 38
_FIGURE = 25


def differing(comparison: Comparison, *, shown: int = SHOWN, ranges: bool = True, names: bool = True) -> Iterator[Line]:
    """What differs in a way that matters, the most first."""
    notable = comparison.notable
    for d in notable[:shown]:
        yield Line(_row(d.measure, *_figures(d, ranges=ranges)), "row")
        yield from (Line(f"      {text}", "dim") for text in _more(d, names=names))
    if len(notable) > shown:
        yield Line(f"  and {len(notable) - shown} more: {_names(notable[shown:])}", "dim")


def heading() -> Line:
    """What stands above the rows."""
    return Line(_row("", "here", "there", ""), "dim")


def _row(title: str, here: str, there: str, by: str) -> str:
    return f"  {title:<{_MEASURE}} {here:>{_FIGURE}} {there:>{_FIGURE}}  {by}".rstrip()


def _figures(d: Difference, *, ranges: bool) -> tuple[str, str, str]:
    write = amount if ranges else short
    return write(d, here=True), write(d, here=False), factor(d)


def _more(d: Difference, *, names: bool) -> Iterator[str]:
    """What there is to say of it beside figures."""
    if d.by:
        yield d.by
    if names and named(d) != d.measure:
        yield (
            f"{d.here_name} here, {d.there_name} there" if d.here_name and d.there_name else d.here_name or d.there_name
        )
    if d.odd:
        yield f"normal in itself, only how often differs: {d.odd}"


def odd(comparison: Comparison, *, shown: int = SHOWN_ODD) -> Iterator[Line]:
    """What looks odd, is normal, and is in both. What is seen most often comes first, EAGAIN before all, then shares of time."""
    found = sorted(comparison.odd, key=lambda d: ("EAGAIN" not in d.measure, d.unit != "share", -(d.here + d.there)))
    for d in found[:shown]:
        yield Line(f"  · {odd_sentence(d)}")


def rest(comparison: Comparison) -> Iterator[Line]:
    """What does not differ, what cannot be told, and what only one side has looked at."""
    plain = [d for d in comparison.differences if not d.notable and not d.odd and (d.here or d.there)]
    same = [d for d in plain if d.standing is Standing.ALIKE]
    unsure = [d for d in plain if d.standing is Standing.CANNOT_TELL]
    alone = [d for d in plain if d.standing is Standing.FOLLOWS]
    if nothing := comparison.harmless:
        yield Line(f"  differs, but says nothing: {_reasons(nothing)}", "dim")
    if same:
        yield Line(f"  does not differ in a way that matters: {_names(same)}", "dim")
    if unsure:
        yield Line(f"  too little was seen to tell: {_names(unsure, figures=True)}", "dim")
    if alone:
        yield Line(f"  differs, but nothing that it could follow from does: {_names(alone, figures=True)}", "dim")
    for side, other in (("here", "there"), ("there", "here")):
        seen = [one for one in comparison.unseen if one.side == side]
        if seen:
            yield Line(f"  not looked at {other}, so not compared: {', '.join(_unseen(one) for one in seen)}", "dim")


def _reasons(found: Sequence[Difference]) -> str:
    """Figures of what says nothing, those of one reason together."""
    by_reason: dict[str, list[Difference]] = {}
    for d in found:
        by_reason.setdefault(d.nothing, []).append(d)
    return "; ".join(f"{_names(some, figures=True)}: {reason}" for reason, some in by_reason.items())


def _unseen(one: Unseen) -> str:
    return f"{one.source} ({', '.join(one.measures[:2])})" if one.measures else one.source


def _names(found: Sequence[Difference], *, figures: bool = False) -> str:
    more = f" and {len(found) - _NAMES} more" if len(found) > _NAMES else ""
    told = (f"{d.measure} ({short(d, here=True)}, {short(d, here=False)})" if figures else d.measure for d in found)
    return ", ".join(list(told)[:_NAMES]) + more
