"""Looking at what came of a change: libvirt's XML element by element, and what dnsmasq really runs with."""

from collections.abc import Sequence

from crazytrain.model.errors import CrazytrainError
from crazytrain.model.facts.networks import DhcpNetwork
from crazytrain.model.lease_change import Wanted
from crazytrain.model.xml_element import differences
from crazytrain.remedy.lease import Seen
from crazytrain.remedy.lease_back import NOT_SETTINGS, without_times
from crazytrain.remedy.lease_wanted import entries

AS_ASKED = "libvirt's XML is as asked for, and all else in it as before (compared element by element)"


def check_rest(before: Seen, wanted: Sequence[Wanted], now: Seen, record: str) -> None:
    """Only what was meant may differ from before.

    Raises:
        CrazytrainError: something else does.
    """
    for place, after in now.items():
        if place not in before:
            continue
        meant, really = without_times(before[place]), without_times(after)
        found = list(differences(meant, really, NOT_SETTINGS)) if meant and really else []
        for one in (one for one in wanted if one.place is place):
            for name, asked in (("range", one.ranges), ("host", one.hosts)):
                if entries(after, one.position, name) != asked:
                    found.append(f"each {name} of ip {one.position} is not as asked for")
        if found:
            raise CrazytrainError(
                f"the network ({place.value}) is not what was asked for: {found[0]}",
                f"The old state is kept in {record}; look at the network before anything else is changed.",
            )


def verified(before: DhcpNetwork, network: DhcpNetwork, steps: int) -> tuple[str, ...]:
    """What was looked at afterwards, in sentences.

    Raises:
        CrazytrainError: dnsmasq runs with something else, or not at all.
    """
    said = [AS_ASKED]
    seen, live = network.dnsmasq, network.live
    if live is None:
        return tuple(said)
    if seen.ranges is None:
        said.append(
            f"what dnsmasq really runs with may not be seen by this user ({seen.detail or 'not on this machine'})"
        )
        return tuple(said)
    meant = [(r.start, r.end, r.lease_s) for ip in live.ips for r in ip.ranges]
    really = [(r.start, r.end, r.lease_s) for r in seen.ranges]
    hosts = {(h.ip, h.lease_s) for ip in live.ips for h in ip.hosts}
    if sorted(meant, key=str) != sorted(really, key=str) or not hosts <= {(h.ip, h.lease_s) for h in seen.hosts or ()}:
        raise CrazytrainError(
            f"dnsmasq of network {network.name} does not run with what libvirt has live",
            f"Compare /var/lib/libvirt/dnsmasq/{network.name}.conf with virsh net-dumpxml {network.name}.",
        )
    if not seen.alive:
        raise CrazytrainError(
            f"dnsmasq of network {network.name} does not run: nobody gets or renews an address",
            "Look into the system's log, then restart libvirt's network daemon, which starts dnsmasq again.\n"
            f"The way back: crazytrain lease {network.name} --undo",
        )
    again = seen.start_ticks != before.dnsmasq.start_ticks
    how = "started anew with it" if again else "told to read its hosts again" if steps else "as it ran before"
    said.append(f"dnsmasq (pid {seen.pid}, {how}) runs with these ranges, hosts and times: its own files say so")
    return tuple(said)
