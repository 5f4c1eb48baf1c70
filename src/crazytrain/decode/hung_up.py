r"""STRACE: descriptors of which each wait says that the other side is gone.

    ppoll([{fd=14, events=POLLIN}], 1, NULL, NULL, 8) = 1 ([{fd=14, revents=POLLHUP}])
    read(14, "", 4096) = 0

No times are needed: that the same answer stands in nearly every wait says that nobody takes it. Manual: poll(2), strace(1).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import HungUp

_MOST_LINES, _LONGEST = 20_000, 4000
_WAIT = re.compile(r"\b(?:p?poll|p?select6?|epoll_p?wait2?)\(|<\.\.\. p?poll resumed>")
_READY = re.compile(r"\{fd=(?P<fd>\d{1,7})(?:<[^>]{0,120}>)?, revents=(?P<events>POLL[A-Z|]{2,60})\}")
_ASKS_URGENT = re.compile(r"\{fd=(?P<fd>\d{1,7})(?:<[^>]{0,120}>)?, events=[A-Z|]{0,30}\bPOLLPRI\b")
_READ = re.compile(
    r"\b(?P<call>read|recvfrom|recvmsg|readv|recv)\((?P<fd>\d{1,7})\b.{0,1500}\)\s{1,80}= (?P<got>-?\d{1,9})\b(?: (?P<error>E[A-Z]{2,20}))?"
)
_CLOSED = re.compile(r"\bclose\((?P<fd>\d{1,7})\b")
_GONE = ("POLLHUP", "POLLERR", "POLLNVAL")
_DEAD_ENDS = frozenset({"EIO", "ENXIO", "ECONNRESET", "ENOTCONN", "EPIPE", "EBADF", "ESHUTDOWN"})
_LEAST_WAITS, _NEARLY_ALL = 2, 0.6


class _Seen(msgspec.Struct):
    """What was seen of one descriptor: how often it was told to be gone, and what reads of it gave."""

    line: int = 0
    gone: int = 0
    ends: int = 0
    taken: int = 0
    closed: int = 0
    urgent: bool = False
    call: str = ""
    events: dict[str, None] = {}
    errors: dict[str, None] = {}


def decode_hung_up(evidence: Evidence) -> Iterable[object]:
    """Yield a ``HungUp`` for each descriptor that was so in most of at least two waits, or gave no byte in as many reads.

    One that is closed each time is served: the next one only has the same number.
    """
    waits = 0
    seen: dict[int, _Seen] = defaultdict(_Seen)
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        waits += bool(_WAIT.search(line[:_LONGEST]))
        _ready(line[:_LONGEST], number, seen)
        _read(line[:_LONGEST], number, seen)
        for found in _CLOSED.finditer(line[:_LONGEST]):
            seen[int(found["fd"])].closed += 1
    yield from _found(seen, waits, evidence)


def _ready(line: str, number: int, seen: dict[int, _Seen]) -> None:
    for found in _ASKS_URGENT.finditer(line) if "ppoll" in line else ():  # QEMU's own wait
        seen[int(found["fd"])].urgent = True
    for found in _READY.finditer(line):
        told = [name for name in found["events"].split("|") if name in _GONE]
        if told:
            one = seen[int(found["fd"])]
            one.line = one.line or number
            one.gone += 1
            one.events.update(dict.fromkeys(told))


def _read(line: str, number: int, seen: dict[int, _Seen]) -> None:
    found = _READ.search(line)
    if found is None:
        return
    one = seen[int(found["fd"])]
    one.taken += max(int(found["got"]), 0)
    if found["error"]:
        one.errors[found["error"]] = None
    if found["got"] == "0" or found["error"] in _DEAD_ENDS:
        one.line = one.line or number
        one.ends += 1
        one.call = found["call"]
        one.events[found["error"] or "end of file"] = None


def _found(seen: dict[int, _Seen], waits: int, evidence: Evidence) -> Iterator[HungUp]:
    for fd, one in seen.items():
        times, every = max(one.gone, one.ends), max(waits, one.ends)
        if times >= _LEAST_WAITS and times >= _NEARLY_ALL * every and one.closed * 2 < times:
            yield HungUp(
                fd=fd,
                events=tuple(one.events),
                ready=times,
                waits=every,
                taken=one.taken,
                refs=(evidence.ref(one.line),),
                errors=tuple(one.errors),
                ended=one.call,
                urgent=one.urgent,
            )
