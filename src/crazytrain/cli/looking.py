"""Choosing what to look at, looking, and concluding: what ``why``, ``guard``, ``guests`` and the lab share."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from crazytrain.cli.places import lab_state_dir
from crazytrain.cli.screen import Progress
from crazytrain.collect import discover
from crazytrain.collect.find import find
from crazytrain.decode.command_line import config_of
from crazytrain.derive.overview import hottest
from crazytrain.derive.sibling import fitting, is_like
from crazytrain.host import Host, LiveHost
from crazytrain.host.loop import run
from crazytrain.lab import running
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, CrazytrainError, LabError, NoSuchGuest
from crazytrain.model.evidence import Cost, Evidence, Kind
from crazytrain.model.figures import share
from crazytrain.model.guest import Guest
from crazytrain.model.overview import GuestOverview
from crazytrain.model.report import Report
from crazytrain.pipeline import Looked, Plan, Target, conclude, look, looks, seal, survey
from crazytrain.report.escape import plain
from crazytrain.store import cases_root, last_healthy, load

Tell = Callable[[str], None]

SURVEY_S = 0.5  # and no more than a fifth of the look itself
NOBODY = "none"
_HURRY = "taken in a hurry: nobody beside it was looked at"


class Against(msgspec.Struct, frozen=True):
    """With whom to compare: a guest beside it, or a saved case; and why that one, or why nobody."""

    guest: Guest | None = None
    case: Case | None = None
    choice: str = ""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of ``why``: which guest, for how long, beside whom, where to keep the case, how dear at most.

    What of the budget is not given is the default one: see ``crazytrain.model.budget``.
    """

    wanted: str | None = None
    seconds: float = 5.0
    against: str | None = None
    out: Path | None = None
    cost: str = Cost.SAMPLES.value
    budget_cpu_s: float | None = None
    budget_stall_ms: float | None = None


def why(wish: Wish, *, quiet: bool = False) -> Report:
    """Look at one guest and conclude; the case is sealed with its report.

    Raises:
        NoSuchGuest, BadInput: the guest (or the one to compare with) cannot be told.
    """
    progress = Progress(quiet=quiet)
    _ceiling(wish.cost)
    try:
        return run(_why(LiveHost(), wish, progress))
    except KeyboardInterrupt:
        progress.done()
        progress("interrupted; what was kept until then is an incomplete case that can be read: crazytrain case list")
        raise
    finally:
        progress.done()


def _ceiling(word: str) -> Cost:
    try:
        return Cost(word)
    except ValueError:
        raise BadInput(f"--cost {plain(word)!r} is not known", f"One of: {', '.join(c.value for c in Cost)}") from None


async def _why(host: Host, wish: Wish, progress: Progress) -> Report:
    guests = await discover.guests(host, config_of)
    if not guests:
        raise NoSuchGuest("no QEMU guest runs on this host", "None, or none that this user may see: crazytrain doctor")
    named = find(guests, wish.wanted) if wish.wanted is not None else None
    rows: tuple[GuestOverview, ...] = ()
    if wish.wanted is None or (wish.against is None and len(guests) > 1):
        seconds = min(SURVEY_S, wish.seconds / 5)
        progress(f"looking who is hot: {len(guests)} guests, {seconds:g} s")
        rows = await survey(host, guests, seconds)
    guest = named or _hottest(rows)
    beside = _against(wish.against, guest, guests, rows, wish.out or cases_root(os.environ, os.geteuid()))
    plan = plan_of(wish, beside)
    async with told_how_far(wish.seconds, progress):
        looked = await look(host, Target(guest=guest, extra=lab_evidence(guest)), plan, progress)
    return concluded(looked, beside, progress)


def plan_of(wish: Wish, beside: Against) -> Plan:
    """Give the plan of a wish.

    Raises:
        BadInput: the ceiling is not known, or there is no folder for cases.
    """
    return Plan(
        window_s=wish.seconds,
        ceiling=_ceiling(wish.cost),
        root=wish.out or cases_root(os.environ, os.geteuid()),
        sibling=beside.guest,
        choice=beside.choice,
        budget_cpu_ns=None if wish.budget_cpu_s is None else int(wish.budget_cpu_s * 1e9),
        budget_stall_ns=None if wish.budget_stall_ms is None else int(wish.budget_stall_ms * 1e6),
    )


@contextlib.asynccontextmanager
async def told_how_far(seconds: float, progress: Progress) -> AsyncIterator[None]:
    """Tell each second how much of the window is over."""

    async def tell() -> None:
        for over in range(1, int(seconds) + 1):
            await asyncio.sleep(1)
            progress.tick(f"looking: {over} of {seconds:g} s")

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()


def concluded(looked: Looked, beside: Against, progress: Tell) -> Report:
    """Judge what was seen, and seal the case with the report."""
    progress("reading the evidence")
    with looked.writer:  # whatever becomes of the conclusion, what was kept is on disk
        report = conclude(_with_baseline(looked, beside))
        problems = seal(looked, report)
    return msgspec.structs.replace(report, notes=(*report.notes, *problems)) if problems else report


