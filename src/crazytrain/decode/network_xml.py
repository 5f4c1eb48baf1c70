"""libvirt's network XML to a definition, and to a value that can be compared and written again."""

from collections.abc import Iterator

from crazytrain.decode.xml_tree import Node, tree_of
from crazytrain.model.facts.networks import DhcpHost, DhcpRange, NetworkDefinition, ServedIp
from crazytrain.model.xml_element import XmlElement

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "": 60}
_LIMIT = 4 << 20
_MOST = 4096  # ranges or hosts of one <ip>


def element_of(xml: str) -> XmlElement | None:
    """The ``<network>`` of a text; ``None`` where there is none."""
    found = next((node for node in tree_of(xml[:_LIMIT]).inside if node.name == "network"), None)
    return _element(found) if found else None


def _element(node: Node) -> XmlElement:
    inside = tuple(_element(one) for one in node.inside)
    return XmlElement(name=node.name, attributes=tuple(node.attributes.items()), text=node.text, inside=inside)


def definition_of(network: XmlElement) -> NetworkDefinition:
    """What a ``<network>`` says of DHCP.

    Source: libvirt, docs/formatnetwork.rst. ::

    <ip address='10.0.0.1' netmask='255.255.255.0'>
      <dhcp>
        <range start='10.0.0.2' end='10.0.0.9'><lease expiry='24' unit='hours'/></range>
      </dhcp>
    </ip>
    """
    bridge, forward, options = network.first("bridge"), network.first("forward"), network.first("dnsmasq:options")
    return NetworkDefinition(
        name=_text(network, "name"),
        uuid=_text(network, "uuid"),
        bridge=bridge.get("name") if bridge else "",
        forward=(forward.get("mode") or "nat") if forward else "",
        ips=tuple(_ip(number, ip) for number, ip in enumerate(network.named("ip"))),
        options=tuple(one.get("value") for one in options.inside) if options else (),
    )


def _text(network: XmlElement, name: str) -> str:
    found = network.first(name)
    return found.text if found else ""


def _ip(position: int, ip: XmlElement) -> ServedIp:
    inside = [one for dhcp in ip.named("dhcp") for one in dhcp.inside]
    return ServedIp(
        position=position,
        family=6 if ip.get("family") == "ipv6" else 4,
        address=ip.get("address"),
        ranges=tuple(_ranges(inside))[:_MOST],
        hosts=tuple(_hosts(inside))[:_MOST],
    )


def _ranges(inside: list[XmlElement]) -> Iterator[DhcpRange]:
    for one in inside:
        if one.name == "range":
            yield DhcpRange(start=one.get("start"), end=one.get("end"), lease_s=lease_of(one))


def _hosts(inside: list[XmlElement]) -> Iterator[DhcpHost]:
    for one in inside:
        if one.name == "host":
            who = {"mac": one.get("mac").lower(), "duid": one.get("id"), "name": one.get("name")}
            yield DhcpHost(ip=one.get("ip"), lease_s=lease_of(one), **who)


def lease_of(one: XmlElement) -> int | None:
    """The lease time of a range or host in seconds, 0 for infinite; ``None`` where none is set or it cannot be read."""
    lease = one.first("lease")
    if lease is None or not lease.get("expiry").isdecimal() or len(lease.get("expiry")) > 15:
        return None
    factor = _UNITS.get(lease.get("unit"))
    return None if factor is None else int(lease.get("expiry")) * factor
