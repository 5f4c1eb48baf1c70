"""TRACE_SUMMARY: the tables of ``perf trace -s``, one for each thread.

     qemu-system-x86 (26440), 37353 events, 85.2%

       syscall            calls  errors  total       min       avg       max       stddev
                                         (msec)    (msec)    (msec)    (msec)        (%)
       --------------- --------  ------ -------- --------- --------- ---------     ------
       write              13163      0   229.222     0.013     0.017     0.110      0.33%

Source: perf-trace(1), Linux tools/perf/builtin-trace.c (older ones have no column of errors).
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.decode.strace_wait import WAITS
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import CallUse, Coverage, ErrorCount, SyscallUse, WaitUse

_THREAD = re.compile(r"\s*(?P<comm>\S.{0,40}?) \((?P<tid>\d{1,10})\), (?P<events>\d{1,12}) events, \d{1,3}(?:\.\d)?%")
_ROW = re.compile(
    r"\s*(?P<name>[a-z_]\w{0,40})\s+(?P<calls>\d{1,12})\s+(?:(?P<errors>\d{1,12})\s+)?"
    r"(?P<total>\d{1,12}\.\d{3})\s+\d{1,12}\.\d{3}\s+\d{1,12}\.\d{3}\s+\d{1,12}\.\d{3}\s+\d{1,6}\.\d\d%"
)
_ASKED = re.compile(r"perf trace .{0,200}?\bsleep (\d{1,6}(?:\.\d{1,6})?)\b|timeout .{0,40}?(\d{1,6}) perf trace")
_QEMU = re.compile(r"qemu|kvm|CPU \d+/|IO |vnc_worker|SPICE|call_rcu|worker|migration")
_UNNAMED_ERROR = "?"
_MOST_ROWS = 20_000


class _Row(msgspec.Struct, frozen=True):
    """One call of one thread."""

    tid: int
    comm: str
    call: CallUse


def decode_trace_summary(evidence: Evidence) -> Iterable[object]:
    """Yield one ``SyscallUse``: counts by thread, without descriptors. Threads that are no QEMU's are left out where some are.

    ``window_ns`` is known where the command says ``sleep N`` or ``timeout N``. Errors are counted and not named.
    """
    text = evidence.data.decode("utf-8", "backslashreplace")
    rows = list(_rows(text, evidence))
    mine = [row for row in rows if _QEMU.match(row.comm)] or rows
    if not mine:
        return
    calls = tuple(row.call for row in mine)
    asked = _ASKED.search(text[:100_000])
    window_ns = int(float(asked[1] or asked[2]) * 1e9) if asked else None
    lines = [call.refs[0].line or 1 for call in calls]
    shift = evidence.first_line - 1
    yield SyscallUse(
        method="perf trace -s",
        coverage=Coverage.SOME_THREADS if len({call.tid for call in calls}) > 1 else Coverage.ONE_THREAD,
        window_ns=window_ns,
        calls=calls,
        waits=tuple(_wait(call) for call in calls if call.call in WAITS),
        refs=(evidence.ref(min(lines) - shift, max(lines) - shift),),
    )


def _wait(call: CallUse) -> WaitUse:
    return WaitUse(tid=call.tid, call=call.call, count=call.count, refs=call.refs)


def _rows(text: str, evidence: Evidence) -> Iterator[_Row]:
    tid, comm = 0, ""
    for number, line in enumerate(text.split("\n")[:_MOST_ROWS], start=1):
        thread = _THREAD.match(line[:400])
        if thread:
            tid, comm = int(thread["tid"]), thread["comm"]
        row = _ROW.match(line[:400])
        if row:
            yield _Row(tid, comm, _call(row, tid or None, number, evidence))


def _call(row: re.Match[str], tid: int | None, line: int, evidence: Evidence) -> CallUse:
    errors = min(int(row["errors"] or 0), int(row["calls"]))
    return CallUse(
        tid=tid,
        call=row["name"],
        fd=None,
        count=int(row["calls"]),
        errors=(ErrorCount(_UNNAMED_ERROR, errors),) if errors else (),
        time_ns=int(float(row["total"]) * 1e6),
        refs=(evidence.ref(line),),
    )
