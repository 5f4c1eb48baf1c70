"""The files by which libvirt runs dnsmasq: NAME.conf, NAME.hostsfile, BRIDGE.status."""

import ipaddress
import re
from collections.abc import Iterator

import msgspec

from crazytrain.model.facts.networks import DhcpHost, DhcpRange, LeaseGiven

_LEASE = re.compile(r"(\d{1,10})([smhdw]?)")
_FACTORS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MAC = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}")
_TABLE_ROW = re.compile(
    r"\s*(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s+(?P<mac>[0-9a-fA-F:]{11,59})\s+(?P<family>ipv[46])\s+"
    r"(?P<ip>[0-9a-fA-F.:]{2,39})/\d{1,3}\s+(?P<name>\S{1,255})\s+(?P<id>\S{1,400})"
)
_MOST = 20_000
_OWN_LINE = "dhcp-range="
_BY_HAND = ("dhcp-host=", "dhcp-option=58,", "dhcp-option=option:T1,")


def ranges_of(conf: str) -> tuple[DhcpRange, ...]:
    """The ranges of NAME.conf, in order; one that is for hosts alone (``static``) is none.

    >>> ranges_of("dhcp-range=10.0.0.2,10.0.0.9,255.255.255.0,2m")[0].lease_s
    120
    """
    return tuple(_ranges(conf))


def _ranges(conf: str) -> Iterator[DhcpRange]:
    for line in conf.splitlines()[:_MOST]:
        fields = line.removeprefix(_OWN_LINE).split(",")
        if line.startswith(_OWN_LINE) and len(fields) > 1 and is_address(fields[0]) and is_address(fields[1]):
            yield DhcpRange(start=fields[0], end=fields[1], lease_s=seconds(fields[3]) if len(fields) > 3 else None)


def by_hand(conf: str) -> tuple[str, ...]:
    """Lines that set a lease or renewal time and that no ``<lease>`` writes: somebody's dnsmasq:options."""
    lines = conf.splitlines()[:_MOST]
    own = tuple(line for line in lines if line.startswith(_OWN_LINE))
    extra = tuple(line for line in own if not all(is_address(word) for word in line[len(_OWN_LINE) :].split(",")[:1]))
    return (*(line for line in lines if line.startswith(_BY_HAND)), *extra)[:20]


def hosts_of(hostsfile: str) -> tuple[DhcpHost, ...]:
    """The hosts of NAME.hostsfile, in order.

    Two of them::

        52:54:00:77:00:03,10.77.0.6,h-1d,1h
        id:0:3:0:1:0:16:3e:11:22:33,six,[fd00:91::6],3h
    """
    return tuple(_host(line.split(",")) for line in hostsfile.splitlines()[:_MOST] if "," in line)


def _host(fields: list[str]) -> DhcpHost:
    mac = next((one.lower() for one in fields if _MAC.fullmatch(one)), "")
    duid = fields[0].removeprefix("id:") if fields[0].startswith("id:") else ""
    place = next((n for n, one in enumerate(fields) if is_address(one.strip("[]"))), -1)
    lease = seconds(fields[-1]) if place < len(fields) - 1 else None
    names = [one for n, one in enumerate(fields) if n != place and one.lower() != mac and not one.startswith("id:")]
    if lease is not None:
        names = names[:-1]
    ip = fields[place].strip("[]") if place >= 0 else ""
    return DhcpHost(ip=ip, mac=mac, duid=duid, name=names[0] if names else "", lease_s=lease)


def seconds(word: str) -> int | None:
    """A lease time as dnsmasq writes it; 0 for infinite, ``None`` where it is none.

    >>> seconds("24h"), seconds("infinite"), seconds("web01")
    (86400, 0, None)
    """
    if word == "infinite":
        return 0
    found = _LEASE.fullmatch(word)
    return int(found[1]) * _FACTORS[found[2]] if found else None


def is_address(word: str) -> bool:
    """Whether a word is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


class _Row(msgspec.Struct, frozen=True, rename={"ip": "ip-address", "mac": "mac-address", "client_id": "client-id"}):
    ip: str = ""
    mac: str = ""
    hostname: str = ""
    client_id: str = ""
    expires: int = msgspec.field(default=0, name="expiry-time")


def leases_of(status: bytes) -> tuple[LeaseGiven, ...] | None:
    """The leases of BRIDGE.status (JSON); ``None`` where it cannot be read. An empty file holds none; 0 is never."""
    if not status.strip():
        return ()
    try:
        rows = msgspec.json.decode(status, type=list[_Row])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return tuple(
        LeaseGiven(
            ip=row.ip[:39],
            mac=row.mac[:59].lower(),
            host_name=row.hostname[:255],
            client_id=row.client_id[:400],
            expires_s=row.expires or None,
        )
        for row in rows[:_MOST]
    )


def leases_in_table(table: str) -> tuple[LeaseGiven, ...]:
    """The leases of ``virsh net-dhcp-leases``, where the file may not be read. Their expiry is in local time and is
    left out, but for what never ends (printed as 1970).
    """
    found = (_TABLE_ROW.match(line) for line in table.splitlines()[:_MOST])
    return tuple(
        LeaseGiven(
            ip=row["ip"],
            mac=row["mac"].lower(),
            host_name="" if row["name"] == "-" else row["name"],
            client_id="" if row["id"] == "-" else row["id"],
            expiry_known=row["when"].startswith("1970-01-01"),
        )
        for row in found
        if row
    )
