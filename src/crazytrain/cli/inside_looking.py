"""What ``crazytrain inside`` does: find the guest, look, print as soon as there is something to print."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from crazytrain.cli.inside import Graph
from crazytrain.cli.screen import Progress, styled
from crazytrain.collect import discover
from crazytrain.collect.find import find
from crazytrain.decode.command_line import config_of
from crazytrain.host import Host, LiveHost
from crazytrain.host.loop import run
from crazytrain.model.errors import BadInput, CrazytrainError, NotAllowed
from crazytrain.model.facts.inside_view import InsideView
from crazytrain.model.guest import Guest
from crazytrain.model.inside_report import InsideReport
from crazytrain.pipeline_inside import InsidePlan, look_inside
from crazytrain.report.inside_text import Wanted, first_lines, window_lines

_ENDINGS = {".html": Graph.HTML, ".htm": Graph.HTML, ".json": Graph.SPEEDSCOPE}
_NARROWEST, _WIDEST = 60, 120


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of ``inside``."""

    wanted: str
    seconds: float = 2.0
    watch: bool = False
    records: int | None = None
    tasks: bool = False
    stacks: bool = False
    flame: Path | None = None
    form: Graph | None = None
    may_pause_ms: float = 0.0
    monitor: bool = True
    cache: bool = True
    as_json: bool = False

    @property
    def plan(self) -> InsidePlan:
        """How to look for it."""
        return InsidePlan(
            window_s=self.seconds,
            monitor=self.monitor,
            cache=self.cache,
            may_pause_ms=self.may_pause_ms,
            log=self.records is not None,
        )

    @property
    def shown(self) -> Wanted:
        """What to show of it."""
        return Wanted(tasks=self.tasks, stacks=self.stacks, records=self.records)


def inside(wish: Wish, *, quiet: bool = False) -> None:
    """Look, and print: for people what is known at once, then the rest; as JSON all of it at the end.

    Raises:
        NoSuchGuest, BadInput: the guest cannot be told; there is nothing to draw, or no window to draw it from.
        NotAllowed: the guest's memory may not be read, or a file not be written.
        CrazytrainError: nothing could be read at all.
    """
    _sensible(wish)
    if wish.watch:
        from crazytrain.cli import inside_watching

        inside_watching.watch(wish, quiet=quiet)
        return
    progress = Progress(quiet=quiet)
    try:
        report = run(_inside(LiveHost(), wish, progress))
    finally:
        progress.done()
    _printed(report, wish)
    if wish.flame:
        write_flame(report, wish, progress)
    judge(report)


def _sensible(wish: Wish) -> None:
    if wish.flame and (wish.watch or wish.seconds == 0):
        raise BadInput("--flame needs a window to look at", "Leave --watch out, and give --for some seconds.")
    if wish.form and not wish.flame:
        raise BadInput("--format says what to write to --flame, and there is none", "Give --flame FILE.")
    if wish.may_pause_ms and not wish.monitor:
        raise BadInput("--may-pause asks QEMU's monitor, and --no-monitor forbids that", "Give one of them.")


async def _inside(host: Host, wish: Wish, progress: Progress) -> InsideReport:
    guest = await the_guest(host, wish.wanted)
    async with _told_how_far(wish.seconds, progress) as begun:
        return await look_inside(host, guest, wish.plan, lambda report: _first(report, wish, begun))


async def the_guest(host: Host, wanted: str) -> Guest:
    """The guest that is meant."""
    return find(await discover.guests(host, config_of), wanted)


def _first(report: InsideReport, wish: Wish, begun: Callable[[], None]) -> None:
    """Print what is known at once; only where people read the rest after it."""
    if not wish.as_json and report.first:
        styled(first_lines(report, width=width()))
        sys.stdout.flush()
    begun()


def _printed(report: InsideReport, wish: Wish) -> None:
    if wish.as_json:
        from crazytrain.cli.screen import json

        json(report)
        return
    if report.first is None:  # then nothing was printed yet
        styled(first_lines(report, width=width()))
    styled(window_lines(report, wish.shown, width=width()))


def width() -> int:
    """How wide to print."""
    return min(max(shutil.get_terminal_size((_WIDEST, 25)).columns, _NARROWEST), _WIDEST)


def judge(report: InsideReport) -> None:
    """Raise what stands for a report without the guest's memory: it was printed, the exit code says it."""
    if report.first is not None:
        return
    why = "; ".join(one.why for one in report.missing) or "nothing could be read"
    if any("CAP_SYS_PTRACE" in one.why for one in report.missing):
        raise NotAllowed(why, "sudo crazytrain inside ...; what else is missing here: crazytrain doctor")
    if not report.outside:
        raise CrazytrainError(why, "What this host lets us see: crazytrain doctor")


@contextlib.asynccontextmanager
async def _told_how_far(seconds: float, progress: Progress) -> AsyncIterator[Callable[[], None]]:
    """Tell each second how much of the window is over, once it has begun."""
    progress.tick("finding its kernel")
    begun = asyncio.Event()

    async def tell() -> None:
        await begun.wait()
        for over in range(1, int(seconds) + 1):
            progress.tick(f"watching: {over - 1} of {seconds:g} s")
            await asyncio.sleep(1)

    def start() -> None:
        begun.set()

    task = asyncio.create_task(tell())
    try:
        yield start
    finally:
        task.cancel()
        progress.done()


def write_flame(report: InsideReport, wish: Wish, progress: Progress) -> None:
    """Write the flame graph where one is wished.

    Raises:
        BadInput: nobody looked at the vCPUs; says why.
        NotAllowed: the file cannot be written.
    """
    view, out = report.view, wish.flame
    if out is None:
        return
    if view is None or not view.stacks:
        why = "; ".join(one.why for one in (*report.missing, *(report.profile.missing if report.profile else ())))
        raise BadInput(f"there is nothing to draw: {why or 'nobody looked at its registers'}")
    try:
        out.write_text(_drawn(report, view, wish), encoding="utf-8")
    except OSError as error:
        raise NotAllowed(f"{out} cannot be written: {error.strerror}") from error
    progress(f"flame graph: {out}")


def _drawn(report: InsideReport, view: InsideView, wish: Wish) -> str:
    from crazytrain.report.inside_flame import collapsed_inside, page, speedscope_inside

    form = wish.form or _ENDINGS.get(wish.flame.suffix.lower() if wish.flame else "", Graph.COLLAPSED)
    name = f"{report.guest.name}, inside, {report.at}"
    if form is Graph.HTML:
        kernel = report.newest.kernel if report.newest else None
        return page(view, name, about(view, kernel.release if kernel else ""))
    return speedscope_inside(view, name, report.tool) if form is Graph.SPEEDSCOPE else collapsed_inside(view)


def about(view: InsideView, release: str) -> str:
    """What a drawing is made of, in a sentence."""
    seconds = f"over {view.window_ns / 1e9:.3g} s"
    return f"Linux {release}: where its vCPUs were, {view.samples} looks at their registers {seconds}."


def finished(values: Sequence[object]) -> None:
    """Print values as JSON, one a line."""
    for value in values:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
