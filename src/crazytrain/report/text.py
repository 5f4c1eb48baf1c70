"""A report as text: lines with a style each, so that a terminal may colour them and a file need not."""

from collections.abc import Iterator

from crazytrain.model.difference import Comparison
from crazytrain.model.figures import count, share, size, span
from crazytrain.model.report import (
    BaselineView,
    EvidenceView,
    FindingView,
    GuestView,
    LookView,
    PointView,
    Report,
    StepView,
)
from crazytrain.report.diff_answer import NO_DIFFERENCE
from crazytrain.report.diff_rows import differing, odd, rest
from crazytrain.report.spent import spent_lines
from crazytrain.report.style import Line, wrapped

__all__ = ["Line", "lines", "plain_text", "who", "wrapped"]

WIDTH = 110
SHOWN_DIFFERENCES = 8
SHOWN_ODD = 3
SHOWN_RULED_OUT = 6
LEANS_FROM = 0.04


def lines(report: Report, *, width: int = WIDTH, full: bool = False) -> tuple[Line, ...]:
    """The report as styled lines, wrapped to ``width``. ``full`` adds each finding's words and every evidence."""
    parts = [
        *_head(report),
        *_verdict(report),
        *_why(report),
        *_story(report),
        *_baseline(report.baseline, shown=report.guest is not None),
    ]
    parts += [*_others(report, full), *_do(report), *_looks(report), *_evidence(report, full), *_tail(report)]
    return tuple(part for one in parts for part in wrapped(one, width))


def plain_text(report: Report, width: int = WIDTH) -> str:
    """The whole report as plain text."""
    return "\n".join(one.text for one in lines(report, width=width, full=True)) + "\n"


def _head(report: Report) -> Iterator[Line]:
    yield Line(who(report.guest) if report.guest else "pasted text", "title")
    when = f"looked for {span(report.window.length_ns)}, from {report.window.start}" if report.window.length_ns else ""
    kept = f"case {report.case}" if report.case else ""
    both = " · ".join(x for x in (when, kept) if x)
    if both:
        yield Line(both, "dim")
    if not report.complete:
        yield Line("The capture was cut off: this case is incomplete.", "bad")


def who(guest: GuestView) -> str:
    """The guest's name and what it is made of, in a line."""
    parts = [guest.name, f"pid {guest.pid}"]
    parts += [x for x in (guest.accelerator.upper(), guest.machine) if x and x != "UNKNOWN"]
    if guest.vcpus:
        parts.append(f"{guest.vcpus} vCPU{'s' if guest.vcpus > 1 else ''}")
    if guest.memory_bytes:
        parts.append(size(guest.memory_bytes))
    if guest.qemu_version:
        parts.append(f"QEMU {guest.qemu_version}")
    return " · ".join((*parts, guest.manager))


def _verdict(report: Report) -> Iterator[Line]:
    verdict = report.verdict
    yield Line("")
    style = "good" if verdict.family == "healthy" else "bad" if verdict.confidence >= 0.5 else "verdict"
    sure = f"  ({verdict.standing}, {share(verdict.confidence)})" if verdict.cause != "unknown" else ""
    yield Line(f"{verdict.family}/{verdict.cause}{sure}", style)
    yield Line(verdict.headline[:1].upper() + verdict.headline[1:] + ".", "verdict")
    best = _best(report)
    if best:
        yield Line("")
        yield Line(best.meaning)
        yield Line(best.engineer, "dim")


def _best(report: Report) -> FindingView | None:
    return next((f for f in report.findings if f.cause == report.verdict.cause), None)


def _why(report: Report) -> Iterator[Line]:
    best = _best(report)
    if best is None:
        return
    yield from _points("Why", best.because, "+")
    yield from _points("What speaks against it", best.against, "-")
    if best.unseen:
        yield Line(f"  judged without: {'; '.join(best.unseen)}", "dim")


def _points(title: str, points: tuple[PointView, ...], mark: str) -> Iterator[Line]:
    if points:
        yield from _title(title)
        for point in points:
            yield Line(f"  {mark} {point.fact}{_where(point.evidence)}")


def _where(evidence: tuple[str, ...]) -> str:
    shown = ", ".join(evidence[:4]) + (", ..." if len(evidence) > 4 else "")
    return f"  [{shown}]" if evidence else ""


def _title(title: str) -> Iterator[Line]:
    yield Line("")
    yield Line(title, "title")


def _story(report: Report) -> Iterator[Line]:
    if report.story:
        yield from _title("What was seen")
        for one in report.story:
            inner = one.says.startswith(" ")
            yield Line(f"      {one.says.strip()}" if inner else f"  · {one.says}{_where(one.evidence)}")


def _baseline(baseline: BaselineView, *, shown: bool) -> Iterator[Line]:
    if not baseline.name:
        if baseline.choice and shown:
            yield from _title("Compared with a healthy guest")
            yield Line(f"  not compared: {baseline.choice}")
        return
    yield from _title(f"Compared with {baseline.name}")
    yield Line(f"  {baseline.choice}", "dim")
    seen = Comparison(differences=baseline.differences, unseen=baseline.unseen)
    if seen.notable:
        yield from differing(seen, shown=SHOWN_DIFFERENCES, ranges=False, names=False)
    else:
        yield Line(f"  {NO_DIFFERENCE}")
    yield from odd(seen, shown=SHOWN_ODD)
    yield from rest(seen)


