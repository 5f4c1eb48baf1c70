"""``crazytrain case``: saved cases."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Saved cases: list, show, verify, pack.", no_args_is_help=True)

ROOT = Annotated[Path | None, typer.Option("--in", help="Folder of cases, where it is not the usual one.")]
WANTED = Annotated[str, typer.Argument(metavar="CASE", help="Its id, the beginning of it, or a path.")]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_cases(root: ROOT = None, as_json: JSON = False) -> None:
    """List the cases that were kept, the newest first: when, which guest, whether whole, and what was found."""
    from crazytrain.cli import cases

    cases.show_list(root, as_json=as_json)


@app.command("show")
def show_case(
    wanted: WANTED,
    root: ROOT = None,
    as_json: JSON = False,
    full: Annotated[bool, typer.Option("--full", help="Print all findings and all evidence.")] = False,
    raw: Annotated[
        str | None, typer.Option("--raw", help="Print the raw bytes of one evidence (its id), as they were seen.")
    ] = None,
) -> None:
    """Replay a case: the same diagnosis from the evidence that was kept, or one evidence's own lines (--raw)."""
    from crazytrain.cli import cases

    cases.show_one(root, wanted, as_json=as_json, full=full, raw=raw)


@app.command("verify")
def verify_case(wanted: WANTED, root: ROOT = None, as_json: JSON = False) -> None:
    """Check a case against its checksums: exit code 0 if it is whole, 65 if something does not fit."""
    from crazytrain.cli import cases

    cases.check(root, wanted, as_json=as_json)


@app.command("pack")
def pack_case(
    wanted: WANTED,
    root: ROOT = None,
    out: Annotated[Path | None, typer.Option("--out", help="File or folder to write to. Default: here.")] = None,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="Leave out or mask what may be secret: console, passwords, names, addresses."),
    ] = False,
) -> None:
    """Pack a case into one file that a colleague can open with `crazytrain explain FILE`."""
    from crazytrain.cli import cases

    cases.pack_one(root, wanted, out, redact=redact)
