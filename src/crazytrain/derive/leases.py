"""What a lease time makes its clients do. A client renews at half of its lease (RFC 2131, 4.4.5; RFC 8415, 21.4)."""

import fnmatch
import ipaddress
import re
from collections.abc import Iterable

from crazytrain.model.facts import Facts
from crazytrain.model.facts.networks import (
    DEFAULT_LEASE_S,
    DhcpHost,
    DhcpNetwork,
    DhcpRange,
    GuestLease,
    GuestLeases,
    LeaseGiven,
    LeaseLoad,
    NetworkDefinition,
    NetworkLoad,
    ServedIp,
)

DAY_S = 86_400
_PATTERN = re.compile(
    r"dhcp-host=(?P<mac>[0-9A-Fa-f:*]{3,17}),(?:(?P<never>infinite)|(?P<number>\d{1,9})(?P<unit>[smhdw]?))"
)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}
LINES_PER_RENEWAL = 2  # DHCPREQUEST and DHCPACK, in the guest's log and in the host's


def renewals_per_day(lease_s: int) -> float:
    """How often a day a client with this lease renews; an infinite one (0) never.

    >>> renewals_per_day(120), renewals_per_day(0)
    (1440.0, 0.0)
    """
    return DAY_S / (lease_s / 2) if lease_s else 0.0


def lines_per_day(lease_s: int) -> float:
    """How many lines a day that makes in a log."""
    return renewals_per_day(lease_s) * LINES_PER_RENEWAL


def lease_that_applies(network: NetworkDefinition, ip: str, mac: str) -> tuple[int, bool]:
    """The lease time of a client in seconds (0: infinite), and whether it is its own host's.

    A host without a time of its own has that of the range its address lies in, or else of the first range beside it; a client without a
    host has what a dhcp-host with a pattern in dnsmasq:options says, where there is one.
    """
    family = 6 if ":" in ip else 4
    beside = [one for one in network.ips if one.family == family]
    host = _host(beside, ip, mac)
    if host is not None and host.lease_s is not None:
        return host.lease_s, True
    by_hand = _by_pattern(network.options, mac) if host is None else None
    if by_hand is not None:
        return by_hand, False
    own = [r for one in beside for r in one.ranges if lies_in(ip, r)]
    first = [r for one in beside for r in one.ranges]
    found = next(iter([*own, *first]), None)
    return (DEFAULT_LEASE_S[family] if found is None or found.lease_s is None else found.lease_s), False


def _host(beside: Iterable[ServedIp], ip: str, mac: str) -> DhcpHost | None:
    hosts = [host for one in beside for host in one.hosts]
    by_mac = next((host for host in hosts if mac and host.mac == mac), None)
    return by_mac or next((host for host in hosts if host.ip == ip), None)


def _by_pattern(options: Iterable[str], mac: str) -> int | None:
    """The time of ``dhcp-host=52:54:00:*:*:*,24h`` for a MAC that fits."""
    found = (_PATTERN.fullmatch(option) for option in options)
    times = (one for one in found if one and mac and fnmatch.fnmatchcase(mac, one["mac"].lower()))
    first = next(times, None)
    if first is None:
        return None
    return 0 if first["never"] else int(first["number"]) * _UNITS[first["unit"]]


def lies_in(ip: str, within: DhcpRange) -> bool:
    """Whether an address is in a range."""
    try:
        number, start, end = (ipaddress.ip_address(one) for one in (ip, within.start, within.end))
    except ValueError:
        return False
    return number.version == start.version and int(start) <= int(number) <= int(end)


def load_of(network: DhcpNetwork) -> NetworkLoad | None:
    """What the leases of a network cause in all; ``None`` where nobody could tell which there are."""
    if network.leases is None or network.definition is None:
        return None
    loads = tuple(_load(network.definition, one) for one in network.leases if not _over(one, network.seen_s))
    return NetworkLoad(
        network=network.name,
        loads=loads,
        renewals_per_day=sum(one.renewals_per_day for one in loads),
        lines_per_day=sum(one.lines_per_day for one in loads),
    )


def _over(given: LeaseGiven, now_s: int) -> bool:
    return given.expires_s is not None and bool(now_s) and given.expires_s < now_s


def _load(network: NetworkDefinition, given: LeaseGiven) -> LeaseLoad:
    lease_s, _ = lease_that_applies(network, given.ip, given.mac)
    return LeaseLoad(
        given=given,
        lease_s=lease_s,
        renewals_per_day=renewals_per_day(lease_s),
        lines_per_day=lines_per_day(lease_s),
    )


def derive_guest_leases(facts: Facts) -> GuestLeases | None:
    """The leases that the guest in question has now, on networks that libvirt serves: only its own interfaces were asked for."""
    found = [
        GuestLease(
            network=network.name,
            mac=given.mac,
            ip=given.ip,
            lease_s=lease_s,
            own_host=own,
            renewals_per_day=renewals_per_day(lease_s),
            lines_per_day=lines_per_day(lease_s),
            refs=network.refs,
        )
        for network in facts.all(DhcpNetwork)
        for given in network.leases or ()
        if network.live and any(one.mac == given.mac for one in network.guests) and not _over(given, network.seen_s)
        for lease_s, own in (lease_that_applies(network.live, given.ip, given.mac),)
    ]
    return GuestLeases(leases=tuple(found)) if found else None
