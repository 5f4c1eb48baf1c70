"""Waits of an event loop in strace: what timeout was asked for, how long it waited, which descriptors were ready."""

import re
from collections import Counter
from collections.abc import Mapping

from crazytrain.decode.strace_line import Call, number_of
from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.syscalls import LoopWait, TimeoutBucket, WaitUse

# Each pattern reads to its line's end, so that it fits once a line, and has two groups.
_SPEC = rb"(?:\{(?:tv_sec=)?(\d{1,9}), (?:tv_[nu]sec=)?(\d{1,9})\}|NULL)"
_MASK = rb"(?:NULL|~?\[[^\]\n]*+\]|\{[^}\n]*+\}|0x[0-9a-f]++)"
_END = rb"[ ]*+\)[ ]*+=[^\n]*+"
_POLL = re.compile(rb"(?:\]|NULL|0x[0-9a-f]++), \d++, (-?\d{1,10})()" + _END)
_EPOLL = re.compile(rb", \d++, (-?\d{1,10})()(?:, " + _MASK + rb"(?:, \d++)?)?" + _END)
_TIMEVAL = re.compile(rb", " + _SPEC + _END)
# Where the timeout stands, and what one of its fraction is in ns (0: it is a number of milliseconds).
_TIMEOUTS = {
    "select": (_TIMEVAL, 1000),
    "_newselect": (_TIMEVAL, 1000),
    "pselect6": (re.compile(rb", " + _SPEC + rb", " + _MASK + _END), 1),
    "poll": (_POLL, 0),
    "ppoll": (re.compile(rb"(?:\]|NULL|0x[0-9a-f]++), \d++, " + _SPEC + rb"[^\n]*+"), 1),
    "epoll_wait": (_EPOLL, 0),
    "epoll_pwait": (_EPOLL, 0),
    "epoll_pwait2": (re.compile(rb", \d++, " + _SPEC + rb"(?:, " + _MASK + rb"(?:, \d++)?)?" + _END), 1),
}
_WRITTEN = re.compile(rb"\{(?:tv_sec=)?(\d{1,9}), (?:tv_nsec=)?(\d{1,9})\}")
_NOTE = re.compile(rb"(?<=\d)<(?:->|[^<>\n])*>")  # what strace -y says of a descriptor
_LEFT = re.compile(rb"left \{(?:tv_sec=)?(\d{1,9}), (?:tv_[nu]sec=)?(\d{1,9})\}")
_IN_SET = re.compile(rb"\((?:in )?\[([^\]\n]*)\]")
_FD = re.compile(rb"fd=(\d{1,9})")
_IN_LIST = re.compile(rb"(?:^|[\[ ])(\d{1,9})(?=[\]< ]|$)")
_MOST_FDS = 64
_MOST_WAITERS = 1024
_IO_URING_WAITS = b"IORING_ENTER_GETEVENTS"

WAITS = frozenset((*_TIMEOUTS, "io_uring_enter"))
IN_NS = frozenset(name for name, (_, fraction_ns) in _TIMEOUTS.items() if fraction_ns == 1)


NO_LIMIT = -1


def timeout_ns(name: str, line: bytes) -> int | None:
    """The timeout that a wait asked for, `NO_LIMIT` for none; ``None`` where the line does not tell."""
    pattern, fraction_ns = _TIMEOUTS.get(name, (None, 0))
    found = pattern.search(line) if pattern else None
    return _asked_ns(found[1] or b"", found[2] or b"", fraction_ns) if found else None


def _asked_ns(first: bytes, second: bytes, fraction_ns: int) -> int:
    if not first:
        return NO_LIMIT
    if fraction_ns:
        return int(first) * 1_000_000_000 + int(second) * fraction_ns
    return max(int(first) * 1_000_000, NO_LIMIT)


def loop_wait(call: Call, line: bytes, ref: Ref) -> LoopWait | None:
    """One wait as a fact; ``None`` where it did not return or its timeout does not show."""
    asked = timeout_ns(call.name, line)
    if asked is None or call.result is None:
        return None
    return LoopWait(
        call=call.name,
        timeout_ns=None if asked == NO_LIMIT else asked,
        waited_ns=_waited_ns(call, asked),
        watched=_watched(call.name, _NOTE.sub(b"", call.args)),
        ready=_ready(call, _NOTE.sub(b"", call.tail)),
        ref=ref,
        tid=call.tid,
    )


