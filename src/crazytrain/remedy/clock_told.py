"""What is said of a change before it is made: its diff, the commands that come to the same, when it comes true."""

import msgspec

from crazytrain.model.clock_change import ClockChange, Site
from crazytrain.remedy.clock_boot import DROP_IN
from crazytrain.remedy.clock_definition import DefinitionPlan, unified
from crazytrain.remedy.clock_guest import CURRENT

TAINTS = "libvirt marks the domain until it ends, for its agent was asked (custom-ga-command)"


def definition_told(name: str, said: str, plan: DefinitionPlan) -> ClockChange:
    """A change of libvirt's persistent definition."""
    return _change(
        name,
        said,
        site=Site.DEFINITION,
        diff=plan.diff,
        qemu=plan.words,
        commands=(f"virsh define --validate FILE   # the persistent XML of {name} with the lines above",),
        takes_effect=plan.takes_effect,
        notes=plan.notes,
    )


def switch_told(name: str, said: str, before: str, after: str, *, tainted: bool) -> ClockChange:
    """A switch of the clocksource of a kernel that runs. ``tainted``: libvirt takes note of who asks an agent."""
    return _change(
        name,
        said,
        site=Site.INSIDE,
        diff=unified(f"{before}\n", f"{after}\n", CURRENT, CURRENT),
        commands=(f"echo {after} > {CURRENT}   # in the guest, by its agent",),
        takes_effect="at once, until the guest restarts (for that: --next-boot)",
        notes=(TAINTS,) if tainted else (),
    )


def boot_told(name: str, said: str, before: str | None, after: str | None, *, tainted: bool) -> ClockChange:
    """A change of what a guest's GRUB boots with: the drop-in before and after, ``None`` where there is none."""
    step = f"rm {DROP_IN}" if after is None else f"write {DROP_IN}"
    return _change(
        name,
        said,
        site=Site.BOOT,
        diff=unified(before or "", after or "", DROP_IN, DROP_IN),
        commands=(f"{step}   # in the guest, by its agent", "update-grub   # in the guest"),
        takes_effect="when the guest boots again (a reboot inside is enough)",
        notes=(TAINTS,) if tainted else (),
    )


def _change(name: str, said: str, **more: object) -> ClockChange:
    bare = ClockChange(
        guest=name,
        asked=said,
        site=Site.INSIDE,
        diff=(),
        qemu=None,
        commands=(),
        takes_effect="",
        dry_run=True,
        done=False,
        undoes=False,
        record="",
        verified=(),
        notes=(),
    )
    return msgspec.structs.replace(bare, **more)
