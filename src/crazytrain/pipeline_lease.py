"""Joins the stages for ``crazytrain lease``: networks are looked at, read, changed step by step, looked at again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from crazytrain.collect.networks import Where, collect_networks, definitions_only
from crazytrain.decode.network_xml import definition_of
from crazytrain.decode.networks import all_names, decode_networks, elements_of, version_of
from crazytrain.derive.lease_view import network_view
from crazytrain.derive.leases import load_of
from crazytrain.host.door import Host
from crazytrain.model.errors import BadInput, CrazytrainError, MissingTool, NoSuchNetwork, NotAllowed
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.networks import DhcpNetwork, NetworkDefinition
from crazytrain.model.lease_change import Edit, LeaseRecord, Place, Wanted
from crazytrain.model.lease_report import ChangeView, EditView, LeaseReport
from crazytrain.model.xml_element import XmlElement, differences
from crazytrain.remedy.lease import Hands, Seen, bring, check_writable, foreseen
from crazytrain.remedy.lease_back import before_of, check_same, is_between, refuse_changed
from crazytrain.remedy.lease_notes import NEXT_START, NO_HOSTS, scope
from crazytrain.remedy.lease_options import check_option, define, option_edits, restarted, with_option
from crazytrain.remedy.lease_refusals import (
    check_hosts,
    check_restart,
    check_served,
    check_single,
    check_version,
    cut_off_words,
)
from crazytrain.remedy.lease_seen import AS_ASKED, check_rest, verified
from crazytrain.remedy.lease_wanted import Wish, as_it_is, as_wished, check_meaning, edits
from crazytrain.store.lease_records import alone, keep_record, last_standing, new_id


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Where libvirt is, where records are kept, and whom to tell how far it is."""

    host: Host
    where: Where
    root: Path
    told: Callable[[str], None]


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a network shall be restarted, and also where that takes guests off it."""

    asked: bool
    cut_off: bool


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A change that could be made now, and all that was looked at for it."""

    network: DhcpNetwork
    seen: dict[Place, XmlElement]
    wanted: tuple[Wanted, ...]
    edits: tuple[Edit, ...]
    asked: str
    record: LeaseRecord
    notes: tuple[str, ...] = ()
    undoes: bool = False
    definition: XmlElement | None = None  # what shall be kept for the next start, where that is changed as a whole
    restarts: bool = False


async def looked(asked: Asked, wanted: str = "") -> tuple[Evidence, tuple[DhcpNetwork, ...]]:
    """Look at all networks, or at one.

    Raises:
        MissingTool, NotAllowed, CrazytrainError: libvirt is not there, or does not answer. NoSuchNetwork: none has this name.
    """
    evidence = await collect_networks(asked.host, asked.where, (wanted,) if wanted else ())
    if evidence.outcome is not Outcome.OK:
        raise _no_libvirt(evidence)
    found = tuple(one for one in decode_networks(evidence) if isinstance(one, DhcpNetwork))
    if wanted and not found:
        names = all_names(evidence)
        hint = f"There are: {', '.join(names[:20])}" if names else "It has no network at all."
        raise NoSuchNetwork(f"libvirt has no network called {wanted!r}", hint)
    return evidence, found


def _no_libvirt(evidence: Evidence) -> CrazytrainError:
    if evidence.outcome is Outcome.NO_TOOL:
        return MissingTool(
            "virsh is not installed: leases are asked about through libvirt", "Debian: apt install libvirt-clients"
        )
    if evidence.outcome is Outcome.DENIED:
        return NotAllowed(
            f"libvirt does not answer this user: {evidence.detail}", "Ask as root, or as a member of the group libvirt."
        )
    return CrazytrainError(
        f"libvirt does not answer: {evidence.detail}",
        "Does libvirtd (or virtnetworkd) run? systemctl status libvirtd virtnetworkd",
    )


def shown(asked: Asked, networks: Sequence[DhcpNetwork], change: ChangeView | None = None) -> LeaseReport:
    """The report on networks, and on a change where one was made or tried."""
    views = tuple(network_view(one, *_cut_off(asked, one)) for one in networks)
    return LeaseReport(networks=views, change=change)


def _cut_off(asked: Asked, network: DhcpNetwork) -> tuple[str, ...]:
    record = last_standing(asked.root, network.definition.uuid) if network.definition else None
    if record is None or record.finished or not _half_way(record, network):
        return ()
    verb = f"crazytrain lease {network.name}"
    said = f"a change was cut off ({record.asked}); every address is served. Finish it: {verb} --set ...; or back: {verb} --undo"
    return (said,)


def _half_way(record: LeaseRecord, network: DhcpNetwork) -> bool:
    """Whether a range is there that was not there before the change, or one is missing."""
    for place, now in ((Place.LIVE, network.live), (Place.CONFIG, network.kept)):
        before = before_of(record, place)
        if now and before and _spans(definition_of(before)) != _spans(now):
            return True
    return False


def _spans(definition: NetworkDefinition) -> set[tuple[str, str]]:
    return {(one.start, one.end) for ip in definition.ips for one in ip.ranges}


