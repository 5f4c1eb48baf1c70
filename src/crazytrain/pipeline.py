"""The only place that joins the stages: ``look`` (guest to evidence), ``read`` (evidence to facts), ``conclude``
(facts to a report).
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from crazytrain import __version__
from crazytrain.collect.look import Look
from crazytrain.collect.overview import overview_readings
from crazytrain.collect.purse import Purse
from crazytrain.collect.registry import COLLECTORS
from crazytrain.collect.running import Bill, run_collectors, seen_at_once, seen_one_by_one, spent
from crazytrain.collect.status import status_now
from crazytrain.decode.registry import decoders_of
from crazytrain.derive.compare import compared
from crazytrain.derive.compare_weight import judged as judged_of
from crazytrain.derive.overview import derive_overview
from crazytrain.derive.registry import DERIVERS
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline, looks_wanted
from crazytrain.diagnose.likely_family import of_likely_family
from crazytrain.diagnose.named import as_named
from crazytrain.diagnose.side import who_burns
from crazytrain.diagnose.told_signs import is_about_a_guest
from crazytrain.diagnose.weigh import standing
from crazytrain.host.door import Host
from crazytrain.model.budget import Budget, default_budget
from crazytrain.model.case import Case, Window
from crazytrain.model.difference import Judged
from crazytrain.model.evidence import Cost, Evidence
from crazytrain.model.facts import Facts, QemuState
from crazytrain.model.facts.told import Telling
from crazytrain.model.finding import Family, Finding
from crazytrain.model.guest import Guest
from crazytrain.model.overview import GuestOverview
from crazytrain.model.report import BaselineView, Report, VerdictView
from crazytrain.report.build import Conclusion, build
from crazytrain.report.diff_plain import harmless
from crazytrain.report.text import plain_text
from crazytrain.store import Writer, open_case

T = TypeVar("T")
_BREATH_S = 0.002
_SAVED = re.compile(r"\bcase ([\w.-]*\d{8}T\d{6}Z[\w-]*)")
Progress = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: for how long, how dear at most, where to keep the case, with whom to compare (and why).

    What of the budget is not given is the default: see ``default_budget``.
    """

    window_s: float
    ceiling: Cost
    root: Path
    sibling: Guest | None = None
    choice: str = ""
    note: str = ""
    budget_cpu_ns: int | None = None
    budget_stall_ns: int | None = None


async def survey(
    host: Host, guests: Sequence[Guest], window_s: float, *, ask: bool = False
) -> tuple[GuestOverview, ...]:
    """Who takes the CPU, one row a guest, from two readings ``window_s`` apart; with ``ask``, what its monitor says.

    Everything goes on side by side, each with its own timeout: a guest that hangs delays no other.
    """
    asking = asyncio.gather(*(_status(host, guest) if ask else _unasked() for guest in guests))
    readings = await overview_readings(host, guests, window_s)
    rows = [derive_overview(guest, decoded(seen).facts, seen) for guest, seen in readings]
    told = await asking
    return tuple(msgspec.structs.replace(row, status=said) for row, said in zip(rows, told, strict=True))


async def _unasked() -> str:
    return ""


async def _status(host: Host, guest: Guest) -> str:
    """What QEMU's monitor or libvirt says of a guest; in parentheses how asking ended where it says nothing."""
    seen = await status_now(host, guest)
    state = decoded((seen,)).facts.get(QemuState)
    return state.status if state and state.status else f"({seen.outcome.value})"


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A look that is over: the case as it was kept, and the writer that still has to seal it."""

    case: Case
    writer: Writer


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A guest to look at, and evidence about it that is there already."""

    guest: Guest
    extra: tuple[Evidence, ...] = ()


class _Shared(msgspec.Struct, frozen=True):
    """What all looks of one time have in common; ``at_once`` is what is seen of all guests at the price of one."""

    plan: Plan
    window: Window
    at_once: "asyncio.Future[Bill]"
    turn: asyncio.Lock


async def look(host: Host, target: Target, plan: Plan, progress: Progress) -> Looked:
    """Look at one guest (and its sibling) for a window; each evidence is handed to the disk as soon as it is there.

    Collectors run side by side, each within its own timeout; what one of them cannot see is evidence with an outcome.
    Cancelling (Ctrl-C) ends every command that was started and leaves an incomplete case that can be read.
    """
    (looked,) = await looks(host, (target,), plan, progress, lambda looked: looked)
    return looked