def _waited_ns(call: Call, asked: int) -> int | None:
    left = _LEFT.search(call.tail)
    if left and asked != NO_LIMIT:
        left_ns = int(left[1]) * 10**9 + int(left[2]) * _TIMEOUTS[call.name][1]
        return max(asked - left_ns, 0)
    if call.took_ns is not None:
        return call.took_ns
    return asked if call.result == 0 else None


def _watched(name: str, args: bytes) -> tuple[int, ...]:
    if name.startswith("epoll"):
        return ()
    if "poll" in name:
        return _numbers(_FD, args)
    return _numbers(_IN_LIST, args.partition(b"[")[2].partition(b"]")[0])


def _ready(call: Call, tail: bytes) -> tuple[int, ...]:
    if not call.result or call.result < 0 or call.name.startswith("epoll"):
        return ()
    if "poll" in call.name:
        return _numbers(_FD, tail)
    found = _IN_SET.search(tail)
    return _numbers(_IN_LIST, found[1]) if found else ()


def _numbers(pattern: re.Pattern[bytes], text: bytes) -> tuple[int, ...]:
    return tuple(int(digits) for digits in pattern.findall(text[:8192])[:_MOST_FDS])


NOT_TOLD = -2  # a wait, but the line does not tell its timeout
NO_TURN = -3  # the call did not wait
_CALLS_WITH = {
    "poll": (b"], 1, ", b") = 0"),
    "ppoll": (b"], 1, ", b", NULL, 8) = 0"),
    "select": (b", ", b") = 0"),
    "_newselect": (b", ", b") = 0"),
    "pselect6": (b", ", b", NULL) = 0"),
    "epoll_wait": (b", 1, ", b") = 0"),
    "epoll_pwait": (b", 1, ", b") = 0"),
    "epoll_pwait2": (b", 1, ", b") = 0"),
}


def asked_for(name: str, written: bytes) -> int:
    """The size of a timeout in bits (0: return at once), `NO_LIMIT`, `NOT_TOLD` or `NO_TURN`, by how it is written."""
    if name == "io_uring_enter":
        return NOT_TOLD if _IO_URING_WAITS in written else NO_TURN
    fraction_ns, spec = _TIMEOUTS[name][1], _WRITTEN.fullmatch(written)
    if spec and fraction_ns:
        return _size(int(spec[1]) * 1_000_000_000 + int(spec[2]) * fraction_ns)
    before, after = _CALLS_WITH[name]
    asked = timeout_ns(name, before + written + after)
    return NOT_TOLD if asked is None else _size(asked)


def asked_in(name: str, text: bytes) -> int:
    """The same by a whole line."""
    if name == "io_uring_enter":
        return NOT_TOLD if _IO_URING_WAITS in text else NO_TURN
    asked = timeout_ns(name, text)
    return NOT_TOLD if asked is None else _size(asked)


def _size(asked_ns: int) -> int:
    return asked_ns.bit_length() if asked_ns >= 0 else NO_LIMIT


Waiter = tuple[bytes, str]  # thread as in the text, call


class WaitTally:
    """Adds up the waits of each thread by call, and the timeouts by powers of two."""

    def __init__(self) -> None:
        self._turns: Counter[Waiter] = Counter()
        self._asked: dict[Waiter, Counter[int]] = {}

    def add(self, turns: Mapping[Waiter, int], asked: Mapping[Waiter, Mapping[int, int]]) -> None:
        """Add waits that came back, and for how long they were to be."""
        for waiter, count in turns.items():
            if waiter in self._turns or len(self._turns) < _MOST_WAITERS:
                self._turns[waiter] += count
                self._asked.setdefault(waiter, Counter()).update(asked.get(waiter, {}))

    def facts(self, first: Mapping[Waiter, int], evidence: Evidence) -> tuple[WaitUse, ...]:
        """A ``WaitUse`` for each thread and call, the busiest first; ``first`` are the lines where they came first."""
        waiters = sorted(self._turns, key=lambda waiter: (-self._turns[waiter], first[waiter]))
        return tuple(self._use(waiter, evidence.ref(first[waiter])) for waiter in waiters)

    def _use(self, waiter: Waiter, ref: Ref) -> WaitUse:
        asked = self._asked[waiter]
        return WaitUse(
            tid=number_of(waiter[0]),
            call=waiter[1],
            count=self._turns[waiter],
            buckets=tuple(TimeoutBucket(1 << bits - 1, 1 << bits, n) for bits, n in sorted(asked.items()) if bits > 0),
            zero=asked[0],
            infinite=asked[NO_LIMIT],
            refs=(ref,),
        )
