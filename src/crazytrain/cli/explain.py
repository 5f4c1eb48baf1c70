"""``crazytrain explain``: the same diagnosis from pasted text, files or a packed case."""

from pathlib import Path
from typing import Annotated

import typer


def explain(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files, folders, archives, cases; '-' is standard input.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON (its schema is in docs/).")] = False,
    full: Annotated[bool, typer.Option("--full", help="Print all findings and all evidence.")] = False,
) -> None:
    """Explain what somebody pasted, saved or sent: strace, descriptors, top, backtraces, perf, kernel logs, QEMU's
    monitor and failures, QMP, libvirt's XML, a QEMU command line; a folder, a tar or zip of these, an sosreport, a packed case.

    The kind of each part is found by its content, several kinds may be in one file, and prompts, mail quoting, line
    wraps and CRLF do no harm. What was recognised is listed by file and lines, and what was not, too.

    Examples:
        crazytrain explain strace.txt fd.txt

        strace -p 4711 2>&1 | head -200 | crazytrain explain -

        gdb -p 4711 -batch -ex 'thread apply all bt' 2>&1 | crazytrain explain - dmesg.txt

        crazytrain explain sosreport-node1.tar.xz

        crazytrain explain web01-20261123T064500Z.crazytrain
    """
    from crazytrain.cli import screen
    from crazytrain.cli.reading import read_all

    progress = screen.Progress()
    try:
        reports = read_all([Path(f) if f != "-" else None for f in files], progress.tick)
    finally:
        progress.done()
    for report in reports:
        screen.show(report, as_json=as_json, full=full)
