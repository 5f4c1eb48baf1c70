"""Changing a guest's clock: shown first, asked, done in one go, looked at again."""

import os
import sys

import msgspec

from crazytrain.cli import screen
from crazytrain.cli.finishing import confirm, not_cut_off
from crazytrain.cli.looking import guard_look
from crazytrain.host import LiveHost
from crazytrain.host.loop import run
from crazytrain.model.clock_change import ClockChange, Setting
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Cost
from crazytrain.pipeline_clock_change import Asked, Plan, changed, is_done, planned, settle, target, undoing
from crazytrain.remedy.clock_keys import settings
from crazytrain.report.clock_change_text import WIDTH, clock_change_lines
from crazytrain.store.clock_records import clocks_root

_BEFORE_S = 0.5
_FINISHING = "finishing first: libvirt and the guest have either the old state or the new one"


class How(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and in which way."""

    to: tuple[str, ...]
    next_boot: bool
    dry_run: bool
    yes: bool
    undo: bool
    connect: str
    as_json: bool
    quiet: bool

    @property
    def changes(self) -> bool:
        """Whether anything is to be changed at all."""
        return self.undo or bool(self.to)


def check(how: How) -> None:
    """Refuse options that say nothing together.

    Raises:
        BadInput: with what to say instead.
    """
    if how.undo and (how.to or how.next_boot):
        raise BadInput("--set and --undo exclude each other", "Undo first, then set.")
    if not how.changes and (how.next_boot or how.dry_run or how.yes or how.connect):
        raise BadInput(
            "nothing is asked for that could be done",
            "Say what to set: --set hpet=off. crazytrain clock --help lists it.",
        )


def change_clock(wanted: str, how: How) -> None:
    """Set or undo.

    Raises:
        CrazytrainError: it cannot be done, with the next step.
    """
    to = settings(how.to)
    progress = screen.Progress(quiet=how.quiet)
    asked = Asked(
        host=LiveHost(),
        root=clocks_root(os.environ, os.geteuid()),
        uri=how.connect or os.environ.get("LIBVIRT_DEFAULT_URI", ""),
        told=progress,
    )
    plan = run(_plan(asked, wanted, to, next_boot=how.next_boot))
    if is_done(plan):
        if not how.dry_run:
            settle(asked, plan)
        _print(plan.change, how)
    elif how.dry_run:
        _print(plan.change, how)
    else:
        _show_first(plan, how)
        confirm(yes=how.yes)
        case = _case(plan, progress)
        with not_cut_off(progress, _FINISHING):
            done = run(changed(asked, plan))
        progress.done()
        _print(msgspec.structs.replace(done, case=case), how)


def _case(plan: Plan, progress: screen.Progress) -> str:
    """Keep the guest as it is now, by reading alone; the case's folder, or nothing of a guest that is off.

    Raises:
        CrazytrainError: it cannot be kept; then nothing is changed.
    """
    guest = plan.target.guest
    if guest is None:
        return ""
    kept = guard_look((guest,), _BEFORE_S, progress, Cost.READS)
    return kept[0][0] if kept else ""


async def _plan(asked: Asked, wanted: str, to: tuple[Setting, ...], *, next_boot: bool) -> Plan:
    at = await target(asked, wanted)
    return await planned(asked, at, to, next_boot=next_boot) if to else await undoing(asked, at)


def _show_first(plan: Plan, how: How) -> None:
    """Show what would be done, before it is asked for or done."""
    meant = msgspec.structs.replace(plan.change, dry_run=False)
    lines = clock_change_lines(meant, width=screen.width(WIDTH))
    print("\n".join(line.text for line in lines), file=sys.stderr if how.as_json else sys.stdout, flush=True)


def _print(change: ClockChange, how: How) -> None:
    if how.as_json:
        screen.json(change)
    else:
        screen.styled(clock_change_lines(change, width=screen.width(WIDTH)))
