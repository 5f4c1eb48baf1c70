"""A guest's agent (qemu-ga): run a command in the guest, read and write its files, its time. Everything is bounded in time and size.

The agent is the guest's: each answer is checked for its form, and what it holds is hostile until it is escaped. Protocol: QEMU's
qga/qapi-schema.json. Two ways lead to it: libvirt (`AgentByVirsh`; the domain is then marked as tainted: custom-ga-command), and the
socket of a QEMU that nobody manages (`crazytrain.host.agent_socket.AgentSocket`).
"""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from crazytrain.host.agent_socket import AgentLineEnded
from crazytrain.host.door import Host
from crazytrain.model.evidence import Outcome

T = TypeVar("T")
TIMEOUT_S = 5.0
_OUTPUT_TIMEOUT_S = 20.0  # what a command printed comes in one answer, over a line that is slow in a guest that is
_STEP_BYTES = 256 << 10
_LEAST_READS, _LEAST_STEP_BYTES = 16, 16 << 10
_MOST_INTERFACES = 256
_FIRST_POLL_S, _LAST_POLL_S = 0.05, 1.0
_REFUSED = re.compile(r"(?i)has been disabled|not allowed|CommandNotFound|has not been found|not found|disabled")
_NOT_CONNECTED = re.compile(
    r"(?i)agent is not (?:connected|responding|available|configured)|not running|no QEMU guest agent"
)
_ANSWER_LIMIT_BYTES = 32 << 20


class AgentFailed(Exception):
    """The agent did not do what was asked. ``outcome``: ``DENIED`` (it refuses the command), ``ABSENT`` (no agent), ``TIMED_OUT``, ``BROKE``
    (it answered what is no answer), ``TRUNCATED``; ``detail``: its words, or ours; ``command``: what it was asked.
    """

    def __init__(self, outcome: Outcome, detail: str, command: str = "") -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail
        self.command = command


class Wire(Protocol):
    """What leads to an agent."""

    async def ask(self, command: bytes, timeout_s: float) -> bytes:
        """Send a command (JSON) and give its answer (JSON). Raises ``AgentLineEnded``."""
        ...

    def close(self) -> None:
        """Leave it to others."""
        ...


class AgentByVirsh:
    """Asks by ``virsh qemu-agent-command``. ``domain``: name or uuid."""

    def __init__(self, host: Host, domain: str, uri: str = "qemu:///system") -> None:
        self._host = host
        self._domain = domain
        self._uri = uri

    async def ask(self, command: bytes, timeout_s: float) -> bytes:
        """See ``Wire``."""
        words = ("--timeout", str(max(1, round(timeout_s))), "--", self._domain, command.decode())
        argv = ("virsh", "-q", "-c", self._uri, "qemu-agent-command", *words)
        done = await self._host.run(argv, timeout_s=timeout_s + 8.0, limit_bytes=_ANSWER_LIMIT_BYTES)
        if done.outcome is not Outcome.OK:
            raise AgentLineEnded(done.outcome, done.detail or "virsh was ended")
        if done.status:
            raise AgentLineEnded(*_why(done.stderr))
        return done.stdout.strip()

    def close(self) -> None:
        """Nothing is held."""


def _why(stderr: bytes) -> tuple[Outcome, str]:
    said = [line for line in stderr.decode("utf-8", "backslashreplace").splitlines() if line.strip()]
    why = said[-1].removeprefix("error: ") if said else "virsh failed"
    whole = " ".join(said).lower()
    if "timed out" in whole or "not responding" in whole or "not available now" in whole:
        return Outcome.TIMED_OUT, why
    if _NOT_CONNECTED.search(whole) or "failed to get domain" in whole:
        return Outcome.ABSENT, why
    if _REFUSED.search(whole) or any(
        word in whole for word in ("permission denied", "access denied", "authentication")
    ):
        return Outcome.DENIED, why
    return Outcome.ABSENT, why


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A command that ended in the guest. ``status`` ``None``: a signal ended it. ``truncated``: the agent, or our limit, cut its output."""

    status: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool = False


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's version, and the commands that it carries out."""

    version: str
    commands: frozenset[str]

    def lacks(self, *wanted: str) -> tuple[str, ...]:
        """Which of these commands it does not carry out."""
        return tuple(one for one in wanted if one not in self.commands)


