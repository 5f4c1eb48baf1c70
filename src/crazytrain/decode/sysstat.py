"""SYSSTAT: tables of pidstat, mpstat, sar, iostat and vmstat.

    13:59:09      UID      TGID       TID    %usr %system  %guest   %wait    %CPU   CPU  Command
    Average:        0         -     26445   18.50    1.00    0.00   21.50   19.50     -  |__CPU 0/TCG

Manuals: pidstat(1), mpstat(1), sar(1), iostat(1) of sysstat 9 to 12, vmstat(8). Columns are found by their header.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean

import msgspec
from msgspec.structs import replace

from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.host_tables import CpuRow, CpuTable
from crazytrain.model.facts.threads import ProcessUse, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.thread_names import role_by_name

_TITLE = re.compile(
    r"Linux (?P<kernel>\S{1,100}) \((?P<machine>[^)]{0,100})\)\s+\S+(?:\s+_\w+_\s+\((?P<cpus>\d{1,5}) CPU\))?"
)
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)$")
_NUMBER = re.compile(r"-?\d{1,12}(?:[.,]\d{1,4})?$")
_QEMU = re.compile(r"(?:\S*/)?(?:qemu-system|qemu-kvm|qemu$|kvm$)|CPU \d+/")
_AVERAGE = "Average:"
_DAY_S = 86_400
_MOST_LINES = 50_000
_CPU_COLUMNS = frozenset({"%user", "%usr", "us"})


class _Record(msgspec.Struct, frozen=True):
    """One row by its columns' names; ``at_s`` is the time of day, ``None`` for an average or where there is none."""

    values: dict[str, str]
    average: bool
    at_s: int | None
    line: int
    tool: str


