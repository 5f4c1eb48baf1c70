"""The guest agent's client against agents that answer, refuse, lie and hang."""

import asyncio
import base64
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.collect.agent import Agent, AgentByVirsh, AgentFailed
from crazytrain.collect.agent_ways import wire_to
from crazytrain.collect.chardevs import agents
from crazytrain.host.agent_socket import AgentLineEnded, AgentSocket
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager, ProcessId

Reply = Callable[[str, dict[str, object]], object]
_GUEST = Guest(process=ProcessId(pid=4711, start_ticks=1), name="web01")


class Refuses(Exception):
    """The agent answers with an error."""


class TestAgent:
    """An agent in a process of its own would be the same: it answers a line with a line."""

    __test__ = False

    def __init__(self, reply: Reply, before: bytes = b"") -> None:
        self._reply = reply
        self._before = before
        self.asked: list[str] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "qga")
            server = await asyncio.start_unix_server(self._serve, path)
            async with server:
                yield path

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._before)
        try:
            while line := await reader.readline():
                asked = json.loads(line.lstrip(b"\xff"))
                writer.write(self._answer(asked["execute"], asked.get("arguments", {})))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _answer(self, name: str, arguments: dict[str, object]) -> bytes:
        self.asked.append(name)
        if name == "guest-sync-delimited":
            return b"\xff" + json.dumps({"return": arguments["id"]}).encode() + b"\n"
        try:
            said = self._reply(name, arguments)
        except Refuses as refused:
            kind, _, words = str(refused).partition(": ")
            return json.dumps({"error": {"class": kind, "desc": words}}).encode() + b"\n"
        return said if isinstance(said, bytes) else json.dumps({"return": said}).encode() + b"\n"


def talk(
    reply: Reply, then: Callable[[Agent], Awaitable[object]], before: bytes = b"", timeout_s: float = 20.0
) -> object:
    async def whole() -> object:
        async with TestAgent(reply, before).listening() as path:
            agent = Agent(AgentSocket(path), timeout_s)
            try:
                return await then(agent)
            finally:
                agent.close()

    return asyncio.run(whole())


def failed(reply: Reply, then: Callable[[Agent], Awaitable[object]], timeout_s: float = 20.0) -> AgentFailed:
    with pytest.raises(AgentFailed) as caught:
        talk(reply, then, timeout_s=timeout_s)
    return caught.value


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_what_it_can() -> None:
    commands = [
        {"name": "guest-exec", "enabled": True, "success-response": True},
        {"name": "guest-file-open", "enabled": False},
    ]
    info = talk(lambda *_: {"version": "7.2", "supported_commands": commands}, lambda agent: agent.info())
    assert info.version == "7.2"  # type: ignore[attr-defined]
    assert info.lacks("guest-exec", "guest-file-open") == ("guest-file-open",)  # type: ignore[attr-defined]


def test_answers_that_are_left_of_somebody_else_are_passed_over() -> None:
    before = b'{"return": {"pid": 9}}\n{"half'
    assert talk(lambda *_: 7, lambda agent: agent.time_ns(), before=before) == 7


def test_a_command_is_run_and_waited_for() -> None:
    left = [
        {"exited": False},
        {"exited": False},
        {"exited": True, "exitcode": 3, "out-data": b64(b"out\n"), "err-data": b64(b"err")},
    ]

    def reply(name: str, arguments: dict[str, object]) -> object:
        if name == "guest-exec":
            assert arguments == {"path": "journalctl", "arg": ["-n", "1"], "capture-output": True}
            return {"pid": 12}
        return left.pop(0)

    ran = talk(reply, lambda agent: agent.exec(("journalctl", "-n", "1")))
    assert (ran.status, ran.stdout, ran.stderr, ran.truncated) == (3, b"out\n", b"err", False)  # type: ignore[attr-defined]


def test_a_command_that_never_ends_is_left() -> None:
    error = failed(
        lambda name, _: {"pid": 1} if name == "guest-exec" else {"exited": False},
        lambda agent: agent.exec(("sleep",), timeout_s=0.2),
    )
    assert error.outcome is Outcome.TIMED_OUT
    assert "sleep did not end" in error.detail


