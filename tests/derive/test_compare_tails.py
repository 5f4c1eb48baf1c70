"""Tails of distributions, against values that SciPy 1.x gave (scipy.special betainc, gammainc, stdtrit)."""

import pytest

from crazytrain.derive.compare_tails import beta_at, beta_share, gamma_at, gamma_share, student_at, student_beyond

BETA = [
    (2, 3, 0.4, 0.5248),
    (0.5, 0.5, 0.3, 0.36901011956554536),
    (1, 5000, 0.001, 0.9932788880401344),
    (17.3, 4.2, 0.9, 0.8836070939760363),
    (300, 2, 0.99, 0.19616357628514303),
    (4000, 5000, 0.44, 0.1981348750496571),
    (12000, 12, 0.9985, 0.05435590372379909),
]
GAMMA = [
    (0.3, 0.1, 0.5459128495917965),
    (1, 1, 0.6321205588285577),
    (3, 2.5, 0.45618688411667035),
    (40, 55, 0.9853028204736023),
    (900, 880, 0.25445437400872745),
    (5000, 5100, 0.9206711189223811),
]
STUDENT = [
    (1, 12.706204736174694),
    (2, 4.302652729749462),
    (5, 2.5705818356363146),
    (10, 2.228138851986274),
    (60, 2.0002978220142604),
]


@pytest.mark.parametrize(("a", "b", "x", "share"), BETA)
def test_incomplete_beta(a: float, b: float, x: float, share: float) -> None:
    close = 1e-5 if min(a, b) > 3000 else 1e-9
    assert beta_share(a, b, x) == pytest.approx(share, abs=close)
    assert beta_at(a, b, share) == pytest.approx(x, abs=1e-5)


@pytest.mark.parametrize(("a", "x", "share"), GAMMA)
def test_incomplete_gamma(a: float, x: float, share: float) -> None:
    assert gamma_share(a, x) == pytest.approx(share, abs=1e-5 if a > 3000 else 1e-9)
    assert gamma_at(a, share) == pytest.approx(x, rel=2e-5)


@pytest.mark.parametrize(("freedom", "t"), STUDENT)
def test_student(freedom: float, t: float) -> None:
    assert student_at(freedom) == pytest.approx(t, rel=2e-5)
    assert student_beyond(t, freedom) == pytest.approx(0.05, abs=1e-9)


def test_ends() -> None:
    assert (beta_share(3, 4, 0.0), beta_share(3, 4, 1.0), gamma_share(2, 0.0)) == (0.0, 1.0, 0.0)
    assert student_beyond(0.0, 5) == pytest.approx(1.0)
