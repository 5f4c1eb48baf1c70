"""The sentences that answer whether two guests differ in a way that matters, and whether a line is also in the other one."""

from collections.abc import Sequence

from crazytrain.model.difference import Comparison, Difference, Standing
from crazytrain.model.figures import count
from crazytrain.report.diff_words import named, number, of_which, short

NO_DIFFERENCE = "no difference that matters"
_TOLD = 2
_SURELY = (Standing.DIFFERS, Standing.FOLLOWS)


def answer(comparison: Comparison, *, lines: bool = False) -> str:
    """A few sentences. ``lines``: one side is pasted text, so that its lines are what is asked about first."""
    if not comparison.differences:
        return "Nothing can be compared: nothing was seen on both sides."
    told = _lines(comparison) if lines else ""
    first = (_differs(comparison), "") if comparison.notable else (told, _differs(comparison))
    rest = (_nothing(comparison), _times(comparison), _totals(comparison))
    return " ".join(part for part in (*first, *rest) if part)


def _differs(comparison: Comparison) -> str:
    notable = comparison.notable
    if notable:
        first = notable[0]
        told = f"{named(first)}: {short(first, here=True)} here, {short(first, here=False)} there"
        by = f", {first.by}" if first.by else ""
        if len(notable) == 1:
            return f"They differ in one measure that matters, {told}{by}."
        return f"They differ in {len(notable)} measures that matter, first of all in {told}{by}."
    measures = count(len(comparison.differences), "measure")
    unsure = sum(d.standing is Standing.CANNOT_TELL for d in comparison.differences)
    if unsure == len(comparison.differences):
        return f"Nothing that is shown differs: {NO_DIFFERENCE} is seen in {measures}, but too little to exclude one."
    told = f"{NO_DIFFERENCE[:1].upper()}{NO_DIFFERENCE[1:]} in {measures}"
    return f"{told}; in {unsure} of them too little was seen to exclude one." if unsure else f"{told}."


def _nothing(comparison: Comparison) -> str:
    """What differs and says nothing, where nothing else differs."""
    found = comparison.harmless
    if comparison.notable or not found:
        return ""
    reasons = list(dict.fromkeys(d.nothing for d in found))
    told = "; ".join(_of_reason([d for d in found if d.nothing == reason]) for reason in reasons[:_TOLD])
    return f"What differs says nothing: {told}."


def _of_reason(found: Sequence[Difference]) -> str:
    figures = [f"{d.measure} ({short(d, here=True)} here, {short(d, here=False)} there)" for d in found[:_TOLD]]
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return f"{', '.join(figures)}{more}: {found[0].nothing}"


def _lines(comparison: Comparison) -> str:
    """Whether the lines of the one are also in the other: each kind of call, and what looks like an error."""
    alone = [d for d in comparison.differences if _is_kind(d) and not (d.here and d.there)]
    both = [d for d in comparison.differences if _is_kind(d) and d.here and d.there]
    rare = [d for d in alone if d.standing not in _SURELY]
    alone = [d for d in alone if d.standing in _SURELY]
    if alone:
        only = ", ".join(
            f"{named(d)} ({_of_which(d, here=True)} here, {_of_which(d, here=False)} there)" for d in alone[:4]
        )
        return f"Not every line is in both. Only on one side: {only}.{_alarming(comparison)}"
    if not both:
        return ""
    kinds = "every kind of call that one of them shows is in both"
    if rare:
        kinds += f", but for {', '.join(d.measure for d in rare[:_TOLD])}, which came too rarely to tell"
    return f"Yes, such lines are in the other, too: {kinds}.{_alarming(comparison)}"


def _is_kind(d: Difference) -> bool:
    counted = (d.here_count or 0) + (d.there_count or 0) > 0
    return counted and (d.unit == "of_calls" or d.source.startswith("system calls: "))


def _alarming(comparison: Comparison) -> str:
    """What looks like an error and is in both, with how far so few lines can tell how often."""
    found = [d for d in comparison.odd if "EAGAIN" in d.measure and " on " in d.measure]
    if not found:
        return ""
    first = found[0]
    figures = f"{_of_which(first, here=True)} here, {_of_which(first, here=False)} there"
    return f" What looks most like an error, {named(first)}, is {figures}: normal in both, it proves nothing{_within(first)}."


def _of_which(d: Difference, *, here: bool) -> str:
    return of_which(d, here=here) if d.unit == "of_calls" else short(d, here=here)


def _within(d: Difference) -> str:
    """By which factor the one may have it more often than the other, where that is wide."""
    within = d.ratio_range
    if within is None or within.high is None or d.standing is Standing.ALIKE:
        return ""
    return f" (so few lines leave open {number(within.low)} to {number(within.high)} times as often here)"


def _times(comparison: Comparison) -> str:
    if not comparison.no_times:
        return ""
    sides = " and ".join(comparison.no_times)
    return f"The calls {sides} have no times: only shares of all calls can be compared, no rates (strace -f -ttt has times)."


def _totals(comparison: Comparison) -> str:
    """Where one side told less apart, so that only its totals can be compared."""
    threads, descriptors = comparison.no_threads, comparison.no_descriptors
    if not threads and not descriptors:
        return ""
    lacking = " and no ".join(what for what, sides in (("threads", threads), ("descriptors", descriptors)) if sides)
    sides = " and ".join(dict.fromkeys((*threads, *descriptors)))
    whose = " over all threads, as if it had watched them all (strace -f)" if threads else ""
    return f"The calls {sides} name no {lacking}: totals of each call{whose} are compared."