async def looks(
    host: Host, targets: Sequence[Target], plan: Plan, progress: Progress, then: Callable[[Looked], T]
) -> tuple[T, ...]:
    """Look at several guests over one window, each into a case of its own; ``then`` is called for each that is done.

    What can be seen of all at once is seen once. A guest that hangs keeps only its own look waiting. The sibling of a plan
    is beside the first guest.
    """
    begin = host.mono_ns()
    window = Window(wall_ns=host.wall_ns(), start_ns=begin, end_ns=begin + int(plan.window_s * 1e9))
    writers = [open_case(plan.root, target.guest, window, note=plan.note) for target in targets]
    try:
        for target, writer in zip(targets, writers, strict=True):
            progress(f"looking at {target.guest.name} for {plan.window_s:g} s; the case is {writer.path}")
        sides = _sides(host, targets, writers, plan, window)
        at_once = asyncio.ensure_future(run_collectors(sides[0], seen_at_once(COLLECTORS), plan.ceiling))
        shared = _Shared(plan, window, at_once, asyncio.Lock())
        each = (_one(side, writer, shared, then) for side, writer in zip(sides, writers, strict=True))
        return tuple(await asyncio.gather(*each))
    except BaseException:
        for writer in writers:
            writer.close()
        raise


def _sides(
    host: Host, targets: Sequence[Target], writers: Sequence[Writer], plan: Plan, window: Window
) -> tuple[Look, ...]:
    """Make a look of each guest. The first one has the sibling, and knows the others."""
    guests = len(targets) + (plan.sibling is not None)
    purse = Purse(_budget(plan, guests), host.cpu_ns, guests)
    made = [
        _look_of(host, target.guest, window, writer.keep, purse)
        for target, writer in zip(targets, writers, strict=True)
    ]
    for target, side in zip(targets, made, strict=True):
        for evidence in target.extra:
            side.keep(evidence)
    beside = writers[0].baseline(plan.sibling, plan.choice) if plan.sibling else None
    for writer in writers if plan.choice and beside is None else ():
        writer.say_choice(plan.choice)
    sibling = None
    if plan.sibling and beside:
        sibling = msgspec.structs.replace(_look_of(host, plan.sibling, window, beside.keep, purse), light=True)
    return (msgspec.structs.replace(made[0], sibling=sibling, others=tuple(made[1:])), *made[1:])


def _budget(plan: Plan, guests: int) -> Budget:
    default = default_budget(plan.window_s, plan.ceiling, guests)
    return Budget(
        cpu_ns=default.cpu_ns if plan.budget_cpu_ns is None else plan.budget_cpu_ns,
        stall_ns=default.stall_ns if plan.budget_stall_ns is None else plan.budget_stall_ns,
    )


def _look_of(host: Host, guest: Guest, window: Window, keep: Callable[[Evidence], None], purse: Purse) -> Look:
    return Look(host=host, guest=guest, start_ns=window.start_ns, end_ns=window.end_ns, keep=keep, purse=purse)


async def _one(side: Look, writer: Writer, shared: _Shared, then: Callable[[Looked], T]) -> T:
    """Look at one of the guests, wait for what is seen of all at once, and hand over what was kept."""
    both = (side, side.sibling) if side.sibling else (side,)
    alone = (run_collectors(one, seen_one_by_one(COLLECTORS), shared.plan.ceiling) for one in both)
    bills = await asyncio.gather(*alone, asyncio.shield(shared.at_once))
    side.keep(spent(side, bills))
    ended = max(shared.window.end_ns, side.host.mono_ns())
    writer.ended(msgspec.structs.replace(shared.window, end_ns=ended))
    async with shared.turn:  # one after the other, and between them the loop hears the monitors of the others
        await asyncio.sleep(_BREATH_S)
        return then(Looked(case=writer.case, writer=writer))


class Reading(msgspec.Struct, frozen=True):
    """Facts read from evidence, and what could not be read."""

    facts: Facts
    notes: tuple[str, ...]


def read(evidence: Iterable[Evidence], known: Sequence[object] = ()) -> Reading:
    """Decode each evidence by its kind, then derive what lies between. A defect in one decoder or deriver is told and
    stops no other. ``known`` are facts of evidence that was decoded while it was read.
    """
    seen = decoded(evidence)
    seen = msgspec.structs.replace(seen, facts=seen.facts.plus(*known)) if known else seen
    notes, facts = list(seen.notes), seen.facts
    for derive in DERIVERS:
        with _told(notes, f"{derive.__name__} failed"):
            derived = derive(facts)
            facts = facts if derived is None else facts.plus(derived)
    return Reading(facts, tuple(notes))


