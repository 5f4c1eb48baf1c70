"""The only place that joins the stages: ``look`` (guest to evidence), ``read`` (evidence to facts), ``conclude``
(facts to a report).
"""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from crazytrain import __version__
from crazytrain.collect import COLLECTORS
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.overview import overview_readings
from crazytrain.collect.status import status_now
from crazytrain.decode import decoders_of
from crazytrain.derive import DERIVERS
from crazytrain.derive.compare import compare
from crazytrain.derive.overview import derive_overview
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline, looks_wanted
from crazytrain.diagnose.side import who_burns
from crazytrain.diagnose.weigh import standing
from crazytrain.host.door import Host, outcome_of
from crazytrain.model.case import Case, Window
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import Facts, QemuState
from crazytrain.model.finding import Family, Finding
from crazytrain.model.guest import Guest
from crazytrain.model.overview import GuestOverview
from crazytrain.model.report import BaselineView, Report, VerdictView
from crazytrain.report.build import Conclusion, build
from crazytrain.report.text import plain_text
from crazytrain.store import Writer, open_case

Progress = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: for how long, how dear at most, where to keep the case, with whom to compare (and why)."""

    window_s: float
    ceiling: Cost
    root: Path
    sibling: Guest | None = None
    choice: str = ""
    note: str = ""


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


async def look(host: Host, guest: Guest, plan: Plan, progress: Progress, extra: Sequence[Evidence] = ()) -> Looked:
    """Look at one guest (and its sibling) for a window; each evidence is handed to the disk as soon as it is there.

    Collectors run side by side, each within its own timeout; what one of them cannot see is evidence with an outcome.
    Cancelling (Ctrl-C) ends every command that was started and leaves an incomplete case that can be read.
    """
    begin = host.mono_ns()
    window = Window(wall_ns=host.wall_ns(), start_ns=begin, end_ns=begin + int(plan.window_s * 1e9))
    writer = open_case(plan.root, guest, window, note=plan.note)
    progress(f"looking at {guest.name} for {plan.window_s:g} s; the case is {writer.path}")
    try:
        beside = writer.baseline(plan.sibling, plan.choice) if plan.sibling else None
        if plan.choice and beside is None:
            writer.say_choice(plan.choice)
        sibling = _look_of(host, plan.sibling, window, beside.keep, light=True) if plan.sibling and beside else None
        main = _look_of(host, guest, window, writer.keep, sibling=sibling)
        for evidence in extra:
            main.keep(evidence)
        await asyncio.gather(*_runs(main, plan.ceiling), *(_runs(sibling, plan.ceiling) if sibling else ()))
        writer.ended(msgspec.structs.replace(window, end_ns=max(window.end_ns, host.mono_ns())))
    except BaseException:
        writer.close()
        raise
    return Looked(case=writer.case, writer=writer)


def _look_of(
    host: Host,
    guest: Guest,
    window: Window,
    keep: Callable[[Evidence], None],
    *,
    light: bool = False,
    sibling: Look | None = None,
) -> Look:
    return Look(
        host=host,
        guest=guest,
        start_ns=window.start_ns,
        end_ns=window.end_ns,
        keep=keep,
        light=light,
        sibling=sibling,
    )


def _runs(look_at: Look, ceiling: Cost) -> Iterable[asyncio.Task[None]]:
    for collector in COLLECTORS:
        if ceiling.allows(collector.cost):
            yield asyncio.ensure_future(_guarded(collector, look_at))
        else:
            look_at.keep(_left_out(collector, look_at, ceiling))


async def _guarded(collector: Collector, look_at: Look) -> None:
    """The stage's one guard: a collector that hangs or is broken is evidence of its own and stops no other."""
    begin = look_at.host.mono_ns()
    try:
        async with asyncio.timeout(look_at.window_s + collector.timeout_s):
            await collector.run(look_at)
    except OSError as error:  # TimeoutError is one
        outcome, detail = outcome_of(error)
        look_at.keep(_ended(collector, look_at, begin, outcome, detail))
    except Exception:  # noqa: BLE001 - a defect in one collector is kept in the case
        look_at.keep(_ended(collector, look_at, begin, Outcome.BROKE, traceback.format_exc(limit=-4)))


def _ended(collector: Collector, look_at: Look, begin: int, outcome: Outcome, detail: str) -> Evidence:
    now = look_at.host.mono_ns()
    return Evidence(
        id=f"{collector.name}.ended",
        kind=Kind.TEXT,
        source=collector.name,
        outcome=outcome,
        detail=detail,
        mono_ns=begin,
        wall_ns=look_at.host.wall_ns(),
        took_ns=now - begin,
        cost=collector.cost,
    )


def _left_out(collector: Collector, look_at: Look, ceiling: Cost) -> Evidence:
    detail = f"not asked for: it {collector.cost.value}, the ceiling is {ceiling.value} (--cost)"
    return _ended(collector, look_at, look_at.host.mono_ns(), Outcome.ABSENT, detail)


class Reading(msgspec.Struct, frozen=True):
    """Facts read from evidence, and what could not be read."""

    facts: Facts
    notes: tuple[str, ...]


def read(evidence: Iterable[Evidence]) -> Reading:
    """Decode each evidence by its kind, then derive what lies between. A defect in one decoder or deriver is told and
    stops no other.
    """
    seen = decoded(evidence)
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


def conclude(case: Case, notes: Sequence[str] = ()) -> Report:
    """Read a case (live, saved or pasted: the same code), judge it, compare it with its baseline, and build the
    report.
    """
    here = read(case.evidence)
    findings = diagnose(here.facts, CAUSES)
    best = headline(findings, CAUSES)
    return build(
        Conclusion(
            tool=f"crazytrain {__version__}",
            case=case,
            facts=here.facts,
            findings=findings,
            verdict=_verdict(best, here.facts),
            looks=looks_wanted(findings),
            baseline=_baseline(case, here.facts),
            notes=(*notes, *here.notes),
        )
    )


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


def _baseline(case: Case, here: Facts) -> BaselineView:
    other = case.baseline
    if other is None or other.guest is None:
        return BaselineView(name="", choice=case.baseline_choice or "no other guest to compare with")
    there = read(other.evidence)
    findings = diagnose(there.facts, CAUSES)
    judged = headline(findings, CAUSES)
    healthy = judged is not None and judged.family is Family.HEALTHY
    said = f"judged {judged.cause}" if judged else "its state is not known"
    doubt = "" if healthy else "; it is NOT known to be healthy, so read the differences with care"
    return BaselineView(
        name=other.guest.name,
        pid=other.guest.pid,
        choice=f"{case.baseline_choice}; {said}{doubt}",
        differences=compare(here, there.facts),
    )


def seal(looked: Looked, report: Report) -> tuple[str, ...]:
    """Keep the report with its case and close it; what could not be kept is returned."""
    looked.writer.finish(msgspec.json.encode(report), plain_text(report))
    return looked.writer.problems
