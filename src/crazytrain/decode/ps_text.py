"""PS: tables of ps with QEMU's threads or processes: ``ps aux``, ``ps -ef``, ``ps -eLf``, ``ps -Lp PID``, ``ps -eLo ...``.

    UID        PID  PPID   LWP  C NLWP STIME TTY          TIME CMD
    root     26440     1 26445 19    4 13:58 ?        00:00:04 CPU 0/KVM

Manual: ps(1). Its shares are over the life of the process or thread, not of now.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.threads import ProcessUse, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.thread_names import role_by_name

_HEADER = re.compile(r"\s*(?=\S)(?=.*\bPID\b)(?=.*\b(?:CMD|COMMAND|COMM|ARGS)\s*$)(?:[%A-Z+]+\s+)+[A-Z]+\s*$")
_TTY = r"(?:\?|pts/\d+|tty\S{0,8}|-)"
_AUX = ("USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "CMD")
_EF = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
_ELF = ("UID", "PID", "PPID", "LWP", "C", "NLWP", "STIME", "TTY", "TIME", "CMD")
_ROWS = (
    (re.compile(rf"\S+\s+\d+\s+[\d.,]+\s+[\d.,]+\s+\d+\s+\d+\s+{_TTY}\s+[A-Z]\S*\s+\S+\s+[\d:-]+\s+\S"), _AUX),
    (re.compile(rf"\S+\s+\d+\s+\d+\s+\d+\s+\d+\s+\d+\s+\S+\s+{_TTY}\s+[\d:-]+\s+\S"), _ELF),
    (re.compile(rf"\S+\s+\d+\s+\d+\s+\d+\s+\S+\s+{_TTY}\s+[\d:-]+\s+\S"), _EF),
)
_QEMU = re.compile(r"\S*(?:qemu-system|qemu-kvm)|(?:\S*/)?kvm(?:\s|$)|(?:/\S*/)?qemu(?:\s|$)")
_THREAD = re.compile(r"CPU \d+/|IO \w|vnc_worker|SPICE Worker|call_rcu|ALL CPUs/TCG")
_SHARE = re.compile(r"\d{1,5}(?:[.,]\d{1,2})?$")
_TIME = re.compile(r"(?:(\d{1,6})-)?(?:(\d{1,4}):)?(\d{1,7}):(\d\d)$")
_LIFE = "ps counts its share over its whole life"
_TAKEN_OFF = "ps showed the whole process in this row; the other threads' shares are taken off"
_BY_DEEDS = "no thread has a name of its own, and this one computes"
_COMPUTES = 0.2
_NOTICEABLE = 0.02
_MOST_LINES = 50_000


class _Row(msgspec.Struct, frozen=True):
    """One row; ``tid`` is ``None`` where the table shows processes. ``ratio`` is ``None`` where it has no share."""

    pid: int
    tid: int | None
    ratio: float | None
    time_s: float | None
    state: str
    comm: str
    line: int


def decode_ps(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ThreadActivity`` or a ``ProcessUse`` for each QEMU process, the busiest last; nothing where no share is shown.

    ps counts a thread's CPU time over its life: a burning that has just begun shows little. ``window_ns`` is 0.
    """
    by_pid: dict[int, list[_Row]] = defaultdict(list)
    for row in _rows(evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]):
        by_pid[row.pid].append(row)
    found: list[tuple[float, object]] = []
    for pid, rows in by_pid.items():
        if any(_QEMU.match(row.comm) or _THREAD.match(row.comm) for row in rows) and rows[0].ratio is not None:
            lines = evidence.ref(rows[0].line, rows[-1].line)
            if rows[0].tid is None:
                use = ProcessUse(pid=pid, comm=_short(rows[-1].comm), cpu_ratio=rows[-1].ratio or 0.0, refs=(lines,))
                found.append((use.cpu_ratio, use))
            else:
                threads = tuple(_threads(pid, rows))
                activity = ThreadActivity(window_ns=0, samples=1, threads=threads, refs=(lines,))
                found.append((activity.cpu_ratio(), activity))
    return [fact for _, fact in sorted(found, key=_first)]


def _first(pair: tuple[float, object]) -> float:
    return pair[0]


def _rows(lines: Sequence[str]) -> Iterator[_Row]:
    header: tuple[str, ...] | None = None
    for number, whole in enumerate(lines, start=1):
        line = whole[:4096].strip()
        if _HEADER.match(line):
            header = tuple(line.split())
            continue
        columns = header or next((names for pattern, names in _ROWS if pattern.match(line)), None)
        row = _row(line, columns, number) if columns else None
        if row:
            yield row


def _row(line: str, columns: Sequence[str], number: int) -> _Row | None:
    values = line.split(None, len(columns) - 1)
    if len(values) < len(columns):
        return None
    named = dict(zip(columns, values, strict=True))
    pid = named.get("PID", "")
    tid = next((named[name] for name in ("LWP", "TID", "SPID") if name in named), None)
    share = next((named[name] for name in ("%CPU", "PCPU", "C") if name in named), "")
    if not pid.isdecimal() or len(pid) > 9 or (tid is not None and (not tid.isdecimal() or len(tid) > 9)):
        return None
    return _Row(
        int(pid),
        None if tid is None else int(tid),
        float(share.replace(",", ".")) / 100 if _SHARE.match(share) else None,
        _time_s(named.get("TIME", "")),
        next((named[name][:1] for name in ("STAT", "S") if name in named), ""),
        values[-1].strip(),
        number,
    )


def _time_s(word: str) -> float | None:
    found = _TIME.match(word)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _short(comm: str) -> str:
    """The program's name out of its arguments; a thread's name as it is."""
    return comm if _THREAD.match(comm) else comm.split(None, 1)[0].rpartition("/")[2]


def _threads(pid: int, rows: Sequence[_Row]) -> Iterator[ThreadUse]:
    uses = [_use(row) for row in {row.tid: row for row in rows}.values()]
    unnamed = not any(use.role is ThreadRole.VCPU for use in uses)
    others = sum(use.user_ratio for use in uses if use.tid != pid)
    times = [row.time_s or 0.0 for row in rows if row.tid != pid]
    for use in uses:
        if use.tid == pid:
            own_s = next((row.time_s for row in rows if row.tid == pid), None) or 0.0
            yield _leader(use, others, summed=others >= _NOTICEABLE and own_s + len(times) >= sum(times))
        elif unnamed and use.role is ThreadRole.OTHER and use.user_ratio >= _COMPUTES:
            yield replace(use, role=ThreadRole.VCPU, why=_BY_DEEDS)
        else:
            yield use


def _leader(use: ThreadUse, others: float, *, summed: bool) -> ThreadUse:
    """The first thread: the main loop. procps 4.0 shows the time of the whole process in its row."""
    role = ThreadRole.MAIN_LOOP if use.role is ThreadRole.OTHER else use.role
    if summed and use.user_ratio >= others - _NOTICEABLE:
        return replace(use, role=role, user_ratio=max(0.0, round(use.user_ratio - others, 6)), why=_TAKEN_OFF)
    return replace(use, role=role)


def _use(row: _Row) -> ThreadUse:
    comm = _short(row.comm)
    role, vcpu = role_by_name(comm)
    states = (row.state,) if row.state else ()
    return ThreadUse(
        tid=row.tid or row.pid, comm=comm, role=role, vcpu=vcpu, user_ratio=row.ratio or 0.0, states=states, why=_LIFE
    )
