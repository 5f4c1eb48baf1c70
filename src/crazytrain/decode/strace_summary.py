"""The table that strace -c prints: calls and errors by name, over all threads it traced.

    % time     seconds  usecs/call     calls    errors syscall
    ------ ----------- ----------- --------- --------- ----------------
     45.21    0.012345          12      1000       100 read
    100.00    0.027305          13      2000       100 total

Manual: strace(1), -c, -C and -w.
"""

import re
from collections.abc import Iterable, Iterator

from crazytrain.decode.strace_wait import WAITS
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import CallUse, Coverage, ErrorCount, SyscallUse, WaitUse

_NUMBER = rb"\d{1,12}(?:[.,]\d{1,9})?"
_ROW = re.compile(
    rb"\s*+(?P<share>" + _NUMBER + rb")\s++(?P<seconds>" + _NUMBER + rb")\s++(?:\d{1,12}\s++)"
    rb"(?P<calls>\d{1,12})\s++(?:(?P<errors>\d{1,12})\s++)?(?P<name>[a-z_]\w{0,40})\s*+$"
)
_UNNAMED_ERROR = "?"  # the table counts errors and does not name them
_MOST_ROWS = 1024
_MOST_BEFORE = 1 << 16
_ATTACHED = re.compile(rb"\bProcess \d{1,10} attached(?P<threads> with \d{1,6} threads)?\b")


def decode_strace_summary(evidence: Evidence) -> Iterable[object]:
    """Yield one `SyscallUse`: counts without descriptors, threads or a window.

    ``time_ns`` is the system time in the call, or the whole time where the table was made with ``-w`` (it does not
    say). Which threads were traced the table does not say either, only what strace printed as it began: the coverage is
    ``SOME_THREADS`` where that is not there.

    Raises:
        BadInput: no row of such a table stands in the text.
    """
    calls = tuple(_calls(evidence))
    if not calls:
        raise BadInput(f"{evidence.source}: no table of strace -c in it", "Give what `strace -f -c -p PID` printed.")
    waits = tuple(
        WaitUse(tid=None, call=call.call, count=call.count, refs=call.refs) for call in calls if call.call in WAITS
    )
    return [
        SyscallUse(
            method="strace -c",
            coverage=_coverage(evidence.data, loops=bool(waits)),
            window_ns=None,
            calls=calls,
            waits=waits,
            refs=(evidence.ref(1, evidence.data.count(b"\n", 0, len(evidence.data) - 1) + 1),),
        )
    ]


def _coverage(data: bytes, *, loops: bool) -> Coverage:
    """With ``-f`` strace tells how many threads it took; without, it takes the one thread that it was given."""
    attached = list(_ATTACHED.finditer(data, 0, _MOST_BEFORE))
    if any(found["threads"] for found in attached):
        return Coverage.ALL_THREADS
    return Coverage.ONE_THREAD if len(attached) == 1 and loops else Coverage.SOME_THREADS


def _calls(evidence: Evidence) -> Iterator[CallUse]:
    rows = 0
    for number, line in enumerate(evidence.data.split(b"\n"), start=1):
        found = _ROW.match(line) if len(line) < 200 else None
        if found and found["name"] != b"total" and rows < _MOST_ROWS:
            rows += 1
            yield _call(found, number, evidence)


def _call(found: re.Match[bytes], line: int, evidence: Evidence) -> CallUse:
    whole, _, fraction = found["seconds"].replace(b",", b".").partition(b".")
    errors = min(int(found["errors"] or 0), int(found["calls"]))  # more errors than calls is a row that was garbled
    return CallUse(
        tid=None,
        call=found["name"].decode(),
        fd=None,
        count=int(found["calls"]),
        errors=(ErrorCount(_UNNAMED_ERROR, errors),) if errors else (),
        time_ns=int(whole) * 10**9 + int(fraction.ljust(9, b"0")),
        refs=(evidence.ref(line),),
    )
