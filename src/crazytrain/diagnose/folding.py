"""Folding: what is only a symptom of another finding stands under it, and which of those that hold says most."""

from collections.abc import Mapping, Sequence

import msgspec

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.finding import Finding, Verdict


def folded(findings: Sequence[Finding], causes: Mapping[str, Cause]) -> list[Finding]:
    """The findings, with ``folded_into`` set where one is a symptom of another that was found.

    One that explains a sharper symptom of its own family has proof of its own, and is nobody's symptom: that a guest burns does not
    make its quota run out.
    """
    found = {f.cause: f.confidence for f in findings if f.verdict is Verdict.FOUND}
    pairs = [
        (symptom, slug)
        for slug in found
        for symptom in causes[slug].absorbs
        if symptom in found and not (_equal(causes[symptom], causes[slug]) and found[symptom] > found[slug])
    ]
    proven = {slug for symptom, slug in pairs if _sharper(causes[symptom], causes[slug])}
    under = {symptom: slug for symptom, slug in pairs if symptom not in proven}
    return [msgspec.structs.replace(f, folded_into=under[f.cause]) if f.cause in under else f for f in findings]


def _equal(symptom: Cause, cause: Cause) -> bool:
    """Whether both are causes in their own right, of two families: then the likelier one is nobody's symptom."""
    return symptom.family is not cause.family and symptom.rank is cause.rank


def _sharper(symptom: Cause, cause: Cause) -> bool:
    return symptom.family is cause.family and symptom.rank > cause.rank


def ranks(findings: Sequence[Finding], causes: Mapping[str, Cause]) -> dict[str, Rank]:
    """How specific each is: as specific as the sharpest symptom of its family that stands under it."""
    told = {slug: cause.rank for slug, cause in causes.items()}
    for f in findings:
        if f.folded_into and _sharper(causes[f.cause], causes[f.folded_into]):
            told[f.folded_into] = max(told[f.folded_into], causes[f.cause].rank)
    return told
