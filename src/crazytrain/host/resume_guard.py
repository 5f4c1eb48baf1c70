"""A process of its own that lets a paused guest run on when who paused it can no longer: killed, stopped, or stuck.

Run by its path with two descriptors: the monitor's connection (a copy: QEMU serves one client at a time), and the end of a pipe.
What comes through the pipe: ``b"S"`` and 4 bytes, "I may pause now; if I do not say otherwise within so many ms, take over"; and
``b"R"`` and 4 bytes, "it runs on, or it is no longer mine to resume". The pipe's end means that its other side has gone.

It asks the monitor before it acts: only a guest that is paused (not one that migrated, broke, or already runs) is resumed. It
imports nothing of ours, so that it starts at once and needs nothing later.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time

MESSAGE_BYTES = 5
ARM, DISARM = b"S", b"R"
_ID = "crazytrain-resume"
_MOST_LINE_BYTES = 16 << 20
_LATE_S = 0.5
_DEAF_TO = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGPIPE")


class _Closed(Exception):
    """QEMU has closed the connection: it ended, or somebody shut the line."""


class _Silent(Exception):
    """No answer came: who was late may read what is meant for us."""


class _Monitor:
    """The connection; what the other side left unread comes first and is skipped. ``answer_s``: how long to wait, ``None`` without end."""

    def __init__(self, line: socket.socket, answer_s: float | None) -> None:
        self._line = line
        self._answer_s = answer_s
        self._unread = b""
        self._asked = 0

    def ask(self, command: str) -> dict[str, object]:
        """Give the answer to a command. QEMU may be stuck, and then the pause is still to come."""
        self._asked += 1
        mine = f"{_ID}-{self._asked}"
        self._send(b"\n" + json.dumps({"execute": command, "id": mine}).encode() + b"\n")
        while True:
            with contextlib.suppress(ValueError):
                said = json.loads(self._received())
                if isinstance(said, dict) and said.get("id") == mine:
                    return said

    def _send(self, data: bytes) -> None:
        while data:
            _wait(self._line.fileno(), select.POLLOUT, None)
            try:
                data = data[self._line.send(data) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise _Closed from error

    def _received(self) -> bytes:
        while b"\n" not in self._unread:
            if not _wait(self._line.fileno(), select.POLLIN, self._answer_s):
                raise _Silent
            try:
                data = self._line.recv(1 << 16)
            except BlockingIOError:
                continue
            except OSError as error:
                raise _Closed from error
            if not data or len(self._unread) > _MOST_LINE_BYTES:
                raise _Closed
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line


def _wait(fd: int, event: int, timeout_s: float | None) -> bool:
    """Wait until something can be done with a descriptor; whether it can."""
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(None if timeout_s is None else max(0, timeout_s * 1000)))


def resume(line: socket.socket, answer_s: float | None) -> None:
    """Let the guest run on if it is paused. What was asked before, a pause too, QEMU does first.

    Where no answer reaches us, somebody else has read it: he takes it for nonsense and goes, so it is asked for again.
    """
    monitor = _Monitor(line, answer_s)
    with contextlib.suppress(_Closed):
        while True:
            with contextlib.suppress(_Silent):
                status = monitor.ask("query-status").get("return")
                if not isinstance(status, dict) or status.get("status") != "paused":
                    return
                monitor.ask("cont")


def guard(line: socket.socket, pipe: int) -> None:
    """Listen until the other side goes or is late, then do what is left to do."""
    until_s: float | None = None
    while True:
        left_s = None if until_s is None else until_s - time.monotonic()
        if not _wait(pipe, select.POLLIN, left_s):
            resume(line, _LATE_S)
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # who was late must not go on as if nothing had been
            return
        message = os.read(pipe, MESSAGE_BYTES)
        if len(message) < MESSAGE_BYTES:
            if until_s is not None:
                resume(line, None)
            return
        after_s = int.from_bytes(message[1:], "little") / 1000
        until_s = time.monotonic() + after_s if message[:1] == ARM else None


def main() -> None:
    """Take the descriptors, say that we are there, and guard."""
    for name in _DEAF_TO:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - pathlib takes 10 ms to import
        file.write("-1000")
    line, pipe = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    os.write(1, b"\n")
    os.close(1)
    guard(line, pipe)


if __name__ == "__main__":
    main()
