"""A guest's own log by its agent: its journal, or else the files of /var/log."""

import re
import time
from collections.abc import Mapping

import msgspec

from crazytrain.cli.log_guest_journal import journal
from crazytrain.cli.log_sources import LogInput
from crazytrain.collect import discover, find
from crazytrain.collect.agent import Agent, AgentFailed
from crazytrain.collect.agent_ways import wire_to
from crazytrain.collect.virsh import domain_of, uri_of
from crazytrain.decode.command_line import config_of
from crazytrain.host import Host, LiveHost
from crazytrain.host.loop import run
from crazytrain.model.errors import CrazytrainError, MissingTool, NotAllowed
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager

_FILES = (
    ("/var/log/syslog.1", "/var/log/syslog"),
    ("/var/log/messages.1", "/var/log/messages"),
    ("/var/log/messages.0",),
    ("/var/log/kern.log",),
)
_FILE_BYTES = 16 << 20
_LISTING_BYTES = 64 << 10
_NEAR_S = 1.0
_ROW = re.compile(r"^ *\S+ +network +(\S+) +\S+ +([0-9a-f:]{17})\s*$", re.MULTILINE)
_ALLOW = (
    "In the guest: take guest-exec and guest-file-* out of BLACKLIST_RPC / --block-rpcs (/etc/sysconfig/qemu-ga, /etc/qemu/qemu-ga.conf),\n"
    "then: systemctl restart qemu-guest-agent\n"
    "Without that: crazytrain logs /var/log/libvirt/qemu/{name}-console.log, or crazytrain inside {name} --dmesg 0"
)
_NO_LOG = "log"
_FIRST = "guest-info"  # asked before all else
_ELSEWHERE = (
    "Its serial console, where the host keeps it: crazytrain logs /var/log/libvirt/qemu/{name}-console.log\n"
    "Its kernel's log, out of its memory: crazytrain inside {name} --dmesg 0"
)
_LATE = (
    "The guest hangs, or its agent does: crazytrain why {name} tells. In the guest: systemctl restart qemu-guest-agent\n"
    "Without the agent: crazytrain inside {name} --dmesg 0 reads the guest's kernel log out of its memory"
)
_LIBVIRT_REFUSES = (
    "libvirt lets root and the group libvirt ask the agent: run this with sudo, or add yourself to the group.\n"
    "Without the agent: crazytrain logs /var/log/libvirt/qemu/{name}-console.log (root as well)"
)
_INSTALL = (
    "In the guest: install qemu-guest-agent and start it. On the host the domain needs a channel:\n"
    "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>\n"
    "Without it: crazytrain inside {name} --dmesg 0 reads the guest's kernel log out of its memory"
)


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent gave. ``ahead_s``: how far the guest's clock is ahead of this host's; ``None``: not told."""

    inputs: tuple[LogInput, ...]
    ahead_s: float | None = None
    networks: Mapping[str, str] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def guest_log(wanted: str) -> Fetched:
    """Fetch it.

    Raises:
        NoSuchGuest: none of that name runs here.
        MissingTool: it has no agent, or none that answers.
        NotAllowed: the agent refuses what is needed, or libvirt refuses us.
    """
    return run(_fetch(LiveHost(), wanted))


async def _fetch(host: Host, wanted: str) -> Fetched:
    guest = find.find(await discover.guests(host, config_of), wanted)
    try:
        agent = Agent(wire_to(host, guest))
    except AgentFailed as failed:
        raise error_of(failed, guest) from failed
    try:
        return await fetched(host, guest, agent)
    except AgentFailed as failed:
        raise error_of(failed, guest) from failed
    finally:
        agent.close()


async def fetched(host: Host, guest: Guest, agent: Agent) -> Fetched:
    """Ask an agent for the guest's log. Raises ``AgentFailed`` where nothing of it can be had."""
    info = await agent.info()
    ahead_s = await _ahead_s(host, agent)
    inputs, notes = await journal(agent, info, guest.name)
    if not inputs:
        inputs, more = await _files(agent, guest)
        notes = (*notes, *more)
    if not inputs:
        refused = info.lacks("guest-exec", "guest-file-open")
        raise AgentFailed(
            Outcome.DENIED if refused else Outcome.ABSENT,
            "; ".join(notes) or "no journal, no file in /var/log",
            _NO_LOG,
        )
    if ahead_s:
        notes = (
            *notes,
            f"the guest's clock is {abs(ahead_s):.1f} s {'ahead of' if ahead_s > 0 else 'behind'} this host's; times are the host's",
        )
    return Fetched(inputs=inputs, ahead_s=ahead_s, networks=await _networks(host, guest, agent), notes=notes)


