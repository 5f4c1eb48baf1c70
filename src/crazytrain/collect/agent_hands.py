"""A guest's files and commands by its agent, for who wants to change something there: what hinders is an error with the next step."""

import re

from crazytrain.collect.agent import Agent, AgentFailed, AgentInfo
from crazytrain.collect.agent_ways import wire_to
from crazytrain.collect.chardevs import agents
from crazytrain.collect.virsh import domain_of, uri_of
from crazytrain.host.door import Host
from crazytrain.model.errors import CrazytrainError, MissingTool, NotAllowed
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager

_LIMIT_BYTES = 1 << 20
_SAID = 2000
_PRECHECK_S = 5.0
_DISCONNECTED = re.compile(r"name='org\.qemu\.guest_agent\.0'\s+state='disconnected'")
_FILES = ("guest-file-open", "guest-file-read", "guest-file-write", "guest-file-close", "guest-file-flush")
_EXEC = ("guest-exec", "guest-exec-status")
_INSTALL = "In the guest: install qemu-guest-agent, and start it: systemctl start qemu-guest-agent\n"
_CHANNEL = "On the host the domain needs a channel:\n<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
_DEVICES = (
    "On the host QEMU needs: -chardev socket,path=SOCKET,server=on,wait=off,id=qga0 -device virtio-serial "
    "-device virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"
)
_RIGHTS = "Ask as root, or as a member of the group libvirt."
_OF_LIBVIRT = re.compile(r"(?i)socket|permission denied|access denied|authenticat|authoriz|read.only")
_ALLOW = (
    "In the guest: take guest-exec and guest-file-* out of --block-rpcs / BLACKLIST_RPC (/etc/sysconfig/qemu-ga, /etc/qemu/qemu-ga.conf),\n"
    "then: systemctl restart qemu-guest-agent"
)
_HANGS = "The guest hangs, or its agent does. crazytrain why {name} says why it hangs."


class AgentHands:
    """See ``crazytrain.remedy.guest_hands.GuestHands``. Made by ``agent_hands``."""

    def __init__(self, guest: Guest, agent: Agent, info: AgentInfo) -> None:
        self._guest = guest
        self._agent = agent
        self._files = not info.lacks(*_FILES)
        self._exec = not info.lacks(*_EXEC)

    def close(self) -> None:
        """Leave the agent to others."""
        self._agent.close()

    async def read(self, path: str, limit_bytes: int = _LIMIT_BYTES) -> str | None:
        """A file, up to a limit; ``None``: it is not there."""
        try:
            if self._files:
                data, _ = await self._agent.read_file(path, limit_bytes)
                return data.decode("utf-8", "replace")
            ran = await self._agent.exec(("head", "-c", str(limit_bytes), "--", path), limit_bytes=limit_bytes)
        except AgentFailed as failed:
            if failed.outcome is Outcome.ABSENT and failed.command == "guest-file-open":
                return None
            raise agent_error(failed, self._guest) from failed
        return ran.stdout.decode("utf-8", "replace") if ran.status == 0 else None

    async def write(self, path: str, text: str) -> None:
        """Write a file: by the agent's own commands, else by ``tee``."""
        try:
            if self._files:
                await self._agent.write_file(path, text.encode())
                return
            ran = await self._agent.exec(("tee", "--", path), stdin=text.encode())
        except AgentFailed as failed:
            raise agent_error(failed, self._guest) from failed
        if ran.status != 0:
            raise CrazytrainError(f"{self._guest.name}: {path} cannot be written: {_end(ran.stderr)}")

    async def remove(self, path: str) -> None:
        """Take a file away."""
        status, said = await self.run("rm", "-f", "--", path)
        if status != 0:
            raise CrazytrainError(f"{self._guest.name}: {path} cannot be removed: {said}")

    async def run(self, *argv: str, timeout_s: float = 20.0) -> tuple[int | None, str]:
        """Run a command in the guest."""
        if not self._exec:
            raise NotAllowed(f"{self._guest.name}: its agent does not run commands (guest-exec)", _ALLOW)
        try:
            ran = await self._agent.exec(argv, timeout_s=timeout_s)
        except AgentFailed as failed:
            raise agent_error(failed, self._guest) from failed
        return ran.status, _end(ran.stdout + ran.stderr)


def _end(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip()[-_SAID:]


async def agent_hands(host: Host, guest: Guest) -> AgentHands:
    """Reach a guest's agent, where it would answer.

    Raises:
        MissingTool: it has none, or none that is connected. NotAllowed: it refuses what is needed, or libvirt refuses us.
        CrazytrainError: the guest is paused, or its agent hangs.
    """
    await _check(host, guest)
    try:
        agent = Agent(wire_to(host, guest))
        info = await agent.info()
    except AgentFailed as failed:
        raise agent_error(failed, guest) from failed
    if info.lacks(*_FILES) and info.lacks(*_EXEC):
        agent.close()
        raise NotAllowed(f"{guest.name}: its agent (qemu-ga {info.version}) refuses files and commands", _ALLOW)
    return AgentHands(guest, agent, info)


async def _check(host: Host, guest: Guest) -> None:
    """Ask libvirt what needs no agent: one that cannot answer would be waited for."""
    if guest.manager is not Manager.LIBVIRT:
        return
    state = await _virsh(host, guest, "domstate")
    if state.strip() in ("paused", "pmsuspended"):
        raise CrazytrainError(
            f"{guest.name} is {state.strip()}: nothing in it runs, its agent neither",
            f"virsh resume {guest.name}" if state.strip() == "paused" else f"virsh dompmwakeup {guest.name}",
        )
    if _DISCONNECTED.search(await _virsh(host, guest, "dumpxml")):
        raise MissingTool(
            f"{guest.name}: its agent is not connected: it does not run, or the guest still boots", _install(guest)
        )
    if guest.command_line and not agents(guest.command_line):
        raise MissingTool(f"{guest.name}: it was started without a channel for an agent", _install(guest))


async def _virsh(host: Host, guest: Guest, what: str) -> str:
    """What virsh prints; empty where it fails: the agent itself is asked then, and says why not."""
    argv = ("virsh", "-q", "-c", uri_of(guest), what, "--", domain_of(guest))
    done = await host.run(argv, timeout_s=_PRECHECK_S, limit_bytes=_LIMIT_BYTES)
    if done.outcome is Outcome.NO_TOOL:
        raise MissingTool(
            "virsh is not installed: the agent of a guest of libvirt is reached through it",
            "Debian: apt install libvirt-clients",
        )
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.status and any(_OF_LIBVIRT.search(line) for line in said):
        raise NotAllowed(
            f"{guest.name}: libvirt does not let this user ask its agent: {said[-1].removeprefix('error: ')}", _RIGHTS
        )
    return done.stdout.decode("utf-8", "replace") if done.status == 0 else ""


def _install(guest: Guest) -> str:
    return _INSTALL + (_CHANNEL if guest.manager is Manager.LIBVIRT else _DEVICES)


def agent_error(failed: AgentFailed, guest: Guest) -> CrazytrainError:
    """What an agent's failure means for who asked."""
    what = f"{guest.name}: its agent: {failed.detail}"
    if failed.outcome is Outcome.DENIED:
        return NotAllowed(what, _RIGHTS if _OF_LIBVIRT.search(failed.detail) else _ALLOW)
    if failed.outcome is Outcome.ABSENT and failed.command in ("", "guest-info"):
        return MissingTool(what, _install(guest))
    return CrazytrainError(what, _HANGS.format(name=guest.name) if failed.outcome is Outcome.TIMED_OUT else "")
