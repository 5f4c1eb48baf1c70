"""Intervals and tests: known values, and how often they err over simulated pairs of equal guests."""

import math
import random
from collections.abc import Callable

import pytest

from crazytrain.derive.compare_counts import UNKNOWN_SPREAD, contrast, holm, interval, value, widening
from crazytrain.model.measure import Amount, Events, Part, Sampled, Spread

SECOND_NS = 1_000_000_000
# So many parts that counts are known to be no more uneven than chance has it.
EVEN = Spread(1.0, 100_000)


def events(count: float, seconds: float = 1.0, spread: Spread = EVEN) -> Events:
    return Events(count=count, window_ns=int(seconds * SECOND_NS), spread=spread)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0.0, 3.68888),
        (1, 0.025318, 5.57164),
        (10, 4.79539, 18.39036),
        (158, 134.324, 184.647),
        (4000, 3877.0, 4125.9),
    ],
)
def test_a_rate_has_the_exact_interval_of_a_poisson_count(count: int, low: float, high: float) -> None:
    found = interval(events(count))
    assert found.low == pytest.approx(low, rel=1e-3)
    assert found.high == pytest.approx(high, rel=1e-3)


def test_a_longer_window_knows_more() -> None:
    short, long = interval(events(10, 1.0)), interval(events(100, 10.0))
    assert short.high
    assert long.high
    assert short.low < long.low < 10 < long.high < short.high


@pytest.mark.parametrize(("here", "there", "chance"), [(3, 12, 0.0352), (40, 42, 0.912), (0, 9, 0.0039)])
def test_equal_windows_give_the_binomial_test(here: int, there: int, chance: float) -> None:
    """Values: scipy.stats.binomtest(here, here + there). Ours doubles the smaller tail, which is the same at one half."""
    assert contrast(events(here), events(there)).chance == pytest.approx(chance, abs=2e-3)


def test_windows_of_unlike_length_are_compared_by_rate() -> None:
    same = contrast(events(100, 1.0), events(1000, 10.0))
    assert same.chance is not None
    assert same.chance > 0.9
    assert same.ratio
    assert same.ratio.low < 1 < (same.ratio.high or math.inf)


def test_nothing_against_something_has_a_lower_bound_only() -> None:
    found = contrast(events(600), events(0))
    assert found.ratio
    assert found.ratio.high is None
    assert found.ratio.low == pytest.approx(600 / 3.69, rel=0.05)


def test_bursts_widen() -> None:
    even, bursts = interval(events(100)), interval(events(100, spread=Spread(9.0, 100_000)))
    assert even.high
    assert bursts.high
    assert (bursts.high - bursts.low) / (even.high - even.low) == pytest.approx(3, rel=0.1)


def test_what_could_not_be_divided_is_taken_as_uneven() -> None:
    assert widening(Spread()) == UNKNOWN_SPREAD
    assert widening(Spread(0.4, 5), Spread(0.6, 5)) > 1  # few parts: never surer than chance allows


def test_shares_of_samples_and_of_time() -> None:
    wilson = interval(Sampled(5, 10))
    assert wilson.low == pytest.approx(0.2366, abs=1e-3)
    assert wilson.high == pytest.approx(0.7634, abs=1e-3)
    assert interval(Sampled(0, 10)).low == 0
    apart = contrast(Part(share=0.8, error=0.02, freedom=6), Part(share=0.1, error=0.02, freedom=6))
    assert apart.chance is not None
    assert apart.chance < 1e-6
    assert apart.ratio
    assert apart.ratio.low < 8 < (apart.ratio.high or math.inf)
    none = contrast(Part(share=0.8, error=0.02, freedom=6), Part(share=0.0, error=0.02, freedom=6))
    assert none.ratio is None


def test_unlike_kinds_are_not_tested() -> None:
    assert contrast(events(4), Sampled(1, 2)).chance is None
    assert contrast(events(4), Events(count=4, window_ns=None)).chance is None


def test_holm_raises_for_the_number_of_measures() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([]) == []


def poisson(rng: random.Random, mean: float) -> int:
    left, count, limit = mean, 0, 1.0
    while True:
        limit *= rng.random()
        while limit < 1 and left > 0:
            step = min(left, 500.0)
            limit *= math.exp(step)
            left -= step
        if limit <= 1:
            return count
        count += 1


def bursty(rng: random.Random, mean: float, size: int, parts: int = 7) -> Events:
    """Events that come ``size`` at a time, counted in parts of the window: their variance is ``size`` times the mean."""
    counts = [size * poisson(rng, mean / size / parts) for _ in range(parts)]
    total, each = sum(counts), sum(counts) / parts
    spread = sum((c - each) ** 2 for c in counts) / (parts - 1) / each if each else 1.0
    return events(total, 3.0, Spread(spread, parts - 1 if each else 0))


def alarms(make: Callable[[random.Random], Amount], pairs: int = 200) -> int:
    rng = random.Random(20120309)
    chances = (contrast(make(rng), make(rng)).chance for _ in range(pairs))
    return sum(chance is not None and chance < 0.05 for chance in chances)


@pytest.mark.parametrize("mean", [4, 60, 900])
def test_equal_poisson_counts_raise_few_false_alarms(mean: float) -> None:
    assert alarms(lambda rng: events(poisson(rng, mean))) <= 10  # 5 % of 200


@pytest.mark.parametrize("size", [1, 5, 20])
def test_bursts_raise_no_more(size: int) -> None:
    assert alarms(lambda rng: bursty(rng, 400, size)) <= 14  # 5 %, and what chance adds to that once in 20 times


def test_without_the_widening_bursts_would() -> None:
    """The test above can fail: taken for single events, bursts of 20 look like differences most of the time."""
    assert alarms(lambda rng: events(bursty(rng, 400, 20).count, 3.0)) > 60


def test_intervals_hold_the_true_rate() -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(300):
        found = interval(bursty(rng, 300, 5))
        held += found.low <= 100 <= (found.high or math.inf)
    assert held >= 0.93 * 300


def test_a_real_difference_is_found() -> None:
    rng = random.Random(11)
    found = [contrast(bursty(rng, 1200, 5), bursty(rng, 200, 5)).chance for _ in range(100)]
    assert sum(chance is not None and chance < 0.05 for chance in found) >= 95
    assert value(events(30, 3.0)) == 10