async def _ahead_s(host: Host, agent: Agent) -> float | None:
    before_ns = host.wall_ns()
    try:
        told_ns = await agent.time_ns()
    except AgentFailed:
        return None
    ahead_s = (told_ns - (before_ns + host.wall_ns()) / 2) / 1e9
    return ahead_s if abs(ahead_s) >= _NEAR_S else 0.0


async def _files(agent: Agent, guest: Guest) -> tuple[tuple[LogInput, ...], tuple[str, ...]]:
    """The first set of files that is there: what was rotated away last, and what is written now."""
    notes: list[str] = []
    for paths in _FILES:
        inputs: list[LogInput] = []
        for path in paths:
            try:
                data, whole = await agent.read_file(path, _FILE_BYTES, tail=True)
            except AgentFailed as failed:
                if failed.outcome in (Outcome.TIMED_OUT, Outcome.BROKE):
                    raise
                notes += [f"{path}: {failed.detail}"] if failed.outcome is Outcome.DENIED else []
                continue
            notes += [] if whole else [f"{path}: its last 16 MiB"]
            inputs.append(LogInput(name=f"{guest.name}:{path}", until_s=time.time(), data=data))
        if inputs:
            return tuple(inputs), tuple(notes)
    return (), tuple(dict.fromkeys(notes))


async def _networks(host: Host, guest: Guest, agent: Agent) -> Mapping[str, str]:
    """libvirt's network of each interface, by the names that the guest gives them; ``""`` is one that its log does not name."""
    if guest.manager is not Manager.LIBVIRT:
        return {}
    argv = ("virsh", "-q", "-c", uri_of(guest), "domiflist", "--", domain_of(guest))
    done = await host.run(argv, timeout_s=5.0, limit_bytes=_LISTING_BYTES)
    listed = done.stdout.decode("utf-8", "replace")
    by_address = {found[2]: found[1] for found in _ROW.finditer(listed)}
    known = _of_all(listed, by_address)
    try:
        names = await agent.interfaces() if by_address else {}
    except AgentFailed:
        return known
    return {**known, **{name: by_address[address] for name, address in names.items() if address in by_address}}


def _of_all(listed: str, by_address: Mapping[str, str]) -> dict[str, str]:
    """The network of an interface that the log does not name: known where all that are listed are on one network."""
    networks = set(by_address.values())
    rows = sum(bool(row.strip()) for row in listed.splitlines())
    return dict.fromkeys(("",), networks.pop()) if len(networks) == 1 and rows == len(by_address) else {}


def error_of(failed: AgentFailed, guest: Guest) -> CrazytrainError:
    """What to tell whoever asked for a guest's log, with the next step."""
    what = f"{guest.name}: its agent gives no log: {failed.detail}"
    if failed.outcome is Outcome.DENIED:
        by_libvirt = guest.manager is Manager.LIBVIRT and failed.command == _FIRST  # a guest always says what it allows
        return NotAllowed(what, (_LIBVIRT_REFUSES if by_libvirt else _ALLOW).format(name=guest.name))
    if failed.outcome is Outcome.TIMED_OUT:
        return MissingTool(what, _LATE.format(name=guest.name))
    hint = _ELSEWHERE if failed.command == _NO_LOG else _INSTALL
    return MissingTool(what, hint.format(name=guest.name))
