"""``crazytrain guard``: keep a case first, then run the command that would lose the evidence."""

from typing import Annotated

import typer


def guard(
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND...", help="What to run; put -- before it.", show_default=False),
    ],
    seconds: Annotated[float, typer.Option("--for", min=0.2, max=60, help="How long to look first, in seconds.")] = 5.0,
    guest: Annotated[
        list[str] | None,
        typer.Option("--guest", help="Keep a case of this guest, whatever the command names. May be repeated."),
    ] = None,
) -> None:
    """Keep a case of every guest that a command names, then run the command.

    Whatever becomes of the case, the command runs: looking takes --for seconds
    and never holds it up for more than 6 s beyond that. It takes the place of
    guard: exit code, signals, terminal, input and output are its own. All that
    guard says goes to standard error. Ctrl-C while it looks: the command is not
    run, exit code 130. A command that is not there (127) or may not be run (126)
    is told before.

    Understood are virsh and virt-*, qm, systemctl, kill, shells with -c, and any
    command that has a guest's whole name, uuid or pid as an argument.

    Examples:
        crazytrain guard -- virsh reset web01

        crazytrain guard --for 10 -- qm stop 100

        crazytrain guard --guest web01 -- ./restart-all
    """
    from crazytrain.cli import guarding

    if command[0].startswith("-"):
        raise typer.BadParameter(f"no such option: {command[0]}; put -- before the command")
    guarding.run(command, guarding.capture_of(command, seconds, tuple(guest or ())), seconds + guarding.GRACE_S)
