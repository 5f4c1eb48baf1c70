"""libvirt's networks: what is defined, what dnsmasq really runs with, and which addresses are leased.

A lease time of ``None`` is not set, 0 is infinite, else seconds.
"""

import msgspec

from crazytrain.model.evidence import Ref

# dnsmasq's own by family, where none is set (dnsmasq(8), --dhcp-range). For IPv6 it was an hour before dnsmasq 2.82.
DEFAULT_LEASE_S = {4: 3600, 6: 86_400}


class DhcpRange(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses from ``start`` to ``end``, both included."""

    start: str
    end: str
    lease_s: int | None = None


class DhcpHost(msgspec.Struct, frozen=True, kw_only=True):
    """An address that is kept for one client, known by MAC, by DUID (IPv6) or by name."""

    ip: str
    mac: str = ""
    duid: str = ""
    name: str = ""
    lease_s: int | None = None


class ServedIp(msgspec.Struct, frozen=True, kw_only=True):
    """One ``<ip>`` of a network; ``position`` counts all of them from 0, as libvirt's ``--parent-index`` does."""

    position: int
    family: int
    address: str
    ranges: tuple[DhcpRange, ...] = ()
    hosts: tuple[DhcpHost, ...] = ()


class NetworkDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A network as libvirt has it, live or as kept for the next start. ``forward`` is empty for an isolated one."""

    name: str
    uuid: str
    bridge: str
    forward: str
    ips: tuple[ServedIp, ...] = ()
    options: tuple[str, ...] = ()  # dnsmasq:options, handed through to dnsmasq

    @property
    def serves(self) -> bool:
        """Whether libvirt answers DHCP here."""
        return any(ip.ranges or ip.hosts for ip in self.ips)


class Dnsmasq(msgspec.Struct, frozen=True, kw_only=True):
    """What the DHCP server of a network really runs with. ``alive`` and the parts are ``None`` where they may not be seen.

    ``start_ticks`` is when the process began, in clock ticks since boot. ``told_by_hand`` are lines of its configuration that set a lease
    time past libvirt.
    """

    pid: int | None = None
    start_ticks: int | None = None
    alive: bool | None = None
    ranges: tuple[DhcpRange, ...] | None = None
    hosts: tuple[DhcpHost, ...] | None = None
    told_by_hand: tuple[str, ...] = ()
    detail: str = ""


class LeaseGiven(msgspec.Struct, frozen=True, kw_only=True):
    """An address that a client has. ``expires_s`` is wall-clock time in seconds, ``None`` never (or not
    known). The names are the guest's own words.
    """

    ip: str
    mac: str
    host_name: str = ""
    client_id: str = ""
    expires_s: int | None = None
    expiry_known: bool = True
    guest: str = ""  # the domain that has this MAC


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """An interface of a domain on a network. ``tap`` is its end on the host; empty: the domain does not run."""

    guest: str
    mac: str
    tap: str = ""


class DhcpNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """One network of libvirt. ``live`` is what runs, ``kept`` what the next start takes; either may be missing.

    ``leases`` is ``None`` where they could not be read. ``seen_s`` is when, in seconds since 1970.
    """

    name: str
    autostart: bool
    live: NetworkDefinition | None
    kept: NetworkDefinition | None
    dnsmasq: Dnsmasq
    leases: tuple[LeaseGiven, ...] | None
    guests: tuple[Attached, ...] = ()
    seen_s: int = 0
    refs: tuple[Ref, ...] = ()

    @property
    def definition(self) -> NetworkDefinition | None:
        """What runs, or else what would."""
        return self.live or self.kept


class LeaseLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What the lease time makes one client do. ``lease_s`` is the time that applies: its host's, its range's, dnsmasq's own."""

    given: LeaseGiven
    lease_s: int
    renewals_per_day: float
    lines_per_day: float


class NetworkLoad(msgspec.Struct, frozen=True, kw_only=True):
    """All clients of one network, and their sums."""

    network: str
    loads: tuple[LeaseLoad, ...]
    renewals_per_day: float
    lines_per_day: float


class GuestLease(msgspec.Struct, frozen=True, kw_only=True):
    """The lease of one interface of the guest in question, on a network that libvirt serves."""

    network: str
    mac: str
    ip: str
    lease_s: int
    own_host: bool  # the time is that of its own <host>
    renewals_per_day: float
    lines_per_day: float
    refs: tuple[Ref, ...] = ()


class GuestLeases(msgspec.Struct, frozen=True, kw_only=True):
    """The leases of the guest in question."""

    leases: tuple[GuestLease, ...]
