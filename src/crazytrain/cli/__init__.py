"""One file per verb: parses, calls, prints. ``VERBS`` is the registry, in the order of ``--help``.

Exit codes: 0 done; 1 something failed; 2 wrong use; 65 bad input; 66 no such guest, case or network; 69 a needed program is
missing; 70 a lab guest failed; 77 not allowed; 130 interrupted. ``guard`` exits with its command's code.
"""

import errno
import os
import sys
from typing import Annotated

import typer

from crazytrain import __version__
from crazytrain.cli import case, clock, diff, doctor, explain, flame, guard, guests, inside, lab, lease, logs, why
from crazytrain.model.errors import CrazytrainError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 wrong use, 65 bad input, 66 no such guest, case or network, 69 a needed program is missing, "
    "70 a lab guest failed, 77 not allowed, 130 interrupted; guard exits with its command's own code."
)

app = typer.Typer(
    name="crazytrain",
    help="Why does this KVM/QEMU guest run away? Keeps the evidence, names the cause, says how sure.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("why")(why.why)
app.command("inside", help=inside.HELP)(inside.inside)
app.command("guests")(guests.guests)
app.command("explain")(explain.explain)
app.command("diff", help=diff.HELP)(diff.diff)
app.command("logs", help=logs.HELP)(logs.logs)
app.command("flame")(flame.flame)
app.command("clock", help=clock.HELP)(clock.clock)
app.command("lease", help=lease.HELP)(lease.lease)
app.add_typer(case.app, name="case")
app.command("guard", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(guard.guard)
app.add_typer(lab.app, name="lab")
app.command("doctor")(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"crazytrain {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """The program: errors of the user's world are said in one line with the next step, never as a traceback."""
    _open_closed_streams()
    try:
        _answer()
    except CrazytrainError as error:
        _say(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nothing to say to anybody
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno not in _FULL or error.filename:
            raise
        print(f"crazytrain: the answer could not be written: {error.strerror}", file=sys.stderr)
        os._exit(1)  # flushing at the end would fail again, in more words


def _answer() -> None:
    try:
        app()
    finally:
        sys.stdout.flush()  # here it can be said that it failed


def _open_closed_streams() -> None:
    """Give those of the three streams that our caller has closed an end that is nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - it stays open as long as we run


def _say(error: CrazytrainError) -> None:
    from crazytrain.report.escape import plain

    print(f"crazytrain: {plain(error.message, 2000)}", file=sys.stderr)
    for one in error.hint.splitlines():
        print(f"  {plain(one, 2000)}", file=sys.stderr)
