"""Joins the stages for ``crazytrain clock --set`` and ``--undo``: what is there is looked at, what would come is shown, done, and looked at again."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from crazytrain.collect import discover
from crazytrain.collect.agent_hands import AgentHands, agent_hands
from crazytrain.collect.find import find
from crazytrain.collect.virsh import domain_of, uri_of
from crazytrain.decode.command_line import config_of
from crazytrain.host.door import Host
from crazytrain.model.clock_change import ClockChange, ClockRecord, Running, Setting, Site
from crazytrain.model.errors import BadInput, CrazytrainError, NoSuchGuest
from crazytrain.model.guest import Guest, Manager
from crazytrain.remedy.clock_boot import DROP_IN, boot_changed, boot_planned
from crazytrain.remedy.clock_by_hand import refuse_by_hand
from crazytrain.remedy.clock_definition import (
    DefinitionPlan,
    boots_what_is_defined,
    check_changeable,
    definition_back,
    definition_changed,
    definition_planned,
)
from crazytrain.remedy.clock_domain import Virsh, domain_seen
from crazytrain.remedy.clock_guest import Offered, boot_of, check_offered, offered, switch
from crazytrain.remedy.clock_keys import CLOCKSOURCE, DEFAULT
from crazytrain.remedy.clock_told import TAINTS, boot_told, definition_told, switch_told
from crazytrain.remedy.clock_xml import merged_back
from crazytrain.store.change_records import alone, keep_record
from crazytrain.store.clock_records import new_id, standing

SYSTEM = "qemu:///system"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The machine, where records are kept, which libvirt (empty: the one that owns the guest), and whom to tell how far it is."""

    host: Host
    root: Path
    uri: str
    told: Callable[[str], None]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The guest that is meant. ``guest``: it runs here; ``virsh``: libvirt has it; ``key`` tells it apart in records."""

    name: str
    key: str
    guest: Guest | None
    virsh: Virsh | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A change that could be made now. ``change`` is what is said of it, ``record`` what it will be undone by."""

    target: Target
    change: ClockChange
    record: ClockRecord
    definition: DefinitionPlan | None = None
    undoes: bool = False


async def target(asked: Asked, wanted: str) -> Target:
    """Find the guest: among those that run, else in libvirt, which also has those that do not.

    Raises:
        NoSuchGuest, BadInput: none fits, or several do.
    """
    try:
        guest = find(await discover.guests(asked.host, config_of), wanted)
    except NoSuchGuest as error:
        return await _not_running(asked, wanted, error)
    key = guest.uuid.lower() or guest.name or f"pid-{guest.pid}"
    virsh = None
    if guest.manager is Manager.LIBVIRT:
        virsh = Virsh(host=asked.host, uri=asked.uri or uri_of(guest), domain=domain_of(guest))
    return Target(name=guest.name or str(guest.pid), key=key, guest=guest, virsh=virsh)


async def _not_running(asked: Asked, wanted: str, error: NoSuchGuest) -> Target:
    virsh = Virsh(host=asked.host, uri=asked.uri or SYSTEM, domain=wanted)
    try:
        domain = await domain_seen(virsh)
    except NoSuchGuest:
        raise error from None
    except CrazytrainError as why:
        raise NoSuchGuest(
            error.message, f"{error.hint}\nNor does libvirt tell of one that is off: {why.message}"
        ) from why
    return Target(name=domain.name, key=domain.uuid.lower(), guest=None, virsh=virsh)


async def planned(asked: Asked, at: Target, wanted: Sequence[Setting], *, next_boot: bool) -> Plan:
    """What setting these would do; nothing is changed.

    Raises:
        BadInput, MissingTool, NotAllowed, CrazytrainError: it cannot be done, with the reason and the next step.
    """
    source = next((one for one in wanted if one.key == CLOCKSOURCE), None)
    if next_boot and source is None:
        raise BadInput(
            "--next-boot is for the clocksource", "All other settings are for the next start anyway: leave it away."
        )
    if source is not None and not next_boot:
        _check_alone(wanted, "is set inside the guest, at once")
        return await _inside(asked, at, source)
    if source is None or at.virsh or _boots_from_argv(at):
        plan = await _defined(asked, at, wanted, source)
        if plan:
            return plan
    if source is None or at.guest is None:
        raise CrazytrainError(
            f"{at.name} is off, and its own boot loader gives its kernel its command line", "Start it, then ask again."
        )
    _check_alone(wanted, "is set in the guest's own boot loader")
    return await _boot(asked, at, source)


def _check_alone(wanted: Sequence[Setting], why: str) -> None:
    if len(wanted) > 1:
        raise BadInput(f"the clocksource {why}, the others in the guest's definition", "Set one after the other.")


def _boots_from_argv(at: Target) -> bool:
    return at.guest is not None and "-kernel" in at.guest.command_line


