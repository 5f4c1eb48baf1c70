"""``crazytrain inside --watch``: the guest's "top" from outside, drawn again and again."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator

from crazytrain.cli.inside_looking import Wish, finished, judge, the_guest, width
from crazytrain.cli.screen import STYLES, Progress, styled
from crazytrain.host import Host, LiveHost
from crazytrain.host.loop import run
from crazytrain.model.inside_report import InsideReport
from crazytrain.pipeline_inside import watch_inside
from crazytrain.report.inside_text import first_lines, screen_lines, window_lines

_LEAST_S = 0.5
Draw = Callable[[InsideReport], None]


def watch(wish: Wish, *, quiet: bool = False) -> None:
    """Show the guest every ``wish.seconds``, until q or Ctrl-C, or until it has gone.

    On a terminal a screen is drawn anew; elsewhere each look is a block of text, or with ``as_json`` a line of JSON.
    """
    progress = Progress(quiet=quiet)
    try:
        with _drawn(wish) as draw:
            last = run(_watch(LiveHost(), wish, draw))
    except KeyboardInterrupt:
        return  # that is how one leaves it
    finally:
        progress.done()
    if last is not None:
        judge(last)
        if last.last is None and last.first is not None:
            progress("the guest can be read no more: " + "; ".join(one.why for one in last.missing))


async def _watch(host: Host, wish: Wish, draw: Draw) -> InsideReport | None:
    guest = await the_guest(host, wish.wanted)
    plan = wish.plan.every(max(wish.seconds, _LEAST_S))
    last = None
    with _until_q(), contextlib.suppress(asyncio.CancelledError):
        async with contextlib.aclosing(watch_inside(host, guest, plan)) as looks:
            async for last in looks:
                draw(last)
    return last


@contextlib.contextmanager
def _drawn(wish: Wish) -> Iterator[Draw]:
    """How to show a look here."""
    if wish.as_json:
        yield lambda report: finished((report,))
    elif sys.stdout.isatty():
        with _screen() as draw:
            yield draw
    else:
        yield lambda report: _block(report, wish)


def _block(report: InsideReport, wish: Wish) -> None:
    if report.last is None:
        styled(first_lines(report, width=width()))
    else:
        print(f"\n{report.guest.name}, {report.at}, pid {report.guest.pid}")
        styled(window_lines(report, wish.shown, width=width()))
    sys.stdout.flush()


@contextlib.contextmanager
def _screen() -> Iterator[Draw]:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:

        def draw(report: InsideReport) -> None:
            columns, rows = shutil.get_terminal_size()
            lines = screen_lines(report, width=columns - 1, height=rows - 1)
            texts = (Text(one.text, style=STYLES.get(one.style, ""), no_wrap=True) for one in lines)
            live.update(Group(*texts), refresh=True)

        yield draw


@contextlib.contextmanager
def _until_q() -> Iterator[None]:
    """Cancel what goes on when q is pressed; only where keys come from a terminal, whose settings are put back."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield
        return
    import termios
    import tty

    task, loop, keys = asyncio.current_task(), asyncio.get_running_loop(), sys.stdin.fileno()
    before = termios.tcgetattr(keys)

    def pressed() -> None:
        if task and os.read(keys, 64).lower().startswith(b"q"):
            task.cancel()

    try:
        tty.setcbreak(keys)
        loop.add_reader(keys, pressed)
        yield
    finally:
        loop.remove_reader(keys)
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
