"""Times in a strace: how long the trace is (-t, -tt, -ttt, -r)."""

from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.decode.strace_line import STAMP

_SECOND_NS = 10**9
_DAY_NS = 86_400 * _SECOND_NS
_SMALLEST_EPOCH_NS = 10**8 * _SECOND_NS  # -ttt counts from 1970; what is less is the time since the call before (-r)


class Times(msgspec.Struct, frozen=True):
    """Times of a block. Where lines carry the time since the call before (-r), ``since_before_ns`` are the first one and their
    sum.
    """

    first_ns: int | None = None
    last_ns: int | None = None
    since_before_ns: tuple[int, int] | None = None


def times_in(text: bytes) -> Times:
    """The first and the last time in some whole lines."""
    first = _first_stamp(_first_lines(text))
    if first is None:
        return Times()
    if first[1] and first[0] < _SMALLEST_EPOCH_NS:
        stamps = [stamp[0] for stamp in map(_stamp, text.split(b"\n")) if stamp]
        return Times(since_before_ns=(stamps[0], sum(stamps)))
    last = _first_stamp(_last_lines(text))
    return Times(first[0], last[0] if last and last[1] == first[1] else None)


def _first_lines(text: bytes) -> Iterator[bytes]:
    begin = 0
    while (end := text.find(b"\n", begin)) >= 0:
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]


def _last_lines(text: bytes) -> Iterator[bytes]:
    end = len(text)
    while begin := text.rfind(b"\n", 0, end) + 1:
        yield text[begin:end]
        end = begin - 1
    yield text[:end]


class Clock:
    """Finds the first and the last time of a trace while its blocks go by."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._last = 0
        self._midnights = 0
        self._since_before: int | None = None

    def add(self, times: Times) -> None:
        """Take the times of the next block."""
        if times.since_before_ns:
            before, more = self._since_before, times.since_before_ns[1]
            # the very first one counts from a call that is not in the text
            self._since_before = more - times.since_before_ns[0] if before is None else before + more
        for at_ns in (times.first_ns, times.last_ns):
            if at_ns is not None:
                self._take(at_ns)

    def _take(self, at_ns: int) -> None:
        if at_ns + self._midnights * _DAY_NS < self._last - _DAY_NS // 2:
            self._midnights += 1
        at_ns += self._midnights * _DAY_NS
        self._first = at_ns if self._first is None else self._first
        self._last = max(self._last, at_ns)

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
