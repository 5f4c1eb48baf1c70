"""What a change of a domain's definition would do: refused where it cannot come true, tried out by libvirt, told with all that hinders."""

import difflib
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.model.clock_change import Setting, WordsView
from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.remedy.clock_domain import Domain, Native, Virsh, define, kept_xml, native, words_between
from crazytrain.remedy.clock_xml import boots_directly, changed_spots, domain_of, edited

_CONTEXT = 2
_ONLY_KVM = {"kvmclock", "hypervclock", "tsc-frequency"}
_NEXT_START = "at its next start"
_STOP_START = "after a full stop and start (virsh shutdown {name}, then virsh start {name}): a reboot inside keeps the old command line"


class DefinitionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The persistent XML before and after, what that makes of QEMU's command line, and what there is to say."""

    before: str
    after: str
    words: WordsView | None
    takes_effect: str
    notes: tuple[str, ...]

    @property
    def diff(self) -> tuple[str, ...]:
        """What changes, as lines of a unified diff."""
        return unified(self.before, self.after, "persistent XML, now", "persistent XML, then")


def unified(before: str, after: str, was: str, becomes: str) -> tuple[str, ...]:
    """The lines of a unified diff with two lines around each change."""
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), was, becomes, lineterm="", n=_CONTEXT)
    return tuple(found)


def check_changeable(domain: Domain) -> None:
    """Refuse what has no definition to change, or one with which libvirt is at work.

    Raises:
        CrazytrainError: so it is.
    """
    if not domain.persistent:
        raise CrazytrainError(
            f"{domain.name} is transient: libvirt forgets it when it ends, and no next start takes a definition",
            f"Change what makes it. To keep it from now on: virsh dumpxml {domain.name} > FILE; virsh define FILE",
        )
    if domain.job:
        raise CrazytrainError(
            f"libvirt is at work with {domain.name} ({domain.job}): its definition may be copied at this moment",
            f"Wait until that is done: virsh domjobinfo {domain.name}",
        )


async def definition_planned(virsh: Virsh, domain: Domain, wanted: Sequence[Setting]) -> DefinitionPlan:
    """What setting these would do; nothing is changed.

    Raises:
        BadInput: libvirt would not start a guest with it, or it would change nothing. CrazytrainError: see ``check_changeable``.
    """
    check_changeable(domain)
    made = edited(domain.kept, wanted)
    words, notes = await _tried(virsh, domain, made.xml, wanted)
    return DefinitionPlan(
        before=domain.kept,
        after=made.xml,
        words=words,
        takes_effect=takes_effect(domain),
        notes=(*made.notes, *notes, *_meanings(domain, wanted), *hindrances(domain)),
    )


async def definition_back(virsh: Virsh, domain: Domain, xml: str) -> DefinitionPlan:
    """What going back to another definition would do; nothing is changed. Raises as ``definition_planned``."""
    check_changeable(domain)
    words, notes = await _tried(virsh, domain, xml, ())
    said = (*notes, *hindrances(domain))
    return DefinitionPlan(before=domain.kept, after=xml, words=words, takes_effect=takes_effect(domain), notes=said)


async def _tried(
    virsh: Virsh, domain: Domain, xml: str, wanted: Sequence[Setting]
) -> tuple[WordsView | None, tuple[str, ...]]:
    """Have libvirt make a command line of both. What it refuses already now says nothing of the change."""
    before, after = await native(virsh, domain.kept), await native(virsh, xml)
    if after.refused and not before.refused:
        raise BadInput(f"libvirt would not start {domain.name} with that: {after.refused}", "Nothing was changed.")
    words = words_between(before, after)
    if words is None:
        return None, (f"libvirt does not show its command line here ({(before.refused or after.refused)[:200]})",)
    if words.gone or words.new or domain.kept == xml:
        return words, ()
    if any(one.key == "tsc-mode" for one in wanted):
        _refuse_mode(before)
    return words, ("QEMU's command line stays as it is: so it does without saying, too",)


def _refuse_mode(before: Native) -> None:
    raise BadInput(
        f"tsc-mode changes nothing here: libvirt makes the same command line for {before.words[0]} with it and without it",
        "libvirt has that timer's mode for Xen. For QEMU: --set tsc-frequency=HZ, or the CPU feature invtsc by virsh edit.",
    )


def takes_effect(domain: Domain) -> str:
    """When a change comes true."""
    return _STOP_START.format(name=domain.name) if domain.active else _NEXT_START


def _meanings(domain: Domain, wanted: Sequence[Setting]) -> Iterator[str]:
    root = domain_of(domain.kept)
    emulated = dict(root.attributes).get("type") == "qemu"
    for setting in wanted:
        if emulated and setting.key in _ONLY_KVM:
            yield f"{setting.key} is KVM's: this guest runs under TCG, where it has no effect"
        if setting.key == "clock-offset":
            yield "the guest's RTC moves by what lies between UTC and the host's local time: a guest that takes it for the other one is wrong by that"
        if setting.key == "kvmclock" and setting.value == "off" and not emulated:
            yield "without kvm-clock a Linux guest takes the TSC if it trusts it, else the HPET or acpi_pm, which cost an exit for each look"


def hindrances(domain: Domain) -> Iterator[str]:
    """What would keep a definition from coming true, and what differs already."""
    if domain.managed_save:
        yield (
            f"a managed save image is there: the next start goes on from it, with the old clock; virsh start --force-boot {domain.name} does "
            f"without it (what ran then is lost)"
        )
    if domain.snapshots:
        yield "reverting to one of its snapshots brings the definition of that time back"
    if domain.live and _clock(domain.live) != _clock(domain.kept):
        yield "what runs was started with another clock than its persistent definition has: that, too, comes true with the next start"


def _clock(xml: str) -> str:
    found = domain_of(xml).first("clock")
    return found.element().written() if found else ""


def boots_what_is_defined(domain: Domain) -> bool:
    """Whether libvirt itself gives the guest's kernel its command line, at its next start where it has one."""
    return boots_directly(domain.kept or domain.live)


async def definition_changed(virsh: Virsh, plan: DefinitionPlan) -> tuple[str, str]:
    """Define it, and read it again: what is there now, and a sentence on it. libvirt replaces a definition wholly or not at all.

    Raises:
        CrazytrainError: others have changed it meanwhile, libvirt refuses it, or made something else of it.
    """
    now = await kept_xml(virsh)
    if now != plan.before:
        where = next(iter(changed_spots(plan.before, now)), "in its spaces")
        raise CrazytrainError(
            f"the definition was changed by others while this was asked: {where}",
            "Nothing was changed. Ask again, for what it is now.",
        )
    await define(virsh, plan.after)
    made = await kept_xml(virsh)
    if made == plan.after:
        return made, "libvirt's persistent definition says so, and every other byte of it is as it was"
    if others := changed_spots(plan.after, made):
        raise CrazytrainError(
            f"libvirt made something else of it: {others[0]}", "Bring the old one back: crazytrain clock GUEST --undo"
        )
    return made, "libvirt's persistent definition says so (in its own order); nothing else in it changed"
