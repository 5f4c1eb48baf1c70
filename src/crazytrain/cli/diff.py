"""``crazytrain diff``: two guests beside each other, and what that proves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer


def _names(incomplete: str) -> Sequence[str]:
    from crazytrain.cli.diffing import completions

    return completions(incomplete)


_HERE = Annotated[
    str,
    typer.Argument(
        metavar="HERE",
        help="The guest in question: running guest, saved case, packed case, text file, folder of text, or '-'.",
        autocompletion=_names,
        show_default=False,
    ),
]
_THERE = Annotated[
    str,
    typer.Argument(
        metavar="THERE",
        help="The one to compare it with, mostly a healthy one: any of the same.",
        autocompletion=_names,
        show_default=False,
    ),
]
_SECONDS = Annotated[
    float, typer.Option("--for", min=0.2, max=600, help="How long to look at running guests, in seconds.")
]
_COST = Annotated[str, typer.Option("--cost", help="How dear a look may be at most: reads, samples or stops.")]
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
_OUT = Annotated[Path | None, typer.Option("--out", help="Folder to keep the cases of running guests in.")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON (schema: docs/diff.schema.json).")]
_FULL = Annotated[
    bool, typer.Option("--all", "--full", help="Print every measure and all that looks odd, not just one screen.")
]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]

# One paragraph each: how wide they are is the terminal's business.
HELP = """\
Compare two guests: what differs in a way that matters, and what does not although it looks odd.

HERE and THERE are each a running guest (name, uuid, pid), a saved case (its id or folder), a packed case, a file of pasted \
text, several joined by commas, a folder of such files, or - for standard input, in any mix. Two running guests are looked at over the same \
window at once, and a case of each is kept. A name that is both a guest and a file must be told apart: by pid, or ./FILE.

Every rate has an interval that holds the true figure 19 times of 20, from its count and from how unevenly it came over \
the window. A difference counts from a factor of 3 on, above 50/s or 5 % of a CPU, and only if two equal guests would \
show any such difference less than once in 20 comparisons. What only one side has looked at is listed, never taken for 0. \
Threads and descriptors are matched by what they are for, never by their numbers. Text without times is compared by shares \
of all calls.

Exit codes: 0 compared, whatever the answer; 65 bad input; 66 no such guest, case or file.

Examples:

    crazytrain diff web01 web02                    two running guests, 5 s

    crazytrain diff web01 web01-20261123T0645      now, and a healthy time of the same guest

    crazytrain diff strace.txt,fd.txt healthy/     two files of text, and a folder of such

    strace -p 4711 2>&1 | head -500 | crazytrain diff - healthy.txt
"""


def diff(
    here: _HERE,
    there: _THERE,
    seconds: _SECONDS = 5.0,
    cost: _COST = "samples",
    budget_cpu: _CPU = None,
    budget_stall: _STALL = None,
    out: _OUT = None,
    as_json: _JSON = False,
    full: _FULL = False,
    quiet: _QUIET = False,
) -> None:
    """Compare two guests. The words for people are in ``HELP``."""
    from crazytrain.cli import diffing, looking

    wish = looking.Wish(seconds=seconds, out=out, cost=cost, budget_cpu_s=budget_cpu, budget_stall_ms=budget_stall)
    diffing.show(diffing.compared((here, there), wish, quiet=quiet), as_json=as_json, full=full)
