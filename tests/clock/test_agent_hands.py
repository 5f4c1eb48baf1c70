"""A guest's files and commands by an agent that has both, one of them, or neither; and what is asked before."""

import asyncio
import base64
import json
from collections.abc import Sequence

import pytest

from crazytrain.collect.agent import Agent, AgentFailed
from crazytrain.collect.agent_hands import AgentHands, agent_error, agent_hands
from crazytrain.host.agent_socket import AgentLineEnded
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.errors import CrazytrainError, MissingTool, NotAllowed
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager, ProcessId

FILES = ("guest-file-open", "guest-file-read", "guest-file-write", "guest-file-close", "guest-file-flush")
EXEC = ("guest-exec", "guest-exec-status")
CHANNEL = (
    "qemu",
    "-chardev",
    "socket,id=c0,path=/x,server=on",
    "-device",
    "virtserialport,chardev=c0,name=org.qemu.guest_agent.0",
)
GUEST = Guest(process=ProcessId(pid=4711, start_ticks=1), name="web01", manager=Manager.LIBVIRT, command_line=CHANNEL)
PLAIN = Guest(process=ProcessId(pid=4711, start_ticks=1), name="web01", manager=Manager.PLAIN, command_line=("qemu",))
CONNECTED = "<target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>"


class Inside:
    """A guest's files behind an agent; commands are head, tee and rm."""

    def __init__(self, allowed: tuple[str, ...], files: dict[str, str]) -> None:
        self.allowed = allowed
        self.files = files
        self._open = ""
        self._ran: dict[str, object] = {}

    async def ask(self, command: bytes, timeout_s: float) -> bytes:
        del timeout_s
        asked = json.loads(command)
        name, arguments = asked["execute"], asked.get("arguments", {})
        if name == "guest-info":
            listed = [{"name": one, "enabled": True} for one in self.allowed]
            return json.dumps({"return": {"version": "7.2", "supported_commands": listed}}).encode()
        if name not in self.allowed:
            return json.dumps({"error": {"class": "CommandNotFound", "desc": f"{name} has been disabled"}}).encode()
        return json.dumps(self._answer(name, arguments)).encode()

    def close(self) -> None:
        pass

    def _answer(self, name: str, arguments: dict[str, object]) -> dict[str, object]:
        if name == "guest-file-open":
            self._open = str(arguments["path"])
            if self._open not in self.files and arguments["mode"] == "r":
                return {"error": {"class": "GenericError", "desc": "failed to open file: No such file or directory"}}
            return {"return": 1}
        if name == "guest-file-read":
            data = base64.b64encode(self.files[self._open].encode()).decode()
            return {"return": {"count": 1, "buf-b64": data, "eof": True}}
        if name == "guest-file-write":
            written = base64.b64decode(str(arguments["buf-b64"]))
            self.files[self._open] = written.decode()
            return {"return": {"count": len(written)}}
        if name == "guest-exec":
            self._ran = self._run([str(arguments["path"]), *arguments["arg"]], str(arguments.get("input-data", "")))  # type: ignore[misc]
            return {"return": {"pid": 1}}
        return {"return": self._ran} if name == "guest-exec-status" else {"return": {}}

    def _run(self, argv: list[str], given: str) -> dict[str, object]:
        path = argv[-1]
        if argv[0] == "tee" and path != "/read-only":
            self.files[path] = base64.b64decode(given).decode()
        elif argv[0] == "rm":
            self.files.pop(path, None)
        elif path not in self.files:
            said = base64.b64encode(f"{argv[0]}: {path}: No such file or directory\n".encode()).decode()
            return {"exited": True, "exitcode": 1, "err-data": said}
        out = base64.b64encode(self.files.get(path, "").encode()).decode()
        return {"exited": True, "exitcode": 0, "out-data": out}


def hands_of(inside: Inside) -> AgentHands:
    agent = Agent(inside)
    return AgentHands(GUEST, agent, asyncio.run(agent.info()))


