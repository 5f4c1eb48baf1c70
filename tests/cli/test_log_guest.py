"""A guest's own log by an agent that has a journal, has only files, refuses, or lies."""

import asyncio
import base64
import gzip
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crazytrain.cli.log_guest import Fetched, error_of, fetched
from crazytrain.collect.agent import Agent, AgentFailed
from crazytrain.host.agent_socket import AgentSocket
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.errors import CrazytrainError, MissingTool, NotAllowed
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager, ProcessId
from tests.logs_made import renewals
from tests.support import skip_real

PLAIN = Guest(process=ProcessId(pid=4711, start_ticks=1), name="web01", manager=Manager.PLAIN)
_ALL = (
    "guest-exec",
    "guest-exec-status",
    "guest-file-open",
    "guest-file-read",
    "guest-file-seek",
    "guest-file-close",
    "guest-get-time",
)
LOG = renewals(200)
_LIMIT_S = 60.0


class Wire:
    """An agent without a guest: a journal, files, what it allows."""

    def __init__(
        self, journal: bytes | None = None, files: dict[str, bytes] | None = None, allowed: tuple[str, ...] = _ALL
    ) -> None:
        self.journal = journal
        self.files = files or {}
        self.allowed = allowed
        self.output: bytes | None = None
        self.asked: list[str] = []
        self.ahead_ns = 0
        self.host: FakeHost | None = None
        self._read = b""

    async def ask(self, command: bytes, timeout_s: float) -> bytes:
        del timeout_s
        asked = json.loads(command)
        name = asked["execute"]
        self.asked.append(name)
        if name != "guest-info" and name not in (*self.allowed, "guest-network-get-interfaces"):
            return b'{"error": {"class": "CommandNotFound", "desc": "Command %b has been disabled"}}' % name.encode()
        answer = self._answer(name, asked.get("arguments", {}))
        return json.dumps(answer).encode()

    def close(self) -> None:
        pass

    def _printed(self) -> bytes:
        """What the script in the guest does: ``tail -c | gzip | head -c``."""
        if self.output is not None:
            return self.output
        most = (16 << 20, 3_500_000)[self.asked.count("guest-exec") - 1]
        return gzip.compress((self.journal or b"")[-most:], 1)[:2_900_000]

    def _answer(self, name: str, arguments: dict[str, object]) -> dict[str, object]:
        if name == "guest-info":
            return {
                "return": {
                    "version": "7.2",
                    "supported_commands": [{"name": one, "enabled": True} for one in self.allowed],
                }
            }
        if name == "guest-get-time":
            assert self.host
            return {"return": self.host.wall_ns() + self.ahead_ns}
        if name == "guest-exec" and self.journal is None:
            return {
                "error": {
                    "class": "GenericError",
                    "desc": "Failed to execute child process (No such file or directory)",
                }
            }
        if name == "guest-exec-status":
            return {
                "return": {
                    "exited": True,
                    "exitcode": 0,
                    "out-data": base64.b64encode(gzip.compress(self.journal or b"")).decode(),
                }
            }
        if name == "guest-file-open":
            path = str(arguments["path"])
            if path not in self.files:
                return {"error": {"class": "GenericError", "desc": "failed to open file: No such file or directory"}}
            self._read = self.files[path]
            return {"return": 1}
        if name == "guest-file-read":
            data, self._read = self._read, b""
            return {"return": {"count": len(data), "buf-b64": base64.b64encode(data).decode(), "eof": True}}
        more: dict[str, object] = {
            "guest-exec": {"pid": 1},
            "guest-file-seek": {"position": 0, "eof": False},
            "guest-network-get-interfaces": [{"name": "enp1s0", "hardware-address": "52:54:00:A1:B2:C3"}],
        }
        return {"return": more.get(name, {})}


def fetch(wire: Wire, guest: Guest = PLAIN, host: FakeHost | None = None) -> Fetched:
    wire.host = host or FakeHost()
    return asyncio.run(fetched(wire.host, guest, Agent(wire)))


def test_the_journal_first() -> None:
    found = fetch(Wire(journal=LOG, files={"/var/log/syslog": b"other\n"}))
    assert [one.data for one in found.inputs] == [LOG]
    assert found.inputs[0].name == "web01: its journal"
    assert found.notes == ()


def test_a_journal_that_is_too_long_gives_its_newest_lines() -> None:
    found = fetch(Wire(journal=b"one line of it, which is of the middling sort\n" * 500_000))
    (only,) = found.inputs
    assert only.data is not None
    assert (16 << 20) - 100 < len(only.data) < 16 << 20
    assert only.data.startswith(b"one line")
    assert found.notes == ("the last 16.0 MiB of the guest's journal",)


def test_a_journal_that_does_not_pack_is_asked_for_again_and_less_of_it() -> None:
    wire = Wire(journal=b"".join(base64.b64encode(os.urandom(60)) + b"\n" for _ in range(100_000)))
    (only,) = fetch(wire).inputs
    assert only.data is not None
    assert 2_000_000 < len(only.data) < 3_500_000
    assert wire.asked.count("guest-exec") == 2


def test_bytes_that_were_not_packed_are_no_journal() -> None:
    wire = Wire(journal=b"", files={"/var/log/messages": LOG})
    wire.output = b"\0" * 100
    assert [one.data for one in fetch(wire).inputs] == [LOG]


