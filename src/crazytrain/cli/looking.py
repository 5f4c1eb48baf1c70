"""Choosing what to look at, looking, and concluding: what ``why``, ``guard``, ``guests`` and the lab share."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from crazytrain.cli.screen import Progress
from crazytrain.collect import discover
from crazytrain.collect.find import find
from crazytrain.decode.command_line import config_of
from crazytrain.derive.sibling import fitting
from crazytrain.host import Host, LiveHost
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, NoSuchGuest
from crazytrain.model.evidence import Cost
from crazytrain.model.figures import share
from crazytrain.model.guest import Guest
from crazytrain.model.overview import GuestOverview
from crazytrain.model.report import Report
from crazytrain.pipeline import Looked, Plan, conclude, look, seal, survey
from crazytrain.report.escape import plain
from crazytrain.store import cases_root, load

Tell = Callable[[str], None]

SURVEY_S = 0.5
NOBODY = "none"


class Against(msgspec.Struct, frozen=True):
    """With whom to compare: a guest beside it, or a saved case; and why that one, or why nobody."""

    guest: Guest | None = None
    case: Case | None = None
    choice: str = ""


def why(
    *, wanted: str | None, seconds: float, against: str | None, out: Path | None, cost: str, quiet: bool = False
) -> Report:
    """Look at one guest and conclude; the case is sealed with its report.

    Raises:
        NoSuchGuest, BadInput: the guest (or the one to compare with) cannot be told.
    """
    progress = Progress(quiet=quiet)
    ceiling = _ceiling(cost)
    try:
        return asyncio.run(_why(LiveHost(), wanted, seconds, against, out, ceiling, progress))
    finally:
        progress.done()


def _ceiling(word: str) -> Cost:
    try:
        return Cost(word)
    except ValueError:
        raise BadInput(f"--cost {plain(word)!r} is not known", f"One of: {', '.join(c.value for c in Cost)}") from None


async def _why(
    host: Host,
    wanted: str | None,
    seconds: float,
    against: str | None,
    out: Path | None,
    ceiling: Cost,
    progress: Tell,
) -> Report:
    guests = await discover.guests(host, config_of)
    if not guests:
        raise NoSuchGuest("no QEMU guest runs on this host", "None, or none that this user may see: crazytrain doctor")
    rows: tuple[GuestOverview, ...] = ()
    if wanted is None or (against is None and len(guests) > 1):
        progress(f"looking who is hot: {len(guests)} guests, {SURVEY_S:g} s")
        rows = await survey(host, guests, SURVEY_S)
    guest = find(guests, wanted) if wanted is not None else _hottest(rows)
    beside = _against(against, guest, guests, rows)
    plan = Plan(
        window_s=seconds,
        ceiling=ceiling,
        root=out or cases_root(os.environ, os.geteuid()),
        sibling=beside.guest,
        choice=beside.choice,
    )
    looked = await look(host, guest, plan, progress)
    return _concluded(looked, beside, progress)


def _concluded(looked: Looked, beside: Against, progress: Tell) -> Report:
    progress("reading the evidence")
    case = looked.case
    if beside.case is not None:
        case = msgspec.structs.replace(case, baseline=beside.case, baseline_choice=beside.choice)
    report = conclude(case)
    problems = seal(looked, report)
    return msgspec.structs.replace(report, notes=(*report.notes, *problems)) if problems else report


def _hottest(rows: Sequence[GuestOverview]) -> Guest:
    return max(rows, key=lambda r: r.split.cpu_ratio if r.split else -1.0).guest


def _against(
    wanted: str | None, guest: Guest, guests: Sequence[Guest], rows: Sequence[GuestOverview]
) -> Against:
    if wanted == NOBODY:
        return Against(choice="not asked for (--against none)")
    if wanted is None:
        chosen, choice = fitting(guest, rows)
        return Against(guest=chosen, choice=choice)
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


def guard_look(guests: Sequence[Guest], seconds: float, progress: Tell) -> list[tuple[str, str]]:
    """Keep a case of each guest, all at once; each with its folder and the verdict in a line."""
    return asyncio.run(_guard_look(LiveHost(), guests, seconds, progress))


async def _guard_look(host: Host, guests: Sequence[Guest], seconds: float, progress: Tell) -> list[tuple[str, str]]:
    root = cases_root(os.environ, os.geteuid())
    plan = Plan(window_s=seconds, ceiling=Cost.SAMPLES, root=root, choice="taken in a hurry: nobody beside it was looked at")
    looks = await asyncio.gather(*(look(host, guest, plan, progress) for guest in guests))
    kept = []
    for looked in looks:
        report = _concluded(looked, Against(), progress)
        verdict = report.verdict
        sure = f" ({verdict.standing}, {share(verdict.confidence)})" if verdict.confidence else ""
        kept.append((str(looked.writer.path), f"{verdict.family}/{verdict.cause}{sure}: {verdict.headline}"))
    return kept


def overview(seconds: float) -> tuple[GuestOverview, ...]:
    """Who runs here and who burns, the hottest first."""
    progress = Progress()
    try:
        return asyncio.run(_overview(LiveHost(), seconds, progress))
    finally:
        progress.done()


async def _overview(host: Host, seconds: float, progress: Tell) -> tuple[GuestOverview, ...]:
    guests = await discover.guests(host, config_of)
    if seconds >= 2:
        progress(f"measuring {len(guests)} guests for {seconds:g} s")
    rows = await survey(host, guests, seconds)
    return tuple(sorted(rows, key=lambda r: -(r.split.cpu_ratio if r.split else 0.0)))
