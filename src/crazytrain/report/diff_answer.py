"""The sentences that answer whether two guests differ in a way that matters."""

from crazytrain.model.difference import Comparison, Difference, Standing
from crazytrain.model.figures import count
from crazytrain.report.diff_words import named, short

NO_DIFFERENCE = "no difference that matters"


def answer(comparison: Comparison) -> str:
    """One or two sentences."""
    if not comparison.differences:
        return "Nothing can be compared: nothing was seen on both sides."
    return " ".join(
        part for part in (_differs(comparison), _kinds(comparison), _same_lines(comparison), _times(comparison)) if part
    )


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


def _kinds(comparison: Comparison) -> str:
    """Of text without times: whether every kind of call is on both sides."""
    kinds = [d for d in comparison.differences if d.unit == "of_calls" and (d.here or d.there)]
    alone = [d for d in kinds if not (d.here and d.there)]
    if not kinds:
        return ""
    if alone:
        return f"Only on one side: {', '.join(_only(d) for d in alone[:4])}."
    return "Every kind of call that one of them shows is in the other, too."


def _only(d: Difference) -> str:
    return f"{named(d)} ({short(d, here=True)} here, {short(d, here=False)} there)"


def _same_lines(comparison: Comparison) -> str:
    """Whether lines that look like errors are in both."""
    lines = [d for d in comparison.odd if "EAGAIN" in d.measure and " on " in d.measure]
    if not lines:
        return ""
    return f"The lines that end in EAGAIN are in both ({', '.join(named(d) for d in lines[:2])}): they prove nothing."


def _times(comparison: Comparison) -> str:
    if not comparison.no_times:
        return ""
    sides = " and ".join(comparison.no_times)
    return f"The calls {sides} have no times, so that their rates cannot be compared, only their shares of all calls."
