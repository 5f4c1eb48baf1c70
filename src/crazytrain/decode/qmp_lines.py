"""The lines of a QMP evidence: what was asked, what was answered, when; and what QEMU said unasked."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from crazytrain.model.evidence import Evidence, Ref

T = TypeVar("T")

_MOST_LINES = 10_000


class Arguments(msgspec.Struct, rename="kebab"):
    """The arguments that matter to a reader."""

    command_line: str = ""
    path: str = ""
    property: str = ""


class _Failure(msgspec.Struct):
    desc: str = ""


class Answer(msgspec.Struct, rename={"said": "return"}):
    """One answer; ``said`` is raw JSON, of whatever form."""

    execute: str
    arguments: Arguments = msgspec.field(default_factory=Arguments)
    said: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))
    error: _Failure | None = None
    mono_ns: int = 0


class _Stamp(msgspec.Struct):
    seconds: int = 0
    microseconds: int = 0


class Event(msgspec.Struct):
    """Something that QEMU said unasked."""

    event: str
    data: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))
    timestamp: _Stamp = msgspec.field(default_factory=_Stamp)

    @property
    def wall_ns(self) -> int:
        """When, by QEMU's clock; 0 where it does not know."""
        return max(self.timestamp.seconds, 0) * 10**9 + max(self.timestamp.microseconds, 0) * 1000


class Line(msgspec.Struct, frozen=True):
    """An answer, and where it stands."""

    answer: Answer
    ref: Ref


def answers(evidence: Evidence) -> Iterator[Line]:
    """The answers, those that say an error left out. A line of another form is passed over."""
    for number, line in enumerate(evidence.data.splitlines()[:_MOST_LINES], start=1):
        answer = parsed(Answer, line)
        if answer and answer.error is None:
            yield Line(answer, evidence.ref(number))


def events(evidence: Evidence) -> Iterator[tuple[Event, Ref]]:
    """The events."""
    for number, line in enumerate(evidence.data.splitlines()[:_MOST_LINES], start=1):
        event = parsed(Event, line) if line.startswith(b'{"') and b'"event"' in line else None
        if event:
            yield event, evidence.ref(number)


def parsed(kind: type[T], raw: msgspec.Raw | bytes) -> T | None:
    """JSON as a type; ``None`` where it is not of that form."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def text_of(line: Line) -> str:
    """The text of a monitor command for people; empty where the answer is none."""
    return parsed(str, line.answer.said) or ""
