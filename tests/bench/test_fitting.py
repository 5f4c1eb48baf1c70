"""The map from what was said to what came true, on verdicts made for this."""

import random

import pytest

from bench import calibration, fitting
from bench.calibration import Said
from bench.fitting import Tried
from crazytrain.diagnose import weigh
from crazytrain.diagnose.weigh import Map
from crazytrain.model.finding import Claim, Point


def verdicts(rng: random.Random, true_share: dict[float, float], each: int) -> list[Tried]:
    """Verdicts of so many cases for each confidence, of which a share is right."""
    return [
        Tried(said, rng.random() < share, f"case-{said}-{n}") for said, share in true_share.items() for n in range(each)
    ]


def test_a_map_of_overconfident_verdicts_lowers_them_and_is_worth_it() -> None:
    tried = verdicts(random.Random(1), {0.9: 0.6, 0.95: 0.65, 0.7: 0.5}, 40)
    told, worth = fitting.fit(tried), fitting.crossed(tried)
    assert told(0.9) < 0.75
    assert told(0.95) < 0.85
    assert worth
    assert worth.justified
    assert worth.fitted_brier < worth.brier
    assert calibration.advice(told, worth) == "what is said is too sure: use the map"


def test_honest_verdicts_are_left_as_they_are() -> None:
    worth_it = 0
    for seed in range(40):
        tried = verdicts(random.Random(seed), {0.3: 0.3, 0.6: 0.6, 0.9: 0.9, 0.97: 0.97}, 15)
        told, worth = fitting.fit(tried), fitting.crossed(tried)
        assert abs(told(0.9) - 0.9) < 0.1
        worth_it += bool(worth and worth.justified)
    assert worth_it <= 3


def test_few_cases_bend_the_map_little() -> None:
    (wrong,) = [Tried(0.9, right=False, of="one")]
    assert 0.8 < fitting.fit([wrong])(0.9) < 0.9
    assert fitting.crossed([wrong]) is None


def test_many_looks_at_one_guest_count_as_few() -> None:
    rng = random.Random(5)
    good = verdicts(rng, {0.9: 0.95}, 20)
    one_guest = [Tried(0.9, right=False, of="guest")] * 500
    assert fitting.fit([*good, *one_guest])(0.9) > 0.75


def test_a_map_keeps_the_order_and_the_ends() -> None:
    for told in (Map(0.4, -1.0), Map(1.8, 0.5), Map()):
        shown = [told(one) for one in (0.0, 0.05, 0.3, 0.5, 0.8, 0.97, 1.0)]
        assert shown == sorted(shown)
        assert (shown[0], shown[-1]) == (0.0, 1.0)
    assert Map()(0.123) == 0.123
    worst = fitting.fit([Tried(0.9, right=False, of=str(n)) for n in range(50)] + [Tried(0.1, right=True, of="x")])
    assert worst.slope > 0


def test_the_map_in_use_is_applied_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Claim(says="it is so", prior=0.5, points=(Point("a fact", (), 9),))
    assert weigh.probability(claim) == pytest.approx(0.9)
    monkeypatch.setattr(weigh, "FITTED", Map(1.0, -1.0))
    assert weigh.probability(claim) == pytest.approx(0.768, abs=0.001)
    monkeypatch.setattr(weigh, "FITTED", Map(5.0, 9.0))
    assert weigh.probability(claim) == weigh.CEILING


def test_a_map_that_raises_is_not_used_for_cases_that_were_known(capsys: pytest.CaptureFixture[str]) -> None:
    said = [Said(0.8, right=True, about=f"case-{n}", family="timer-storm") for n in range(60)]
    assert calibration.tell_fit(said) is False
    out = capsys.readouterr().out
    assert "what is said stays" in out
    assert "each case left out once" in out


def test_too_sure_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    said = [Said(0.95, right=n % 2 == 0, about=f"case-{n}", family="timer-storm") for n in range(60)]
    assert calibration.tell_fit(said) is True
    assert "use the map" in capsys.readouterr().out


def test_families_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    said = [Said(0.95, right=False, family="exit-storm")] * 9 + [Said(0.9, right=True, family="healthy")] * 3
    said.append(Said(0.0, right=False, family="unknown"))
    rows = calibration.families(said)
    assert [(name, row.count, row.right) for name, row in rows] == [("exit-storm", 9, 0), ("healthy", 3, 3)]
    calibration.tell_families(said)
    assert "surer than it should be" in capsys.readouterr().out
