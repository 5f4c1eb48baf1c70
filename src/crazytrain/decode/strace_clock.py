"""Times in a strace: how long the trace is (-t, -tt, -ttt, -r), and how long the calls took (-T)."""

import re
from collections import Counter
from collections.abc import Iterable

from crazytrain.decode.strace_count import Block, Row
from crazytrain.decode.strace_line import STAMP

_SECOND_NS = 10**9
_DAY_NS = 86_400 * _SECOND_NS
_SMALLEST_EPOCH_NS = 10**8 * _SECOND_NS  # -ttt counts from 1970; what is less is the time since the call before (-r)
_LINES_TRIED = 40  # at each end of a block, to find a line with a time
_TOOK = re.compile(rb"<(\d{1,9})[.,](\d{1,9})>$")
_USUAL_TOOK = len("<0.000012>")
_LONGEST_TOOK = 24
_MOST_KNOWN = 100_000
_PROBES = 64  # lines of a block that are looked at to see whether it holds such times at all


class Clock:
    """Finds the first and the last time of a trace while it goes by."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._last = 0
        self._midnights = 0
        self._since_before: int | None = None

    def add(self, block: Block) -> None:
        """Take the times of a block."""
        first = _first_stamp(block.lines[:_LINES_TRIED])
        if first is None:
            return
        if first[1] and first[0] < _SMALLEST_EPOCH_NS:
            self._add_relative(block.lines)
            return
        self._take(first[0])
        last = _first_stamp(reversed(block.lines[-_LINES_TRIED:]))
        if last and last[1] == first[1]:
            self._take(last[0])

    def _take(self, at_ns: int) -> None:
        if at_ns + self._midnights * _DAY_NS < self._last - _DAY_NS // 2:
            self._midnights += 1
        at_ns += self._midnights * _DAY_NS
        self._first = at_ns if self._first is None else self._first
        self._last = max(self._last, at_ns)

    def _add_relative(self, lines: list[bytes]) -> None:
        stamps = [stamp[0] for stamp in map(_stamp, lines) if stamp]
        if self._since_before is None:  # the first one counts from a call that is not in the text
            stamps, self._since_before = stamps[1:], 0
        self._since_before += sum(stamps)

    @property
    def window_ns(self) -> int | None:
        """From the first time to the last; ``None`` where the text holds none, or only one."""
        if self._since_before is not None:
            return self._since_before or None
        return None if self._first is None else (self._last - self._first) or None


def _first_stamp(lines: Iterable[bytes]) -> tuple[int, bool] | None:
    return next((stamp for stamp in map(_stamp, lines) if stamp), None)


def _stamp(line: bytes) -> tuple[int, bool] | None:
    """A line's time in ns, and whether it is a plain number (-ttt, -r) and no time of day."""
    found = STAMP.match(line)
    if found is None or not (found["n"] or found["h"]):
        return None
    if found["n"]:
        return _nanoseconds(found["n"]), True
    return (int(found["h"]) * 3600 + int(found["m"]) * 60) * _SECOND_NS + _nanoseconds(found["s"]), False


def _nanoseconds(text: bytes) -> int:
    whole, _, fraction = text.replace(b",", b".").partition(b".")
    return int(whole[-12:]) * _SECOND_NS + int(fraction[:9].ljust(9, b"0"))


class Stopwatch:
    """Adds up the time in the calls, by thread and head (strace -T)."""

    def __init__(self) -> None:
        self.spent_ns: Counter[tuple[bytes, bytes]] = Counter()
        self._known: dict[bytes, int] = {}

    def add(self, block: Block) -> None:
        """Add the times of a block."""
        if not any(_TOOK.search(line[-_LONGEST_TOOK:]) for line in block.lines[:: len(block.lines) // _PROBES + 1]):
            return
        known = self._known
        spent: dict[Row, int] = {}
        for row, line in zip(block.rows, block.lines, strict=True):
            took = known.get(line[-_USUAL_TOOK:])
            if took is None:
                took = self._read(line)
            if took:
                spent[row] = spent.get(row, 0) + took
        for (tid, head, result), took in spent.items():
            if result:
                self.spent_ns[tid, head] += took

    def _read(self, line: bytes) -> int:
        """Read a time that was not seen before; those below ten seconds are remembered."""
        took = _took_ns(line[-_LONGEST_TOOK:])
        end = line[-_USUAL_TOOK:]
        if len(self._known) < _MOST_KNOWN and (b"<" in end or not took):
            self._known[end] = took
        return took


def _took_ns(end: bytes) -> int:
    found = _TOOK.search(end)
    return int(found[1]) * _SECOND_NS + int(found[2].ljust(9, b"0")) if found else 0
