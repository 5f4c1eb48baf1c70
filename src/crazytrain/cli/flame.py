"""``crazytrain flame``: where a guest's threads are while they run, for flame graphs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """What a flame graph is written as."""

    COLLAPSED = "collapsed"
    SPEEDSCOPE = "speedscope"


def flame(
    wanted: Annotated[
        str,
        typer.Argument(metavar="CASE|GUEST", help="A saved case (id, its beginning, or path), or a running guest."),
    ],
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.COLLAPSED,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write to. Default: standard output.", show_default=False)
    ] = None,
    seconds: Annotated[
        float, typer.Option("--for", min=0.5, max=60, help="How long to look at a guest; half of it is sampled.")
    ] = 4.0,
    root: Annotated[Path | None, typer.Option("--in", help="Folder of cases, where it is not the usual one.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Write the stacks of a guest's threads, as they were seen while they ran, for a flame graph.

    A case that `crazytrain why` kept holds the samples already, if somebody burned and perf was there. A guest is looked
    at first, as `why` does it, and the case is kept. Each thread is sampled by its own CPU time, at most 99 times a second,
    and is never stopped; user and kernel functions are in one stack. Functions without a name
    are given as file and offset: install debug information of QEMU for the rest.

    collapsed: one line a stack, `role;thread;function;...;function count`, for flamegraph.pl, inferno and others.
    speedscope: one JSON file with a profile for each thread, for https://www.speedscope.app (works offline).

    Exit codes: 0 written; 65 the case holds no samples; 66 no such case or guest.

    Examples:
        crazytrain flame web01 --for 10 --format speedscope -o web01.speedscope.json

        crazytrain flame web01-20261123T0645 | flamegraph.pl > web01.svg

        crazytrain flame web01 | grep '^main loop;' | awk '{print $NF, $0}' | sort -rn | head
    """
    from crazytrain.cli import flaming

    flaming.flame(flaming.Wish(wanted=wanted, form=form, out=out, seconds=seconds, root=root), quiet=quiet)