def lab_evidence(guest: Guest) -> tuple[Evidence, ...]:
    """What the lab did to this guest, where it is one of the lab's own; it is kept with the case as the proof."""
    try:
        ours = running(lab_state_dir(), lambda _: None)
    except (LabError, OSError):  # somebody else's folder: none of our guests is there
        return ()
    for one in ours:
        if one.process and one.pid == guest.pid and one.actions.exists():
            return (
                Evidence(
                    id="lab.0",
                    kind=Kind.LAB,
                    source=str(one.actions),
                    data=one.actions.read_bytes(),
                    mono_ns=time.monotonic_ns(),
                    wall_ns=time.time_ns(),
                ),
            )
    return ()


def _with_baseline(looked: Looked, beside: Against) -> Case:
    """The case, with the saved one that it is compared with kept inside: a replay needs both."""
    if beside.case is None:
        return looked.case
    keeper = looked.writer.baseline(beside.case.guest, beside.choice, beside.case.window)
    for evidence in beside.case.evidence:
        keeper.keep(evidence)
    return looked.writer.case


def _hottest(rows: Sequence[GuestOverview]) -> Guest:
    row = hottest(rows)
    if row is None:
        raise NoSuchGuest("no guest's threads could be read, so none is the hottest", "Name one: crazytrain why NAME")
    return row.guest


def _fitting(guest: Guest, rows: Sequence[GuestOverview], root: Path) -> Against:
    """A calm guest beside it that is set up alike: it shares host and hour. Else the same guest when it was last healthy; else the
    guest beside it that is most alike.
    """
    chosen, choice = fitting(guest, rows)
    if chosen is not None and is_like(guest, chosen):
        return Against(guest=chosen, choice=choice)
    earlier = last_healthy(root, guest)
    case = _readable(earlier.path) if earlier else None
    if earlier is None or case is None:
        return Against(guest=chosen, choice=choice)
    why = choice if chosen is None else f"{plain(chosen.name)} runs beside it, but is set up otherwise"
    told = f"the same guest at its last healthy time, case {earlier.path.name} ({earlier.cause}, {share(earlier.confidence)}); {why}"
    return Against(case=case, choice=told)


def _readable(path: Path) -> Case | None:
    """A case that nobody asked for; one that cannot be read is no reason to stop."""
    try:
        return load(path)
    except CrazytrainError:
        return None


def _against(
    wanted: str | None, guest: Guest, guests: Sequence[Guest], rows: Sequence[GuestOverview], root: Path
) -> Against:
    if wanted == NOBODY:
        return Against(choice="not asked for (--against none)")
    if wanted is None:
        return _fitting(guest, rows, root)
    try:
        other = find(guests, wanted)
    except NoSuchGuest:
        path = _case_path(wanted)
        if path is None:
            raise
        return Against(case=load(path), choice=f"the saved case {path.name}, as asked for")
    if other.process == guest.process:
        raise BadInput("a guest cannot be compared with itself now", "Give another guest, or a saved case of this one.")
    return Against(guest=other, choice=f"{other.name}, as asked for")


def _case_path(wanted: str) -> Path | None:
    direct = Path(wanted)
    saved = cases_root(os.environ, os.geteuid()) / wanted
    return next((p for p in (direct, saved) if p.exists()), None)


def guard_look(
    guests: Sequence[Guest], seconds: float, progress: Tell, ceiling: Cost = Cost.SAMPLES
) -> list[tuple[str, str]]:
    """Keep a case of each guest, all at once; each with its folder and the verdict in a line."""
    return run(_guard_look(LiveHost(), guests, seconds, progress, ceiling))


async def _guard_look(
    host: Host, guests: Sequence[Guest], seconds: float, progress: Tell, ceiling: Cost
) -> list[tuple[str, str]]:
    root = cases_root(os.environ, os.geteuid())
    plan = Plan(window_s=seconds, ceiling=ceiling, root=root, choice=_HURRY)

    def told(looked: Looked) -> tuple[str, str]:
        verdict = concluded(looked, Against(), progress).verdict
        sure = f" ({verdict.standing}, {share(verdict.confidence)})" if verdict.confidence else ""
        return str(looked.writer.path), f"{verdict.family}/{verdict.cause}{sure}: {verdict.headline}"

    return list(await looks(host, tuple(Target(guest=guest) for guest in guests), plan, progress, told))


def overview(seconds: float) -> tuple[GuestOverview, ...]:
    """Who runs here and who burns, the hottest first."""
    progress = Progress()
    try:
        return run(_overview(LiveHost(), seconds, progress))
    finally:
        progress.done()


async def _overview(host: Host, seconds: float, progress: Tell) -> tuple[GuestOverview, ...]:
    guests = await discover.guests(host, config_of)
    if seconds >= 2:
        progress(f"measuring {len(guests)} guests for {seconds:g} s")
    rows = await survey(host, guests, seconds, ask=True)
    return tuple(sorted(rows, key=lambda r: -(r.split.cpu_ratio if r.split else 0.0)))
