"""``crazytrain clock``: a guest's clock, shown, judged, changed and changed back."""

from collections.abc import Sequence
from typing import Annotated

import typer


def _names(incomplete: str) -> Sequence[str]:
    from crazytrain.cli.completing import guest_names

    return guest_names(incomplete)


_GUEST = Annotated[
    str,
    typer.Argument(
        metavar="GUEST",
        help="Name, uuid or pid of a guest (the beginning is enough); to set something, also of one that is off.",
        autocompletion=_names,
        show_default=False,
    ),
]
_SECONDS = Annotated[float, typer.Option("--for", min=0, max=600, help="How long to watch the clocks, in seconds.")]
_SET = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set it, see above; may be given more than once.", show_default=False
    ),
]
_NEXT_BOOT = Annotated[
    bool, typer.Option("--next-boot", help="With --set clocksource=: what its kernel boots with, not now.")
]
_DRY = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
_YES = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_UNDO = Annotated[bool, typer.Option("--undo", help="Bring back what was before the newest change of this guest.")]
_CONNECT = Annotated[
    str,
    typer.Option(
        "--connect", "-c", metavar="URI", help="Which libvirt. Default: $LIBVIRT_DEFAULT_URI, or the one that owns it."
    ),
]
_NO_AGENT = Annotated[bool, typer.Option("--no-agent", help="Showing: do not ask the guest's agent.")]
_NO_MEMORY = Annotated[bool, typer.Option("--no-memory", help="Showing: do not read the guest's memory.")]
_NO_MONITOR = Annotated[bool, typer.Option("--no-monitor", help="Showing: do not ask QEMU's monitor.")]
_JSON = Annotated[
    bool, typer.Option("--json", help="Print JSON (docs/clock.schema.json, of a change docs/clock-change.schema.json).")
]
_QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]

# One paragraph each: how wide they are is the terminal's business.
HELP = """\
Show a guest's clock and what fits badly; change it with a diff before and a way back.

Shown are the clock in libvirt's XML (live and persistent), QEMU's options that came of it, the guest's clocksource and what else it \
offers, the host's TSC, how far the guest's time is off and how it drifts, and what fits badly, why, and what to do.

--set clocksource=NAME switches the clocksource of the running guest by its agent, at once; with --next-boot, what its kernel boots \
with: in libvirt's XML where that gives the kernel its command line, else in the guest's GRUB where that would work.

--set KEY=VALUE else changes libvirt's persistent definition: kvmclock, hypervclock, hpet (on|off), pit-tickpolicy (delay|discard|\
catchup), rtc-tickpolicy (delay|catchup), rtc-track (guest|wall), tsc-frequency (2600MHz), tsc-mode, clock-offset (utc|localtime), \
hyperv-vpindex, hyperv-synic, hyperv-stimer, hyperv-frequencies, hyperv-reenlightenment (on|off). 'default' takes a setting away. It \
comes true after a full stop and start: a reboot inside keeps the old command line. This never stops or starts a guest.

First comes a diff of the XML and of QEMU's command line, and a question (--yes: none). libvirt checks all before. The old state is \
kept, and --undo goes back to it, unless others have changed the same since. All else in the definition stays as it is, to the byte. \
Of guests that are not libvirt's it says what to write where, and does nothing.

Changing needs root or the group libvirt. See docs/clock.md.

Exit codes: 0 done, 1 failed or refused, 65 bad input, 66 no such guest, 69 no agent or no libvirt, 77 not allowed.

Examples:

    crazytrain clock web01

    crazytrain clock web01 --set clocksource=kvm-clock

    crazytrain clock web01 --set clocksource=tsc --next-boot --dry-run

    crazytrain clock win11 --set hypervclock=on --set hpet=off

    crazytrain clock win11 --undo
"""


def clock(
    guest: _GUEST,
    seconds: _SECONDS = 3.0,
    to: _SET = None,
    next_boot: _NEXT_BOOT = False,
    dry_run: _DRY = False,
    yes: _YES = False,
    undo: _UNDO = False,
    connect: _CONNECT = "",
    no_agent: _NO_AGENT = False,
    no_memory: _NO_MEMORY = False,
    no_monitor: _NO_MONITOR = False,
    as_json: _JSON = False,
    quiet: _QUIET = False,
) -> None:
    """Show and change a guest's clock. The words for people are in ``HELP``."""
    from crazytrain.cli import clock_setting

    how = clock_setting.How(
        to=tuple(to or ()),
        next_boot=next_boot,
        dry_run=dry_run,
        yes=yes,
        undo=undo,
        connect=connect,
        as_json=as_json,
        quiet=quiet,
    )
    clock_setting.check(how)
    if how.changes:
        clock_setting.change_clock(guest, how)
        return
    from crazytrain.cli.clock_showing import show_clock
    from crazytrain.pipeline_clock import ClockWish

    wish = ClockWish(window_s=seconds, agent=not no_agent, memory=not no_memory, monitor=not no_monitor)
    show_clock(guest, wish, as_json=as_json, quiet=quiet)
