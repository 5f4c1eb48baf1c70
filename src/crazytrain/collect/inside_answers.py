"""What the child without privileges says, judged: the guest may have taken it over, so its words are only data of a known shape."""

import re
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from crazytrain.model.facts.inside import (
    GuestFrame,
    GuestKernel,
    InsideLog,
    InsideProfile,
    InsideReading,
    LogRecord,
    Missing,
)
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import Answer, Failed

T = TypeVar("T")

# Counts that no guest comes near to; more is a lie, and nobody downstream should have to count on it.
MOST_TASKS, MOST_RECORDS, MOST_CPUS, MOST_STACKS, MOST_FRAMES, MOST_MISSING = 1 << 17, 1 << 18, 8192, 1 << 17, 256, 4096
_MOST_NAME, _MOST_WORDS, _MOST_RECORD_TEXT = 1024, 8192, 1 << 16
_TOO_LONG_NUMBER = re.compile(rb"\d{21}")  # 64 bits are 20 digits
_DECODER = msgspec.json.Decoder(Answer)


def answer_of(data: bytes, wanted: type[T]) -> T:
    """Read an answer of the wanted kind. Raises ``Unreadable`` with the child's own reason, or where it says what cannot be."""
    try:
        answer = _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise _lie("something that is no answer") from error
    if isinstance(answer, Failed):
        raise Unreadable(answer.why[:_MOST_WORDS])
    if not isinstance(answer, wanted):
        raise _lie(f"an answer to another question ({type(answer).__name__})")
    if _TOO_LONG_NUMBER.search(_without_strings(data)):
        raise _lie("a number of more than 64 bits")
    return answer


def _without_strings(data: bytes) -> bytes:
    """The JSON without its texts: only where a long number stands at all, for it takes a while."""
    return re.sub(rb'"(?:[^"\\]|\\.)*"', b"", data) if _TOO_LONG_NUMBER.search(data) else b""


def _lie(what: str) -> Unreadable:
    return Unreadable(f"the process that reads the guest's memory said {what}")


def believed_reading(reading: InsideReading) -> InsideReading:
    """Give it without references, which are ours to make. Raises ``Unreadable`` where it holds more than may be."""
    _few("tasks", len(reading.tasks), MOST_TASKS)
    _few("CPUs", len(reading.cpus), MOST_CPUS)
    _few("locks", len(reading.locks), MOST_CPUS)
    _few("figures of load", len(reading.load), 16)
    _few_missing(reading.missing)
    for task in reading.tasks:
        _frames(task.stack)
    _short((*(one.comm for one in reading.tasks), *(one.state for one in reading.tasks)), _MOST_NAME)
    _short((cpu.comm for cpu in reading.cpus), _MOST_NAME)
    for lock in reading.locks:
        words = (lock.kind, lock.comm, lock.function, lock.lock_name, lock.holder_comm, lock.holder_why)
        _short(words, _MOST_NAME)
    if reading.clock:
        _few("clocksources", len(reading.clock.available), 64)
        _short((reading.clock.clocksource, *reading.clock.available), _MOST_NAME)
    if reading.kernel:
        _kernel(reading.kernel)
    return msgspec.structs.replace(reading, refs=())


def _kernel(kernel: GuestKernel) -> None:
    words = (kernel.system, kernel.banner, kernel.release, kernel.version, kernel.types)
    _short(words, _MOST_WORDS)


def believed_log(log: InsideLog) -> InsideLog:
    """As ``believed_reading``."""
    _few("records", len(log.records), MOST_RECORDS)
    _few_missing(log.missing)
    _short((record.text for record in log.records), _MOST_RECORD_TEXT)
    return msgspec.structs.replace(log, records=tuple(map(_record, log.records)), refs=())


def _record(record: LogRecord) -> LogRecord:
    return record if 0 <= record.level <= 7 else msgspec.structs.replace(record, level=record.level & 7)


def believed_profile(profile: InsideProfile) -> InsideProfile:
    """As ``believed_reading``."""
    _few("tasks", len(profile.who), MOST_TASKS)
    _few("stacks", len(profile.stacks), MOST_STACKS)
    _few_missing(profile.missing)
    for stack in profile.stacks:
        _frames(stack.frames)
    _short((who.comm for who in profile.who), _MOST_NAME)
    _short((stack.comm for stack in profile.stacks), _MOST_NAME)
    return msgspec.structs.replace(profile, refs=())


def _frames(frames: tuple[GuestFrame, ...]) -> None:
    _few("frames of a stack", len(frames), MOST_FRAMES)
    _short((frame.name for frame in frames), 2 * _MOST_NAME)


def _few_missing(missing: tuple[Missing, ...]) -> None:
    _few("things that are missing", len(missing), MOST_MISSING)
    _short((one.what for one in missing), _MOST_NAME)
    _short((one.why for one in missing), _MOST_WORDS)


def _few(what: str, count: int, most: int) -> None:
    if count > most:
        raise _lie(f"that there are {count} {what}")


def _short(texts: Iterable[str], most: int) -> None:
    if any(len(text) > most for text in texts):
        raise _lie(f"a text of more than {most} characters")
