"""``crazytrain doctor``: what this host lets us see, and what brings more."""

from typing import Annotated

import typer


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False) -> None:
    """Say what this host lets crazytrain see, row by row, and what to install or allow for more.

    Takes a few seconds at most. Nothing is changed: every guest's QMP monitor is
    greeted and left, and one tracing program is attached that ends at once. What
    cannot be seen costs data, never the rest: crazytrain works with what it gets.
    """
    from crazytrain.cli import doctoring

    doctoring.examine(as_json=as_json)
