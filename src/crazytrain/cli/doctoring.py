"""What ``crazytrain doctor`` does: asks the host, prints a table, and the commands that bring more."""

import asyncio
import errno
import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from crazytrain.cli import screen
from crazytrain.collect.abilities import abilities
from crazytrain.collect.ability_probe import Room
from crazytrain.decode.command_line import config_of
from crazytrain.host import LiveHost
from crazytrain.model.ability import Ability, State
from crazytrain.model.errors import CrazytrainError
from crazytrain.report.escape import plain
from crazytrain.store import cases_root

_MARKS = {State.YES: ("ok", "green"), State.PART: ("part", "yellow"), State.NO: ("no", "red")}
_INSTALL = "apt-get install "
_WIDTH = 110
_LEAST_WIDTH = 60
_FOUND_CHARACTERS = 600


def examine(*, as_json: bool) -> None:
    """Ask and print."""
    rows = asyncio.run(abilities(LiveHost(), config_of, case_room))
    if as_json:
        screen.json(rows)
        return
    width = max(_LEAST_WIDTH, min(_WIDTH, shutil.get_terminal_size((_WIDTH, 25)).columns))
    console = Console(soft_wrap=True, highlight=False)
    for line in (*table(rows, width), *advice(rows)):
        console.print(line)


def case_room() -> Room:
    """Look at the folder for cases, or the nearest one above it that is there. ``OSError`` where none can be named."""
    try:
        root = cases_root(os.environ, os.geteuid())
    except CrazytrainError as error:
        raise OSError(errno.EINVAL, error.message) from error
    there = next(path for path in (root, *root.parents) if _is_there(path))
    free = os.statvfs(there)
    return Room(
        path=str(root),
        writable=_may_write(there),
        free_bytes=free.f_bavail * free.f_frsize,
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder above it is shut: that one is there
        return False


def _may_write(path: Path) -> bool:
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK, effective_ids=True)


def table(rows: Sequence[Ability], width: int) -> Iterator[Text]:
    """One row an ability, in aligned columns; those that lack something say what it is for."""
    names = max(len(row.name) for row in rows)
    room = max(width - names - 8, 24)
    for row in rows:
        mark, style = _MARKS[row.state]
        first, *rest = _wrapped(plain(row.found, _FOUND_CHARACTERS), room)
        yield Text.assemble((f"{mark:<4}", style), "  ", (f"{row.name:<{names}}", "bold"), "  ", first)
        for more in rest:
            yield Text(" " * (names + 8) + more)
        for more in _wrapped(f"for {row.matters}", room) if row.state is not State.YES else ():
            yield Text(" " * (names + 8) + more, style="dim")


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def advice(rows: Sequence[Ability]) -> Iterator[Text]:
    """The remedies as lines for a root shell: packages in one command, nothing twice."""
    lines = list(_lines(row.remedy for row in rows if row.state is not State.YES))
    if not lines:
        return
    yield Text("\nTo see more (as root; lines with # are words):", style="bold")
    for line in lines:
        yield Text(f"  {plain(line, _FOUND_CHARACTERS)}", style="dim" if line.startswith("#") else "cyan")


def _lines(remedies: Iterable[str]) -> Iterator[str]:
    every = list(dict.fromkeys(line for remedy in remedies for line in remedy.splitlines() if line))
    packages = [line.removeprefix(_INSTALL) for line in every if line.startswith(_INSTALL)]
    if packages:
        yield _INSTALL + " ".join(dict.fromkeys(packages))
    yield from (line for line in every if not line.startswith(_INSTALL))