async def _defined(asked: Asked, at: Target, wanted: Sequence[Setting], source: Setting | None) -> Plan | None:
    """A change of the definition; ``None`` where that does not decide what the guest's kernel boots with."""
    if at.virsh is None:
        guest = at.guest
        raise refuse_by_hand(guest, wanted, discover.proxmox_id(guest)) if guest else NoSuchGuest(at.name)
    domain = await domain_seen(at.virsh)
    notes: tuple[str, ...] = ()
    if source is not None:
        if not boots_what_is_defined(domain):
            return None
        check_changeable(domain)
        notes = await _whether_offered(asked, at, source)
    plan = await definition_planned(at.virsh, domain, wanted)
    said = f"{domain.name}: {', '.join(one.typed for one in wanted)}, in its persistent definition"
    return _definition(asked, at, said, msgspec.structs.replace(plan, notes=(*notes, *plan.notes)))


async def _whether_offered(asked: Asked, at: Target, source: Setting) -> tuple[str, ...]:
    """Refuse what the guest does not offer, where it can be asked; else say that it was not."""
    if source.value == DEFAULT:
        return ()
    if at.guest is None:
        return ("whether the guest has that clocksource is not known: it is off",)
    try:
        async with _hands(asked, at) as hands:
            there = await offered(hands)
    except CrazytrainError as error:
        return (f"whether the guest has that clocksource is not known: {error.message}",)
    check_offered(there, source.value)
    return (TAINTS,) if at.virsh else ()


def _definition(asked: Asked, at: Target, said: str, plan: DefinitionPlan) -> Plan:
    change = definition_told(at.name, said, plan)
    record = _record(asked, at, change, plan.before, plan.after)
    return Plan(target=at, change=change, record=record, definition=plan)


async def _inside(asked: Asked, at: Target, wanted: Setting) -> Plan:
    async with _hands(asked, at) as hands:
        there = await offered(hands)
        run = Running(_process(at), await boot_of(hands))
    check_offered(there, wanted.value)
    plan = _switching(asked, at, f"{at.name}: clocksource={wanted.value}, inside the guest", there, wanted.value)
    return msgspec.structs.replace(plan, record=msgspec.structs.replace(plan.record, run=run.written))


def _process(at: Target) -> str:
    """What tells this run of the guest's QEMU from any other."""
    process = at.guest.process if at.guest else None
    return f"{process.pid}.{process.start_ticks}.{process.boot_id}" if process else ""


def _switching(asked: Asked, at: Target, said: str, there: Offered, to: str) -> Plan:
    change = switch_told(at.name, said, there.current, to, tainted=at.virsh is not None)
    return Plan(target=at, change=change, record=_record(asked, at, change, there.current, to))


async def _boot(asked: Asked, at: Target, wanted: Setting) -> Plan:
    async with _hands(asked, at) as hands:
        if wanted.value != DEFAULT:
            check_offered(await offered(hands), wanted.value)
        plan = await boot_planned(hands, wanted.value)
    return _booting(asked, at, f"{at.name}: {wanted.typed}, in what it boots with", plan.before, plan.after)


def _booting(asked: Asked, at: Target, said: str, before: str | None, after: str | None) -> Plan:
    change = boot_told(at.name, said, before, after, tainted=at.virsh is not None)
    record = msgspec.structs.replace(_record(asked, at, change, before, after), file=DROP_IN)
    return Plan(target=at, change=change, record=record)


def _record(asked: Asked, at: Target, change: ClockChange, before: str | None, after: str | None) -> ClockRecord:
    wall_ns = asked.host.wall_ns()
    return ClockRecord(
        id=new_id(at.name, wall_ns),
        site=change.site,
        guest=at.name,
        key=at.key,
        uri=at.virsh.uri if at.virsh else "",
        wall_ns=wall_ns,
        asked=change.asked,
        before=before,
        after=after,
    )


@asynccontextmanager
async def _hands(asked: Asked, at: Target) -> AsyncIterator[AgentHands]:
    if at.guest is None:
        raise CrazytrainError(f"{at.name} does not run: nothing inside it can be asked", f"virsh start {at.name}")
    hands = await agent_hands(asked.host, at.guest)
    try:
        yield hands
    finally:
        hands.close()


def is_done(plan: Plan) -> bool:
    """Whether there is nothing to do: all is as asked for."""
    return plan.record.before == plan.record.after


async def undoing(asked: Asked, at: Target) -> Plan:
    """What ``--undo`` of the newest change of this guest would do; nothing is changed.

    Raises:
        BadInput: there is nothing to undo. CrazytrainError: others have changed the same since.
    """
    for record in standing(asked.root, at.key):
        if record.site is Site.INSIDE and not await _still_runs(asked, at, record):
            continue  # it went when the guest restarted
        plan = await _back(asked, at, record)
        if record.finished or not is_done(plan):  # else it was cut off before it did anything
            return msgspec.structs.replace(plan, undoes=True)
    raise BadInput(
        f"nothing to undo: no change of {at.name}'s clock is kept in {asked.root}", "See crazytrain clock --help."
    )


