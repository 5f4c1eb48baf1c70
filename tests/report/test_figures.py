"""Figures for people."""

import pytest

from crazytrain.model.figures import count, rate, share, size, span


@pytest.mark.parametrize(
    ("ns", "written"),
    [
        (0, "0 ns"),
        (250_000, "250 µs"),
        (5e9, "5 s"),
        (-3_600e9, "-60 min 0 s"),
        (90_000e9, "25 h 0 min"),
        (18446740490833494060, "585 years"),
    ],
)
def test_span(ns: float, written: str) -> None:
    assert span(ns) == written


def test_the_rest() -> None:
    assert (share(0.81), share(0.004), share(0)) == ("81 %", "0.4 %", "0 %")
    assert (rate(8191.6), rate(0.5)) == ("8,192/s", "0.5/s")
    assert (size(256 << 20), size(100), size(1536)) == ("256 MiB", "100 B", "1.5 KiB")
    assert (count(1, "line"), count(1200, "line")) == ("1 line", "1,200 lines")
