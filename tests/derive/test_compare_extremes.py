"""Any figures, however large or lopsided, give an interval and a chance in bounded time."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.derive.compare_counts import contrast, holm, interval, value
from crazytrain.model.measure import Amount, Events, Part, Sampled, Spread

COUNTS = st.one_of(st.integers(0, 50), st.floats(0, 1e6), st.sampled_from([1e9, 1e12, 1e15, 1e18]))
SPREADS = st.builds(Spread, st.floats(0, 1e9), st.integers(0, 30))
EVENTS = st.builds(
    lambda count, ns, spread: Events(count=count, window_ns=ns, spread=spread), COUNTS, st.integers(1, 10**15), SPREADS
)
PARTS = st.builds(
    lambda share, error, freedom: Part(share=share, error=error, freedom=freedom),
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.integers(0, 30),
)
SAMPLED = st.builds(lambda share, n: Sampled(share * n, n), st.floats(0, 1), st.floats(0, 1e9))
PAIRS = st.one_of(st.tuples(EVENTS, EVENTS), st.tuples(PARTS, PARTS), st.tuples(SAMPLED, SAMPLED))


@settings(max_examples=300, deadline=2000)
@given(PAIRS)
def test_figures_of_any_size(pair: tuple[Amount, Amount]) -> None:
    for amount in pair:
        found = interval(amount)
        assert found.low >= 0
        assert found.high is not None
        assert math.isfinite(found.high)
        assert found.low <= value(amount) * (1 + 1e-4) + 1e-6
        assert value(amount) <= found.high * (1 + 1e-4) + 1e-6
    told = contrast(*pair)
    assert told.chance is None or 0 <= told.chance <= 1
    if told.ratio is not None:
        assert told.ratio.low >= 0
        assert told.ratio.high is None or told.ratio.high >= told.ratio.low * (1 - 1e-6)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=40))
def test_holm_keeps_order_and_bounds(chances: list[float | None]) -> None:
    raised = holm(chances)
    assert [one is None for one in raised] == [one is None for one in chances]
    assert all(a <= b <= 1 for a, b in zip(chances, raised, strict=True) if a is not None and b is not None)
