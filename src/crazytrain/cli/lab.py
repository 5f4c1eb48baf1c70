"""``crazytrain lab``: real guests that misbehave on purpose."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Real guests that misbehave on purpose: list, start, stop, run.", no_args_is_help=True)

NAME = Annotated[str, typer.Argument(help="One of `crazytrain lab list`.")]
KERNEL = Annotated[
    Path | None, typer.Option("--kernel", help="Kernel for Linux guests; default: Debian's cloud kernel, fetched once.")
]


QEMU = Annotated[Path | None, typer.Option("--qemu", help="Another QEMU than the first one in PATH.")]


@app.command("list")
def list_guests(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the lab's guests: what each does, and which run now."""
    from crazytrain.cli import laboratory

    laboratory.show_list(as_json=as_json)


@app.command("start")
def start_guest(
    name: NAME,
    kernel: KERNEL = None,
    instance: Annotated[str | None, typer.Option("--as", help="Another name for it, to run several.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=0xFFFF, help="The I/O port that pio-poll reads (decimal).")
    ] = None,
    qemu: QEMU = None,
) -> None:
    """Start a guest and return when it is seen to misbehave (or to be healthy). It runs until `lab stop`.

    Some guests have props: the lab mounts a small file system, stops a disk server, makes a control group or runs a
    client beside QEMU, all of it the guest's own. They are ended and removed with the guest (also by the next `lab`
    command, where the lab was killed); what was done is kept in its folder, lab-actions.json.
    """
    from crazytrain.cli import laboratory
    from crazytrain.lab import Wish

    laboratory.start_one(name, Wish(kernel=kernel, name=instance, port=port, qemu=qemu))


@app.command("stop")
def stop_guest(
    name: Annotated[
        str | None, typer.Argument(help="Which; none: all that the lab started.", show_default=False)
    ] = None,
) -> None:
    """Stop a guest of the lab (or all), and only guests that the lab started."""
    from crazytrain.cli import laboratory

    laboratory.stop_some(name)


@app.command("run")
def run_guest(
    name: NAME,
    kernel: KERNEL = None,
    seconds: Annotated[float, typer.Option("--for", min=0.2, max=600, help="How long to look, in seconds.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Print all findings and all evidence.")] = False,
    cost: Annotated[str, typer.Option("--cost", help="How dear a look may be: reads, samples, stops.")] = "samples",
) -> None:
    """The whole story: start a healthy guest and the misbehaving one, look, say why, stop both. The case is kept."""
    from crazytrain.cli import laboratory

    laboratory.run_story(name, kernel, seconds, as_json=as_json, full=full, cost=cost)
