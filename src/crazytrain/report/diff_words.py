"""A difference in words and figures: how much on each side, how sure, by what factor."""

from crazytrain.model.difference import Difference, Range, Standing
from crazytrain.model.figures import count, rate, share

_YES, _NO = "yes", "no"


def amount(d: Difference, *, here: bool) -> str:
    """The figure of one side with the interval that holds it 19 times of 20: ``5,865/s (5,741 to 5,992)``."""
    value, within = (d.here, d.here_range) if here else (d.there, d.there_range)
    if d.unit == "of_calls":
        return _of_calls(d, here=here)
    if d.unit == "state":
        return _YES if value else _NO
    text = share(value) if d.unit == "share" else rate(value)
    return f"{text} ({_within(within, d.unit)})" if within else text


def short(d: Difference, *, here: bool) -> str:
    """The figure alone."""
    value = d.here if here else d.there
    match d.unit:
        case "of_calls":
            return _of_calls(d, here=here)
        case "state":
            return _YES if value else _NO
        case "share":
            return share(value)
    return rate(value)


def _of_calls(d: Difference, *, here: bool) -> str:
    value, seen = (d.here, d.here_count) if here else (d.there, d.there_count)
    total = round((seen or 0) / value) if value else 0
    return f"{seen or 0:,.0f} of {count(total, 'call')}" if total else "none"


def of_which(d: Difference, *, here: bool) -> str:
    """A share of calls, with the interval that holds it 19 times of 20: ``1 of 10 calls (1.8 to 40 %)``."""
    within = d.here_range if here else d.there_range
    told = _of_calls(d, here=here)
    return f"{told} ({_within(within, 'share')} %)" if within else told


def _within(within: Range, unit: str) -> str:
    scale = 100.0 if unit == "share" else 1.0
    low, high = within.low * scale, (within.high or within.low) * scale
    if number(low) == "0":
        return f"to {number(high)}"
    return f"{number(low)} to {number(high)}"


def number(value: float) -> str:
    """A figure without a unit, no longer than it is sure."""
    if value >= 10 or value == 0:
        return f"{value:,.0f}"
    text = f"{value:.1f}"
    return "0" if text == "0.0" else text


def factor(d: Difference) -> str:
    """By what factor the larger one is larger, by its lower bound where the other is 0; empty where that is not known."""
    if d.here == d.there or d.unit == "state":
        return ""
    less = d.here < d.there
    within = _turned(d.ratio_range) if less else d.ratio_range
    ratio = _ratio(d.there, d.here) if less else _ratio(d.here, d.there)
    word = "× less" if less else "×"
    if ratio is None:
        return f"≥ {_whole(within.low)} {word}" if within and within.low > 1 else ""
    return f"{_whole(ratio)} {word}"


def _ratio(top: float, low: float) -> float | None:
    return top / low if low else None


def _turned(within: Range | None) -> Range | None:
    if within is None:
        return None
    return Range(1 / within.high if within.high else 0.0, 1 / within.low if within.low else None)


def _whole(value: float) -> str:
    return number(float(f"{value:.2g}") if value >= 100 else value)


def named(d: Difference) -> str:
    """The measure with what it is called on each side: ``read on signals (fd 17; there fd 10)``."""
    if not d.here_name and not d.there_name:
        return d.measure
    if d.here_name == d.there_name or not d.there_name or not d.here_name:
        return f"{d.measure} ({d.here_name or d.there_name})"
    return f"{d.measure} ({d.here_name} here, {d.there_name} there)"


def odd_sentence(d: Difference) -> str:
    """What looks odd and is in both, with both figures and why it is normal."""
    figures = f"{short(d, here=True)} here, {short(d, here=False)} there"
    return f"{named(d)}: {figures}: {_judged(d)}{_asked(d)} ({d.odd})"


def _asked(d: Difference) -> str:
    """Whether much of it may be our own doing."""
    mine = max(d.here_ours - d.here / 2, d.there_ours - d.there / 2)
    return ", and much of it may be our own asking" if mine > 0 else ""


def _judged(d: Difference) -> str:
    if d.standing is Standing.ALIKE:
        return "normal in both"
    if d.standing is Standing.SAYS_NOTHING:
        return f"normal in both; how often differs, and that says nothing: {d.nothing}"
    if d.standing is Standing.FOLLOWS:
        return "normal in both; how often differs, but nothing that it could follow from does"
    return "normal, and in both; how often differs too little, or was seen too little, to tell"
