"""The family whose causes are likely together, where none of them is likely enough alone."""

from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import POSSIBLE_FROM
from crazytrain.diagnose.likely_family import LIKELY_FROM, NAMES_FROM, of_likely_family
from crazytrain.model.finding import Family, Finding, Point, Verdict


def weak(slug: str, confidence: float, ratio: float = 4.0, how: Verdict = Verdict.UNKNOWN) -> Finding:
    family = next(cause.family for cause in CAUSES if cause.slug == slug)
    point = Point("something that was told", (), ratio)
    return Finding(
        family=family,
        cause=slug,
        verdict=how,
        confidence=confidence,
        headline="",
        because=(point,) if ratio >= 1 else (),
        against=() if ratio >= 1 else (point,),
    )


def test_two_weak_causes_of_one_family_name_it_with_the_likelier_one() -> None:
    said = of_likely_family((weak("firmware-hang", 0.1), weak("firmware-wait", 0.12)), CAUSES)
    assert said is not None
    assert (said.family, said.cause) == (Family.FIRMWARE, "firmware-wait")
    assert said.confidence < POSSIBLE_FROM


def test_one_weak_cause_names_nothing() -> None:
    assert of_likely_family((weak("firmware-wait", LIKELY_FROM - 0.01),), CAUSES) is None


def test_a_family_that_does_not_stand_out_is_not_named() -> None:
    rivals = (weak("usb-polling", 0.1), weak("display-load", 0.09))
    assert of_likely_family((weak("firmware-hang", 0.1), weak("firmware-wait", 0.1), *rivals), CAUSES) is None


def test_what_nothing_speaks_for_counts_nothing() -> None:
    little = (weak("firmware-hang", 0.1, ratio=0.9), weak("firmware-wait", 0.1, ratio=1.1))
    assert of_likely_family(little, CAUSES) is None


def test_health_is_never_guessed() -> None:
    assert of_likely_family((weak("healthy-idle", 0.12), weak("paused", 0.12)), CAUSES) is None


def test_what_was_ruled_out_does_not_count() -> None:
    out = (weak("firmware-hang", 0.1, how=Verdict.RULED_OUT), weak("firmware-wait", LIKELY_FROM - 0.02))
    assert of_likely_family(out, CAUSES) is None


def test_no_findings_no_family() -> None:
    assert of_likely_family((), CAUSES) is None


def test_options_that_were_given_name_nothing() -> None:
    weak_points = (
        weak("firmware-hang", 0.12, ratio=NAMES_FROM - 0.5),
        weak("firmware-wait", 0.1, ratio=NAMES_FROM - 0.5),
    )
    assert of_likely_family(weak_points, CAUSES) is None
