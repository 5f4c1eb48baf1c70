"""Looking at several guests at once: one process, one window, a case and a report for each."""

from collections.abc import Sequence

from crazytrain.cli.looking import NOBODY, Against, Wish, concluded, lab_evidence, plan_of
from crazytrain.cli.screen import Progress
from crazytrain.collect import discover
from crazytrain.collect.find import find
from crazytrain.decode.command_line import config_of
from crazytrain.host import Host, LiveHost
from crazytrain.host.loop import run
from crazytrain.model.errors import BadInput, NoSuchGuest
from crazytrain.model.guest import Guest
from crazytrain.model.report import Report
from crazytrain.pipeline import Target, looks

_CHOICE = "several guests were looked at at once; compared with another one is who is looked at alone"


def why_each(wanted: Sequence[str], wish: Wish, *, quiet: bool = False) -> tuple[Report, ...]:
    """Look at the guests that are named, or at all that run where none is, and conclude for each.

    Raises:
        NoSuchGuest, BadInput: a guest cannot be told, or one to compare with is asked for.
    """
    if wish.against not in (None, NOBODY):
        raise BadInput(
            "--against compares one guest with another", "Name one guest: crazytrain why NAME --against OTHER"
        )
    progress = Progress(quiet=quiet)
    try:
        return run(_why_each(LiveHost(), wanted, wish, progress))
    except KeyboardInterrupt:
        progress.done()
        progress("interrupted; what was kept until then are incomplete cases that can be read: crazytrain case list")
        raise
    finally:
        progress.done()


async def _why_each(host: Host, wanted: Sequence[str], wish: Wish, progress: Progress) -> tuple[Report, ...]:
    running = await discover.guests(host, config_of)
    if not running:
        raise NoSuchGuest("no QEMU guest runs on this host", "None, or none that this user may see: crazytrain doctor")
    guests = _chosen(running, wanted)
    beside = Against(choice=_CHOICE)
    targets = tuple(Target(guest=guest, extra=lab_evidence(guest)) for guest in guests)
    plan = plan_of(wish, beside)
    return await looks(host, targets, plan, progress, lambda looked: concluded(looked, beside, progress))


def _chosen(running: Sequence[Guest], wanted: Sequence[str]) -> tuple[Guest, ...]:
    """Those that are named, each once, in that order; all where none is."""
    named = (find(running, word) for word in wanted)
    return tuple({guest.pid: guest for guest in (named if wanted else running)}.values())
