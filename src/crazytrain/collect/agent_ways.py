"""How to reach a guest's agent: by libvirt where that owns the guest, else by the socket on its command line."""

from crazytrain.collect.agent import AgentByVirsh, AgentFailed, Wire
from crazytrain.collect.chardevs import agents, reachable
from crazytrain.collect.virsh import domain_of, uri_of
from crazytrain.host.agent_socket import AgentSocket
from crazytrain.host.door import Host
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager


def wire_to(host: Host, guest: Guest) -> Wire:
    """What leads to a guest's agent. Raises ``AgentFailed`` where its QEMU has no channel for one, or only libvirt may use it."""
    channels = agents(guest.command_line)
    if guest.manager is Manager.LIBVIRT:
        return AgentByVirsh(host, domain_of(guest), uri_of(guest))
    for channel in channels:
        if channel.backend == "socket" and channel.path and channel.server:
            return AgentSocket(reachable(host, guest.pid, channel.path))
    if channels:
        raise AgentFailed(
            Outcome.ABSENT, f"the agent's channel leads to {channels[0].label}, on which QEMU does not listen"
        )
    raise AgentFailed(Outcome.ABSENT, "the guest was started without a channel for an agent")
