"""How sure two figures are, and how sure it is that they differ: counts, shares of time, shares of samples."""

import math

import msgspec

from crazytrain.derive.compare_tails import beta_at, beta_share, gamma_at, student_at, student_beyond
from crazytrain.model.difference import Range
from crazytrain.model.measure import Amount, Events, Part, Sampled, Spread

_OUTSIDE = 0.05  # of an interval, both ends together
_NORMAL_AT = 1.959964
_LEAST_KNOWN = 1e-12
# Where a window could not be divided, counts are taken to vary this much more than chance has it: calls come in bursts.
UNKNOWN_SPREAD = 2.0


class Contrast(msgspec.Struct, frozen=True):
    """Two figures beside each other: how often equal guests would differ as much (``None``: not testable), and here / there."""

    chance: float | None
    ratio: Range | None


def value(amount: Amount) -> float:
    """The figure: a rate per second, a share of time, a share of samples."""
    match amount:
        case Events():
            return amount.count * 1e9 / amount.window_ns if amount.window_ns else amount.count
        case Part():
            return amount.share
        case Sampled():
            return amount.hits / amount.samples if amount.samples else 0.0


def widening(*spreads: Spread) -> float:
    """By how much counts vary more than chance has it, from all parts of both windows; never less than 1.

    An estimate from few parts is itself uncertain: Student's t instead of a normal distribution widens for that.
    """
    freedom = sum(spread.freedom for spread in spreads)
    if freedom < 2:
        return UNKNOWN_SPREAD
    factor = sum(spread.factor * spread.freedom for spread in spreads) / freedom
    return max(1.0, factor) * (student_at(freedom) / _NORMAL_AT) ** 2


def interval(amount: Amount) -> Range:
    """The interval that holds the true figure 19 times of 20."""
    match amount:
        case Events():
            return _rate_interval(amount)
        case Part():
            wide = amount.error * (student_at(amount.freedom) if amount.freedom else _NORMAL_AT)
            return Range(max(0.0, amount.share - wide), amount.share + wide)
        case Sampled():
            return _wilson(amount)


def _rate_interval(events: Events) -> Range:
    """Garwood's exact interval of a Poisson mean, of the count divided by its overdispersion."""
    wider = widening(events.spread)
    counted = events.count / wider
    per_s = wider * 1e9 / (events.window_ns or 1_000_000_000)
    low = gamma_at(counted, _OUTSIDE / 2) * per_s if counted > 0 else 0.0
    return Range(low, gamma_at(counted + 1, 1 - _OUTSIDE / 2) * per_s)


def _wilson(sampled: Sampled) -> Range:
    n, z = max(sampled.samples, 1.0), _NORMAL_AT
    share = min(1.0, value(sampled))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    wide = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Range(max(0.0, middle - wide), min(1.0, middle + wide))


def contrast(here: Amount, there: Amount) -> Contrast:
    """Test whether two figures differ. Of unlike kinds nothing is said."""
    match here, there:
        case Events(), Events() if here.window_ns and there.window_ns:
            return _rates(here, here.window_ns, there, there.window_ns)
        case Part(), Part():
            return _parts(here, there)
        case Sampled(), Sampled():
            return _samples(here, there)
    return Contrast(None, None)


def _rates(here: Events, here_ns: int, there: Events, there_ns: int) -> Contrast:
    """The conditional test: of all events of both sides, the share of the one side is binomial if the rates are equal."""
    wider = widening(here.spread, there.spread)
    mine, other = here.count / wider, there.count / wider
    if mine + other <= 0:
        return Contrast(1.0, None)
    expected = here_ns / (here_ns + there_ns)
    up = beta_share(mine, other + 1, expected) if mine > 0 else 1.0  # as many here, or more
    down = 1 - beta_share(mine + 1, other, expected) if other > 0 else 1.0
    scale = there_ns / here_ns
    low = beta_at(mine, other + 1, _OUTSIDE / 2) if mine > 0 else 0.0
    high = beta_at(mine + 1, other, 1 - _OUTSIDE / 2) if other > 0 else 1.0
    return Contrast(min(1.0, 2 * min(up, down)), Range(_odds(low, scale) or 0.0, _odds(high, scale)))


def _odds(share: float, scale: float) -> float | None:
    return share / (1 - share) * scale if share < 1 else None


def _parts(here: Part, there: Part) -> Contrast:
    """Welch's test of two means."""
    errors = here.error**2, there.error**2
    together = sum(errors)
    if together <= _LEAST_KNOWN**2:
        return Contrast(1.0 if here.share == there.share else 0.0, None)
    freedom = _freedom(here, there, errors, together)
    chance = student_beyond((here.share - there.share) / math.sqrt(together), freedom)
    return Contrast(chance, _part_ratio(here, there, freedom))


def _freedom(here: Part, there: Part, errors: tuple[float, float], together: float) -> float:
    """Welch and Satterthwaite's degrees of freedom; those of a figure without parts count as many."""
    parts = zip(errors, (here.freedom or 60, there.freedom or 60), strict=True)
    return together**2 / max(sum(error**2 / freedom for error, freedom in parts), _LEAST_KNOWN * together**2)


def _part_ratio(here: Part, there: Part, freedom: float) -> Range | None:
    """Fieller's interval for the ratio of two means; ``None`` where the lower one may be 0."""
    t = student_at(freedom)
    doubt = t * there.error / there.share if there.share > _LEAST_KNOWN else 1.0
    least = 1 - min(doubt, 1.0) ** 2
    if least <= _LEAST_KNOWN:
        return None
    ratio = here.share / there.share
    wide = t / there.share * math.sqrt(max(0.0, here.error**2 * least + ratio**2 * there.error**2))
    return Range(max(0.0, (ratio - wide) / least), (ratio + wide) / least)


def _samples(here: Sampled, there: Sampled) -> Contrast:
    """Two shares of samples: Agresti and Caffo's test, which holds for few samples and shares near 0 or 1, too."""
    if here.samples <= 0 or there.samples <= 0:
        return Contrast(None, None)
    shares = [(one.hits + 1) / (one.samples + 2) for one in (here, there)]
    errors = [p * (1 - p) / (one.samples + 2) for p, one in zip(shares, (here, there), strict=True)]
    z = (shares[0] - shares[1]) / math.sqrt(sum(errors))
    return Contrast(math.erfc(abs(z) / math.sqrt(2)), _sample_ratio(here, there))


def _sample_ratio(here: Sampled, there: Sampled) -> Range:
    """The interval of the ratio by logarithms, with half a hit more on each side."""
    mine, other = (one.hits + 0.5 for one in (here, there))
    ns = here.samples + 0.5, there.samples + 0.5
    wide = _NORMAL_AT * math.sqrt(max(0.0, 1 / mine - 1 / ns[0] + 1 / other - 1 / ns[1]))
    ratio = math.log((mine / ns[0]) / (other / ns[1]))
    return Range(math.exp(ratio - wide), math.exp(ratio + wide))


def holm(chances: list[float | None]) -> list[float | None]:
    """Chances raised for how many were tested (Holm), in their order; what was not tested stays ``None``."""
    known = sorted((chance, place) for place, chance in enumerate(chances) if chance is not None)
    raised: list[float | None] = [None] * len(chances)
    highest = 0.0
    for done, (chance, place) in enumerate(known):
        highest = max(highest, min(1.0, chance * (len(known) - done)))
        raised[place] = highest
    return raised