@pytest.mark.parametrize("allowed", [FILES, EXEC, (*FILES, *EXEC)])
def test_files_are_read_and_written_by_what_it_allows(allowed: tuple[str, ...]) -> None:
    inside = Inside(allowed, {"/a": "text\n"})
    hands = hands_of(inside)
    assert asyncio.run(hands.read("/a")) == "text\n"
    assert asyncio.run(hands.read("/b")) is None
    asyncio.run(hands.write("/a", "new\n"))
    assert inside.files == {"/a": "new\n"}
    if EXEC[0] in allowed:
        asyncio.run(hands.remove("/a"))
        assert inside.files == {}
    else:
        with pytest.raises(NotAllowed, match="does not run commands"):
            asyncio.run(hands.remove("/a"))


def test_what_cannot_be_written_is_said() -> None:
    with pytest.raises(CrazytrainError, match="/read-only cannot be written: tee: /read-only: No such file"):
        asyncio.run(hands_of(Inside(EXEC, {})).write("/read-only", "x"))


class Libvirt(FakeHost):
    """What libvirt says of the guest before its agent is asked."""

    def __init__(self, state: str = "running", xml: str = CONNECTED, complaint: str = "") -> None:
        super().__init__()
        self.says = {"domstate": f"{state}\n\n", "dumpxml": xml}
        self.complaint = complaint

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        limit_bytes: int,
        interrupt_after_s: float | None = None,
        stdin: bytes | None = None,
        enough: bytes | None = None,
    ) -> Finished:
        del timeout_s, limit_bytes, interrupt_after_s, stdin, enough
        self.ran.append(tuple(argv))
        if argv[4] == "qemu-agent-command" or self.complaint:
            error = f"error: {self.complaint or 'Guest agent is not responding: agent hangs'}\n".encode()
            return Finished(status=1, stdout=b"", stderr=error, outcome=Outcome.OK)
        return Finished(status=0, stdout=self.says[argv[4]].encode(), stderr=b"", outcome=Outcome.OK)


@pytest.mark.parametrize(
    ("host", "guest", "kind", "says", "hint"),
    [
        (Libvirt(state="paused"), GUEST, CrazytrainError, "web01 is paused", "virsh resume web01"),
        (Libvirt(state="pmsuspended"), GUEST, CrazytrainError, "web01 is pmsuspended", "dompmwakeup"),
        (Libvirt(xml=CONNECTED.replace("'connected'", "'disconnected'")), GUEST, MissingTool, "not connected", "qemu-guest-agent"),
        (Libvirt(complaint="Failed to connect socket: Permission denied"), GUEST, NotAllowed, "libvirt does not let", "group libvirt"),
        (Libvirt(), GUEST, CrazytrainError, "agent hangs", "The guest hangs, or its agent does"),
        (FakeHost(), GUEST, MissingTool, "virsh is not installed", "libvirt-clients"),
        (FakeHost(), PLAIN, MissingTool, "without a channel for an agent", "-device virtio-serial"),
    ],
)  # fmt: skip
def test_what_would_not_answer_is_told(
    host: FakeHost, guest: Guest, kind: type[CrazytrainError], says: str, hint: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        asyncio.run(agent_hands(host, guest))
    assert hint in caught.value.hint


def test_nothing_is_asked_of_an_agent_that_could_not_answer() -> None:
    for host in (Libvirt(state="paused"), Libvirt(xml=CONNECTED.replace("'connected'", "'disconnected'"))):
        with pytest.raises(CrazytrainError):
            asyncio.run(agent_hands(host, GUEST))
        assert not [words for words in host.ran if "qemu-agent-command" in words]


def test_an_agent_that_refuses_both_is_told_how_to_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crazytrain.collect.agent_hands.wire_to", lambda *_: Inside((), {}))
    with pytest.raises(NotAllowed, match=r"qemu-ga 7\.2\) refuses files and commands") as caught:
        asyncio.run(agent_hands(Libvirt(), GUEST))
    assert "--block-rpcs" in caught.value.hint


def test_errors_say_the_next_step() -> None:
    ended = AgentLineEnded(Outcome.ABSENT, "QEMU closed the agent's socket")
    gone = agent_error(AgentFailed(ended.outcome, ended.detail, "guest-file-read"), GUEST)
    assert "QEMU closed the agent's socket" in gone.message
    refused = agent_error(AgentFailed(Outcome.DENIED, "guest-exec has been disabled", "guest-exec"), GUEST)
    assert isinstance(refused, NotAllowed)
    assert "--block-rpcs" in refused.hint
