"""``crazytrain lease``: DHCP lease times of libvirt's networks, shown and set."""

from typing import Annotated

import typer

_NETWORK = Annotated[
    str, typer.Argument(metavar="NETWORK", help="Name of a network; without one all are shown.", show_default=False)
]
_SET = Annotated[
    str | None,
    typer.Option(
        "--set",
        metavar="TIME",
        help="The new lease time: 90m, 24h, 7d, infinite; 'default' to set none (dnsmasq: 1 h, IPv6 24 h).",
    ),
]
_RANGE = Annotated[
    str,
    typer.Option(
        "--range", metavar="START-END", help="Set it for this range only. Default: all ranges of the network."
    ),
]
_MAC = Annotated[
    str,
    typer.Option(
        "--mac", "--host", metavar="MAC", help="Set it for one <host>: its MAC, or its DUID, name or address."
    ),
]
_DRY = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
_YES = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_UNDO = Annotated[bool, typer.Option("--undo", help="Bring back the lease times of before the newest change.")]
_BY_OPTIONS = Annotated[
    bool, typer.Option("--by-options", help="Set it by dnsmasq:options, from the next start on (libvirt before 6.3).")
]
_RESTART = Annotated[
    bool, typer.Option("--restart-network", help="With --by-options: restart it now; refused while guests are on it.")
]
_CUT_OFF = Annotated[
    bool, typer.Option("--cut-off-guests", help="With --restart-network: also where that takes guests off the network.")
]
_CONNECT = Annotated[
    str,
    typer.Option(
        "--connect", "-c", metavar="URI", help="Which libvirt. Default: $LIBVIRT_DEFAULT_URI, or qemu:///system."
    ),
]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON (schema: docs/lease.schema.json).")]
_ALL = Annotated[bool, typer.Option("--all", "--full", help="Print every lease and host.")]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]

# One paragraph each: how wide they are is the terminal's business.
HELP = """\
Show and set the DHCP lease time of libvirt's networks, without cutting anybody off.

A client renews at half of its lease, and each renewal is two lines in its log and in the host's: a lease of 2 minutes makes \
2,880 lines a day of one guest, 24 hours make 4. Shown are networks, ranges, hosts, their times (as set, and as dnsmasq really runs), \
current leases, and what they cause.

--set changes ranges live and for good by steps of which each leaves every address served: a renewal is never refused, even if \
this is killed half way. A diff comes first; the old state is kept; --undo goes back to it. Clients take a new time at \
their next renewal.

Setting needs root or the group libvirt, and libvirt 6.3 or later. See docs/lease.md.

Exit codes: 0 done, 1 failed or refused, 65 bad input, 66 no such network, 69 no libvirt, 77 not allowed.

Examples:

    crazytrain lease                                   all networks

    crazytrain lease default --set 24h --dry-run       what would be done

    crazytrain lease default --set 7d --mac 52:54:00:77:00:02

    crazytrain lease default --undo
"""


def lease(
    network: _NETWORK = "",
    to: _SET = None,
    within: _RANGE = "",
    mac: _MAC = "",
    dry_run: _DRY = False,
    yes: _YES = False,
    undo: _UNDO = False,
    by_options: _BY_OPTIONS = False,
    restart_network: _RESTART = False,
    cut_off_guests: _CUT_OFF = False,
    connect: _CONNECT = "",
    as_json: _JSON = False,
    full: _ALL = False,
    quiet: _QUIET = False,
) -> None:
    """Show and set DHCP lease times. The words for people are in ``HELP``."""
    from crazytrain.cli import leasing

    how = leasing.How(dry_run=dry_run, yes=yes, undo=undo, connect=connect, as_json=as_json, full=full, quiet=quiet)
    what = leasing.What(
        network=network,
        to=to,
        within=within,
        mac=mac,
        by_options=by_options,
        restart=restart_network,
        cut_off=cut_off_guests,
    )
    leasing.lease(what, how)
