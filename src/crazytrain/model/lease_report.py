"""What ``crazytrain lease --json`` prints. Times of leases are in seconds: 0 is infinite, ``null`` is not set (dnsmasq's own applies)."""

import msgspec

SCHEMA_VERSION = 1


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """A range (``start``, ``end``) or host (``ip`` and who) and its lease time: live, kept for the next start, and as dnsmasq runs.

    ``in_live``, ``in_kept`` and ``in_dnsmasq`` say whether it is there at all; ``null``: that may not be seen. ``applies_s`` is the time that
    clients get now.
    """

    family: int
    address: str  # of the <ip> that it is in
    start: str = ""
    end: str = ""
    ip: str = ""
    mac: str = ""
    duid: str = ""
    name: str = ""
    live_s: int | None = None
    kept_s: int | None = None
    dnsmasq_s: int | None = None
    in_live: bool = False
    in_kept: bool = False
    in_dnsmasq: bool | None = None
    applies_s: int = 0
    renewals_per_day: float = 0.0
    lines_per_day: float = 0.0


class GivenView(msgspec.Struct, frozen=True, kw_only=True):
    """A current lease. ``expires_s`` counts from 1970; ``null``: never (``infinite``), or it may not be seen."""

    ip: str
    mac: str
    host_name: str
    guest: str
    client_id: str
    expires_s: int | None
    infinite: bool
    lease_s: int
    renewals_per_day: float
    lines_per_day: float


class DnsmasqView(msgspec.Struct, frozen=True, kw_only=True):
    """The DHCP server's process. ``alive`` is ``null`` where it may not be seen; ``by_hand`` are options that set times past libvirt."""

    pid: int | None
    alive: bool | None
    by_hand: tuple[str, ...] = ()
    detail: str = ""


class NetworkView(msgspec.Struct, frozen=True, kw_only=True):
    """One network. ``leases`` and the sums are ``null`` where they could not be read."""

    name: str
    uuid: str
    active: bool
    persistent: bool
    autostart: bool
    bridge: str
    forward: str
    serves_dhcp: bool
    guests: tuple[str, ...]
    ranges: tuple[EntryView, ...]
    hosts: tuple[EntryView, ...]
    dnsmasq: DnsmasqView
    leases: tuple[GivenView, ...] | None
    renewals_per_day: float | None
    lines_per_day: float | None
    seen_s: int
    notes: tuple[str, ...] = ()


class EditView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry before and after, as XML, and where: ``live``, ``config``."""

    places: tuple[str, ...]
    address: str
    before: str
    after: str


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, what changes, how it was done, and how it was seen to be so. ``record`` is what ``--undo`` goes back by."""

    asked: str
    edits: tuple[EditView, ...]
    commands: tuple[str, ...]
    dry_run: bool
    done: bool
    steps: int
    record: str
    verified: tuple[str, ...]
    notes: tuple[str, ...]
    lines_per_day_before: float | None = None
    lines_per_day_after: float | None = None


class LeaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """Networks as they are (after a change, where one was made), and the change."""

    networks: tuple[NetworkView, ...]
    change: ChangeView | None = None
    schema_version: int = SCHEMA_VERSION
