"""One conversation with a guest agent (qemu-ga) over its plain socket on the host: a line of JSON each way, no greeting.

The agent may still hold answers of somebody who left: first both sides are brought together by ``guest-sync-delimited``, whose answer begins
with the byte 0xFF. Only one at a time is served; who else is connected is not told. What comes back is the guest's and not to be trusted.
"""

import asyncio
import contextlib
import os
import secrets
import socket

from crazytrain.host.door import outcome_of
from crazytrain.model.evidence import Outcome

ANSWER_LIMIT_BYTES = 32 << 20
_SENTINEL = b"\xff"
_STEP = 64 << 10


class AgentLineEnded(Exception):
    """The conversation ended, or never began: the outcome, and why in plain words."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class AgentSocket:
    """Asks an agent over a socket of QEMU's. Connects with the first question; ``close`` it at the end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._line: socket.socket | None = None
        self._rest = b""

    async def ask(self, command: bytes, timeout_s: float) -> bytes:
        """Send a line of JSON and give the line that answers it. Raises ``AgentLineEnded``; the next question connects anew."""
        try:
            async with asyncio.timeout(timeout_s):
                if self._line is None:
                    await self._begin()
                await self._send(command + b"\n")
                return await self._answer()
        except TimeoutError as error:
            self.close()
            raise AgentLineEnded(
                Outcome.TIMED_OUT, f"no answer within {timeout_s:g} s: the agent does not run, or the guest hangs"
            ) from error
        except OSError as error:
            self.close()
            raise AgentLineEnded(*outcome_of(error)) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up. The agent's answer to a question that was given up on is told apart by the next sync."""
        if self._line is not None:
            self._line.close()
        self._line, self._rest = None, b""

    async def _begin(self) -> None:
        self._line = _connected(self._path)
        number = secrets.randbelow(1 << 31)
        await self._send(_SENTINEL + b'{"execute":"guest-sync-delimited","arguments":{"id":%d}}\n' % number)
        expected = b'"return": %d' % number, b'"return":%d' % number
        while True:
            line = await self._answer()
            told = line.rpartition(_SENTINEL)[2]
            if any(one in told for one in expected):
                return

    async def _send(self, data: bytes) -> None:
        if self._line is not None:
            await asyncio.get_running_loop().sock_sendall(self._line, data)

    async def _answer(self) -> bytes:
        pieces, size = [self._rest], len(self._rest)
        while b"\n" not in pieces[-1]:
            data = await asyncio.get_running_loop().sock_recv(self._line, _STEP) if self._line else b""
            if not data:
                raise AgentLineEnded(Outcome.ABSENT, "QEMU closed the agent's socket")
            pieces.append(data)
            size += len(data)
            if size > ANSWER_LIMIT_BYTES:
                raise AgentLineEnded(Outcome.TRUNCATED, f"an answer is longer than {ANSWER_LIMIT_BYTES >> 20} MiB")
        line, _, self._rest = b"".join(pieces).partition(b"\n")
        return line


def _connected(path: str) -> socket.socket:
    """Connect without waiting. The way over /proc/self/fd lets the path be longer than the 107 bytes of an address."""
    at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            line.connect(f"/proc/self/fd/{at}")
        except OSError:
            with contextlib.suppress(OSError):
                line.close()
            raise
    finally:
        os.close(at)
    return line
