"""Screens of top, with threads (-H) or with processes, as pasted or as ``top -b`` writes them.

        PID USER      PR  NI    VIRT    RES    SHR S %CPU %MEM     TIME+ COMMAND
    1567290 qemu      20   0 6683072 647416   8336 R 99.7  0.2   4028:04 CPU 0/KVM
    1567284 qemu      20   0 6683072 647416   8336 S  0.0  0.2   0:12.93 qemu-kvm

Manual: top(1). Columns are found by the header, where there is one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.threads import ProcessUse, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.thread_names import role_by_name

_USUAL = ("PID", "USER", "PR", "NI", "VIRT", "RES", "SHR", "S", "%CPU", "%MEM", "TIME+", "COMMAND")
_HEADER = re.compile(r"[\s*]*PID\s+\S.*(?:%CPU|CPU%).*\S")
_SCREEN = re.compile(r"\s*(?:top - |Mem: \d+K used)")
_THREADS = re.compile(r"\s*Threads:")
_QEMU = re.compile(r"(?:\S*/)?(?:qemu(?:-system|-kvm|:|$)|qemu-|kvm$|kvm\s)")
_THREAD_OF_QEMU = re.compile(r"CPU \d+/|CPU 0/TCG|ALL CPUs/TCG|IO \w|vnc_worker|SPICE Worker|call_rcu|migration")
_SHARE = re.compile(r"\d{1,6}(?:[.,]\d{0,3})?")  # htop has no room for what follows "100."
_PID = re.compile(r"\d{1,9}")
_SIZES = ("VIRT", "RES", "SHR", "VSZ")  # the same for all threads of one process
_LONGEST_LINE = 4096
_MOST_LINES = 200_000
_TIME = re.compile(r"(\d{1,7}):(\d\d(?:[.,]\d\d)?)")
_TIMES = ("TIME+", "TIME", "ZEIT+", "TEMPS+", "HORA+")
_MEMORY = re.compile(r"([KMGTPE]iB) (?:Mem|Spch)")
_NEW_UNITS = ("MiB", "GiB", "TiB", "PiB", "EiB")
_NOTICEABLE = 0.02  # of one CPU: what rounding and ticks explain
_TICK_S = 0.02
_TAKEN_OFF = "top showed the whole process in this row; the other threads' shares are taken off"
_COMPUTES = 0.2  # of one CPU: more than anything but a vCPU takes in a QEMU whose threads have no names
_BY_DEEDS = "no thread has a name of its own, and this one computes"
_KERNEL_THREAD = re.compile(r"(?:vhost-|kvm-pit/|kvm-nx-lpage-re|kvm-nx-lpage-recovery-)(\d{1,9})")


class _Row(msgspec.Struct, frozen=True):
    """One row: ``sizes`` are the memory columns, which tell the threads of one process from others."""

    pid: int
    ratio: float
    state: str
    comm: str
    sizes: tuple[str, ...]
    line: int
    time_s: float | None = None


class _Screen(msgspec.Struct):
    """Rows of one screen by their number, and what its head says.

    ``threads``: that the rows are threads. ``new``: that memory is shown in MiB or more, as top does since 2018.
    """

    rows: dict[int, _Row] = {}
    threads: bool = False
    new: bool | None = None


def decode_top(evidence: Evidence) -> Iterable[object]:
    """Yield a `ThreadActivity` (top -H) or a `ProcessUse` (without -H) for each QEMU process, the busiest last.

    top gives one share a thread, over user, system and guest time together: it stands in ``user_ratio``. ``window_ns``
    is 0, ``samples`` the number of screens averaged: of several, all but the first, which ``top -b`` counts from the
    process's start. Roles come from the threads' names; the first thread is the main loop; where no thread is named
    (QEMU before 2.0, debug-threads=off) those that compute are taken for vCPUs, and ``why`` says so. Processes that are
    no QEMU are left out; nothing is yielded where none is on the screen.

    The top of procps 4.0 (Debian 12) shows the whole process in the row of its first thread. Where the figures fit
    that, the other threads' shares are taken off it, and the thread's ``why`` says so.
    """
    screens = [screen for screen in _screens(evidence.data.decode("utf-8", "backslashreplace")) if screen.rows]
    used = screens[1:] or screens
    groups = _groups(used)
    if any(screen.threads for screen in used) or any(len(group) > 1 for group in groups):
        activities = [_activity(group, used, evidence) for group in groups]
        return sorted(activities, key=ThreadActivity.cpu_ratio)
    return sorted((_process(rows, evidence) for group in groups for rows in group.values()), key=_cpu_ratio)


def _cpu_ratio(use: ProcessUse) -> float:
    return use.cpu_ratio


def _screens(text: str) -> Iterator[_Screen]:
    screen, columns = _Screen(), list(_USUAL)
    for number, line in enumerate(text.split("\n")[:_MOST_LINES], start=1):
        head = line[:_LONGEST_LINE].strip(" *\t")
        header = _HEADER.match(head)
        columns = head.replace("CPU%", "%CPU").split() if header else columns  # htop writes CPU%
        if columns[-1] in _TIMES:  # a mailer broke the header
            columns = [*columns, "COMMAND"]
        row = None if header else _row(head, columns, number)
        if screen.rows and (header or _SCREEN.match(head) or (row and row.pid in screen.rows)):
            yield screen
            screen = _Screen(threads=bool(row) and screen.threads)
        screen.threads |= _THREADS.match(head) is not None
        memory = _MEMORY.match(head)
        screen.new = screen.new if memory is None else memory[1] in _NEW_UNITS
        if row:
            screen.rows[row.pid] = row
    yield screen


def _row(line: str, columns: Sequence[str], number: int) -> _Row | None:
    values = line.split(None, len(columns) - 1)
    if len(values) < len(columns):
        return None
    named = dict(zip(columns, values, strict=True))
    pid, share = named.get("PID", ""), named.get("%CPU", "")
    if not _PID.fullmatch(pid) or not _SHARE.fullmatch(share):
        return None
    sizes = tuple(named[name] for name in _SIZES if name in named)
    state = next((named[name][:1] for name in ("S", "STAT") if name in named), "")
    ratio = round(float(share.replace(",", ".")) / 100, 6)
    return _Row(int(pid), ratio, state, values[-1].strip(), sizes, number, _time_s(named))


def _time_s(named: Mapping[str, str]) -> float | None:
    found = next((_TIME.fullmatch(named[name]) for name in _TIMES if name in named), None)
    return int(found[1]) * 60 + float(found[2].replace(",", ".")) if found else None


_Group = dict[int, list[_Row]]  # the rows of one process's threads by number, a row a screen


def _groups(screens: Iterable[_Screen]) -> list[_Group]:
    """The rows of QEMU, process by process: the threads of one process have the same memory sizes on a screen."""
    groups: list[_Group] = []
    owner: dict[int, _Group] = {}
    for screen in screens:
        for rows in _same_sizes(screen):
            group = next((owner[row.pid] for row in rows if row.pid in owner), None)
            if group is None:
                group = {}
                groups.append(group)
            for row in rows:
                group.setdefault(row.pid, []).append(row)
                owner[row.pid] = group
    return groups


def _same_sizes(screen: _Screen) -> list[list[_Row]]:
    by_sizes: dict[tuple[str, ...], list[_Row]] = defaultdict(list)
    for row in screen.rows.values():
        by_sizes[row.sizes].append(row)
    return [rows for sizes, rows in by_sizes.items() if sizes[:1] != ("0",) and any(_is_qemu(row) for row in rows)]


def _is_qemu(row: _Row) -> bool:
    return bool(_QEMU.match(row.comm) or _THREAD_OF_QEMU.match(row.comm))


def _with_kernel_threads(group: _Group, screens: Iterable[_Screen]) -> _Group:
    """Add the kernel's threads on behalf of this process: vhost-4711 and kvm-pit/4711 carry its number."""
    whole = dict(group)
    for screen in screens:
        for row in screen.rows.values():
            found = _KERNEL_THREAD.fullmatch(row.comm)
            if found and int(found[1]) in group:
                whole.setdefault(row.pid, []).append(row)
    return whole


