"""The few words of QMP that the lab says to a guest of its own."""

import contextlib
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from crazytrain.lab.errors import LabError

T = TypeVar("T")
_LIMIT_S = 30.0
_NOTHING: Mapping[str, object] = {}


class _Said(msgspec.Struct):
    """One line of QMP: an answer, a refusal, an event or the greeting."""

    return_: msgspec.Raw = msgspec.field(name="return", default=msgspec.Raw(b""))
    error: msgspec.Raw = msgspec.Raw(b"")
    event: str = ""


class Status(msgspec.Struct):
    """The answer to ``query-status``."""

    status: str


class Monitor:
    """A connection to a QMP socket, for use in a ``with``. QMP: one JSON object a line, both ways.

    ``LabError`` when QEMU refuses, hangs up or does not answer within 30 s.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(_LIMIT_S)
        with contextlib.ExitStack() as undo:
            undo.callback(self.line.close)
            self.line.connect(str(self.path))
            self.talk = undo.enter_context(self.line.makefile("rwb"))
            self._read()
            self.ask("qmp_capabilities")
            undo.pop_all()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.talk.close()
        self.line.close()

    def send(self, command: str, arguments: Mapping[str, object] = _NOTHING) -> None:
        """Ask, and do not wait for the answer."""
        self.talk.write(json.dumps({"execute": command, "arguments": dict(arguments)}).encode() + b"\n")
        self.talk.flush()

    def ask(self, command: str, arguments: Mapping[str, object] = _NOTHING) -> msgspec.Raw:
        """Ask, and return what came back; events on the way are passed over."""
        self.send(command, arguments)
        while not (said := self._read()).return_:
            if said.error:
                raise LabError(f"QEMU refuses {command}: {bytes(said.error).decode()}")
        return said.return_

    def status(self) -> str:
        """QEMU's run state: running, paused, io-error, ..."""
        return msgspec.json.decode(self.ask("query-status"), type=Status).status

    def _read(self) -> _Said:
        try:
            said = self.talk.readline()
        except TimeoutError as error:
            raise LabError(f"QEMU does not answer on {self.path}") from error
        if not said:
            raise LabError(f"QEMU hung up on {self.path}")
        try:
            return msgspec.json.decode(said, type=_Said)
        except msgspec.DecodeError as error:
            raise LabError(f"what answers on {self.path} is no monitor of QEMU") from error
