"""A change of lease times: what is wanted of a network, the steps to it, and the record by which it can be undone."""

import ipaddress
import shlex
from enum import StrEnum

import msgspec

from crazytrain.model.xml_element import XmlElement

LEASE = "lease"


class Place(StrEnum):
    """Where a setting of a network is: in what runs, or in what the next start takes."""

    LIVE = "live"
    CONFIG = "config"


class Entry(msgspec.Struct, frozen=True):
    """A ``<range>`` or ``<host>`` as libvirt has it, with all that it says."""

    element: XmlElement

    @property
    def bare(self) -> XmlElement:
        """It without its lease time."""
        return self.element.without(LEASE)

    @property
    def key(self) -> tuple[str, ...]:
        """What libvirt tells it apart by."""
        names = ("start", "end") if self.element.name == "range" else ("mac", "id", "name", "ip")
        return tuple(self.element.get(name).lower() for name in names)

    @property
    def span(self) -> tuple[int, int]:
        """The first and last address of a range as numbers."""
        start, end = (int(ipaddress.ip_address(self.element.get(name))) for name in ("start", "end"))
        return start, end

    def lasting(self, lease: XmlElement | None) -> "Entry":
        """The same with another lease time; ``None`` takes it away."""
        return Entry(self.bare.plus(lease) if lease else self.bare)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One ``virsh net-update``: libvirt does it wholly or not at all."""

    action: str  # add-last, delete, modify
    section: str  # ip-dhcp-range, ip-dhcp-host
    position: int  # of the <ip>
    entry: Entry
    places: tuple[Place, ...]

    def command(self, network: str) -> tuple[str, ...]:
        """The words after ``virsh``."""
        which = ("--parent-index", str(self.position), *(f"--{place.value}" for place in self.places))
        return ("net-update", network, self.action, self.section, self.entry.element.written(), *which)

    def typed(self, network: str) -> str:
        """The command as one would type it; XML, which is full of single quotes, in double ones."""
        words = ("virsh", *self.command(network))
        return " ".join(f'"{w}"' if "'" in w and not set('"$`!\\') & set(w) else shlex.quote(w) for w in words)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the ranges and hosts of one ``<ip>`` shall be in one place, in order."""

    place: Place
    position: int
    ranges: tuple[Entry, ...]
    hosts: tuple[Entry, ...]


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One entry before and after, for people: where it is, and both as XML."""

    places: tuple[Place, ...]
    address: str
    before: str
    after: str


class LeaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was begun: enough to bring the old state back, and to see whether others changed the network since.

    XML is as libvirt gave it, empty where there was none (not running, not persistent). ``finished`` is false while it is under way, and
    stays so where it was cut off.
    """

    id: str
    uri: str
    network: str
    uuid: str
    wall_ns: int
    asked: str
    before_live: XmlElement | None
    before_kept: XmlElement | None
    after_live: XmlElement | None = None
    after_kept: XmlElement | None = None
    finished: bool = False
    undone: bool = False
    by_options: bool = False  # by dnsmasq:options of the persistent definition, not by <lease>
    format: int = 1
