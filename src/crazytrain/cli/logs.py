"""``crazytrain logs``: a log of any size, its floods folded and the lines that matter shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer


def _names(incomplete: str) -> Sequence[str]:
    from crazytrain.cli.log_choosing import completions

    return completions(incomplete)


_SOURCES = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Files, '-' (standard input), a saved case (CASE or CASE:EVIDENCE), or guest:NAME (by its agent).",
        autocompletion=_names,
        show_default=False,
    ),
]
_AROUND = Annotated[
    str,
    typer.Option(
        "--around",
        metavar="TIME",
        help="Show what is rare around a time: 13:33, '2026-11-23 13:33', 'Nov 23 13:33', 1234.5.",
    ),
]
_WITHIN = Annotated[
    str, typer.Option("--within", metavar="LENGTH", help="How far before and after --around: 30s, 5m, 2h.")
]
_INCIDENT = Annotated[
    str,
    typer.Option(
        "--incident", metavar="CASE", help="As --around, for the time of a saved case (its id, folder or file)."
    ),
]
_SINCE = Annotated[str, typer.Option("--since", metavar="TIME", help="Leave out what is earlier.")]
_UNTIL = Annotated[str, typer.Option("--until", metavar="TIME", help="Leave out what is later.")]
_RAW = Annotated[
    list[str] | None,
    typer.Option(
        "--raw", metavar="TEMPLATE", help="Print every line of a template (T3, or T3+T7), escaped; may be repeated."
    ),
]
_BYTES = Annotated[bool, typer.Option("--bytes", help="With --raw: the bytes as they are, for a file or a pipe.")]
_TOP = Annotated[
    int, typer.Option("--top", min=0, metavar="N", help="How many floods to show. 0: all of them, and every rare line.")
]
_ZONE = Annotated[
    str,
    typer.Option(
        "--zone",
        metavar="ZONE",
        help="Zone of stamps that name none, and of what is printed: local, UTC, +02:00, Europe/Berlin.",
    ),
]
_OFFSET = Annotated[
    float | None,
    typer.Option(
        "--offset", metavar="SECONDS", help="How far the log's clock is ahead of this host's; times are moved by that."
    ),
]
_NETWORK = Annotated[
    str,
    typer.Option(
        "--network", metavar="NAME", help="libvirt's network that the leases are of, where the log does not tell."
    ),
]
_ROTATED = Annotated[bool, typer.Option("--rotated", help="Read FILE.1, FILE.2.gz, ... beside each file first.")]
_ROOT = Annotated[Path | None, typer.Option("--root", help="Folder that cases are in.")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON (schema: docs/logs.schema.json).")]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]

# One paragraph each: how wide they are is the terminal's business.
HELP = """\
Show the lines of a log that matter: floods are folded to one line each, rare lines are shown as they are.

SOURCE is a file of syslog, dmesg, a serial console or any other text, plain or compressed (gz, xz, zst, bz2); several files \
are read in the order in which they were written (syslog.2.gz, syslog.1, syslog); journalctl -o export, -o json and -o short* are known, too. \
guest:NAME asks the guest's agent for its journal, or else for /var/log.

Lines that differ in numbers, addresses, identifiers and devices alone are of one template; words are given up only in places \
that hold many different ones, so an odd word is never lost in a flood. Soft lockups, RCU stalls, clocksource and TSC \
troubles, hung tasks, out of memory, I/O errors, KVM and panics are never folded. Renewals of a DHCP lease are told in one sentence, with the lease \
time that they mean and the command that makes it longer.

Any size is read in bounded memory. Nothing is lost: every line counts for one template, and --raw gives each back. Ctrl-C \
shows what was counted until then. What the log holds cannot do harm to a terminal: it is printed escaped.

Exit codes: 0 shown, 2 wrong use, 65 bad input, 66 no such guest or case, 69 a needed program is missing, 77 not allowed, 130 interrupted.

Examples:

    crazytrain logs /var/log/syslog --rotated          a log, with what was rotated away

    crazytrain logs syslog --around 13:33              what was rare five minutes before and after

    crazytrain logs /var/log/libvirt/qemu/web01-console.log --incident web01-20261123T0645

    crazytrain logs syslog --raw T2 --bytes > flood    every line of a flood as it was

    journalctl -b -o export | crazytrain logs -        the journal of this boot

    crazytrain logs guest:web01                        the guest's own log, by its agent
"""


def logs(
    sources: _SOURCES,
    around: _AROUND = "",
    within: _WITHIN = "5m",
    incident: _INCIDENT = "",
    since: _SINCE = "",
    until: _UNTIL = "",
    raw: _RAW = None,
    as_bytes: _BYTES = False,
    top: _TOP = 12,
    zone: _ZONE = "local",
    offset: _OFFSET = None,
    network: _NETWORK = "",
    rotated: _ROTATED = False,
    root: _ROOT = None,
    as_json: _JSON = False,
    quiet: _QUIET = False,
) -> None:
    """Show the lines of a log that matter; the words for people are in ``HELP``."""
    from crazytrain.cli import log_showing

    wish = log_showing.Wish(
        sources=tuple(sources),
        around=around,
        within=within,
        incident=incident,
        since=since,
        until=until,
        raw=tuple(raw or ()),
        as_bytes=as_bytes,
        top=top,
        zone=zone,
        offset_s=offset,
        network=network,
        rotated=rotated,
        root=root,
        as_json=as_json,
    )
    log_showing.show(wish, quiet=quiet)
