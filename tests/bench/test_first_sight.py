"""Reports at first sight: rows are read, a slope is fitted to what words alone named, and what is kept is as it claims."""

import pytest

from bench import calibration, first_sight
from bench.corpus import Answer, Truth
from bench.first_sight import Seen
from crazytrain.diagnose.named import OF_WORDS


def seen(confidence: float, *, right: bool, words: bool = True, settled: bool = True, real: bool = False) -> Seen:
    return Seen(of="x", family="firmware", confidence=confidence, right=right, words=words, settled=settled, real=real)


def test_words_that_came_true_by_half_ask_for_a_flat_map() -> None:
    tried = [seen(0.2, right=number % 2 == 0) for number in range(100)]
    slope = first_sight.slope_of(tried)
    assert slope == 0.0


def test_words_that_mean_what_they_say_ask_for_none() -> None:
    tried = [seen(0.2, right=number % 5 == 0) for number in range(100)]
    slope = first_sight.slope_of(tried)
    assert slope is not None
    assert slope >= 0.95


def test_what_lines_show_and_what_is_found_has_no_part_in_it() -> None:
    assert first_sight.slope_of([seen(0.2, right=True, words=False), seen(0.7, right=False)]) is None
    assert seen(0.7, right=True).now == 0.7
    assert seen(0.2, right=True, words=False).now == 0.2


def test_reports_that_somebody_wrote_decide_where_there_are_enough() -> None:
    made_up = [seen(0.2, right=number % 2 == 0) for number in range(100)]
    written = [seen(0.2, right=number % 5 == 0, real=True) for number in range(60)]
    assert first_sight.slope_of([*made_up, *written]) == first_sight.slope_of(written)
    assert first_sight.slope_of([*made_up, *written[:10]]) == pytest.approx(0.0, abs=0.25)


def test_an_unsettled_truth_stands_for_more() -> None:
    assert seen(0.2, right=False, settled=False).weight > seen(0.2, right=False).weight


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (("8: as told: a guest that hangs", "0.5: all is well"), True),
        (("8: as told: a guest that hangs", "3: two thirds of the exits"), False),
        ((), False),
    ],
)
def test_an_answer_becomes_a_row(points: tuple[str, ...], *, words: bool) -> None:
    truth = Truth(family="firmware", cause="firmware-wait", confidence="likely", answerable="yes")
    answer = Answer(
        id="a", truth=truth, family="firmware", cause="firmware-wait", confidence=0.3, first=(), points=points
    )
    row = first_sight.of_answer(answer)
    assert (row.words, row.right, row.settled) == (words, True, True)


def test_what_is_kept_bears_out_the_slope_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    kept = first_sight.kept()
    guessed = first_sight.deciding(kept)
    assert len(kept) > 600
    assert first_sight.off(guessed, now=True) < first_sight.off(guessed, now=False)
    slope = first_sight.slope_of(kept)
    assert slope is not None
    assert abs(slope - OF_WORDS.slope) <= 0.15
    calibration.tell_first_sight(kept)
    assert "below one half by words alone" in capsys.readouterr().out
