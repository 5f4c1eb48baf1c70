"""One conversation with a QMP monitor: connect, ask, leave at once.

QEMU serves one QMP client at a time. Who comes second is connected by the kernel but gets no greeting until the first
one leaves, so every wait here is bounded, and the connection is never kept longer than the questions take.
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from qemu.qmp import ConnectError, QMPClient, QMPError
from qemu.qmp.message import Message

from crazytrain.host.door import Each, MonitorEnded, Pause, Talking, outcome_of
from crazytrain.host.guarding import ResumeGuard
from crazytrain.host.qmp_turn import turn_at
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts.qemu import MONITOR_BUSY

_ANSWER_LIMIT_BYTES = 4 << 20
_TOTAL_LIMIT_BYTES = 16 << 20
_LEAVE_S = 0.5
_MOST_EVENTS = 64
_EVENT_LIMIT_BYTES = 8 << 10
_SOCKETS_LIMIT_BYTES = 4 << 20
# A line of /proc/net/unix: address, reference count, protocol, flags, type, state, inode, path as it was bound. State 02
# waits to be accepted, 03 is connected. A third reference is the client's: with two, the client has gone and QEMU has
# not noticed yet.
_END = re.compile(rb"^[0-9a-f]+: (?P<refs>\w+) \w+ \w+ 0001 (?P<state>0[23]) +\d+ (?P<path>.+)$", re.MULTILINE)
_WITHOUT_CLIENT = b"00000002"


_TURN_S = 4.0  # longer than any of us may hold it, each answer with its timeout


class Manners(NamedTuple):
    """How to ask: see ``Host.converse``."""

    timeout_s: float
    pause_s: float = 0.0
    hold_s: float = 2.0
    each: Each | None = None


class _Stop(MonitorEnded):
    """The conversation ends here, with this outcome."""


async def converse(
    path: str,
    commands: Sequence[bytes],
    *,
    timeout_s: float,
    pause_s: float = 0.0,
    hold_s: float = 2.0,
    each: Each | None = None,
) -> tuple[bytes, Outcome, str]:
    """See ``Host.converse``. Raises nothing that the monitor or the socket does.

    Two of us never queue at one monitor: who waits for his turn has not connected.
    """
    try:
        async with _own_turn(path, timeout_s):
            told, outcome, detail = await _converse(path, commands, Manners(timeout_s, pause_s, hold_s, each))
            if outcome is Outcome.TIMED_OUT:
                turn_at(path).found_hanging(timeout_s, detail)
            return told, outcome, detail
    except _Stop as stop:
        return b"", stop.outcome, stop.detail


@contextlib.asynccontextmanager
async def talking(path: str, *, timeout_s: float) -> AsyncIterator[Talking]:
    """See ``Host.talking``."""
    async with _own_turn(path, timeout_s):
        try:
            async with _connected(path, timeout_s) as talk:
                yield _Held(talk)
        except _Stop as stop:
            if stop.outcome is Outcome.TIMED_OUT:
                turn_at(path).found_hanging(timeout_s, stop.detail)
            raise


@contextlib.asynccontextmanager
async def _own_turn(path: str, timeout_s: float) -> AsyncIterator[None]:
    """Wait for our turn. Who waited while the monitor was found to hang gives up, for it would hang for him, too: unless he
    has more patience than who found it.
    """
    turn = turn_at(path)
    before = len(turn.hung)
    try:
        async with asyncio.timeout(_TURN_S):
            await turn.lock.acquire()
    except TimeoutError as error:
        raise _Stop(Outcome.TIMED_OUT, turn.why_not) from error
    try:
        if any(waited_s >= timeout_s for waited_s in turn.hung[before:]):
            raise _Stop(Outcome.TIMED_OUT, turn.why_not)
        yield
    finally:
        turn.lock.release()


@contextlib.asynccontextmanager
async def _connected(path: str, timeout_s: float) -> "AsyncIterator[_Talk]":
    try:
        line = _connect(path)
    except OSError as error:
        raise _Stop(*_refused(path, error)) from error
    talk = _Talk(path, line, timeout_s)
    try:
        await talk.greet()
        yield talk
    finally:
        await talk.leave()


async def _converse(path: str, commands: Sequence[bytes], manners: Manners) -> tuple[bytes, Outcome, str]:
    try:
        line = _connect(path)
    except OSError as error:
        return b"", *_refused(path, error)
    talk = _Talk(path, line, manners.timeout_s)
    try:
        await talk.greet()
        await talk.ask_all(commands, manners)
        ended = Outcome.OK, ""
    except _Stop as stop:
        ended = stop.outcome, stop.detail
    finally:
        await talk.leave()
    talk.keep_events()
    return bytes(talk.lines), *ended


def _connect(path: str) -> socket.socket:
    """Connect without waiting. The way over /proc/self/fd lets the path be longer than the 107 bytes of an address."""
    at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            line.connect(f"/proc/self/fd/{at}")
        except OSError:
            line.close()
            raise
    finally:
        os.close(at)
    return line


def _refused(path: str, error: OSError) -> tuple[Outcome, str]:
    if isinstance(error, BlockingIOError):
        return Outcome.TIMED_OUT, f"too many wait for a greeting: {_why_nobody_is_served(_others(path, None))}"
    outcome, detail = outcome_of(error)
    return outcome, f"{detail}: nothing listens there" if isinstance(error, ConnectionRefusedError) else detail


def _why_nobody_is_served(others: bool | None) -> str:
    if others is None:
        return "QEMU hangs, or it serves another client"
    return MONITOR_BUSY if others else "no other client is connected, so QEMU hangs or is stopped"


class _Talk:
    """A client, its socket and what was answered so far."""

    def __init__(self, path: str, line: socket.socket, timeout_s: float) -> None:
        self.path = path
        self.line = line
        self.timeout_s = timeout_s
        self.client = QMPClient(readbuflen=_ANSWER_LIMIT_BYTES)
        self.client.logger = logging.Logger("qmp", logging.CRITICAL + 1)  # noqa: LOG001 - one that says nothing
        self.connecting: asyncio.Task[None] | None = None
        self.connected = False
        self.lines = bytearray()
        self.events_kept = 0
        self.left_to_guard = False

    async def greet(self) -> None:
        """Wait for the greeting and negotiate. Who does not greet in time is looked up before we hang up."""
        self.connecting = asyncio.create_task(self.client.connect(self.line))
        await asyncio.wait({self.connecting}, timeout=self.timeout_s)
        if not self.connecting.done():
            raise _Stop(Outcome.TIMED_OUT, self._why_silent())
        try:
            self.connecting.result()
        except ConnectError as error:
            raise _Stop(*_no_session(error)) from error
        self.connected = True

    def _why_silent(self) -> str:
        if self.client.greeting is not None:
            return f"greeted, but no answer within {self.timeout_s:g} s: QEMU's main loop does not come round"
        why = _why_nobody_is_served(_others(self.path, self.line))
        return f"no greeting within {self.timeout_s:g} s: {why}"

    async def ask_all(self, commands: Sequence[bytes], manners: Manners) -> None:
        leave_at_s = time.monotonic() + manners.hold_s
        for number, command in enumerate(commands):
            left = f"left after {number} of {len(commands)} questions"
            if time.monotonic() > leave_at_s:
                raise _Stop(Outcome.TRUNCATED, f"{left}: the answers took too long")
            if len(self.lines) > _TOTAL_LIMIT_BYTES:
                raise _Stop(Outcome.TRUNCATED, f"{left}: the answers were too long")
            if number and manners.pause_s:
                await asyncio.sleep(manners.pause_s)
            line = await self.ask(Message(command))
            if manners.each:
                manners.each(line)

    async def ask(self, message: Message) -> bytes:
        asked_ns = time.monotonic_ns()
        try:
            async with asyncio.timeout(self.timeout_s):
                # Without an id, for QEMU reads each byte of a question by itself, and we ask one question at a time.
                reply = await self.client._raw(message, assign_id=False)  # noqa: SLF001 - execute_msg() puts one in
        except TimeoutError as error:
            late = f"no answer to {message.get('execute')} within {self.timeout_s:g} s"
            raise _Stop(Outcome.TIMED_OUT, f"{late}: QEMU's main loop does not come round") from error
        except QMPError as error:
            raise _Stop(*await self._interrupted()) from error
        took_ns = time.monotonic_ns() - asked_ns
        told = {**message, **_answer(reply), "mono_ns": asked_ns, "took_ns": took_ns}
        self.keep_events()
        line = json.dumps(told).encode()
        self.lines += line + b"\n"
        return line

    def keep_events(self) -> None:
        """Write down what QEMU said unasked while we were connected: few lines, for the connection is short."""
        heard = self.client.events.history[self.events_kept : _MOST_EVENTS]
        self.events_kept += len(heard)
        for event in heard:
            line = json.dumps({**event, "mono_ns": time.monotonic_ns()}).encode()
            self.lines += line + b"\n" if len(line) <= _EVENT_LIMIT_BYTES else b""

    async def _interrupted(self) -> tuple[Outcome, str]:
        error = await self.leave()
        if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
            return Outcome.TRUNCATED, f"an answer is longer than {_ANSWER_LIMIT_BYTES >> 20} MiB"
        if isinstance(error, QMPError | UnicodeError | RecursionError):
            return Outcome.BROKE, f"an answer is no QMP: {type(error).__name__}"
        return Outcome.ABSENT, "QEMU closed the connection"

    async def leave(self) -> BaseException | None:
        """Hang up and return what had ended the session before, if anything did.

        Never waits for QEMU: our end is shut first.
        """
        if self.connecting is None:
            self.line.close()
            return None
        connecting, self.connecting = self.connecting, None
        try:
            return await self._hang_up(connecting)
        finally:
            self.line.close()

    async def _hang_up(self, connecting: asyncio.Task[None]) -> BaseException | None:
        if not connecting.done():
            connecting.cancel()
        await asyncio.wait({connecting}, timeout=_LEAVE_S)
        if not self.connected:
            return connecting.exception() if connecting.done() and not connecting.cancelled() else None
        with contextlib.suppress(OSError):  # QEMU was faster
            if not self.left_to_guard:
                self.line.shutdown(socket.SHUT_RDWR)
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self.client.disconnect()
        except (QMPError, OSError, EOFError, ValueError, RecursionError) as error:
            return error
        return None


class _Held:
    """A connection that is kept for some questions."""

    def __init__(self, talk: _Talk) -> None:
        self._talk = talk
        self._heard = 0

    async def ask(self, command: bytes) -> bytes:
        """See ``Talking.ask``."""
        self._talk.lines.clear()
        await self._talk.ask(Message(command))
        return bytes(self._talk.lines)

    def heard(self) -> tuple[str, ...]:
        """See ``Talking.heard``."""
        history = self._talk.client.events.history
        fresh, self._heard = history[self._heard :], len(history)
        return tuple(str(event.get("event", "")) for event in fresh)

    @contextlib.asynccontextmanager
    async def guarded(self) -> AsyncIterator[Pause]:
        """See ``Talking.guarded``."""
        try:
            guard = ResumeGuard(self._talk.line)
        except OSError as error:
            raise _Stop(*outcome_of(error)) from error
        try:
            await guard.ready()
            yield _Guarded(self._talk, guard)
        finally:
            self._talk.left_to_guard = not guard.close()


class _Guarded:
    """A guard; while it is armed, our end of the connection is never shut, for its copy would be shut with it."""

    def __init__(self, talk: _Talk, guard: ResumeGuard) -> None:
        self._talk = talk
        self._guard = guard

    def arm(self, within_s: float) -> None:
        """See ``Pause.arm``."""
        self._guard.arm(within_s)
        self._talk.left_to_guard = True

    def disarm(self) -> None:
        """See ``Pause.disarm``."""
        self._guard.disarm()
        self._talk.left_to_guard = False


def _answer(reply: Message) -> dict[str, object]:
    """What was answered: ``return`` or ``error``."""
    if "return" in reply:
        return {"return": reply["return"]}
    error = reply.get("error")
    if not isinstance(error, dict):
        raise _Stop(Outcome.BROKE, "an answer is no QMP: it holds neither return nor error")
    return {"error": {name: str(error.get(name, "")) for name in ("class", "desc")}}


def _no_session(error: ConnectError) -> tuple[Outcome, str]:
    if isinstance(error.exc, EOFError | ConnectionError):
        return Outcome.ABSENT, "QEMU closed the connection before it greeted"
    if isinstance(error.exc, OSError):
        return outcome_of(error.exc)
    return Outcome.BROKE, "what answers there does not speak QMP"


def _others(path: str, line: socket.socket | None) -> bool | None:
    """Whether another client is served at ``path``; ``None`` where that cannot be seen. ``line`` is our own connection."""
    for listing in _listings(line):
        try:
            with Path(listing).open("rb") as file:
                ends = list(_ends(file.read(_SOCKETS_LIMIT_BYTES), path))
        except OSError:
            continue
        if ends:
            # Ours is among them: 02 while QEMU has not accepted it, 03 after.
            return ends.count(b"03") > (1 if line and b"02" not in ends else 0)
    return None


def _listings(line: socket.socket | None) -> Iterator[str]:
    """Where to look: QEMU's network namespace may be another one; a connected socket knows the process it leads to."""
    if line:
        yield f"/proc/{struct.unpack('3i', line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]}/net/unix"
    yield "/proc/net/unix"


def _ends(listing: bytes, path: str) -> Iterator[bytes]:
    """The states of the server-side ends at ``path`` (bound by a relative name or in another root); empty: no client."""
    for found in _END.finditer(listing):
        bound = os.fsdecode(found["path"]).removeprefix("./")
        if path == bound or path.endswith("/" + bound.lstrip("/")):
            yield b"" if found["refs"] == _WITHOUT_CLIENT else found["state"]
