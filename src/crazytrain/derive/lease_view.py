"""Networks as a reader sees them: each range and host once, with its lease time as set live, as kept, and as dnsmasq runs with it."""

from collections.abc import Iterator, Sequence

from crazytrain.derive.leases import lease_that_applies, lines_per_day, load_of, renewals_per_day
from crazytrain.model.facts.networks import (
    DEFAULT_LEASE_S,
    DhcpHost,
    DhcpNetwork,
    DhcpRange,
    LeaseLoad,
    NetworkDefinition,
    NetworkLoad,
)
from crazytrain.model.lease_report import DnsmasqView, EntryView, GivenView, NetworkView

_Range = tuple[int, str, DhcpRange]
_Host = tuple[int, str, DhcpHost]


def network_view(network: DhcpNetwork, *more_notes: str) -> NetworkView:
    """One network, with what is notable about it."""
    load = (
        load_of(network)
        if network.live
        else NetworkLoad(network=network.name, loads=(), renewals_per_day=0.0, lines_per_day=0.0)
    )
    found = network.definition
    ranges = tuple(_ranges(network))
    return NetworkView(
        name=network.name,
        uuid=found.uuid if found else "",
        active=network.live is not None,
        persistent=network.kept is not None,
        autostart=network.autostart,
        bridge=found.bridge if found else "",
        forward=found.forward if found else "",
        serves_dhcp=bool(found and found.serves),
        guests=tuple(sorted({one.guest for one in network.guests})),
        ranges=ranges,
        hosts=tuple(_hosts(network)),
        dnsmasq=_dnsmasq(network),
        leases=tuple(_given(one) for one in load.loads) if load else None,
        renewals_per_day=load.renewals_per_day if load else None,
        lines_per_day=load.lines_per_day if load else None,
        seen_s=network.seen_s,
        notes=(*_notes(network, ranges), *more_notes),
    )


def _dnsmasq(network: DhcpNetwork) -> DnsmasqView:
    seen = network.dnsmasq
    return DnsmasqView(pid=seen.pid, alive=seen.alive, by_hand=seen.told_by_hand, detail=seen.detail)


def _given(load: LeaseLoad) -> GivenView:
    given = load.given
    return GivenView(
        ip=given.ip,
        mac=given.mac,
        host_name=given.host_name,
        guest=given.guest,
        client_id=given.client_id,
        expires_s=given.expires_s,
        infinite=given.expires_s is None and given.expiry_known,
        lease_s=load.lease_s,
        renewals_per_day=load.renewals_per_day,
        lines_per_day=load.lines_per_day,
    )


def _served(definition: NetworkDefinition | None) -> tuple[list[_Range], list[_Host]]:
    ips = definition.ips if definition else ()
    return [(ip.family, ip.address, r) for ip in ips for r in ip.ranges], [
        (ip.family, ip.address, h) for ip in ips for h in ip.hosts
    ]


def _ranges(network: DhcpNetwork) -> Iterator[EntryView]:
    live, kept = _served(network.live)[0], _served(network.kept)[0]
    running = network.dnsmasq.ranges
    known: list[tuple[str, str]] = []
    for family, address, one in (*live, *kept):
        key = (one.start, one.end)
        if key in known:
            continue
        known.append(key)
        here, there = _same_range(live, key), _same_range(kept, key)
        runs = next((r for r in running or () if (r.start, r.end) == key), None)
        # The first range that an address lies in counts; what dnsmasq really runs with is the truth where it may be seen.
        applies = _or_default((runs or here or there or one).lease_s, family)
        yield EntryView(
            family=family,
            address=address,
            start=one.start,
            end=one.end,
            live_s=here.lease_s if here else None,
            kept_s=there.lease_s if there else None,
            dnsmasq_s=runs.lease_s if runs else None,
            in_live=here is not None,
            in_kept=there is not None,
            in_dnsmasq=None if running is None else runs is not None,
            applies_s=applies,
            renewals_per_day=renewals_per_day(applies),
            lines_per_day=lines_per_day(applies),
        )


def _same_range(served: Sequence[_Range], key: tuple[str, str]) -> DhcpRange | None:
    return next((one for _, _, one in served if (one.start, one.end) == key), None)


def _or_default(lease_s: int | None, family: int) -> int:
    return DEFAULT_LEASE_S[family] if lease_s is None else lease_s


def _hosts(network: DhcpNetwork) -> Iterator[EntryView]:
    live, kept = _served(network.live)[1], _served(network.kept)[1]
    running = network.dnsmasq.hosts
    known: list[tuple[str, str, str, str]] = []
    for family, address, one in (*live, *kept):
        key = _host_key(one)
        if key in known or network.definition is None:
            continue
        known.append(key)
        here, there = (next((h for _, _, h in served if _host_key(h) == key), None) for served in (live, kept))
        runs = next((h for h in running or () if h.ip == one.ip and h.mac == one.mac), None)
        applies, _ = lease_that_applies(network.definition, one.ip, one.mac)
        yield EntryView(
            family=family,
            address=address,
            ip=one.ip,
            mac=one.mac,
            duid=one.duid,
            name=one.name,
            live_s=here.lease_s if here else None,
            kept_s=there.lease_s if there else None,
            dnsmasq_s=runs.lease_s if runs else None,
            in_live=here is not None,
            in_kept=there is not None,
            in_dnsmasq=None if running is None else runs is not None,
            applies_s=applies,
            renewals_per_day=renewals_per_day(applies),
            lines_per_day=lines_per_day(applies),
        )


def _host_key(host: DhcpHost) -> tuple[str, str, str, str]:
    return host.mac, host.duid, host.name, host.ip


def _notes(network: DhcpNetwork, ranges: Sequence[EntryView]) -> Iterator[str]:
    dnsmasq = network.dnsmasq
    served = network.live is not None and network.live.serves
    if served and dnsmasq.alive is False:
        yield "dnsmasq does not run: nobody gets or renews an address"
    if dnsmasq.detail:
        yield f"what dnsmasq really runs with may not be seen ({dnsmasq.detail}): ask as root"
    if served and network.live and network.kept and network.live.ips != network.kept.ips:
        yield "the next start of this network takes other DHCP settings than those that are live now"
    if any(
        one.in_live and (one.in_dnsmasq is False or (one.in_dnsmasq and one.dnsmasq_s != one.live_s)) for one in ranges
    ):
        yield "dnsmasq runs with other ranges or lease times than libvirt has live"
    if dnsmasq.told_by_hand:
        yield f"dnsmasq:options set times past libvirt: {'; '.join(dnsmasq.told_by_hand)}"
    if network.leases is None:
        yield "the current leases could not be read"
