"""Showing a guest's clock."""

from crazytrain.cli import screen
from crazytrain.collect import discover, find
from crazytrain.decode.command_line import config_of
from crazytrain.host import LiveHost
from crazytrain.host.loop import run
from crazytrain.model.clock_report import ClockReport
from crazytrain.model.errors import NoSuchGuest
from crazytrain.pipeline_clock import ClockWish, clock_shown
from crazytrain.report.clock_text import WIDTH, clock_lines

_OFF = "\nOf a guest that is off there is no clock to show; its definition can be set all the same: crazytrain clock GUEST --set hpet=off"


def show_clock(wanted: str, wish: ClockWish, *, as_json: bool, quiet: bool) -> None:
    """Look and print.

    Raises:
        NoSuchGuest, BadInput: none of that name runs, or several fit.
    """
    progress = screen.Progress(quiet=quiet)
    report = run(_looked(wanted, wish, progress))
    progress.done()
    if as_json:
        screen.json(report)
    else:
        screen.styled(clock_lines(report, width=screen.width(WIDTH)))


async def _looked(wanted: str, wish: ClockWish, progress: screen.Progress) -> ClockReport:
    host = LiveHost()
    try:
        guest = find.find(await discover.guests(host, config_of), wanted)
    except NoSuchGuest as error:
        raise NoSuchGuest(error.message, f"{error.hint}{_OFF}") from None
    return await clock_shown(host, guest, wish, progress)
