"""Asking a Linux guest of the lab: a shell on its second serial port, behind a socket in the guest's folder.

The guest reads a line, runs it (busybox sh, as root), and ends its answer with ``@@ STATUS``. One line, one answer. It is
what tests hold against what is read from outside, and how the lab tells a guest to begin.
"""

import contextlib
import re
import secrets
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from crazytrain.lab.errors import LabError, NotReady
from crazytrain.lab.logs import printable

_END = re.compile(rb"\n@@ (\d{1,3})\n$")
_AT_ONCE = 1 << 16
_MOST_BYTES = 64 << 20
_GREETING_S, _AGAIN_S = 60.0, 1.0


class Shell:
    """A connection to the guest's shell, for use in a ``with``. QEMU serves one client at a time: leave soon.

    ``NotReady`` when nobody answers in time (a guest that is stuck does not), ``LabError`` when QEMU is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self.line = socket.socket(socket.AF_UNIX)
        with contextlib.ExitStack() as undo:
            undo.callback(self.line.close)
            try:
                self.line.connect(str(self.path))
            except OSError as error:
                raise LabError(f"{self.path}: {error.strerror}", "is it a Linux guest with a shell?") from error
            self._greet()
            undo.pop_all()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.line.close()

    def run(self, command: str, limit_s: float = 60.0) -> str:
        """Run one line in the guest and return what it printed; ``LabError`` unless it ends with status 0."""
        if "\n" in command:
            raise LabError("the guest's shell takes one line at a time")
        self._say(command)
        said = self._read(_END, limit_s)
        found = _END.search(said)
        text = said[: found.start()].decode("utf-8", "backslashreplace") if found else ""
        if not found or found[1] != b"0":
            told = printable(f"{command[:200]}: {text[-500:]}")
            raise LabError(f"the guest's shell: {told}")
        return text

    def _greet(self) -> None:
        """Get in step: what the guest had said to nobody, or to who was here before, is passed over.

        What is said before the guest listens is lost, so it is said again.
        """
        word, deadline = secrets.token_hex(8), time.monotonic() + _GREETING_S
        while time.monotonic() < deadline:
            self._say(f"echo {word}")
            with contextlib.suppress(NotReady):
                self._read(re.compile(rb"%s\n\n@@ 0\n" % word.encode()), _AGAIN_S)
                break
        else:
            raise NotReady(f"nobody answers on {self.path} within {_GREETING_S:g} s")
        last = secrets.token_hex(8)
        self._say(f"echo {last}")
        self._read(re.compile(rb"%s\n\n@@ 0\n$" % last.encode()), _GREETING_S)

    def _say(self, command: str) -> None:
        try:
            self.line.sendall(command.encode() + b"\n")
        except OSError as error:
            raise LabError(f"QEMU hung up on {self.path}") from error

    def _read(self, end: re.Pattern[bytes], limit_s: float) -> bytes:
        """Read until ``end`` is found at the end of what was said."""
        said, deadline = bytearray(), time.monotonic() + limit_s
        while not end.search(said, max(0, len(said) - 64)):
            self.line.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.line.recv(_AT_ONCE)
            except TimeoutError as error:
                raise NotReady(f"the guest's shell does not answer within {limit_s:g} s") from error
            if not data:
                raise LabError(f"QEMU hung up on {self.path}")
            said += data
            if len(said) > _MOST_BYTES:
                raise LabError("the guest's shell does not stop talking")
        return bytes(said)