def test_output_has_a_limit() -> None:
    done = {"exited": True, "exitcode": 0, "out-data": b64(b"x" * 1000)}
    ran = talk(
        lambda name, _: {"pid": 1} if name == "guest-exec" else done, lambda agent: agent.exec(("x",), limit_bytes=100)
    )
    assert (len(ran.stdout), ran.truncated) == (100, True)  # type: ignore[attr-defined]


class Files:
    """Files of a guest, as the agent gives them."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0
        self.closed = 0

    def __call__(self, name: str, arguments: dict[str, object]) -> object:
        if name == "guest-file-open":
            if arguments["path"] != "/var/log/syslog":
                raise Refuses("GenericError: failed to open file: No such file or directory")
            return 1000
        if name == "guest-file-seek":
            offset = arguments["offset"]
            assert isinstance(offset, int)
            self.at = offset if arguments["whence"] == 0 else len(self.content) + offset
            return {"position": self.at, "eof": False}
        if name == "guest-file-read":
            piece = self.content[self.at : self.at + 1000]
            self.at += len(piece)
            return {"count": len(piece), "buf-b64": b64(piece), "eof": self.at >= len(self.content)}
        self.closed += name == "guest-file-close"
        return {}


def test_a_file_is_read_and_closed() -> None:
    files = Files(os.urandom(5500))
    assert talk(files, lambda agent: agent.read_file("/var/log/syslog", 1 << 20)) == (files.content, True)
    assert files.closed == 1
    assert talk(files, lambda agent: agent.read_file("/var/log/syslog", 1500, tail=True)) == (
        files.content[-1500:],
        False,
    )


def test_a_file_that_is_not_there() -> None:
    error = failed(Files(b""), lambda agent: agent.read_file("/nowhere", 100))
    assert error.outcome is Outcome.ABSENT
    assert "No such file" in error.detail


def test_a_file_without_end_has_one_here() -> None:
    asked = []

    def reply(name: str, _: dict[str, object]) -> object:
        asked.append(name)
        return {"guest-file-open": 1, "guest-file-read": {"count": 1, "buf-b64": b64(b"x"), "eof": False}}.get(name, {})

    found = talk(reply, lambda agent: agent.read_file("/x", 1 << 20))
    assert isinstance(found, tuple)
    assert len(found[0]) < 200
    assert len(asked) < 200


def test_a_file_is_written() -> None:
    written = []

    def reply(name: str, arguments: dict[str, object]) -> object:
        if name == "guest-file-write":
            written.append(base64.b64decode(str(arguments["buf-b64"])))
            return {"count": len(written[-1]), "eof": False}
        return 7 if name == "guest-file-open" else {}

    talk(reply, lambda agent: agent.write_file("/sys/x", b"acpi_pm", mode="r+"))
    assert written == [b"acpi_pm"]


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("CommandNotFound: The command guest-exec has not been found", Outcome.DENIED),
        ("GenericError: Command guest-exec has been disabled", Outcome.DENIED),
        ("GenericError: Failed to execute child process “x” (No such file or directory)", Outcome.ABSENT),
        ("GenericError: failed to open file '/x' (mode: 'r'): Permission denied", Outcome.DENIED),
    ],
)
def test_a_refusal_is_told_apart_from_what_is_not_there(words: str, outcome: Outcome) -> None:
    def reply(*_: object) -> object:
        raise Refuses(words)

    assert failed(reply, lambda agent: agent.exec(("x",))).outcome is outcome


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\n",
        b'{"return": "no number"}\n',
        b'{"return": {"pid": "x"}}\n',
        b'{"neither": 1}\n',
        b"[" * 100_000 + b"\n",
        b'{"return": {"pid": 1}}\xff\xfe\n',
        b"\n",
        b'{"return": null}\n',
    ],
)
def test_an_answer_that_is_none_is_told(answer: bytes) -> None:
    error = failed(lambda *_: answer, lambda agent: agent.exec(("x",)))
    assert error.outcome is Outcome.BROKE


def test_base64_that_is_none() -> None:
    done = {"exited": True, "exitcode": 0, "out-data": "***"}
    assert (
        failed(lambda name, _: {"pid": 1} if name == "guest-exec" else done, lambda a: a.exec(("x",))).outcome
        is Outcome.BROKE
    )


@given(st.binary(max_size=200))
def test_any_answer_is_a_failure_or_a_value(answer: bytes) -> None:
    class Says:
        async def ask(self, command: bytes, timeout_s: float) -> bytes:
            del command, timeout_s
            return answer

        def close(self) -> None:
            pass

    async def asked() -> None:
        try:
            await Agent(Says()).info()
        except AgentFailed:
            return

    asyncio.run(asked())


def test_an_agent_that_hangs_is_late() -> None:
    async def silent(path: str) -> AgentFailed:
        agent = Agent(AgentSocket(path), timeout_s=0.3)
        with pytest.raises(AgentFailed) as caught:
            await agent.info()
        agent.close()
        return caught.value

    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/s")
        listening.listen()
        error = asyncio.run(silent(f"{folder}/s"))
    assert error.outcome is Outcome.TIMED_OUT


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crazytrain.host.agent_socket.ANSWER_LIMIT_BYTES", 100_000)
    error = failed(lambda *_: b"x" * 200_000 + b"\n", lambda agent: agent.info())
    assert error.outcome is Outcome.TRUNCATED


def test_no_socket() -> None:
    async def asked() -> None:
        await AgentSocket("/nowhere/qga").ask(b"{}", 1.0)

    with pytest.raises(AgentLineEnded) as caught:
        asyncio.run(asked())
    assert caught.value.outcome is Outcome.ABSENT


@pytest.mark.parametrize(
    ("stderr", "outcome"),
    [
        (b"error: Guest agent is not responding: QEMU guest agent is not connected\n", Outcome.TIMED_OUT),
        (b"error: argument unsupported: QEMU guest agent is not configured\n", Outcome.ABSENT),
        (
            b"error: internal error: unable to execute QEMU agent command 'guest-exec': Command guest-exec has been disabled\n",
            Outcome.DENIED,
        ),
        (
            b"error: failed to connect to the hypervisor\nerror: authentication unavailable: no polkit agent\n",
            Outcome.DENIED,
        ),
        (b"error: Requested operation is not valid: domain is not running\n", Outcome.ABSENT),
    ],
)
def test_what_virsh_says_of_the_agent(stderr: bytes, outcome: Outcome) -> None:
    host = FakeHost()
    host.commands["virsh"] = Finished(status=1, stdout=b"", stderr=stderr, outcome=Outcome.OK)
    with pytest.raises(AgentFailed) as caught:
        asyncio.run(Agent(AgentByVirsh(host, "web01")).info())
    assert caught.value.outcome is outcome


def test_virsh_answers() -> None:
    host = FakeHost()
    host.commands["virsh"] = Finished(status=0, stdout=b'{"return":12}\n\n', stderr=b"", outcome=Outcome.OK)
    assert asyncio.run(Agent(AgentByVirsh(host, "web01")).time_ns()) == 12
    assert host.ran[0][:5] == ("virsh", "-q", "-c", "qemu:///system", "qemu-agent-command")


CHANNEL = (
    "qemu-system-x86_64", "-chardev", "socket,path=/run/qga.sock,server=on,wait=off,id=qga0",
    "-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0",
)  # fmt: skip


def test_the_channel_on_the_command_line() -> None:
    assert [one.path for one in agents(CHANNEL)] == ["/run/qga.sock"]
    assert agents(("qemu-system-x86_64",)) == ()
    as_json = '{"driver":"virtserialport","chardev":"qga0","id":"c","name":"org.qemu.guest_agent.0"}'
    assert [one.path for one in agents((*CHANNEL[:4], as_json))] == ["/run/qga.sock"]


def test_the_way_to_an_agent() -> None:
    plain = msgspec.structs.replace(_GUEST, command_line=CHANNEL)
    assert isinstance(wire_to(FakeHost(), plain), AgentSocket)
    assert isinstance(wire_to(FakeHost(), msgspec.structs.replace(plain, manager=Manager.LIBVIRT)), AgentByVirsh)
    with pytest.raises(AgentFailed, match="without a channel"):
        wire_to(FakeHost(), _GUEST)
