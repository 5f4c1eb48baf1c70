"""What cannot be done to a network, or not safely: each with the reason and the next step."""

from collections.abc import Collection, Sequence

from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.model.facts.networks import DhcpNetwork, LeaseGiven
from crazytrain.model.lease_change import Entry, Place, Wanted
from crazytrain.remedy.lease import Seen
from crazytrain.remedy.lease_plan import helpers
from crazytrain.remedy.lease_wanted import entries

KNOWS_LEASE = (6, 3, 0)  # <lease> in network XML; older ones drop it without a word
_OTHERS = {
    "bridge": "its guests are on a bridge of the host",
    "private": "its guests are on a macvtap of the host",
    "vepa": "its guests are on a macvtap of the host",
    "passthrough": "its guests are on a macvtap of the host",
    "hostdev": "its guests have network cards of the host",
}


def check_served(network: DhcpNetwork) -> None:
    """Refuse a network on which libvirt answers no DHCP.

    Raises:
        BadInput: it has neither range nor host.
    """
    found = network.definition
    if found is None or found.serves:
        return
    way = _OTHERS.get(found.forward)
    if way:
        raise BadInput(
            f"libvirt serves no DHCP on network {network.name} (mode {found.forward}): {way}",
            "Their leases come from the DHCP server of that network, mostly a router: the lease time is set there.",
        )
    raise BadInput(
        f"network {network.name} has no DHCP: neither a range nor a host",
        f"Add a range first: virsh net-update {network.name} add-last ip-dhcp-range \"<range start='A' end='B'/>\" --live --config",
    )


def check_version(version: tuple[int, int, int] | None, network: DhcpNetwork) -> None:
    """Refuse where libvirt would drop the lease time without a word.

    Raises:
        CrazytrainError: libvirt is older than 6.3; the hint says what is possible there.
    """
    if version is None or version >= KNOWS_LEASE:
        return
    said = ".".join(map(str, version))
    raise CrazytrainError(
        f"libvirt {said} has no lease time in its networks: that came with 6.3.0", by_options_hint(network)
    )


def by_options_hint(network: DhcpNetwork) -> str:
    """What an older libvirt can do: dnsmasq's own options, which need a restart of the network, and whom that cuts off."""
    return "\n".join(
        (
            "Update libvirt, or let dnsmasq's own options say it (libvirt 5.6 and later): add --by-options.",
            f"That counts from the next start of the network. {cut_off_words(network)}",
        )
    )


def cut_off_words(network: DhcpNetwork) -> str:
    """Whom a restart of the network takes off its bridge."""
    attached = sorted({one.guest for one in network.guests if one.tap})
    if not attached:
        return "No guest that runs is on it."
    return f"A restart takes the guests on it off the network until each is attached anew: {', '.join(attached)}."


def check_restart(network: DhcpNetwork, *, cut_off: bool) -> None:
    """Refuse to restart a network on which guests run, unless somebody said so.

    Raises:
        CrazytrainError: there are such guests; the hint names them and how they come back.
    """
    taps = [one for one in network.guests if one.tap]
    if not taps or cut_off or network.live is None:
        return
    again = "; ".join(f"ip link set {one.tap} master {network.live.bridge}" for one in taps[:20])
    raise CrazytrainError(
        f"{cut_off_words(network)} So network {network.name} is not restarted",
        f"Shut them down first, or say --cut-off-guests; each comes back with: {again}",
    )


def check_single(seen: Seen, wanted: Sequence[Wanted], leases: Collection[LeaseGiven] | None) -> tuple[str, ...]:
    """Refuse to move a range of a single address that somebody has: it cannot be covered by halves meanwhile.

    Returns a note on those that nobody has.

    Raises:
        CrazytrainError: it is leased, or nobody can tell.
    """
    free = []
    for one in wanted:
        if one.place is not Place.LIVE or one.place not in seen:
            continue
        halves = helpers(one.ranges)
        for entry in _moved(entries(seen[one.place], one.position, "range"), one.ranges):
            address = entry.element.get("start")
            holder = "" if leases is None else next((g.guest or g.mac for g in leases if g.ip == address), "")
            if halves.get(entry.key):
                continue
            if leases is None or holder:
                who = f"and {holder} has it now" if holder else "and it cannot be seen whether somebody has it"
                raise CrazytrainError(
                    f"the range of {address} alone would be gone for a moment, {who}: a renewal then is refused",
                    "Shut that guest down first (or wait for the end of its lease), or give it a <host> of its own and set that by --mac.",
                )
            free.append(address)
    if not free:
        return ()
    said = f"a range of one address cannot be covered meanwhile: {', '.join(free[:5])}, which nobody has, is gone for a moment"
    return (said,)


def _moved(now: Sequence[Entry], wanted: Sequence[Entry]) -> list[Entry]:
    """The ranges that have to be deleted on the way."""
    same = 0
    while same < min(len(now), len(wanted)) and now[same] == wanted[same]:
        same += 1
    keys = {entry.key for entry in wanted[same:]}
    return [entry for entry in now if entry.key in keys]


def check_hosts(seen: Seen, wanted: Sequence[Wanted]) -> None:
    """Refuse to modify a host where libvirt would hit another: it takes the first with the same MAC or the same name.

    Raises:
        BadInput: there is another one before it with the same MAC or name.
    """
    for one in wanted:
        if one.place not in seen:
            continue
        now = entries(seen[one.place], one.position, "host")
        for entry in one.hosts:
            if entry in now or entry.key not in [n.key for n in now]:
                continue
            hit = next(n for n in now if _alike(n, entry))
            if hit.key != entry.key:
                raise BadInput(
                    f"libvirt cannot tell {entry.element.written()} from {hit.element.written()}: same MAC or name",
                    "Give them names of their own first (virsh net-edit).",
                )


def _alike(one: Entry, other: Entry) -> bool:
    mac, duid, name, ip = other.key
    own_mac, own_duid, own_name, own_ip = one.key
    return bool((mac and mac == own_mac) or (name and name == own_name) or (duid and duid == own_duid) or ip == own_ip)
