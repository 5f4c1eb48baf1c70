"""PS: what QEMU's threads wait for, where the table has their states and kernel functions (``ps -eLo pid,tid,stat,wchan:32,comm``).

     4410  9121 Dl   io_schedule                      worker

The heading may be missing (``grep`` took it away): then the usual order counts. Manual: ps(1), columns STAT and WCHAN.
"""

import re
from collections.abc import Iterable, Mapping

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import ThreadWait, WaitInstant
from crazytrain.model.thread_names import role_by_name

_HEADER = re.compile(r"(?=.*\b(?:PID|TID|LWP|SPID)\b)(?=.*\bWCHAN\b)(?=.*\b(?:STAT|S)\b)[%A-Z+ ]+$")
_ROW = re.compile(
    r"(?P<PID>\d{1,9}) +(?:(?P<TID>\d{1,9}) +)?(?P<STAT>[RSDTtZI][<NLsl+]{0,5}) +(?P<WCHAN>[a-z_][\w.]{2,60}|-) +(?P<COMMAND>\S.{0,60})$"
)
_OF_QEMU = re.compile(
    r"(?:\S*/)?(?:qemu|kvm\b)|\[(?:qemu[\w-]*|kvm)\]|CPU \d+/|worker\b|IO \w|vnc_worker|SPICE|call_rcu|iou-wrk|vhost-\d|live_migration|mig/"
)
_NUMBERS = ("TID", "LWP", "SPID", "PID")
_MOST_LINES, _MOST_THREADS = 50_000, 1024


def decode_ps_waits(evidence: Evidence) -> Iterable[object]:
    """Yield a ``WaitInstant`` of QEMU's threads that are in state D; those that sleep otherwise say nothing alone.

    Nothing where the table does not tell both.
    """
    columns: list[str] = []
    found: dict[int, ThreadWait] = {}
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        bare = line[:400].strip()
        if _HEADER.match(bare):
            columns = bare.split()
            continue
        values = _values(bare, columns)
        tid = next((values[name] for name in _NUMBERS if values.get(name, "").isdecimal()), "")
        comm, state = values.get("COMMAND", ""), values.get("STAT", "")[:1]
        if tid and state == "D" and _OF_QEMU.match(comm) and len(found) < _MOST_THREADS:
            found[int(tid)] = _wait(int(tid), comm, values.get("WCHAN", ""), evidence, number)
    if found:
        yield WaitInstant(mono_ns=evidence.mono_ns, threads=tuple(found.values()), refs=(evidence.ref(),), partial=True)


def _values(line: str, columns: list[str]) -> Mapping[str, str]:
    if not columns:
        found = _ROW.match(line)
        return {name: value or "" for name, value in found.groupdict().items()} if found else {}
    words = line.split(None, len(columns) - 1)
    named = dict(zip(columns, words, strict=False)) if len(words) == len(columns) else {}
    last = columns[-1]
    return {**named, "STAT": named.get("STAT", named.get("S", "")), "COMMAND": named.get(last, "")}


def _wait(tid: int, comm: str, wchan: str, evidence: Evidence, line: int) -> ThreadWait:
    role = role_by_name(comm)[0]
    return ThreadWait(
        tid=tid,
        comm=comm,
        mono_ns=evidence.mono_ns,
        state="D",
        wchan="" if wchan == "-" else wchan,
        kernel=() if wchan in ("", "-") else (wchan,),
        line=line,
        role=None if role is ThreadRole.OTHER else role,
        picked=True,
    )
