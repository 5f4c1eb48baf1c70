"""Where the parts of a trace's lines stand, and what stands there as numbers."""

import re
from typing import NamedTuple

from crazytrain.decode.strace_line import took_ns_of
from crazytrain.decode.strace_rows import RESUMED, Prefix, call_pattern

MOST_EVENTS = 16_000
_MOST_TOOKS = 40_000
_TOOK = re.compile(rb" <\d\.\d{6}>")
TOOK_WIDTH = len(" <0.000012>")
CUT_MARK = b" <unfinished ...>"
CUT_BODY = CUT_MARK[:-TOOK_WIDTH]  # what is left of it where the last characters are those of a time
CUT_TAIL = CUT_MARK[-TOOK_WIDTH:]
BAD_TOOK = -(1 << 60)  # whatever is added to it stays below zero


class SomethingNew(Exception):
    """Something in a block must be looked at line by line."""


class Event(NamedTuple):
    """A kind of line. ``outcome`` is empty where the call was broken off."""

    thread: bytes
    head: bytes
    outcome: bytes
    asked: int

    @property
    def is_resumed(self) -> bool:
        return self.head.startswith(RESUMED)


class Threads(dict[bytes, bytes]):
    """The threads by their part of lines."""

    def __init__(self, pattern: bytes) -> None:
        self._pattern = re.compile(pattern)

    def __missing__(self, written: bytes) -> bytes:
        found = self._pattern.fullmatch(written)
        if found is None:
            raise SomethingNew
        if len(self) >= MOST_EVENTS:
            self.clear()
        name = self[written] = found[1]
        return name


class Tooks(dict[bytes, int]):
    """The last characters of lines, by the µs that they say."""

    def __missing__(self, tail: bytes) -> int:
        if len(self) >= _MOST_TOOKS:
            self.clear()
        took = self[tail] = took_ns_of(tail) // 1000 if _TOOK.fullmatch(tail) else BAD_TOOK
        return took


class Columns(NamedTuple):
    """Where the parts of a line stand."""

    thread: int  # how many characters its part has; 0 where it belongs to the call's part
    call: slice
    took: bool
    pattern: re.Pattern[bytes]  # reads the call's part
    strict: re.Pattern[bytes]  # the same where that one read too far
    threads: Threads


def columns_of(waits: frozenset[str], prefix: Prefix, lines: list[bytes]) -> Columns | None:
    """Where they stand, by some lines; ``None`` where not all have them in the same columns."""
    took = any(_TOOK.fullmatch(line[-TOOK_WIDTH:]) for line in lines)
    end, threads = -TOOK_WIDTH if took else None, Threads(prefix.thread)
    if not prefix.time:
        return Columns(0, slice(0, end), took, *_patterns(prefix.thread, waits), threads)
    found = next(filter(None, map(prefix.pattern.match, lines)), None)
    if found is None or not prefix.has_columns:
        return None
    # The blank before the call belongs to its part: it says that the call begins there.
    return Columns(found.end(1), slice(found.end() - 1, end), took, *_patterns(b"() ", waits), threads)


def _patterns(before: bytes, waits: frozenset[str]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    return call_pattern(before, waits, strict=False), call_pattern(before, waits, strict=True)
