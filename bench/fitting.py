"""A map from what was said to what came true, fitted to verdicts whose truth is known, and tried on cases that it was not fitted to.

The map is Platt's (log odds times a slope, plus a shift), held to the identity by a normal prior around slope 1 and shift 0: a few
cases cannot bend it far. Looks at one guest are alike, so that all of them together count as three cases at most. Each case in turn
is left out of the fit and judged by it (log loss, Brier score); a fit is worth using only where that is better by more than twice
its error.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from crazytrain.diagnose.weigh import Map

SLOPE_SPREAD, SHIFT_SPREAD = 0.25, 0.25  # standard deviations of the prior
MOST_OF_ONE = 3.0
_LEAST, _MOST = 0.01, 0.99
_LEAST_SLOPE = 0.05  # the order is kept
_ROUNDS = 60
_ENOUGH = 1e-9
_ERRORS = 2.0


class Tried(msgspec.Struct, frozen=True):
    """One verdict: what was said, whether it was right, and which case or guest it is of."""

    confidence: float
    right: bool
    of: str


class Crossed(msgspec.Struct, frozen=True, kw_only=True):
    """How the fit does on cases that were left out of it. ``gain`` is what it takes off the log loss, give or take ``error``."""

    cases: int
    loss: float
    fitted_loss: float
    brier: float
    fitted_brier: float
    gain: float
    error: float

    @property
    def justified(self) -> bool:
        """Whether the fit is better than what was said, beyond chance."""
        return self.gain > _ERRORS * self.error and self.fitted_brier < self.brier


def fit(tried: Sequence[Tried]) -> Map:
    """The map that makes the verdicts likeliest, held to the identity by its prior (Newton's method)."""
    weights = _weights(tried)
    slope, shift = 1.0, 0.0
    points = [(_logit(one.confidence), float(one.right), weights[one.of]) for one in tried]
    for _ in range(_ROUNDS):
        step = _step(points, slope, shift)
        slope, shift = max(_LEAST_SLOPE, slope - step[0]), shift - step[1]
        if max(abs(part) for part in step) < _ENOUGH:
            break
    return Map(slope, shift)


def _step(points: Sequence[tuple[float, float, float]], slope: float, shift: float) -> tuple[float, float]:
    """One step of Newton's: gradient and curvature of the loss with the prior."""
    by_slope, by_shift = (slope - 1) / SLOPE_SPREAD**2, shift / SHIFT_SPREAD**2
    a, b, c = 1 / SLOPE_SPREAD**2, 0.0, 1 / SHIFT_SPREAD**2
    for x, right, weight in points:
        p = 1 / (1 + math.exp(-(slope * x + shift)))
        off, bend = weight * (p - right), weight * p * (1 - p)
        by_slope, by_shift = by_slope + off * x, by_shift + off
        a, b, c = a + bend * x * x, b + bend * x, c + bend
    area = a * c - b * b
    return (c * by_slope - b * by_shift) / area, (a * by_shift - b * by_slope) / area


def _logit(confidence: float) -> float:
    held = min(_MOST, max(_LEAST, confidence))
    return math.log(held / (1 - held))


def _weights(tried: Sequence[Tried]) -> dict[str, float]:
    counts: dict[str, int] = defaultdict(int)
    for one in tried:
        counts[one.of] += 1
    return {of: min(1.0, MOST_OF_ONE / count) for of, count in counts.items()}


def crossed(tried: Sequence[Tried]) -> Crossed | None:
    """Leave each case out once, fit the others, and judge it; ``None`` with fewer than three cases."""
    cases: dict[str, list[Tried]] = defaultdict(list)
    for one in tried:
        cases[one.of].append(one)
    if len(cases) < 3:
        return None
    weights = _weights(tried)
    sums, gains, total = [0.0] * 4, [], 0.0
    for of, mine in cases.items():
        told = fit([one for one in tried if one.of != of])
        weight = weights[of]
        pairs = [(one, told(min(_MOST, max(_LEAST, one.confidence)))) for one in mine]
        before, after = sum(_loss(one.confidence, one) for one in mine), sum(_loss(p, one) for one, p in pairs)
        far = sum((one.confidence - one.right) ** 2 for one in mine), sum((p - one.right) ** 2 for one, p in pairs)
        for place, value in enumerate((before, after, *far)):
            sums[place] += weight * value
        gains.append((weight * (before - after), weight * len(mine)))
        total += weight * len(mine)
    gain = sum(part for part, _ in gains) / total
    off = sum((part - gain * size) ** 2 for part, size in gains)
    many = len(cases)
    loss, fitted_loss, brier, fitted_brier = (value / total for value in sums)
    return Crossed(
        cases=many,
        loss=loss,
        fitted_loss=fitted_loss,
        brier=brier,
        fitted_brier=fitted_brier,
        gain=gain,
        error=math.sqrt(off * many / (many - 1)) / total,
    )


def _loss(confidence: float, one: Tried) -> float:
    return log_loss(confidence, right=one.right)


def log_loss(confidence: float, *, right: bool) -> float:
    """What a confidence costs, given what came true."""
    held = min(_MOST, max(_LEAST, confidence))
    return -math.log(held if right else 1 - held)
