"""Networks made for tests of leases."""

from collections.abc import Sequence

from crazytrain.decode.network_xml import element_of
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.lease_change import Entry
from crazytrain.model.xml_element import XmlElement
from crazytrain.remedy.lease_time import lease_element

UUID = "4676b7dd-551f-4198-ac51-4ab724fb3ae3"
TWO_MINUTES = "<lease expiry='2' unit='minutes'/>"
XML = """<network connections='3' xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>default</name>
  <uuid>{uuid}</uuid>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='on' delay='0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'>{lease}</range>
      <host mac='52:54:00:77:00:02' name='h1' ip='192.168.122.5'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='fd00:91::1' prefix='64'>
    <dhcp>
      <range start='fd00:91::10' end='fd00:91::ff'/>
    </dhcp>
  </ip>
  {more}
</network>
"""
CONF = """pid-file=/run/libvirt/network/default.pid
dhcp-range=192.168.122.2,192.168.122.254,255.255.255.0,2m
dhcp-authoritative
dhcp-range=fd00:91::10,fd00:91::ff,64
"""
STAT = b"812 (dnsmasq) S 1 812 812 0 -1 4194624 172 0 0 0 0 0 0 0 20 0 1 0 5611 14524416 512 0 0 0\n"
STATUS = b"""[{"ip-address": "192.168.122.40", "mac-address": "52:54:00:11:22:33", "hostname": "web01", "expiry-time": 1700000060},
{"ip-address": "192.168.122.41", "mac-address": "52:54:00:11:22:34", "client-id": "ff:1", "expiry-time": 0}]"""


def xml(lease: str = TWO_MINUTES, more: str = "") -> str:
    return XML.format(uuid=UUID, lease=lease, more=more)


def network(lease: str = TWO_MINUTES, more: str = "") -> XmlElement:
    found = element_of(xml(lease, more))
    assert found
    return found


def a_range(start: str, end: str, seconds: int | None = 120) -> Entry:
    return Entry(XmlElement(name="range", attributes=(("start", start), ("end", end)))).lasting(lease_element(seconds))


def seen(**changes: bytes) -> Evidence:
    """Evidence of one network that runs, with a guest on it; ``changes`` are parts by their names (``_`` for ``/``)."""
    parts: dict[str, bytes] = {
        "wall_ns": b"1700000000000000000",
        "nets/all": b"default\n",
        "nets/active": b"default\n",
        "nets/persistent": b"default\n",
        "nets/autostart": b"",
        "domains": b"4c17c2a0-c396-46e0-8a27-5b1cf1ebe382 web one\n",
        "version": b"Using library: libvirt 9.1.0\nRunning against daemon: 9.0.0\n",
        "net/default/live": xml().encode(),
        "net/default/kept": xml().encode(),
        "net/default/conf": CONF.encode(),
        "net/default/hostsfile": b"52:54:00:77:00:02,192.168.122.5,h1\n",
        "net/default/status": STATUS,
        "net/default/pid": b"812\n",
        "net/default/stat": STAT,
        "net/default/cmdline": b"/usr/sbin/dnsmasq\0--conf-file=/var/lib/libvirt/dnsmasq/default.conf\0",
        "domain/4c17c2a0-c396-46e0-8a27-5b1cf1ebe382": b"vnet0  network  default  virtio  52:54:00:11:22:33\n",
    }
    parts.update({name if name in parts else name.replace("_", "/"): data for name, data in changes.items()})
    return evidence([Part(name, data) for name, data in parts.items()])


def evidence(parts: Sequence[Part]) -> Evidence:
    return Evidence(id="networks", kind=Kind.NETWORKS, source="virsh", data=pack(parts))