def test_files_where_there_is_no_journal() -> None:
    found = fetch(Wire(files={"/var/log/syslog.1": b"before\n", "/var/log/syslog": LOG}))
    assert [one.name for one in found.inputs] == ["web01:/var/log/syslog.1", "web01:/var/log/syslog"]
    assert any("no journal" in note for note in found.notes)


def test_files_where_commands_are_not_allowed() -> None:
    found = fetch(Wire(files={"/var/log/messages": LOG}, allowed=_ALL[2:]))
    assert [one.data for one in found.inputs] == [LOG]
    assert any("guest-exec" in note for note in found.notes)


def test_an_agent_that_allows_nothing_is_told() -> None:
    with pytest.raises(AgentFailed) as caught:
        fetch(Wire(allowed=()))
    assert caught.value.outcome is Outcome.DENIED


def test_a_guest_without_any_log() -> None:
    with pytest.raises(AgentFailed) as caught:
        fetch(Wire())
    assert caught.value.outcome is Outcome.ABSENT


def test_a_clock_that_is_ahead() -> None:
    wire = Wire(journal=LOG)
    wire.ahead_ns = 90 * 10**9
    found = fetch(wire)
    assert found.ahead_s is not None
    assert round(found.ahead_s) == 90
    assert any("90.0 s ahead" in note for note in found.notes)


@pytest.mark.parametrize(
    ("outcome", "command", "manager", "error", "says"),
    [
        (Outcome.TIMED_OUT, "guest-info", Manager.LIBVIRT, MissingTool, "restart qemu-guest-agent"),
        (Outcome.DENIED, "guest-info", Manager.LIBVIRT, NotAllowed, "the group libvirt"),
        (Outcome.DENIED, "guest-file-open", Manager.LIBVIRT, NotAllowed, "BLACKLIST_RPC"),
        (Outcome.DENIED, "guest-info", Manager.PLAIN, NotAllowed, "BLACKLIST_RPC"),
        (Outcome.ABSENT, "guest-info", Manager.LIBVIRT, MissingTool, "install qemu-guest-agent"),
    ],
)
def test_what_is_in_the_way_is_told_with_the_next_step(
    outcome: Outcome, command: str, manager: Manager, error: type[CrazytrainError], says: str
) -> None:
    guest = Guest(process=ProcessId(pid=4711, start_ticks=1), name="web01", manager=manager)
    told = error_of(AgentFailed(outcome, "it says so", command), guest)
    assert isinstance(told, error)
    assert says in told.hint
    assert "web01" in told.message


_ON_NETWORK = b" vnet0   network   default   virtio   52:54:00:a1:b2:c3\n"
_ON_BRIDGE = b" vnet1   bridge   br0   virtio   52:54:00:a1:b2:c4\n"


@pytest.mark.parametrize(
    ("listing", "known"),
    [
        (_ON_NETWORK + _ON_BRIDGE, {"enp1s0": "default"}),
        (_ON_NETWORK, {"enp1s0": "default", "": "default"}),  # udhcpc's lines name no interface
        (_ON_BRIDGE, {}),
        (b"\n", {}),
    ],
)
def test_the_network_of_an_interface_by_its_address(listing: bytes, known: dict[str, str]) -> None:
    host = FakeHost()
    host.commands["virsh"] = Finished(status=0, stdout=listing, stderr=b"", outcome=Outcome.OK)
    guest = Guest(process=ProcessId(pid=4711, start_ticks=1), name="web01", manager=Manager.LIBVIRT)
    assert fetch(Wire(journal=LOG), guest, host).networks == known


@pytest.mark.real
def test_a_real_agent_runs_commands_and_gives_files() -> None:
    """qemu-ga itself, on this machine instead of in a guest: it speaks over a socket, too."""
    program = shutil.which("qemu-ga") or "/usr/sbin/qemu-ga"
    if not Path(program).exists():
        skip_real("qemu-ga is not installed (package qemu-guest-agent)")
    with tempfile.TemporaryDirectory() as folder:
        command = (program, "-m", "unix-listen", "-p", f"{folder}/s", "-t", folder)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _until(lambda: Path(folder, "s").exists())
                asyncio.run(_asked(folder))
            finally:
                process.terminate()


async def _asked(folder: str) -> None:
    agent = Agent(AgentSocket(f"{folder}/s"))
    assert not (await agent.info()).lacks("guest-exec", "guest-file-open")
    assert abs(await agent.time_ns() - time.time_ns()) < 60e9
    ran = await agent.exec(("sh", "-c", "echo out; echo err >&2; exit 4"))
    assert (ran.status, ran.stdout, ran.stderr) == (4, b"out\n", b"err\n")
    await agent.write_file(f"{folder}/log", LOG * 20)
    assert await agent.read_file(f"{folder}/log", 1 << 20) == (LOG * 20, True)
    assert await agent.read_file(f"{folder}/log", 1000, tail=True) == (LOG[-1000:], False)
    with pytest.raises(AgentFailed, match="No such file"):
        await agent.read_file(f"{folder}/nothing", 10)
    agent.close()


def _until(there: Callable[[], bool]) -> None:
    end_s = time.monotonic() + _LIMIT_S
    while not there():
        assert time.monotonic() < end_s
        time.sleep(0.02)