async def _still_runs(asked: Asked, at: Target, record: ClockRecord) -> bool:
    """Whether the guest's kernel is in the same boot as when a change was made inside it."""
    if not Running(_process(at)).may_be(record.run):
        return False
    async with _hands(asked, at) as hands:
        return Running(_process(at), await boot_of(hands)).written == record.run


async def _back(asked: Asked, at: Target, record: ClockRecord) -> Plan:
    """A plan back to what was before a change; its record keeps that change's id and turns the two states round."""
    said = f"undo of: {record.asked}"
    if record.site is Site.DEFINITION:
        plan = await _definition_back(asked, at, record, said)
    else:
        async with _hands(asked, at) as hands:
            if record.site is Site.INSIDE:
                plan = await _inside_back(asked, at, record, hands)
            else:
                plan = await _boot_back(asked, at, record, hands)
    kept = msgspec.structs.replace(
        plan.record, id=record.id, wall_ns=record.wall_ns, asked=record.asked, run=record.run
    )
    return msgspec.structs.replace(
        plan, record=kept, change=msgspec.structs.replace(plan.change, asked=said, undoes=True)
    )


async def _definition_back(asked: Asked, at: Target, record: ClockRecord, said: str) -> Plan:
    if at.virsh is None:
        raise CrazytrainError(f"{at.name} is no longer libvirt's: its old definition is kept in {record.id}")
    domain = await domain_seen(at.virsh)
    check_changeable(domain)
    before, after = record.before or "", record.after or ""
    wanted = before if domain.kept == before else merged_back(before, after, domain.kept)
    return _definition(asked, at, said, await definition_back(at.virsh, domain, wanted))


async def _inside_back(asked: Asked, at: Target, record: ClockRecord, hands: AgentHands) -> Plan:
    there = await offered(hands)
    wanted = record.before or ""
    if there.current not in (record.after, wanted):
        raise CrazytrainError(
            f"the clocksource is {there.current} now: others have changed it since, or its kernel has",
            f"Nothing was undone. Set what you want: crazytrain clock {at.name} --set clocksource={wanted}",
        )
    check_offered(there, wanted)
    return _switching(asked, at, "", there, wanted)


async def _boot_back(asked: Asked, at: Target, record: ClockRecord, hands: AgentHands) -> Plan:
    now = await hands.read(DROP_IN)
    if now not in (record.after, record.before):
        raise CrazytrainError(
            f"{DROP_IN} in the guest was changed by others since", "Nothing was undone. Look at it by hand."
        )
    return _booting(asked, at, "", now, record.before)


async def changed(asked: Asked, plan: Plan) -> ClockChange:
    """Do it: keep the old state, make the change, look at the result, and say that.

    Raises:
        CrazytrainError: it failed; what the old state was is kept.
    """
    at, record = plan.target, plan.record
    with alone(asked.root, at.key, "guest"):
        kept = _undone(record, finished=False) if plan.undoes else record
        path = keep_record(asked.root, kept)
        after, said = await _made(asked, plan)
        keep_record(asked.root, _undone(record, finished=True) if plan.undoes else _finished(record, after))
    done = {"dry_run": False, "done": True, "record": str(path), "verified": (said,)}
    return msgspec.structs.replace(plan.change, **done)


def settle(asked: Asked, plan: Plan) -> None:
    """Note that a change needs no undoing any more: all is as it was before it."""
    if plan.undoes:
        keep_record(asked.root, _undone(plan.record, finished=True))


def _finished(record: ClockRecord, after: str | None) -> ClockRecord:
    return msgspec.structs.replace(record, after=after, finished=True)


def _undone(record: ClockRecord, *, finished: bool) -> ClockRecord:
    """The record of a change whose way back this is: its own two states, the other way round."""
    return msgspec.structs.replace(record, before=record.after, after=record.before, finished=True, undone=finished)


async def _made(asked: Asked, plan: Plan) -> tuple[str | None, str]:
    """Make the change; the state afterwards, and a sentence on it."""
    at, before, after = plan.target, plan.record.before, plan.record.after
    asked.told(plan.change.asked)
    if plan.definition and at.virsh:
        return await definition_changed(at.virsh, plan.definition)
    async with _hands(asked, at) as hands:
        if plan.change.site is Site.BOOT:
            return after, await boot_changed(hands, before, after)
        there = await offered(hands)
        if there.current != before:
            raise CrazytrainError(
                f"the clocksource became {there.current} while this was asked", "Nothing was changed. Ask again."
            )
        return after, await switch(hands, after or "")
