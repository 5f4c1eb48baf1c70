"""``crazytrain why``: look at a guest, keep a case, say why it does what it does."""

from pathlib import Path
from typing import Annotated

import typer

GUEST = Annotated[
    str | None,
    typer.Argument(
        help="Name, uuid or pid of the guest (the beginning is enough). None: the hottest one.", show_default=False
    ),
]


def why(
    guest: GUEST = None,
    seconds: Annotated[float, typer.Option("--for", min=0.2, max=600, help="How long to look, in seconds.")] = 5.0,
    pid: Annotated[int | None, typer.Option("--pid", help="The guest's QEMU process, where names do not tell.")] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="Healthy guest or saved case to compare with. Default: a fitting guest that runs here; 'none': nobody.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to keep the case in.")] = None,
    cost: Annotated[
        str,
        typer.Option(
            "--cost",
            help="How dear a look may be: reads, samples, or stops (adds a strace burst of 0.25 s on the main loop).",
        ),
    ] = "samples",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON (its schema is in docs/).")] = False,
    full: Annotated[bool, typer.Option("--full", help="Print all findings and all evidence with its cost.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
) -> None:
    """Look at a running guest, keep the evidence as a case, and say what it does, why, and what to do.

    The guest is not changed and not paused. Looking takes --for seconds: files of /proc, aggregation in the kernel
    (bpftrace), short questions to QEMU's monitor, and, at --cost stops, a strace burst of a quarter of a second on
    the main loop and iothreads (never on vCPU threads). What could not be seen is said, with the reason.

    Examples:
        crazytrain why                        the hottest guest of this host

        crazytrain why web01 --against web02  compared with a healthy one

        crazytrain why --pid 4711 --for 2 --json
    """
    from crazytrain.cli import looking, screen

    wish = looking.Wish(
        wanted=str(pid) if pid is not None else guest, seconds=seconds, against=against, out=out, cost=cost
    )
    report = looking.why(wish, quiet=quiet)
    screen.show(report, as_json=as_json, full=full)
