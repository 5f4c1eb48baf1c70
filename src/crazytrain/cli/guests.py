"""``crazytrain guests``: who runs here, and who burns."""

from typing import Annotated

import typer


def guests(
    seconds: Annotated[float, typer.Option("--for", min=0.2, max=60, help="How long to measure, in seconds.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the guests of this host: name, pid, uptime, accelerator, vCPUs, and who of each guest burns CPU.

    Found by /proc alone; the monitor and libvirt are asked beside that, each with its own timeout, so that a guest that hangs delays no
    other.
    """
    from crazytrain.cli import looking, screen

    rows = looking.overview(seconds)
    if as_json:
        screen.json(rows)
    else:
        looking.show_overview(rows)