def decoded(evidence: Iterable[Evidence]) -> Reading:
    """Decode each evidence by its kind, no more."""
    notes: list[str] = []
    values: list[object] = []
    for one in evidence:
        for decode in decoders_of(one):
            with _told(notes, f"{one.id} could not be read"):
                values.extend(decode(one))
    return Reading(Facts(values), tuple(notes))


@contextlib.contextmanager
def _told(notes: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the stage's one guard: told in the report
        notes.append(f"{what}: {type(error).__name__}: {error}")


def conclude(case: Case, notes: Sequence[str] = (), known: Sequence[object] = ()) -> Report:
    """Read a case (live, saved or pasted: the same code), judge it, compare it with its baseline, and build the
    report. ``known`` are facts of evidence that was decoded while it was read.
    """
    here = read(case.evidence, known)
    findings = diagnose(here.facts, CAUSES)
    best = headline(findings, CAUSES)
    telling = here.facts.get(Telling)
    if best is None and case.guest is None and (telling is None or is_about_a_guest(telling)):
        best = of_likely_family(findings, CAUSES)
    findings, best = _named(findings, best, here.facts)
    return build(
        Conclusion(
            tool=f"crazytrain {__version__}",
            case=case,
            facts=here.facts,
            findings=findings,
            verdict=_verdict(best, here.facts),
            looks=looks_wanted(findings),
            baseline=_baseline(case, here.facts, _judged(best, findings)),
            notes=(*notes, *here.notes),
        )
    )


def _named(
    findings: tuple[Finding, ...], best: Finding | None, facts: Facts
) -> tuple[tuple[Finding, ...], Finding | None]:
    """The findings, and the one that gives the verdict, with the confidence that such verdicts have earned."""
    if best is None:
        return findings, None
    named = as_named(best, facts)
    return tuple(named if one is best else one for one in findings), named


def _verdict(best: Finding | None, facts: Facts) -> VerdictView:
    if best is None:
        side = who_burns(facts)
        return VerdictView(
            headline="the cause is not known from this evidence" + (f"; {side}" if side else ""),
            family=Family.UNKNOWN.value,
            cause="unknown",
            confidence=0.0,
            standing="unknown",
        )
    return VerdictView(
        headline=best.headline,
        family=best.family.value,
        cause=best.cause,
        confidence=best.confidence,
        standing=standing(best.confidence),
    )


def _baseline(case: Case, here: Facts, said_here: Judged) -> BaselineView:
    other = case.baseline
    if other is None or other.guest is None:
        return BaselineView(name="", choice=case.baseline_choice or "no other guest to compare with")
    there = read(other.evidence)
    findings = diagnose(there.facts, CAUSES)
    judged = headline(findings, CAUSES)
    healthy = judged is not None and judged.family is Family.HEALTHY
    said = f"judged {judged.cause}" if judged else "its state is not known"
    doubt = "" if healthy else "; it is NOT known to be healthy, so read the differences with care"
    comparison = harmless(compared(here, there.facts, (said_here, _judged(judged, findings))))
    return BaselineView(
        name=other.guest.name,
        pid=other.guest.pid,
        word=_word(case, other.guest),
        choice=f"{case.baseline_choice}; {said}{doubt}",
        differences=comparison.differences,
        unseen=comparison.unseen,
    )


def _word(case: Case, other: Guest) -> str:
    """What ``crazytrain diff`` knows the other one by: a saved case by its id, a guest by its name, by its pid if that is no help."""
    saved = _SAVED.search(case.baseline_choice)
    if saved:
        return saved[1]
    return other.name if case.guest is None or other.name != case.guest.name else str(other.pid)


def _judged(best: Finding | None, findings: Sequence[Finding]) -> Judged:
    if best is None:
        return Judged.OPEN
    symptoms = (f.cause for f in findings if f.folded_into == best.cause)
    return judged_of(best.family.value, best.cause, best.confidence, symptoms)


def seal(looked: Looked, report: Report) -> tuple[str, ...]:
    """Keep the report with its case and close it; what could not be kept is returned."""
    looked.writer.finish(msgspec.json.encode(report), plain_text(report))
    return looked.writer.problems
