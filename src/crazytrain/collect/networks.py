"""libvirt's networks as evidence: their XML, their leases, who is attached, and the files that their dnsmasq runs with.

All of it only reads, over libvirt's read-only connection: no guest and no QEMU is asked anything.
"""

from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.parts import read_part
from crazytrain.collect.virsh import tell_at
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Kind, Outcome

TIMEOUT_S = 15.0
_CONF_LIMIT_BYTES = 4 << 20
_MOST_NETWORKS, _MOST_DOMAINS = 200, 500
# What a libvirt without a driver for guests does not answer comes first: virsh ends with the status of the last.
_LISTS = (
    ("version", "--daemon"),
    ("list", "--all", "--uuid", "--name"),
    ("net-list", "--all", "--name"),
    ("net-list", "--name"),
    ("net-list", "--all", "--persistent", "--name"),
    ("net-list", "--all", "--autostart", "--name"),
)
_LIST_PARTS = ("version", "domains", "nets/all", "nets/active", "nets/persistent", "nets/autostart")
_NETS = 4  # the last of them
_DNSMASQ = "/var/lib/libvirt/dnsmasq"
_RUN = ("/run/libvirt/network", "/var/run/libvirt/network")


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Which libvirt: the URI, empty for virsh's own choice, and whether its files are on this machine."""

    uri: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a virsh that only reads."""
        return ("-r", "-c", self.uri) if self.uri else ("-r",)

    @property
    def here(self) -> bool:
        """Whether the files of its dnsmasq are this machine's."""
        return self.uri in ("", "qemu:///system", "network:///system")


async def collect_networks(
    host: Host, where: Where, wanted: Sequence[str] = (), name: str = "networks", domains: Sequence[str] | None = None
) -> Evidence:
    """One evidence of all networks, or of those of the names that are wanted. Trouble is its outcome.

    ``domains`` are the uuids of the only ones to be asked about their interfaces; ``None``: all of them.
    """
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    told = await tell_at(host, where.options, _LISTS, TIMEOUT_S)
    parts = [Part("wall_ns", b"%d\n" % wall_ns)]
    parts += [Part(part, said.text + b"\n") for part, said in zip(_LIST_PARTS, told.said, strict=False)]
    if told.outcome is Outcome.OK:
        lists = _lists(parts)
        parts += await _networks(host, where, _chosen(lists, wanted), lists)
        known = [line.split()[0] for line in lists["domains"]] if domains is None else domains
        parts += await _domains(host, where, known)
    return Evidence(
        id=name,
        kind=Kind.NETWORKS,
        source="virsh net-list, net-dumpxml, net-dhcp-leases, domiflist; files of dnsmasq",
        outcome=told.outcome,
        detail=told.detail if told.outcome is not Outcome.OK else "",
        data=pack(parts) if told.outcome is Outcome.OK else b"",
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
    )


async def definitions_only(host: Host, where: Where, wanted: str) -> Evidence:
    """Evidence of one network's XML alone, for a look between two steps."""
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    commands = (*_LISTS[-_NETS:], ("net-dumpxml", wanted, "--inactive"), ("net-dumpxml", wanted))
    names = (*_LIST_PARTS[-_NETS:], f"net/{wanted}/kept", f"net/{wanted}/live")
    told = await tell_at(host, where.options, commands, TIMEOUT_S)
    parts = [Part(part, said.text + b"\n") for part, said in zip(names, told.said, strict=False)]
    lists = _lists(parts)
    gone = {f"net/{wanted}/live": "nets/active", f"net/{wanted}/kept": "nets/persistent"}
    return Evidence(
        id="networks",
        kind=Kind.NETWORKS,
        source="virsh net-dumpxml",
        outcome=told.outcome,
        detail=told.detail,
        data=pack(part for part in parts if part.name not in gone or wanted in lists[gone[part.name]]),
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
    )


def _lists(parts: Sequence[Part]) -> dict[str, list[str]]:
    """The lines of each list that virsh printed; empty where it printed none."""
    found = {part.name: [line.strip() for line in part.text.splitlines() if line.strip()] for part in parts}
    return {name: found.get(name, []) for name in _LIST_PARTS}


def _chosen(lists: dict[str, list[str]], wanted: Sequence[str]) -> list[str]:
    return [one for one in lists["nets/all"] if not wanted or one in wanted][:_MOST_NETWORKS]


async def _networks(host: Host, where: Where, names: list[str], lists: dict[str, list[str]]) -> list[Part]:
    asked = list(_questions(names, lists))
    if not asked:
        return []
    told = await tell_at(host, where.options, [command for _, command in asked], TIMEOUT_S)
    parts = [Part(part, said.text + b"\n") for (part, _), said in zip(asked, told.said, strict=False)]
    if where.here:
        for name in (one for one in names if one in lists["nets/active"]):
            bridge = _bridge(next((part.text for part in parts if part.name == f"net/{name}/live"), ""))
            parts += await _read(host, name, bridge)
    return parts


def _questions(names: list[str], lists: dict[str, list[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in names:
        if name in lists["nets/active"]:
            yield f"net/{name}/live", ("net-dumpxml", name)
            yield f"net/{name}/leases", ("net-dhcp-leases", name)
        if name in lists["nets/persistent"]:
            yield f"net/{name}/kept", ("net-dumpxml", name, "--inactive")


def _bridge(xml: str) -> str:
    """The bridge's name, which the file of leases is called by."""
    return xml.partition("<bridge name='")[2].partition("'")[0][:15]


async def _read(host: Host, name: str, bridge: str) -> list[Part]:
    try:
        return await host.patiently(lambda: list(_files(host, name, bridge)), TIMEOUT_S)
    except TimeoutError:
        return [Part(f"net/{name}/conf", outcome=Outcome.TIMED_OUT)]


def _files(host: Host, name: str, bridge: str) -> Iterator[Part]:
    for part, path in (("conf", f"{name}.conf"), ("hostsfile", f"{name}.hostsfile"), ("status", f"{bridge}.status")):
        yield _renamed(read_part(host, f"{_DNSMASQ}/{path}", _CONF_LIMIT_BYTES), f"net/{name}/{part}")
    pid = next((one for folder in _RUN if (one := read_part(host, f"{folder}/{name}.pid")).data), None)
    number = pid.data.strip() if pid else b""
    if number.isdigit():
        yield Part(f"net/{name}/pid", number + b"\n")
        for file in ("stat", "cmdline"):
            yield _renamed(read_part(host, f"/proc/{int(number)}/{file}"), f"net/{name}/{file}")


def _renamed(part: Part, name: str) -> Part:
    return msgspec.structs.replace(part, name=name)


async def _domains(host: Host, where: Where, domains: Sequence[str]) -> list[Part]:
    """Which interfaces each domain has."""
    uuids = domains[:_MOST_DOMAINS]
    if not uuids:
        return []
    told = await tell_at(host, where.options, [("domiflist", uuid) for uuid in uuids], TIMEOUT_S)
    return [Part(f"domain/{uuid}", said.text + b"\n") for uuid, said in zip(uuids, told.said, strict=False)]