def decode_sysstat(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ThreadActivity`` or ``ProcessUse`` for each QEMU process of pidstat, and a ``CpuTable`` for each table of CPUs.

    The tool's averages count where it printed them; else the mean of its rows. The first report of vmstat and iostat is since boot and is
    left out where more follow.
    """
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    records = list(_records(lines))
    titles = [found for found in map(_TITLE.match, lines) if found]
    yield from _processes([record for record in records if "%CPU" in record.values], evidence)
    for tool in dict.fromkeys(record.tool for record in records):
        mine = [record for record in records if record.tool == tool and "%CPU" not in record.values]
        if mine:
            yield _table(tool, mine, titles, evidence)


def _records(lines: Sequence[str]) -> Iterator[_Record]:
    columns: list[str] = []
    tool = ""
    for number, whole in enumerate(lines, start=1):
        line = whole[:2000].strip()
        at, words = _stamp(line)
        if _is_header(words):
            tool = _tool(words)
            columns = [word for word in words if word != "avg-cpu:"]
        elif words[:1] in (["Device"], ["Device:"], ["procs"]):
            columns = []
        elif (
            columns
            and len(words) >= len(columns)
            and _NUMBER.match(words[-1 if tool != "pidstat" else 0].lstrip("-") or "0")
        ):
            values = dict(zip(columns, [*words[: len(columns) - 1], " ".join(words[len(columns) - 1 :])], strict=True))
            yield _Record(values, line.startswith(_AVERAGE), at, number, tool)


def _is_header(words: Sequence[str]) -> bool:
    names = frozenset(words)
    pidstat = "%CPU" in names and "Command" in names
    return pidstat or bool(names & _CPU_COLUMNS and names & {"%idle", "id"}) or {"us", "sy", "id"} <= names


def _tool(words: Sequence[str]) -> str:
    names = frozenset(words)
    if "%CPU" in names:
        return "pidstat"
    if "us" in names:
        return "vmstat"
    if "avg-cpu:" in names:
        return "iostat"
    return "mpstat" if "%irq" in names or "%soft" in names else "sar"


def _stamp(line: str) -> tuple[int | None, list[str]]:
    """The time at a row's beginning, and its other words."""
    words = line.split()
    if words and words[0] == _AVERAGE:
        return None, words[1:]
    found = _TIME.match(words[0]) if words else None
    if found is None:
        return None, words
    at = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    half = len(words) > 1 and words[1] in ("AM", "PM")
    if half:
        at = at % (12 * 3600) + (12 * 3600 if words[1] == "PM" else 0)
    return at, words[2:] if half else words[1:]


def _ratio(values: Mapping[str, str], *names: str) -> float | None:
    found = next((values[name] for name in names if name in values and _NUMBER.match(values[name])), None)
    return None if found is None else float(found.replace(",", ".")) / 100


def _table(tool: str, records: Sequence[_Record], titles: Sequence[re.Match[str]], evidence: Evidence) -> CpuTable:
    used = [record for record in records if record.average] or _without_first(tool, records)
    by_cpu: dict[int, list[_Record]] = defaultdict(list)
    for record in used:
        by_cpu[_cpu(record)].append(record)
    last = titles[-1] if titles else None
    return CpuTable(
        tool=tool,
        rows=tuple(_cpu_row(cpu, rows) for cpu, rows in by_cpu.items()),
        samples=len(next(iter(by_cpu.values()))),
        machine=last["machine"] if last else "",
        kernel=last["kernel"] if last else "",
        cpus=int(last["cpus"]) if last and last["cpus"] else None,
        switches_per_s=_mean_of(used, "cs"),
        interrupts_per_s=_mean_of(used, "in"),
        refs=(evidence.ref(records[0].line, records[-1].line),),
    )


def _without_first(tool: str, records: Sequence[_Record]) -> Sequence[_Record]:
    return records[1:] if tool in ("vmstat", "iostat") and len(records) > 1 else records


def _cpu(record: _Record) -> int:
    word = record.values.get("CPU", "all")
    return int(word) if word.isdecimal() and len(word) < 6 else -1


def _mean_of(records: Sequence[_Record], name: str) -> float | None:
    found = [ratio * 100 for record in records if (ratio := _ratio(record.values, name)) is not None]
    return fmean(found) if found else None


def _cpu_row(cpu: int, records: Sequence[_Record]) -> CpuRow:
    def mean(*names: str) -> float | None:
        found = [ratio for record in records if (ratio := _ratio(record.values, *names)) is not None]
        return round(fmean(found), 6) if found else None

    return CpuRow(
        cpu=cpu,
        user_ratio=mean("%usr", "%user", "us") or 0.0,
        system_ratio=mean("%sys", "%system", "sy") or 0.0,
        idle_ratio=mean("%idle", "id") or 0.0,
        iowait_ratio=mean("%iowait", "wa"),
        steal_ratio=mean("%steal", "st"),
        guest_ratio=mean("%guest", "gu"),
        irq_ratio=mean("%irq"),
        soft_ratio=mean("%soft"),
    )


def _processes(records: Sequence[_Record], evidence: Evidence) -> Iterator[ThreadActivity | ProcessUse]:
    """The rows of pidstat by process: with -t each process's row stands above those of its threads."""
    used = [record for record in records if record.average] or list(records)
    groups: dict[int, dict[int, list[_Record]]] = defaultdict(lambda: defaultdict(list))
    pid = 0
    for record in used:
        whose = record.values.get("TGID", record.values.get("PID", "-"))
        pid = int(whose) if whose.isdecimal() and len(whose) < 10 else pid
        tid = record.values.get("TID", "-")
        groups[pid][int(tid) if tid.isdecimal() and len(tid) < 10 else 0].append(record)
    for number, group in groups.items():
        if any(_QEMU.match(_name(rows[-1])) for rows in group.values()):
            yield _activity(number, group, records, evidence)


def _name(record: _Record) -> str:
    return record.values.get("Command", "").removeprefix("|__")


def _activity(
    pid: int, group: Mapping[int, Sequence[_Record]], records: Sequence[_Record], evidence: Evidence
) -> ThreadActivity | ProcessUse:
    lines = [record.line for rows in group.values() for record in rows]
    ref: Ref = evidence.ref(min(lines), max(lines))
    threads = [_use(tid, rows) for tid, rows in group.items() if tid]
    if not threads:
        whole = [ratio for record in group[0] if (ratio := _ratio(record.values, "%CPU")) is not None]
        return ProcessUse(pid=pid, comm=_name(group[0][-1]), cpu_ratio=fmean(whole) if whole else 0.0, refs=(ref,))
    stamps = sorted({record.at_s for record in records if record.at_s is not None})
    count = len(stamps)
    window_s = (stamps[-1] - stamps[0]) % _DAY_S * count / (count - 1) if count > 1 else 0
    uses = tuple(
        replace(use, role=ThreadRole.MAIN_LOOP) if use.tid == pid and use.role is ThreadRole.OTHER else use
        for use in threads
    )
    return ThreadActivity(window_ns=int(window_s * 1e9), samples=max(1, count), threads=uses, refs=(ref,))


def _use(tid: int, rows: Sequence[_Record]) -> ThreadUse:
    def mean(*names: str) -> float | None:
        found = [ratio for row in rows if (ratio := _ratio(row.values, *names)) is not None]
        return round(fmean(found), 6) if found else None

    comm = _name(rows[-1])
    role, vcpu = role_by_name(comm)
    return ThreadUse(
        tid=tid,
        comm=comm,
        role=role,
        vcpu=vcpu,
        user_ratio=mean("%usr", "%user") or 0.0,
        system_ratio=mean("%system", "%sys") or 0.0,
        guest_ratio=mean("%guest") or 0.0,
        delay_ratio=mean("%wait"),
    )
