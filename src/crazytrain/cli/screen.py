"""What goes to the terminal: reports in colour (on a terminal only), JSON, progress on standard error."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from crazytrain.model.report import Report

if TYPE_CHECKING:
    from crazytrain.report.text import Line

STYLES = {"title": "bold", "verdict": "bold", "good": "bold green", "bad": "bold red", "dim": "dim", "command": "cyan"}


def show(report: Report, *, as_json: bool, full: bool = False) -> None:
    """Print a report for people, or as JSON for machines."""
    if as_json:
        json(report)
        return
    from crazytrain.report.text import WIDTH, lines

    styled(lines(report, width=width(WIDTH), full=full))


def width(usual: int) -> int:
    """How wide text may be: ``usual`` where there is no terminal, else the terminal's width within bounds."""
    return max(60, min(usual + 10, shutil.get_terminal_size((usual, 25)).columns))


def styled(lines: Iterable["Line"]) -> None:
    """Print lines; in colour on a terminal."""
    if not sys.stdout.isatty() and "FORCE_COLOR" not in os.environ:
        sys.stdout.write("".join(f"{one.text}\n" for one in lines))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    for one in lines:
        console.print(Text(one.text, style=STYLES.get(one.style, "")))


def show_each(reports: Sequence[Report], *, as_json: bool, full: bool = False) -> None:
    """Print several reports, one after the other; as JSON, an array of them."""
    if as_json:
        json(reports)
        return
    for number, report in enumerate(reports):
        print("\n" + "=" * 80 + "\n" if number else "", end="")
        show(report, as_json=False, full=full)


def json(value: object) -> None:
    """Print a value as indented JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


class Progress:
    """Says on standard error what goes on: as one changing line on a terminal, as plain lines elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._width = 0
        self._begin = time.monotonic()

    def __call__(self, says: str) -> None:
        """Tell the next thing."""
        from crazytrain.report.escape import plain

        if self._quiet:
            return
        text = plain(says, 200)
        if self._live:
            sys.stderr.write(f"\r{text:<{self._width}}")
            self._width = len(text)
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def tick(self, says: str) -> None:
        """Tell how far it is; on a terminal only, for elsewhere a line a second would be noise."""
        if self._live:
            self(says)

    def done(self) -> None:
        """Take the changing line away."""
        if self._live and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
        self._width = 0