def _others(report: Report, full: bool) -> Iterator[Line]:
    found = [f for f in report.findings if f.verdict == "found" and f.cause != report.verdict.cause]
    if found:
        yield from _title("Also true")
        for one in found:
            under = f" (a symptom of {one.folded_into})" if one.folded_into else ""
            yield Line(f"  · {one.cause}, {share(one.confidence)}: {one.headline}{under}{_reason(one)}")
    out = [f for f in report.findings if f.verdict == "ruled out" and f.against]
    if out:
        yield from _title("Ruled out")
        told = out if full else _nearest(out, report)
        for one in told:
            yield Line(f"  · {one.cause}: {one.against[0].fact}{_where(one.against[0].evidence)}")
        rest = [one.cause for one in out if one not in told]
        if rest:
            yield Line(f"  and {len(rest)} more (--full says why): {', '.join(rest)}", "dim")
    yield from _undecided(report, full=full)


def _nearest(out: list[FindingView], report: Report) -> list[FindingView]:
    """Of what was ruled out that which a reader would think of next: the same family, then healthy, then the rest in its order."""

    def far(one: FindingView) -> int:
        return 0 if one.family == report.verdict.family else 1 if one.family == "healthy" else 2

    return sorted(out, key=far)[:SHOWN_RULED_OUT]


def _undecided(report: Report, *, full: bool) -> Iterator[Line]:
    open_ones = [f for f in report.findings if f.verdict == "unknown" and f.cause != report.verdict.cause]
    leaning = [f for f in open_ones if f.confidence >= LEANS_FROM]
    blind = [f.cause for f in open_ones if f.confidence < LEANS_FROM]
    if open_ones and (full or report.verdict.confidence < 0.5):
        yield from _title("Not decided")
        for one in open_ones if full else leaning:
            sure = f" ({share(one.confidence)})" if one.confidence else ""
            yield Line(f"  · {one.cause}{sure}: {one.headline}", "dim")
        if blind and not full:
            yield Line(f"  · cannot be judged from this evidence: {', '.join(blind)}", "dim")
    for one in report.findings:
        if one.verdict == "broke":
            yield Line(f"  · {one.cause}: {one.headline}", "bad")


def _reason(one: FindingView) -> str:
    return f": {one.because[0].fact}{_where(one.because[0].evidence)}" if one.because and not one.folded_into else ""


def _do(report: Report) -> Iterator[Line]:
    best = _best(report)
    if best is None or not best.remedy:
        return
    yield from _title("What to do, least drastic first")
    for number, step in enumerate(best.remedy, 1):
        yield from _step(number, step)
    yield Line(f"  It would be refuted by: {best.refute}", "dim")


def _step(number: int, step: StepView) -> Iterator[Line]:
    harm = f"  (careful: {step.harm})" if step.harm else ""
    yield Line(f"  {number}. {step.why}{harm}")
    if step.command:
        yield Line(f"     $ {step.command}", "command")


def _looks(report: Report) -> Iterator[Line]:
    best = _best(report)
    wanted = best.missing if best and best.missing else report.looks if report.verdict.confidence < 0.5 else ()
    if wanted:
        yield from _title("What to look at next, to decide")
        for one in wanted:
            yield from _look(one)


def _look(one: LookView) -> Iterator[Line]:
    yield Line(f"  · {one.what}")
    if one.command:
        yield Line(f"     $ {one.command}", "command")


def _evidence(report: Report, full: bool) -> Iterator[Line]:
    yield from _title("Evidence")
    good = [e for e in report.evidence if e.outcome == "ok"]
    rest = [e for e in report.evidence if e.outcome != "ok"]
    for one in good if full else ():
        yield Line(f"  {one.id:<16} {one.source}  {_cost(one)}")
    if not full and good:
        yield Line(
            f"  {count(len(good), 'look')} went well: {', '.join(sorted({e.id.split('.')[0] for e in good}))}", "dim"
        )
    for one in rest:
        yield Line(f"  {one.id:<16} {one.outcome}: {one.detail or one.source}")
    yield from (Line(f"  {says}", "dim") for says in spent_lines(report.spent, full=full))


def _cost(one: EvidenceView) -> str:
    parts = [size(one.cost.bytes), span(one.cost.took_ns)]
    if one.cost.cpu_ns is not None:
        parts.append(f"{span(one.cost.cpu_ns)} CPU")
    if one.cost.stall_ns is not None:
        parts.append(f"stopped a thread for about {span(one.cost.stall_ns)}")
    return f"({one.cost.rung}: {', '.join(parts)})"


def _tail(report: Report) -> Iterator[Line]:
    for note in report.notes:
        yield Line(f"  note: {note}", "dim")
