"""What whoever changes a lease time has to know besides."""

from crazytrain.model.facts.networks import DhcpNetwork
from crazytrain.model.lease_change import LeaseRecord
from crazytrain.remedy.lease_wanted import Wish

NEXT_START = "this counts from the next start of the network"
NO_HOSTS = "guests with a <host>, and those with MACs that do not begin with 52:54:00, keep the time of their range"


def scope(network: DhcpNetwork, wish: Wish, earlier: LeaseRecord | None) -> tuple[str, ...]:
    """Notes on how far a change reaches; ``earlier`` is one that was cut off and is finished by it."""
    notes = []
    if network.live is None:
        notes.append(
            "the network is not active: only its persistent definition changes, and counts from its next start"
        )
    elif network.kept is None:
        notes.append("the network is transient: what is changed is gone with it when it is stopped")
    if earlier:
        notes.append(
            f"an earlier change was cut off ({earlier.asked}); this finishes it, and --undo goes back to before both"
        )
    found = network.definition
    own = [host for ip in (found.ips if found else ()) for host in ip.hosts if host.lease_s is not None]
    if own and not wish.host:
        names = ", ".join(host.name or host.mac or host.ip for host in own[:5])
        notes.append(f"hosts with a lease time of their own keep it (change it by --mac): {names}")
    if network.dnsmasq.told_by_hand:
        notes.append(f"dnsmasq:options may outweigh this: {'; '.join(network.dnsmasq.told_by_hand)}")
    return tuple(notes)
