"""Looking at both sides of a comparison, and comparing."""

import os
from collections.abc import Sequence

from crazytrain.cli import looking, screen
from crazytrain.cli.diff_sides import STDIN, running, saved
from crazytrain.collect import discover
from crazytrain.decode.command_line import config_of
from crazytrain.host import Host, LiveHost
from crazytrain.host.loop import run
from crazytrain.model.difference import DiffReport
from crazytrain.model.errors import BadInput
from crazytrain.model.guest import Guest
from crazytrain.pipeline import Looked, Target, looks
from crazytrain.pipeline_diff import Side, diff
from crazytrain.report.diff_text import WIDTH, diff_lines
from crazytrain.store import cases_root, listing

_CHOICE = "looked at for a comparison of two: crazytrain diff"


def compared(words: tuple[str, str], wish: looking.Wish, *, quiet: bool = False) -> DiffReport:
    """Compare what two words mean. Running guests are looked at over one window, and a case of each is kept.

    Raises:
        NoSuchGuest, NoSuchCase, BadInput: a word means nothing, or what it means cannot be read.
    """
    if words == (STDIN, STDIN):
        raise BadInput("both sides are standard input", "Only one of them can be '-'.")
    progress = screen.Progress(quiet=quiet)
    try:
        return run(_compared(LiveHost(), words, wish, progress))
    except KeyboardInterrupt:
        progress.done()
        progress("interrupted; what was kept until then are incomplete cases that can be read: crazytrain case list")
        raise
    finally:
        progress.done()


async def _compared(host: Host, words: tuple[str, str], wish: looking.Wish, progress: screen.Progress) -> DiffReport:
    guests = await _guests(host, words)
    live = [running(guests, word) for word in words]
    if live[0] and live[1] and live[0].process == live[1].process:
        raise BadInput("a guest cannot be compared with itself now", "Give another guest, or a saved case of this one.")
    sides = [None if guest else saved(word, guests) for guest, word in zip(live, words, strict=True)]
    seen = iter(await _looked(host, [guest for guest in live if guest], wish, progress))
    progress.tick("comparing")
    here, there = (side or next(seen) for side in sides)
    return diff(here, there)


async def _guests(host: Host, words: Sequence[str]) -> tuple[Guest, ...]:
    """The guests that run here; nobody looks where both words are paths."""
    if all(word == STDIN or "/" in word for word in words):
        return ()
    return tuple(await discover.guests(host, config_of))


async def _looked(
    host: Host, guests: Sequence[Guest], wish: looking.Wish, progress: screen.Progress
) -> tuple[Side, ...]:
    if not guests:
        return ()
    beside = looking.Against(choice=_CHOICE)
    plan = looking.plan_of(wish, beside)
    targets = tuple(Target(guest=guest, extra=looking.lab_evidence(guest)) for guest in guests)

    def side(looked: Looked) -> Side:
        report = looking.concluded(looked, beside, progress)
        case = looked.writer.case
        name = case.guest.name if case.guest else "a guest"
        return Side(name=name, kind="live", case=case, report=report)

    async with looking.told_how_far(wish.seconds, progress):
        return await looks(host, targets, plan, progress, side)


def show(report: DiffReport, *, as_json: bool, full: bool) -> None:
    """Print a comparison for people, or as JSON for machines."""
    if as_json:
        screen.json(report)
        return
    screen.styled(diff_lines(report, width=screen.width(WIDTH), full=full))


def completions(incomplete: str) -> Sequence[str]:
    """Guests that run here and cases that are kept here, and begin so; files are the shell's own."""
    from crazytrain.cli.completing import guest_names

    try:
        cases = [one.id for one in listing(cases_root(os.environ, os.geteuid()))]
    except Exception:  # noqa: BLE001 - a shell waits for the answer
        cases = []
    return [*guest_names(incomplete), *(name for name in cases if name.startswith(incomplete))]
