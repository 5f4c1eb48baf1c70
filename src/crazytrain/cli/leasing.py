"""Showing leases, and changing them with a question before and no way to be cut off between."""

import os
import sys
from collections.abc import Coroutine

import msgspec

from crazytrain.cli import screen
from crazytrain.cli.finishing import confirm, not_cut_off
from crazytrain.collect.networks import Where
from crazytrain.host import LiveHost
from crazytrain.host.loop import run
from crazytrain.model.errors import BadInput
from crazytrain.model.lease_report import LeaseReport
from crazytrain.pipeline_lease import (
    Asked,
    Plan,
    Restart,
    changed,
    dry,
    is_done,
    looked,
    planned,
    planned_by_options,
    shown,
    undoing,
)
from crazytrain.remedy.lease_time import parsed
from crazytrain.remedy.lease_wanted import Wish
from crazytrain.report.lease_text import WIDTH, lease_lines, time_words
from crazytrain.store.lease_records import leases_root

_FINISHING = "finishing first: this takes some seconds, and every address stays served"


class What(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: a network (empty: all), the new time, and for which part of it."""

    network: str
    to: str | None
    within: str
    mac: str
    by_options: bool = False
    restart: bool = False
    cut_off: bool = False


class How(msgspec.Struct, frozen=True, kw_only=True):
    """In which way."""

    dry_run: bool
    yes: bool
    undo: bool
    connect: str
    as_json: bool
    full: bool
    quiet: bool


def lease(what: What, how: How) -> None:
    """Show, set or undo.

    Raises:
        CrazytrainError: it cannot be done, with the next step.
    """
    wish = _wish(what, how)
    progress = screen.Progress(quiet=how.quiet)
    asked = Asked(
        host=LiveHost(), where=Where(uri=_uri(how)), root=leases_root(os.environ, os.geteuid()), told=progress
    )
    if wish is None and not how.undo:
        _, networks = run(looked(asked, what.network))
        _print(shown(asked, networks), how)
        return
    plan = run(_plan(asked, what, wish))
    if is_done(plan):
        _print(shown(asked, (plan.network,)), how)
        print("nothing to change: it is so already", file=sys.stderr)
    elif how.dry_run:
        _print(dry(asked, plan), how)
    else:
        _confirm(asked, plan, how)
        with not_cut_off(progress, _FINISHING):
            report = run(changed(asked, plan))
        progress.done()
        _print(report, how)


def _wish(what: What, how: How) -> Wish | None:
    """What is to be set; ``None`` where nothing is."""
    changes = how.undo or what.to is not None
    if how.undo and what.to is not None:
        raise BadInput("--set and --undo exclude each other", "Undo first, then set.")
    if not changes and (what.within or what.mac or how.dry_run or how.yes):
        raise BadInput("nothing is asked for that could be done", "Say what to set: --set 24h")
    if changes and not what.network:
        raise BadInput("which network?", "Name one: crazytrain lease default --set 24h. crazytrain lease lists them.")
    if what.within and what.mac:
        raise BadInput("--range and --mac exclude each other", "Set one after the other.")
    if (what.restart or what.cut_off) and not what.by_options:
        raise BadInput("without --by-options the network is never restarted", "Leave --restart-network away.")
    if what.by_options and (what.within or what.mac):
        raise BadInput("--by-options sets the time of all guests without a <host>", "Leave --range and --mac away.")
    return None if what.to is None else Wish(seconds=parsed(what.to), within=what.within, host=what.mac)


def _plan(asked: Asked, what: What, wish: Wish | None) -> Coroutine[object, object, Plan]:
    if wish is None:
        return undoing(asked, what.network)
    if what.by_options:
        restart = Restart(asked=what.restart, cut_off=what.cut_off)
        return planned_by_options(asked, what.network, wish.seconds, _said(what, wish), restart)
    return planned(asked, what.network, wish, _said(what, wish))


def _uri(how: How) -> str:
    """Which libvirt: virsh itself would ask that of the user, who has no networks there."""
    return how.connect or os.environ.get("LIBVIRT_DEFAULT_URI", "") or "qemu:///system"


def _said(what: What, wish: Wish) -> str:
    part = f"host {what.mac}" if what.mac else f"range {what.within}" if what.within else "all ranges"
    if what.by_options:
        part = "all guests without a host, by dnsmasq:options,"
    return f"network {what.network}: lease time of {part} to {'none of its own' if wish.seconds is None else time_words(wish.seconds)}"


def _confirm(asked: Asked, plan: Plan, how: How) -> None:
    """Show the diff, and ask where nobody said yes.

    Raises:
        BadInput: there is nobody to ask, or who was asked said no.
    """
    preview = dry(asked, plan)
    if preview.change:
        meant = msgspec.structs.replace(preview.change, dry_run=False, commands=())
        lines = lease_lines(LeaseReport(networks=(), change=meant), width=screen.width(WIDTH))
        print("\n".join(line.text for line in lines), file=sys.stderr if how.as_json else sys.stdout, flush=True)
    confirm(yes=how.yes)


def _print(report: LeaseReport, how: How) -> None:
    if how.as_json:
        screen.json(report)
    else:
        screen.styled(lease_lines(report, width=screen.width(WIDTH), full=how.full))