class _Error(msgspec.Struct):
    desc: str = ""
    kind: str = msgspec.field(name="class", default="")


class _Answer(msgspec.Struct):
    value: msgspec.Raw = msgspec.field(name="return", default_factory=msgspec.Raw)
    error: _Error | None = None


class _Command(msgspec.Struct):
    name: str
    enabled: bool = True


class _Info(msgspec.Struct):
    version: str = ""
    supported_commands: list[_Command] = []


class _Interface(msgspec.Struct):
    name: str
    address: str = msgspec.field(name="hardware-address", default="")


class _Pid(msgspec.Struct):
    pid: int


class _Status(msgspec.Struct, kw_only=True):
    exited: bool
    exitcode: int | None = None
    out_data: str = msgspec.field(name="out-data", default="")
    err_data: str = msgspec.field(name="err-data", default="")
    out_truncated: bool = msgspec.field(name="out-truncated", default=False)


class _Read(msgspec.Struct, kw_only=True):
    count: int
    buf: str = msgspec.field(name="buf-b64", default="")
    eof: bool = False


class _Seek(msgspec.Struct):
    position: int


class _Written(msgspec.Struct):
    count: int


class Agent:
    """An agent's commands. Each may raise ``AgentFailed``; none takes much longer than its time."""

    def __init__(self, wire: Wire, timeout_s: float = TIMEOUT_S) -> None:
        self._wire = wire
        self._timeout_s = timeout_s

    def close(self) -> None:
        """Leave it to others."""
        self._wire.close()

    async def info(self) -> AgentInfo:
        """What it is and can; a first question, cheap."""
        found = await self._ask("guest-info", {}, _Info)
        return AgentInfo(
            version=found.version[:80],
            commands=frozenset(one.name[:80] for one in found.supported_commands[:500] if one.enabled),
        )

    async def time_ns(self) -> int:
        """The guest's wall-clock time, ns since 1970."""
        return await self._ask("guest-get-time", {}, int)

    async def interfaces(self) -> dict[str, str]:
        """Names of the guest's network interfaces, and their hardware addresses (lower case)."""
        found = await self._ask("guest-network-get-interfaces", {}, list[_Interface])
        return {one.name[:40]: one.address.lower()[:40] for one in found[:_MOST_INTERFACES]}

    async def exec(
        self, argv: Sequence[str], *, timeout_s: float = 20.0, limit_bytes: int = 16 << 20, stdin: bytes | None = None
    ) -> Ran:
        """Run a command in the guest and wait for its end. What still runs after ``timeout_s`` goes on there: an agent cannot end it."""
        arguments: dict[str, object] = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
        if stdin is not None:
            arguments["input-data"] = base64.b64encode(stdin).decode()
        pid = (await self._ask("guest-exec", arguments, _Pid)).pid
        ended = await self._end_of(pid, timeout_s, argv[0])
        out = _decoded(ended.out_data, "guest-exec-status")
        return Ran(
            status=ended.exitcode,
            stdout=out[:limit_bytes],
            stderr=_decoded(ended.err_data, "guest-exec-status")[:limit_bytes],
            truncated=ended.out_truncated or len(out) > limit_bytes,
        )

    async def _end_of(self, pid: int, timeout_s: float, program: str) -> _Status:
        wait_s, waited_s = _FIRST_POLL_S, 0.0
        while True:
            status = await self._ask("guest-exec-status", {"pid": pid}, _Status, _OUTPUT_TIMEOUT_S)
            if status.exited:
                return status
            if waited_s >= timeout_s:
                raise AgentFailed(
                    Outcome.TIMED_OUT, f"{program} did not end within {timeout_s:g} s in the guest", "guest-exec"
                )
            await asyncio.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(2 * wait_s, _LAST_POLL_S)

    async def read_file(self, path: str, limit_bytes: int, *, tail: bool = False) -> tuple[bytes, bool]:
        """A file of the guest, and whether that is all: up to ``limit_bytes`` of it, of its end with ``tail``."""
        handle = await self._ask("guest-file-open", {"path": path, "mode": "r"}, int)
        try:
            begun = await self._seek_tail(handle, limit_bytes) if tail else 0
            data = await self._read(handle, limit_bytes)
        finally:
            await self._close(handle)
        return data[:limit_bytes], begun == 0 and len(data) <= limit_bytes

    async def _seek_tail(self, handle: int, limit_bytes: int) -> int:
        end = (await self._ask("guest-file-seek", {"handle": handle, "offset": 0, "whence": 2}, _Seek)).position
        begin = max(0, end - limit_bytes)
        await self._ask("guest-file-seek", {"handle": handle, "offset": begin, "whence": 0}, _Seek)
        return begin

    async def _read(self, handle: int, limit_bytes: int) -> bytes:
        data = bytearray()
        for _ in range(
            _LEAST_READS + limit_bytes // _LEAST_STEP_BYTES
        ):  # an agent could give a byte at a time for ever
            if len(data) > limit_bytes:
                break
            piece = await self._ask("guest-file-read", {"handle": handle, "count": _STEP_BYTES}, _Read)
            found = _decoded(piece.buf, "guest-file-read")
            data += found[:_STEP_BYTES]
            if piece.eof or not found:
                break
        return bytes(data)

    async def write_file(self, path: str, data: bytes, *, mode: str = "w") -> None:
        """Write a file of the guest, small ones (settings of the kernel) in one piece; ``mode`` as of fopen(3)."""
        handle = await self._ask("guest-file-open", {"path": path, "mode": mode}, int)
        try:
            for begin in range(0, len(data), _STEP_BYTES):
                piece = base64.b64encode(data[begin : begin + _STEP_BYTES]).decode()
                written = await self._ask("guest-file-write", {"handle": handle, "buf-b64": piece}, _Written)
                if written.count != len(data[begin : begin + _STEP_BYTES]):
                    raise AgentFailed(
                        Outcome.TRUNCATED, f"{path}: only {written.count} bytes were written", "guest-file-write"
                    )
            await self._ask("guest-file-flush", {"handle": handle}, msgspec.Raw)
        finally:
            await self._close(handle)

    async def _close(self, handle: int) -> None:
        try:
            await self._ask("guest-file-close", {"handle": handle}, msgspec.Raw)
        except AgentFailed:
            return  # what mattered was said before

    async def _ask(self, name: str, arguments: dict[str, object], wanted: type[T], timeout_s: float = 0.0) -> T:
        question = json.dumps({"execute": name, "arguments": arguments} if arguments else {"execute": name}).encode()
        try:
            line = await self._wire.ask(question, max(self._timeout_s, timeout_s))
        except AgentLineEnded as ended:
            raise AgentFailed(ended.outcome, ended.detail, name) from ended
        try:
            answer = msgspec.json.decode(line.lstrip(b"\xff"), type=_Answer)
            if answer.error is None:
                return msgspec.json.decode(bytes(answer.value), type=wanted)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise AgentFailed(Outcome.BROKE, "what it answered is no answer", name) from error
        refused = (
            _REFUSED.search(f"{answer.error.kind} {answer.error.desc}") and "No such file" not in answer.error.desc
        )
        outcome = Outcome.DENIED if refused or "Permission denied" in answer.error.desc else Outcome.ABSENT
        raise AgentFailed(outcome, answer.error.desc[:300] or "it refused", name)


def _decoded(text: str, command: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AgentFailed(Outcome.BROKE, "what it answered is no base64", command) from error
