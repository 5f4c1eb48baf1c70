"""The host's kernel log as it concerns this guest: which lines name its threads, and when they were said."""

import re

from crazytrain.model.facts import Facts, TaskTable
from crazytrain.model.facts.logs import HostLine, HostLog, KernelLine, KernelLog

_QEMU = re.compile(r"CPU \d+/(?:KVM|TCG)|qemu|kvm\b|kvm \[\d+\]")
_SLACK_NS = 50_000_000  # stamps and CLOCK_MONOTONIC differ by some ms


def derive_host_log(facts: Facts) -> HostLog | None:
    """Judge each line; ``None`` where the log was not read.

    A line names the guest where its number is that of one of the guest's threads, and that thread was there already when it was
    said: a number that was given anew is another task. The window is that of the threads' readings. Of a log alone, without any
    reading of threads (pasted text), a line that names a vCPU or QEMU is taken for the guest's: there is no other one to confuse it with.
    """
    log = facts.get(KernelLog)
    if log is None:
        return None
    tables = sorted(facts.all(TaskTable), key=lambda table: table.mono_ns)
    starts = _starts(tables)
    begin_ns = tables[0].mono_ns if tables else None
    lines = tuple(_judged(line, log, starts, begin_ns) for line in log.matter)
    since_ns = None if log.since_s is None or not log.mono_ns else log.mono_ns - int(log.since_s * 1e9)
    return HostLog(lines=lines, read=log.lines, since_ns=since_ns, refs=log.refs, excerpt=log.excerpt)


def _starts(tables: list[TaskTable]) -> dict[int, int]:
    """When each thread of the guest began, as ``CLOCK_MONOTONIC``; 0 where that cannot be told. The process counts, too."""
    found: dict[int, int] = {}
    for table in tables:
        # start_ticks count on the clock of /proc/uptime, which runs on while the host sleeps
        asleep_ns = int(table.host_uptime_s * 1e9) - table.mono_ns if table.host_uptime_s is not None else None
        for task in table.tasks:
            start_ns = task.start_ticks * 10**9 // table.ticks_per_s
            found[task.tid] = start_ns - asleep_ns if asleep_ns is not None else 0
        if table.pid is not None:
            found.setdefault(table.pid, min(found.values(), default=0))
    return found


def _judged(line: KernelLine, log: KernelLog, starts: dict[int, int], begin_ns: int | None) -> HostLine:
    ours = line.pid is not None and (line.pid in starts or (begin_ns is None and _names_qemu(line)))
    if ours and line.pid is not None and line.mono_ns is not None and starts.get(line.pid):
        ours = line.mono_ns + _SLACK_NS >= starts[line.pid]
    moments = _moments(line, log)
    return HostLine(
        line=line,
        ours=ours,
        in_window=begin_ns is not None and any(moment >= begin_ns - _SLACK_NS for moment in moments),
        ago_ns=max(0, log.mono_ns - moments[0]) if moments else None,
    )


def _names_qemu(line: KernelLine) -> bool:
    return bool(_QEMU.match(line.comm or line.text))


def _moments(line: KernelLine, log: KernelLog) -> tuple[int, ...]:
    """When it was said, likeliest first: whether the stamps' clock runs with NTP's correction depends on the machine."""
    if line.mono_ns is None or not log.mono_ns:
        return ()
    corrected_ns = line.mono_ns + log.corrected_ns
    return (corrected_ns, line.mono_ns) if corrected_ns <= log.mono_ns + _SLACK_NS else (line.mono_ns,)
