"""``crazytrain inside``: what a guest does, read out of its own memory."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Graph(StrEnum):
    """What a flame graph is written as."""

    HTML = "html"
    COLLAPSED = "collapsed"
    SPEEDSCOPE = "speedscope"


def _names(incomplete: str) -> Sequence[str]:
    from crazytrain.cli.completing import guest_names

    return guest_names(incomplete)


_GUEST = Annotated[
    str,
    typer.Argument(
        metavar="GUEST",
        help="Name, uuid or pid of a guest (the beginning is enough).",
        autocompletion=_names,
        show_default=False,
    ),
]
_SECONDS = Annotated[
    float, typer.Option("--for", min=0, max=600, help="How long to watch, in seconds. 0: one instant, no shares.")
]
_WATCH = Annotated[bool, typer.Option("--watch", help="Show it again and again, like top; q or Ctrl-C ends.")]
_DMESG = Annotated[
    int | None,
    typer.Option("--dmesg", min=0, metavar="N", help="The last N lines of the guest's kernel log; 0: all of it."),
]
_TASKS = Annotated[bool, typer.Option("--tasks", help="List every task.")]
_STACKS = Annotated[bool, typer.Option("--stacks", help="Show stacks: where vCPUs were, and where tasks wait.")]
_FLAME = Annotated[
    Path | None,
    typer.Option("--flame", metavar="FILE", help="Write a flame graph: .html, .json (speedscope) or else collapsed."),
]
_FORM = Annotated[Graph | None, typer.Option("--format", help="What to write to --flame, whatever the name ends with.")]
_PAUSE = Annotated[
    float,
    typer.Option("--may-pause", min=0, max=1000, metavar="MS", help="Pause the guest for MS in all, for whole stacks."),
]
_NO_MONITOR = Annotated[bool, typer.Option("--no-monitor", help="Do not ask QEMU's monitor: memory alone.")]
_NO_CACHE = Annotated[bool, typer.Option("--no-cache", help="Find the kernel's symbols anew.")]
_SHELL = Annotated[bool, typer.Option("--shell", help="A drgn prompt on the live guest (the extra 'deep').")]
_JSON = Annotated[
    bool, typer.Option("--json", help="Print JSON (schema: docs/inside.schema.json); watching, a line each.")
]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]


# One paragraph each: how wide they are is the terminal's business.
HELP = """\
Show what a running guest does, out of its own memory: no agent, no pause, no special option of QEMU.

First, at once: which kernel runs, since when, its clock, what every CPU runs now. Then, after --for seconds: whether \
time moves inside, each CPU's share of user, system and steal, the busiest tasks, the hottest functions of the kernel, \
tasks that wait in D state and where, who holds the lock that others wait for, and what matters in the kernel's log.

Shares carry a doubt: 65 % (55 to 74 %) means that the true share lies between, 19 times of 20. What could not be read \
is listed with the reason. Of Windows, BSD, firmware and unknown kernels it shows what the registers tell.

Needs CAP_SYS_PTRACE (root). What was read is parsed by a child process without any privilege. The guest's memory holds \
secrets: so may --dmesg and --json. x86-64 only; see docs/inside.md.

Exit codes: 0 shown, 1 nothing could be read, 66 no such guest, 69 --shell without drgn, 77 not allowed.

Examples:
    crazytrain inside web01

    crazytrain inside web01 --watch

    crazytrain inside web01 --for 10 --flame web01.html

    crazytrain inside web01 --for 0 --dmesg 30
"""


def inside(
    wanted: _GUEST,
    seconds: _SECONDS = 2.0,
    watch: _WATCH = False,
    dmesg: _DMESG = None,
    tasks: _TASKS = False,
    stacks: _STACKS = False,
    flame: _FLAME = None,
    form: _FORM = None,
    may_pause_ms: _PAUSE = 0.0,
    no_monitor: _NO_MONITOR = False,
    no_cache: _NO_CACHE = False,
    shell: _SHELL = False,
    as_json: _JSON = False,
    quiet: _QUIET = False,
) -> None:
    """Show what a running guest does, out of its own memory; see ``HELP``."""
    from crazytrain.cli import inside_looking

    wish = inside_looking.Wish(
        wanted=wanted,
        seconds=seconds,
        watch=watch,
        records=dmesg,
        tasks=tasks,
        stacks=stacks,
        flame=flame,
        form=form,
        may_pause_ms=may_pause_ms,
        monitor=not no_monitor,
        cache=not no_cache,
        as_json=as_json,
    )
    if shell:
        from crazytrain.cli import inside_shell

        inside_shell.open_shell(wish, quiet=quiet)
    else:
        inside_looking.inside(wish, quiet=quiet)
