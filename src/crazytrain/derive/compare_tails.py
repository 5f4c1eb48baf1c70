"""Tails of the distributions that counts and shares follow: incomplete beta and gamma functions, and their inverses.

Series and continued fractions are those of Abramowitz and Stegun (6.5.29, 6.5.31, 26.5.8), evaluated by Lentz's method. They
take real arguments, which counts become once they are divided by their overdispersion.
"""

import functools
import math
from collections.abc import Callable, Iterator

_TINY = 1e-300
_CLOSE = 1e-12
_NEAR = 1e-5  # of what is looked for: intervals are shown with three digits
_MOST_TERMS = 2000
_MOST_HALVINGS = 100
_LOPSIDED_FROM = 1e5
_EXACT_TO = 3000.0  # above, the tails are those of a normal distribution to four digits


def beta_share(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b): P(share <= x); a, b > 0."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if a > _EXACT_TO and b > _EXACT_TO:
        return _beta_normal(a, b, x)
    if max(a, b) > _LOPSIDED_FROM:
        return 1 - _rare(a, b, x) if a > b else _rare(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(_beta_terms(a, b, x)) / a
    return 1 - front * _fraction(_beta_terms(b, a, 1 - x)) / b


def _rare(many: float, few: float, x: float) -> float:
    """1 - I_x(many, few): with very many on one side, the few follow a gamma distribution."""
    return gamma_share(few, -(many + (few - 1) / 2) * math.log(x)) if x > 0 else 1.0


def _beta_normal(a: float, b: float, x: float) -> float:
    """The approximation of Paulson by cube roots (Abramowitz and Stegun 26.5.22)."""
    first, second = (b * x) ** (1 / 3), (a * (1 - x)) ** (1 / 3)
    top = 3 * (first * (1 - 1 / (9 * b)) - second * (1 - 1 / (9 * a)))
    return _normal(top / math.sqrt(first**2 / b + second**2 / a))


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _beta_terms(a: float, b: float, x: float) -> Iterator[tuple[float, float]]:
    yield 1.0, 1.0
    for m in range(_MOST_TERMS):
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1.0
        k = m + 1
        yield k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)), 1.0


def _fraction(terms: Iterator[tuple[float, float]]) -> float:
    """The value of a continued fraction, given its partial numerators and denominators (Lentz's method)."""
    value, c, d = _TINY, _TINY, 0.0
    for numerator, denominator in terms:
        d = 1 / (denominator + numerator * d or _TINY)
        c = denominator + numerator / c or _TINY
        value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def gamma_share(a: float, x: float) -> float:
    """Regularised lower incomplete gamma function P(a, x); a > 0."""
    if x <= 0:
        return 0.0
    if a > _EXACT_TO:
        cube = 3 * math.sqrt(a) * ((x / a) ** (1 / 3) - 1 + 1 / (9 * a))  # Wilson and Hilferty
        return _normal(cube)
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, _MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * _CLOSE:
                break
        return front * total
    return 1 - front * _fraction(_gamma_terms(a, x))


def _gamma_terms(a: float, x: float) -> Iterator[tuple[float, float]]:
    yield 1.0, x + 1 - a
    for n in range(1, _MOST_TERMS):
        yield -n * (n - a), x + 2 * n + 1 - a


def beta_at(a: float, b: float, chance: float) -> float:
    """The share below which ``chance`` of the distribution lies."""
    return _found(lambda x: beta_share(a, b, x), chance, 1.0)


def gamma_at(a: float, chance: float) -> float:
    """The mean count below which ``chance`` of the distribution lies."""
    return _found(lambda x: gamma_share(a, x), chance, a + 20 * math.sqrt(a) + 40)


def student_beyond(t: float, freedom: float) -> float:
    """The chance of a Student's t further from 0 than ``t``, to both sides."""
    return beta_share(freedom / 2, 0.5, freedom / (freedom + t * t))


@functools.lru_cache(maxsize=256)
def student_at(freedom: float, chance: float = 0.05) -> float:
    """The t beyond which ``chance`` lies, to both sides together."""
    return _found(lambda t: 1 - student_beyond(t, freedom), 1 - chance, 1000.0)


def _found(rising: Callable[[float], float], wanted: float, top: float) -> float:
    """Where a rising function reaches a value, by halving."""
    low, high = 0.0, top
    for _ in range(_MOST_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
        if high - low <= _NEAR * high:
            break
    return (low + high) / 2
