"""Which entries of a network's XML a wish means, and what they shall become."""

import ipaddress
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.model.errors import BadInput
from crazytrain.model.lease_change import Edit, Entry, Place, Wanted
from crazytrain.model.xml_element import XmlElement
from crazytrain.remedy.lease_time import lease_element


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A lease time (seconds, 0 infinite, ``None`` none) for all ranges, for one (``START-END``), or for one host.

    ``host`` is its MAC, DUID, name or address.
    """

    seconds: int | None
    within: str = ""
    host: str = ""


def entries(network: XmlElement, position: int, name: str) -> tuple[Entry, ...]:
    """The ranges or hosts of one ``<ip>``, in order."""
    ips = network.named("ip")
    inside = (one for dhcp in ips[position].named("dhcp") for one in dhcp.named(name)) if position < len(ips) else ()
    return tuple(Entry(one) for one in inside)


def as_it_is(network: XmlElement, place: Place) -> tuple[Wanted, ...]:
    """What the ranges and hosts of a network are, as something to be wanted: each ``<ip>`` that has any."""
    found = []
    for position in range(len(network.named("ip"))):
        ranges, hosts = entries(network, position, "range"), entries(network, position, "host")
        if ranges or hosts:
            found.append(Wanted(place=place, position=position, ranges=ranges, hosts=hosts))
    return tuple(found)


def as_wished(network: XmlElement, place: Place, wish: Wish) -> tuple[Wanted, ...]:
    """What they shall become."""
    lease = lease_element(wish.seconds)

    def changed(entry: Entry, *, hit: bool) -> Entry:
        return entry.lasting(lease) if hit else entry

    return tuple(
        msgspec.structs.replace(
            one,
            ranges=tuple(changed(entry, hit=_means_range(wish, entry)) for entry in one.ranges),
            hosts=tuple(changed(entry, hit=_means_host(wish, entry)) for entry in one.hosts),
        )
        for one in as_it_is(network, place)
    )


def _means_range(wish: Wish, entry: Entry) -> bool:
    if wish.host:
        return False
    return not wish.within or _addresses(wish.within) == entry.span


def _addresses(text: str) -> tuple[int, int]:
    start, _, end = text.partition("-")
    try:
        return int(ipaddress.ip_address(start.strip())), int(ipaddress.ip_address(end.strip()))
    except ValueError:
        raise BadInput(f"--range {text!r} is no range", "Say it as START-END: 192.168.122.2-192.168.122.254") from None


def _means_host(wish: Wish, entry: Entry) -> bool:
    return bool(wish.host) and wish.host.lower() in [word for word in entry.key if word]


def check_meaning(networks: Sequence[XmlElement], wish: Wish) -> None:
    """Refuse what means nothing (neither live nor persistent), or more than one host.

    Raises:
        BadInput: as for each of them.
    """
    refusals = []
    for network in networks:
        try:
            _check_meaning(network, wish)
        except BadInput as refusal:
            refusals.append(refusal)
    if len(refusals) == len(networks) > 0:
        raise refusals[0]


def _check_meaning(network: XmlElement, wish: Wish) -> None:
    """Refuse what means nothing here, or more than one host.

    Raises:
        BadInput: there is no such range or host; the hint lists those that are there.
    """
    there = [entry for one in as_it_is(network, Place.LIVE) for entry in (*one.ranges, *one.hosts)]
    meant = [entry for entry in there if _means(wish, entry)]
    name = network.first("name")
    called = name.text if name else ""
    if wish.host and len(meant) > 1:
        raise BadInput(f"{len(meant)} hosts of network {called} are meant by {wish.host!r}", _listed(meant))
    if not meant:
        kind = "host" if wish.host else "range"
        asked = wish.host or wish.within
        listed = _listed([entry for entry in there if entry.element.name == kind])
        raise BadInput(f"network {called} has no {kind}{f' {asked}' if asked else ''}", listed or _NO_ENTRY[kind])


_NO_ENTRY = {
    "range": "It has hosts only: set each of them with --mac.",
    "host": "It has no <host> at all: without --mac the lease time of its ranges is set.",
}


def _means(wish: Wish, entry: Entry) -> bool:
    return _means_host(wish, entry) if entry.element.name == "host" else _means_range(wish, entry)


def _listed(found: list[Entry]) -> str:
    words = [" ".join(word for word in entry.key if word) for entry in found]
    joined = [
        word.replace(" ", "-", 1) if f.element.name == "range" else word for f, word in zip(found, words, strict=True)
    ]
    return f"There {'is' if len(joined) == 1 else 'are'}: {'; '.join(joined[:20])}" if joined else ""


def edits(before: dict[Place, XmlElement], wanted: tuple[Wanted, ...]) -> tuple[Edit, ...]:
    """What changes, for people; the same change in both places is told once."""
    found: dict[tuple[str, str, str], list[Place]] = {}
    for one in wanted:
        for old, new, address in _pairs(before[one.place], one):
            found.setdefault((address, old, new), []).append(one.place)
    return tuple(
        Edit(places=tuple(places), address=address, before=old, after=new)
        for (address, old, new), places in found.items()
    )


def _pairs(network: XmlElement, wanted: Wanted) -> Iterator[tuple[str, str, str]]:
    address = network.named("ip")[wanted.position].get("address")
    for name, new in (("range", wanted.ranges), ("host", wanted.hosts)):
        old = {entry.key: entry for entry in entries(network, wanted.position, name)}
        for entry in new:
            was = old.get(entry.key)
            if was != entry:
                yield was.element.written() if was else "", entry.element.written(), address
