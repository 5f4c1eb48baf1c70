"""``perf trace``: calls of QEMU's threads on files that took long, by the duration that stands before each.

       812.331 (1822.440 ms): qemu-system-x8/7122 fdatasync(fd: 14</mnt/nfs/mail.qcow2>               ) = 0

Manual: perf-trace(1). A worker may take long where its disk is slow; a thread with QEMU's own name is most likely the main loop.
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_MOST_LINES, _LONGEST, _MOST_FOUND = 100_000, 600, 8
_CALL = re.compile(
    r"\s*\d{1,12}\.\d{3} \( *(?P<ms>\d{1,10}\.\d{1,3}) ms\): (?:(?P<comm>\S.{0,20}?)/)?(?P<tid>\d{1,9}) (?P<call>\w{2,30})\("
)
_ON_FILES = frozenset(
    {
        "fdatasync",
        "fsync",
        "pwrite64",
        "pread64",
        "pwritev",
        "preadv",
        "openat",
        "open",
        "fallocate",
        "lseek",
        "io_submit",
        "ftruncate",
        "unlink",
    }
)
_LONG_MS = 300.0
_WORKER = re.compile(r"worker|iou-|tp_|msgr-|pool")


def decode_perf_trace_calls(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` for each such call, ``value`` in seconds, ``who`` the call."""
    found = 0
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        call = _CALL.match(line[:_LONGEST])
        if call is None or call["call"] not in _ON_FILES or float(call["ms"]) < _LONG_MS or found >= _MOST_FOUND:
            continue
        found += 1
        worker = bool(_WORKER.match(call["comm"] or ""))
        text = f"thread {call['tid']} ({call['comm'] or 'no name'}) was inside {call['call']} for {float(call['ms']) / 1000:.1f} s"
        yield ToolLine(
            meaning=ToolMeaning.DISK_SLOW if worker else ToolMeaning.LONG_CALL,
            text=text,
            ref=evidence.ref(number),
            value=float(call["ms"]) / 1000,
            who=call["call"],
        )
