"""``crazytrain why``: look at a guest, keep a case, say why it does what it does."""

from pathlib import Path
from typing import Annotated

import typer

_GUESTS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="GUEST",
        help="Names, uuids or pids of guests (the beginning is enough). None: the hottest one.",
        show_default=False,
    ),
]
_SECONDS = Annotated[float, typer.Option("--for", min=0.2, max=600, help="How long to look, in seconds.")]
_PID = Annotated[int | None, typer.Option("--pid", help="The guest's QEMU process, where names do not tell.")]
_EVERY = Annotated[bool, typer.Option("--all", help="Every guest of this host, all over the same window.")]
_AGAINST = Annotated[
    str | None,
    typer.Option(
        "--against",
        help="Healthy guest or saved case to compare with. Default: a fitting guest that runs here; 'none': nobody.",
    ),
]
_OUT = Annotated[Path | None, typer.Option("--out", help="Folder to keep the case in.")]
_COST = Annotated[
    str, typer.Option("--cost", help="How dear a look may be at most: reads, samples or stops (see above).")
]
_CPU = Annotated[
    float | None,
    typer.Option(
        "--budget-cpu",
        min=0,
        metavar="SECONDS",
        help="CPU time that looking may take in all. Default, for each guest: 1 s and a quarter of --for.",
    ),
]
_STALL = Annotated[
    float | None,
    typer.Option(
        "--budget-stall",
        min=0,
        metavar="MS",
        help="For how long each thread of QEMU may be stopped in all, in ms. Default: 0; at --cost stops 250.",
    ),
]
_JSON = Annotated[
    bool, typer.Option("--json", help="Print the report as JSON (schema: docs/); of several guests, an array.")
]
_FULL = Annotated[bool, typer.Option("--full", help="Print all findings and all evidence with its cost.")]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]


def why(
    guests: _GUESTS = None,
    seconds: _SECONDS = 5.0,
    pid: _PID = None,
    every: _EVERY = False,
    against: _AGAINST = None,
    out: _OUT = None,
    cost: _COST = "samples",
    budget_cpu: _CPU = None,
    budget_stall: _STALL = None,
    as_json: _JSON = False,
    full: _FULL = False,
    quiet: _QUIET = False,
) -> None:
    """Look at running guests, keep the evidence as cases, and say what each does, why, and what to do.

    No guest is changed or paused. --cost is how far up this ladder a look may go:

        reads    files of /proc and /sys: no guest can notice it

        samples  adds counting in the kernel, and short questions to QEMU

        stops    adds 0.25 s of strace on QEMU's loops and a stop of each for its stack, never on vCPUs

    What would take more than the budget is not begun, and the report says so; it says what looking did cost, too.

    Examples:
        crazytrain why                        the hottest guest of this host

        crazytrain why web01 --against web02  compared with a healthy one

        crazytrain why --all --for 2 --json   a case and a report of each guest
    """
    import msgspec

    from crazytrain.cli import looking, looking_many, screen

    wanted = (*(guests or ()), *(() if pid is None else (str(pid),)))
    wish = looking.Wish(wanted=wanted[0] if wanted else None, seconds=seconds, against=against, out=out, cost=cost)
    wish = msgspec.structs.replace(wish, budget_cpu_s=budget_cpu, budget_stall_ms=budget_stall)
    if every or len(wanted) > 1:
        screen.show_each(looking_many.why_each(() if every else wanted, wish, quiet=quiet), as_json=as_json, full=full)
    else:
        screen.show(looking.why(wish, quiet=quiet), as_json=as_json, full=full)
