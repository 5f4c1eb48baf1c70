"""Tasks of QEMU's that the crash utility lists as uninterruptible, of a dump of the host.

      21442      1  11  ffff9b2f6a1d1040  UN  12.1 9812344 8412344  qemu-kvm
    [0 00:10:12.441] [UN]  PID: 21442  TASK: ffff9b2f6a1d1040  CPU: 11  COMMAND: "qemu-kvm"

Source: crash, its command ps (``-m`` has the time since each last ran: days, hours, minutes, seconds).
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import ThreadWait, WaitInstant
from crazytrain.model.thread_names import role_by_name

_ROW = re.compile(
    r"[> ]{0,4}(?P<pid>\d{1,9}) +\d{1,9} +\d{1,5} +[0-9a-f]{8,16} +UN +\d{1,3}\.\d +\d{1,15} +\d{1,15} +(?P<comm>\S.{0,40}?)\s*$"
)
_LAST_RAN = re.compile(
    r"\s*\[ *(?P<days>\d{1,5}) (?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)\.(?P<ms>\d{3})\] +\[UN\] +PID: (?P<pid>\d{1,9}) +"
    r'TASK: [0-9a-f]{8,16} +CPU: \d{1,5} +COMMAND: "(?P<comm>[^"\n]{1,64})"'
)
_OF_QEMU = re.compile(r"qemu|kvm\b|CPU \d+/|IO \w|worker\b|vhost-\d|vnc_worker|SPICE|call_rcu|iou-wrk")
_MOST_LINES, _LONGEST, _MOST_THREADS = 50_000, 300, 1024


def decode_crash_ps(evidence: Evidence) -> Iterable[object]:
    """Yield a ``WaitInstant`` of QEMU's threads that are in state UN, as D is called there; nothing without one."""
    found: dict[int, ThreadWait] = {}
    lines = evidence.data.decode("utf-8", "replace").split("\n", _MOST_LINES)[:_MOST_LINES]
    for number, line in enumerate(lines, start=1):
        row = _ROW.match(line[:_LONGEST]) or _LAST_RAN.match(line[:_LONGEST])
        if row and _OF_QEMU.match(row["comm"]) and len(found) < _MOST_THREADS:
            found[int(row["pid"])] = _wait(row, evidence.mono_ns, number)
    if found:
        yield WaitInstant(mono_ns=evidence.mono_ns, threads=tuple(found.values()), refs=(evidence.ref(),), partial=True)


def _wait(row: re.Match[str], mono_ns: int, line: int) -> ThreadWait:
    role = role_by_name(row["comm"])[0]
    return ThreadWait(
        tid=int(row["pid"]),
        comm=row["comm"],
        mono_ns=mono_ns,
        state="D",
        asleep_ns=_since(row.groupdict()),
        line=line,
        role=None if role is ThreadRole.OTHER else role,
        picked=True,
    )


def _since(parts: dict[str, str]) -> int | None:
    if "days" not in parts:
        return None
    hours = int(parts["days"]) * 24 + int(parts["h"])
    return (((hours * 60 + int(parts["m"])) * 60 + int(parts["s"])) * 1000 + int(parts["ms"])) * 10**6
