"""What follows decoding, without the guards that keep a defect from stopping the rest: derive, diagnose, report."""

import functools
from collections.abc import Iterable, Sequence

import msgspec

from crazytrain.decode.registry import decoders_of
from crazytrain.derive.registry import DERIVERS
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline, looks_wanted, needs
from crazytrain.model.case import Case
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts import Facts
from crazytrain.model.finding import Finding, Verdict
from crazytrain.model.report import BaselineView, VerdictView
from crazytrain.report.build import Conclusion, build
from crazytrain.report.text import plain_text
from crazytrain.store import open_packed
from tests.support import ROOT

FUZZED = "fuzzed"
_GUESTS = ("idle", "rtc-storm", "panic-spin", "pio-poll", "storage-stall")


class LabLook(msgspec.Struct, frozen=True):
    """A recorded look at a guest of the lab, and the facts of each evidence."""

    evidence: tuple[Evidence, ...]
    facts: tuple[tuple[object, ...], ...]


@functools.cache
def looks_of_the_lab() -> tuple[LabLook, ...]:
    """Some that differ much."""
    packed = (ROOT / "tests" / "cases" / f"lab-{name}" / "case.crazytrain" for name in _GUESTS)
    return tuple(_look(open_packed(path.read_bytes())) for path in packed)


def _look(case: Case) -> LabLook:
    seen = tuple(evidence for evidence in case.evidence if evidence.usable)
    return LabLook(seen, tuple(_decoded(evidence) for evidence in seen))


def _decoded(evidence: Evidence) -> tuple[object, ...]:
    return tuple(fact for decode in decoders_of(evidence) for fact in decode(evidence))


def in_a_look(data: bytes) -> Iterable[object]:
    """Facts of a look in which one evidence has these bytes; the first two choose which look and which evidence."""
    if len(data) < 3:
        return ()
    looks = looks_of_the_lab()
    look = looks[data[0] % len(looks)]
    place = data[1] % len(look.evidence)
    other = msgspec.structs.replace(look.evidence[place], id=FUZZED, data=data[2:])
    known = (*look.facts[:place], _decoded(other), *look.facts[place + 1 :])
    return follow(
        (*look.evidence[:place], other, *look.evidence[place + 1 :]), (fact for some in known for fact in some)
    )


def follow(evidence: Sequence[Evidence], decoded: Iterable[object]) -> Iterable[object]:
    """Derive, diagnose and report. Gives all facts."""
    facts = Facts(decoded)
    for derive in DERIVERS:
        derived = derive(facts)
        facts = facts if derived is None else facts.plus(derived)
    findings = diagnose(facts, CAUSES)
    for finding in findings:
        if finding.verdict is Verdict.BROKE:
            _again(finding, facts)
    _report(evidence, facts, findings)
    return facts


def _again(finding: Finding, facts: Facts) -> None:
    """Ask a cause that broke once more, to have its traceback."""
    cause = next(one for one in CAUSES if one.slug == finding.cause)
    cause.judge(**{name: facts.get(wanted) for name, (wanted, _) in needs(cause).items()})
    raise AssertionError(finding.headline)


def _report(evidence: Sequence[Evidence], facts: Facts, findings: tuple[Finding, ...]) -> None:
    best = headline(findings, CAUSES)
    case = Case(id="", guest=None, window=None, evidence=tuple(evidence), baseline_choice="")
    told = VerdictView(headline=best.headline if best else "", family="", cause="", confidence=0.0, standing="unknown")
    conclusion = Conclusion(
        tool="fuzz",
        case=case,
        facts=facts,
        findings=findings,
        verdict=told,
        looks=looks_wanted(findings),
        baseline=BaselineView(name="", choice=""),
        notes=(),
    )
    report = build(conclusion)
    msgspec.json.encode(report)
    text = plain_text(report)
    assert text.isprintable() or not any(ord(c) < 32 and c not in "\n\t" for c in text), (
        "control characters reach the report"
    )
