"""Every cause: facts that hit, and a near miss that must not. They stand in cases_*.py beside this file."""

import importlib
from pathlib import Path

import pytest

from crazytrain.diagnose.cause import Cause
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import needs
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m

Case = tuple[tuple[object, ...], tuple[object, ...]]


def _cases() -> dict[str, Case]:
    """slug: facts that hit, and facts that come near but must not."""
    found: dict[str, Case] = {}
    for path in sorted(Path(__file__).parent.glob("cases_*.py")):
        here: dict[str, Case] = importlib.import_module(f"tests.diagnose.{path.stem}").CASES
        assert not set(here) & set(found), f"{path.name} tries a cause again"
        found |= here
    return found


CASES = _cases()


def test_every_cause_is_tried() -> None:
    assert set(CASES) == {c.slug for c in CAUSES}


@pytest.mark.parametrize("slug", sorted(CASES))
def test_hit(slug: str) -> None:
    finding = m.found(slug, *CASES[slug][0])
    assert finding.verdict is Verdict.FOUND, finding
    assert finding.because, "a finding rests on facts"
    assert all(p.refs for p in finding.because), "each fact names its evidence"


@pytest.mark.parametrize("slug", sorted(CASES))
def test_near_miss(slug: str) -> None:
    assert m.found(slug, *CASES[slug][1]).verdict is not Verdict.FOUND


@pytest.mark.parametrize("cause", CAUSES, ids=lambda c: c.slug)
def test_words_and_wiring(cause: Cause) -> None:
    assert cause.question.endswith("?")
    words = cause.words
    assert words.plain
    assert words.engineer
    assert words.refute
    assert needs(cause)
    assert set(cause.absorbs) <= {c.slug for c in CAUSES}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda c: c.slug)
def test_without_any_facts_nothing_is_claimed(cause: Cause) -> None:
    finding = m.found(cause.slug)
    assert finding.verdict in (Verdict.UNKNOWN, Verdict.RULED_OUT)
    assert finding.confidence < 0.5
