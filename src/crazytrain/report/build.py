"""From a conclusion to a report: every sentence with the evidence that it rests on."""

import datetime as dt
import shlex

import msgspec

from crazytrain.model.case import Case
from crazytrain.model.facts import Facts
from crazytrain.model.finding import Finding, Look, Point, Step
from crazytrain.model.guest import Guest
from crazytrain.model.report import (
    SCHEMA_VERSION,
    BaselineView,
    FindingView,
    LookView,
    PointView,
    Report,
    StepView,
    VerdictView,
    WindowView,
)
from crazytrain.report.defect_story import defect_story
from crazytrain.report.escape import plain
from crazytrain.report.evidence_words import evidence_view
from crazytrain.report.guest_words import guest_view
from crazytrain.report.spent import spent_view
from crazytrain.report.story import story

DECIDING = 2  # looks that are asked for; who has to read more does none


class Conclusion(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report is made of."""

    tool: str
    case: Case
    facts: Facts
    findings: tuple[Finding, ...]
    verdict: VerdictView
    looks: tuple[Look, ...]
    baseline: BaselineView
    notes: tuple[str, ...]


def build(conclusion: Conclusion) -> Report:
    """The report of a conclusion. Pure: the same evidence gives the same report."""
    case = conclusion.case
    names = _names(case.guest, conclusion.baseline)
    return Report(
        schema_version=SCHEMA_VERSION,
        tool=conclusion.tool,
        guest=guest_view(case.guest) if case.guest else None,
        window=_window(case),
        verdict=msgspec.structs.replace(conclusion.verdict, headline=plain(conclusion.verdict.headline)),
        findings=tuple(_finding(f, names) for f in conclusion.findings),
        story=(*story(conclusion.facts), *defect_story(conclusion.findings, conclusion.verdict.cause)),
        looks=tuple(_look(x, names) for x in conclusion.looks[:DECIDING]),
        evidence=tuple(evidence_view(e) for e in case.evidence),
        baseline=conclusion.baseline,
        case=case.id,
        complete=case.complete,
        spent=spent_view(case, conclusion.facts),
        notes=tuple(plain(n) for n in conclusion.notes),
    )


def _names(guest: Guest | None, baseline: BaselineView) -> dict[str, str]:
    healthy = shlex.quote(plain(baseline.word)) if baseline.word else "HEALTHY_GUEST"
    if guest is None:
        return {"name": "GUEST", "pid": "PID", "healthy": healthy}
    return {"name": shlex.quote(plain(guest.name)), "pid": str(guest.pid), "healthy": healthy}


def _window(case: Case) -> WindowView:
    if case.window is None:
        return WindowView()
    start = dt.datetime.fromtimestamp(case.window.wall_ns / 1e9, dt.UTC)
    return WindowView(start=start.isoformat(timespec="milliseconds"), length_ns=case.window.length_ns)


def _finding(finding: Finding, names: dict[str, str]) -> FindingView:
    return FindingView(
        family=finding.family.value,
        cause=finding.cause,
        verdict=finding.verdict.value,
        confidence=finding.confidence,
        headline=plain(finding.headline),
        because=tuple(_point(p) for p in finding.because),
        against=tuple(_point(p) for p in finding.against),
        missing=tuple(_look(x, names) for x in finding.missing),
        remedy=tuple(_step(s, names) for s in finding.remedy),
        meaning=finding.meaning,
        engineer=finding.engineer,
        refute=finding.refute,
        references=finding.references,
        folded_into=finding.folded_into,
        unseen=finding.unseen,
    )


def _point(point: Point) -> PointView:
    return PointView(fact=plain(point.says), evidence=tuple(plain(str(r)) for r in point.refs), ratio=point.ratio)


def _step(step: Step, names: dict[str, str]) -> StepView:
    return StepView(why=step.why, command=_filled(step.command, names), harm=step.harm)


def _look(look: Look, names: dict[str, str]) -> LookView:
    return LookView(what=look.what, command=_filled(look.command, names))


def _filled(command: str, names: dict[str, str]) -> str:
    for word, name in names.items():
        command = command.replace(f"{{{word}}}", name)
    return command