async def planned(asked: Asked, name: str, wish: Wish, said: str) -> Plan:
    """What setting a lease time would do; nothing is changed.

    Raises:
        BadInput, NoSuchNetwork, CrazytrainError: it cannot be done, with the reason and the next step.
    """
    evidence, (network, *_) = await looked(asked, name)
    check_served(network)
    check_version(version_of(evidence), network)
    seen = _seen(elements_of(evidence, network.name))
    bases, earlier = _bases(asked, network, seen)
    check_meaning(tuple(bases.values()), wish)
    wanted = _with_hosts_of(seen, wish, [one for place, base in bases.items() for one in as_wished(base, place, wish)])
    check_hosts(seen, wanted)
    gaps = check_single(seen, wanted, network.leases)
    record = earlier or _new_record(asked, network, seen, said)
    found = edits(bases if earlier else seen, wanted)
    return Plan(
        network=network,
        seen=seen,
        wanted=wanted,
        edits=found,
        asked=said,
        record=record,
        notes=(*scope(network, wish, earlier), *gaps),
    )


def _with_hosts_of(seen: Seen, wish: Wish, wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """Ranges as before a change that was cut off, but hosts as they are: that change was not about them."""
    there = {(one.place, one.position): one.hosts for place, now in seen.items() for one in as_wished(now, place, wish)}
    return tuple(msgspec.structs.replace(one, hosts=there.get((one.place, one.position), one.hosts)) for one in wanted)


def _seen(elements: tuple[XmlElement | None, XmlElement | None]) -> dict[Place, XmlElement]:
    live, kept = elements
    both = ((Place.LIVE, live), (Place.CONFIG, kept))
    return {place: element for place, element in both if element is not None}


def _bases(asked: Asked, network: DhcpNetwork, seen: Seen) -> tuple[dict[Place, XmlElement], LeaseRecord | None]:
    """The XML whose entries are to be changed: as it is, or as it was before a change that was cut off."""
    uuid = network.definition.uuid if network.definition else ""
    record = last_standing(asked.root, uuid)
    if record is None or record.finished or not is_between(record, seen):
        return dict(seen), None
    return {place: before_of(record, place) or seen[place] for place in seen}, record


def _new_record(asked: Asked, network: DhcpNetwork, seen: Seen, said: str) -> LeaseRecord:
    wall_ns = asked.host.wall_ns()
    return LeaseRecord(
        id=new_id(network.name, wall_ns),
        uri=asked.where.uri,
        network=network.name,
        uuid=network.definition.uuid if network.definition else "",
        wall_ns=wall_ns,
        asked=said,
        before_live=seen.get(Place.LIVE),
        before_kept=seen.get(Place.CONFIG),
    )


async def undoing(asked: Asked, name: str) -> Plan:
    """What ``--undo`` of the newest change would do.

    Raises:
        BadInput: there is nothing to undo. CrazytrainError: others have changed the network since.
    """
    evidence, (network, *_) = await looked(asked, name)
    uuid = network.definition.uuid if network.definition else ""
    record = last_standing(asked.root, uuid)
    if record is None:
        raise BadInput(
            f"nothing to undo: no change of network {network.name} is kept in {asked.root}",
            "See crazytrain lease --help.",
        )
    seen = _seen(elements_of(evidence, network.name))
    if record.by_options:
        return _undoing_options(network, seen, record)
    before = {place: back for place in seen if (back := before_of(record, place)) is not None}
    refuse_changed(record, seen, before)
    wanted = tuple(one for place, base in before.items() for one in as_it_is(base, place))
    gaps = check_single(seen, wanted, network.leases)
    said = f"undo of: {record.asked}"
    return Plan(
        network=network,
        seen=seen,
        wanted=wanted,
        edits=edits(dict(seen), wanted),
        asked=said,
        record=record,
        notes=gaps,
        undoes=True,
    )


def _undoing_options(network: DhcpNetwork, seen: dict[Place, XmlElement], record: LeaseRecord) -> Plan:
    kept: dict[Place, XmlElement] = {place: one for place, one in seen.items() if place is Place.CONFIG}
    if not kept or record.before_kept is None:
        raise BadInput(f"network {network.name} is not persistent any more: there is nothing to bring back", "")
    if record.finished:
        refuse_changed(record, kept, {})
    plan = Plan(
        network=network,
        seen=kept,
        wanted=(),
        edits=option_edits(kept[Place.CONFIG], record.before_kept),
        asked=f"undo of: {record.asked}",
        record=record,
        definition=record.before_kept,
        undoes=True,
    )
    return msgspec.structs.replace(plan, notes=(NEXT_START,))


async def planned_by_options(asked: Asked, name: str, seconds: int | None, said: str, restart: Restart) -> Plan:
    """What setting a lease time by dnsmasq's own options would do; nothing is changed.

    Raises:
        BadInput, NoSuchNetwork, CrazytrainError: it cannot be done, with the reason and the next step.
    """
    evidence, (network, *_) = await looked(asked, name)
    check_served(network)
    seen = _seen(elements_of(evidence, network.name))
    if Place.CONFIG not in seen:
        raise BadInput(f"network {name} is transient: it has no definition that a next start would take", "")
    if restart.asked:
        check_restart(network, cut_off=restart.cut_off)
    new = with_option(seen[Place.CONFIG], seconds)
    return Plan(
        network=network,
        seen={Place.CONFIG: seen[Place.CONFIG]},
        wanted=(),
        edits=option_edits(seen[Place.CONFIG], new),
        asked=said,
        record=msgspec.structs.replace(_new_record(asked, network, seen, said), by_options=True),
        notes=(NO_HOSTS, *(() if restart.asked else (NEXT_START, cut_off_words(network)))),
        definition=new,
        restarts=restart.asked,
    )


def is_done(plan: Plan) -> bool:
    """Whether there is nothing to do: all is as asked for."""
    if plan.definition is not None:
        return not list(differences(plan.seen[Place.CONFIG], plan.definition)) and not plan.restarts
    return not foreseen(plan.seen, plan.wanted)


def dry(asked: Asked, plan: Plan) -> LeaseReport:
    """What a plan would do, as a report: the diff and the commands."""
    if plan.definition is not None:
        restart = (
            (f"virsh net-destroy {plan.network.name}", f"virsh net-start {plan.network.name}") if plan.restarts else ()
        )
        commands = (f"virsh net-define FILE   # {plan.network.name} with the options above", *restart)
        return shown(asked, (plan.network,), _change(plan, commands=commands, dry_run=True))
    steps = foreseen(plan.seen, plan.wanted)
    commands = tuple(step.typed(plan.network.name) for step in steps)
    return shown(asked, (plan.network,), _change(plan, commands=commands, dry_run=True))


def _change(plan: Plan, **more: object) -> ChangeView:
    made = ChangeView(
        asked=plan.asked,
        edits=tuple(
            EditView(places=tuple(p.value for p in e.places), address=e.address, before=e.before, after=e.after)
            for e in plan.edits
        ),
        commands=(),
        dry_run=False,
        done=False,
        steps=0,
        record="",
        verified=(),
        notes=plan.notes,
    )
    return msgspec.structs.replace(made, **more)


async def changed(asked: Asked, plan: Plan) -> LeaseReport:
    """Do it: keep the old state, go step by step, look at the result, and say what dnsmasq really runs with.

    Raises:
        CrazytrainError: a step failed, or what came of it is not what was asked for; every address is served all the same.
    """
    name = plan.network.name

    async def see() -> Seen:
        found = await definitions_only(asked.host, asked.where, name)
        if found.outcome in (Outcome.NO_TOOL, Outcome.DENIED, Outcome.TIMED_OUT):
            raise _no_libvirt(found)
        return _seen(elements_of(found, name))

    hands = Hands(host=asked.host, uri=asked.where.uri, network=name, see=see, told=asked.told)
    await check_writable(hands)
    with alone(asked.root, plan.record.uuid):
        check_same(plan.seen, await see())
        path = keep_record(asked.root, msgspec.structs.replace(plan.record, finished=False))
        steps, told = await _done(hands, plan)
        evidence, (network, *_) = await looked(asked, name)
        now = _seen(elements_of(evidence, name))
        _check(plan, now)
        after_both = {"after_live": now.get(Place.LIVE), "after_kept": now.get(Place.CONFIG)}
        keep_record(asked.root, msgspec.structs.replace(plan.record, finished=True, undone=plan.undoes, **after_both))
    before, after = load_of(plan.network), load_of(network)
    view = _change(
        plan,
        done=True,
        steps=steps,
        record=str(path),
        verified=(*told, *_looked_at(plan, network, steps)),
        lines_per_day_before=before.lines_per_day if before else None,
        lines_per_day_after=after.lines_per_day if after else None,
    )
    return shown(asked, (network,), view)


def _looked_at(plan: Plan, network: DhcpNetwork, steps: int) -> tuple[str, ...]:
    if plan.definition is None or plan.restarts:
        return verified(plan.network, network, steps)
    return (AS_ASKED, "dnsmasq was left alone: it runs with what it was started with")


async def _done(hands: Hands, plan: Plan) -> tuple[int, tuple[str, ...]]:
    """Do what is planned; the number of steps, and what was seen on the way."""
    if plan.definition is None:
        return await bring(hands, plan.wanted), ()
    said = await check_option(hands, plan.definition)
    await define(hands, plan.definition)
    hands.told("step 1: net-define")
    if plan.restarts:
        await restarted(hands)
        hands.told("step 2: net-destroy, net-start")
    return 1 + plan.restarts, (said,)


def _check(plan: Plan, now: Seen) -> None:
    """Only what was meant may differ from before."""
    if plan.definition is None:
        check_rest(plan.seen, plan.wanted, now, plan.record.id)
        return
    found = list(differences(plan.definition, now[Place.CONFIG])) if Place.CONFIG in now else ["it is gone"]
    if found:
        raise CrazytrainError(
            f"the persistent definition of {plan.network.name} is not what was asked for: {found[0]}",
            f"The old state is kept in {plan.record.id}.",
        )
