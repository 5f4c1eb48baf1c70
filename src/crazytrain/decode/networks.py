"""NETWORKS: what virsh and the files of dnsmasq say of libvirt's networks, as facts."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.decode.dnsmasq_files import by_hand, hosts_of, leases_in_table, leases_of, ranges_of
from crazytrain.decode.network_xml import definition_of, element_of
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.networks import Attached, DhcpNetwork, Dnsmasq, LeaseGiven, NetworkDefinition
from crazytrain.model.xml_element import XmlElement

_DAEMON = re.compile(r"(?:Running against daemon|Using library): (?:libvirt )?(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_MAC = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}")
_START_TICKS = 19  # field 22 of stat, counted after the name
_NO_PART = Part("")
_MOST_GUESTS = 2000


def decode_networks(evidence: Evidence) -> Iterable[object]:
    """Yield a ``DhcpNetwork`` for each network."""
    parts = {part.name: part for part in unpack(evidence.data)}
    guests = tuple(_guests(parts))
    wall = parts.get("wall_ns", _NO_PART).text.strip()
    for name in names_of(parts, "nets/all"):
        live, kept = (_definition(parts, name, which) for which in ("live", "kept"))
        if live or kept:
            yield DhcpNetwork(
                name=name,
                autostart=name in names_of(parts, "nets/autostart"),
                live=live,
                kept=kept,
                dnsmasq=_dnsmasq(parts, name),
                leases=_leases(parts, name, {one.mac: one.guest for one, _ in guests}) if live else (),
                guests=tuple(one for one, source in guests if source == name),
                seen_s=int(wall) // 10**9 if wall.isdecimal() and len(wall) < 25 else 0,
                refs=(
                    evidence.ref(next(parts[p].line for p in (f"net/{name}/live", f"net/{name}/kept") if p in parts)),
                ),
            )


def names_of(parts: dict[str, Part], part: str) -> list[str]:
    """The names in a list of virsh, one a line."""
    return [line.strip() for line in parts.get(part, _NO_PART).text.splitlines() if line.strip()]


def all_names(evidence: Evidence) -> tuple[str, ...]:
    """The names of all networks, also of those that were not asked about."""
    return tuple(names_of({part.name: part for part in unpack(evidence.data)}, "nets/all"))


def elements_of(evidence: Evidence, name: str) -> tuple[XmlElement | None, XmlElement | None]:
    """The XML of a network: live, and as kept."""
    parts = {part.name: part for part in unpack(evidence.data)}
    live, kept = (element_of(parts.get(f"net/{name}/{which}", _NO_PART).text) for which in ("live", "kept"))
    return live, kept


def version_of(evidence: Evidence) -> tuple[int, int, int] | None:
    """The version of libvirt's daemon, or where it does not tell, of its library."""
    text = next((part.text for part in unpack(evidence.data) if part.name == "version"), "")
    found = list(_DAEMON.finditer(text))
    return (int(found[-1][1]), int(found[-1][2]), int(found[-1][3])) if found else None


def _definition(parts: dict[str, Part], name: str, which: str) -> NetworkDefinition | None:
    element = element_of(parts.get(f"net/{name}/{which}", _NO_PART).text)
    return definition_of(element) if element else None


def _dnsmasq(parts: dict[str, Part], name: str) -> Dnsmasq:
    conf, hosts, pid = (parts.get(f"net/{name}/{part}", _NO_PART) for part in ("conf", "hostsfile", "pid"))
    stat, words = (parts.get(f"net/{name}/{part}", _NO_PART) for part in ("stat", "cmdline"))
    number = int(pid.text) if pid.text.strip().isdecimal() and len(pid.text) < 12 else None
    fields = stat.data.rpartition(b")")[2].split()
    ours = b"dnsmasq" in words.data and f"/{name}.conf\0".encode() in words.data
    running = ours and len(fields) > _START_TICKS and fields[0] not in (b"Z", b"X")
    seen = bool(conf.name) and conf.outcome is Outcome.OK
    return Dnsmasq(
        pid=number,
        start_ticks=int(fields[_START_TICKS]) if running and fields[_START_TICKS].isdigit() else None,
        alive=running if conf.name and conf.outcome is not Outcome.ABSENT else None,
        ranges=ranges_of(conf.text) if seen else None,
        hosts=hosts_of(hosts.text) if hosts.name and hosts.outcome is Outcome.OK else None,
        told_by_hand=by_hand(conf.text),
        detail=f"{name}.conf: {conf.outcome.value}" if conf.name and not seen else "",
    )


def _leases(parts: dict[str, Part], name: str, guests: dict[str, str]) -> tuple[LeaseGiven, ...] | None:
    status, table = (parts.get(f"net/{name}/{part}", _NO_PART) for part in ("status", "leases"))
    given = leases_of(status.data) if status.name and status.outcome is Outcome.OK else None
    if given is None:
        given = leases_in_table(table.text) if table.name else None
    return None if given is None else tuple(_named(one, guests) for one in given)


def _named(given: LeaseGiven, guests: dict[str, str]) -> LeaseGiven:
    name = guests.get(given.mac, "")
    return LeaseGiven(
        ip=given.ip,
        mac=given.mac,
        host_name=given.host_name,
        client_id=given.client_id,
        expires_s=given.expires_s,
        expiry_known=given.expiry_known,
        guest=name,
    )


def _guests(parts: dict[str, Part]) -> Iterator[tuple[Attached, str]]:
    """Each interface of each domain, and its network.

    As domiflist prints them::

        vnet0   network   default   virtio   52:54:00:77:01:01
    """
    names = dict(line.split(None, 1) for line in names_of(parts, "domains") if " " in line)
    for uuid, name in list(names.items())[:_MOST_GUESTS]:
        for line in parts.get(f"domain/{uuid}", _NO_PART).text.splitlines():
            words = line.split()
            if len(words) >= 5 and words[1] == "network" and _MAC.fullmatch(words[-1]):
                tap = "" if words[0] == "-" else words[0][:15]
                yield Attached(guest=name.strip(), mac=words[-1].lower(), tap=tap), " ".join(words[2:-2])