def _activity(group: _Group, screens: Sequence[_Screen], evidence: Evidence) -> ThreadActivity:
    whole = _with_kernel_threads(group, screens)
    uses = {tid: _use(rows) for tid, rows in sorted(whole.items())}
    first = min(group)
    uses[first] = _main_loop(uses[first])
    others = sum(_mean(rows) for tid, rows in group.items() if tid != first)
    if uses[first].role is ThreadRole.MAIN_LOOP and _shows_whole_process(group, others, new=screens[-1].new):
        own = max(0.0, round(uses[first].user_ratio - others, 6))
        uses[first] = replace(uses[first], user_ratio=own, why=_TAKEN_OFF)
    if not any(use.role is ThreadRole.VCPU for use in uses.values()):
        uses = {tid: _perhaps_vcpu(use) for tid, use in uses.items()}
    lines = _lines(whole.values(), evidence)
    return ThreadActivity(window_ns=0, samples=len(screens), threads=tuple(uses.values()), refs=(lines,))


def _use(rows: list[_Row]) -> ThreadUse:
    last, states = rows[-1], tuple(sorted({row.state for row in rows}))
    role, vcpu = role_by_name(last.comm)
    return ThreadUse(tid=last.pid, comm=last.comm, role=role, vcpu=vcpu, user_ratio=_mean(rows), states=states)


def _main_loop(use: ThreadUse) -> ThreadUse:
    """The first thread, where its name says nothing else: it is the process's own."""
    return replace(use, role=ThreadRole.MAIN_LOOP) if use.role is ThreadRole.OTHER else use


def _perhaps_vcpu(use: ThreadUse) -> ThreadUse:
    if use.role is ThreadRole.OTHER and use.user_ratio >= _COMPUTES:
        return replace(use, role=ThreadRole.VCPU, why=_BY_DEEDS)
    return use


def _shows_whole_process(group: _Group, others: float, *, new: bool | None) -> bool:
    """Whether the first thread's row holds the others' time as well, as in procps 4.0. It must be the process's first: where the
    paste begins with a thread that has a name of its own, that one is not shown.

    Its time must be that of all others at least, and so must its share. Old ones (memory in KiB) never do it; where the
    head of the screen is missing, the two must be equal.
    """
    first, *rest = (rows for _, rows in sorted(group.items()))
    share, times_s = _mean(first), [rows[-1].time_s or 0.0 for rows in rest]
    if new is False or others < _NOTICEABLE or (first[-1].time_s or 0.0) + _TICK_S * len(rest) < sum(times_s):
        return False
    if share > 1 + _NOTICEABLE:  # more than one CPU: that is no single thread
        return True
    return abs(share - others) < _NOTICEABLE or (bool(new) and share > others)


def _process(rows: list[_Row], evidence: Evidence) -> ProcessUse:
    last = rows[-1]
    return ProcessUse(pid=last.pid, comm=last.comm, cpu_ratio=_mean(rows), refs=(_lines([rows], evidence),))


def _mean(rows: Sequence[_Row]) -> float:
    return round(sum(row.ratio for row in rows) / len(rows), 6)


def _lines(groups: Iterable[list[_Row]], evidence: Evidence) -> Ref:
    lines = [row.line for rows in groups for row in rows]
    return evidence.ref(min(lines), max(lines))
