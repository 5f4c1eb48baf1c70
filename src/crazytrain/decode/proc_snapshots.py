"""PRINTED_FILES: counters of ``/proc`` as people print them once or several times: stat, PID/stat, PID/task/TID/{stat,schedstat}.

    $ grep . /proc/4711/task/*/schedstat
    /proc/4711/task/4712/schedstat:86123456789 12345678 912345
    cpu  123456 0 4567 8901234 123 0 45 0 60000 0

``/proc/PID/stat`` counts the whole process, ``/proc/PID/schedstat`` its main thread alone. Sources: proc_stat(5), proc_pid_stat(5),
Linux fs/proc/base.c, Documentation/scheduler/sched-stats.rst.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from crazytrain.decode.printed_files import printed
from crazytrain.decode.proc_text import stat_line
from crazytrain.decode.tasks import decode_tasks
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.moments import CpuTicksReading, ProcessTicks, TasksPrinted
from crazytrain.model.facts.threads import TaskTable

_CPU = re.compile(r"(?:/proc/stat:)?cpu(\d{0,5}) +(\d{1,20}(?: +\d{1,20}){3,9}) *$")
_TOTAL = re.compile(r"(?:/proc/stat:)?(intr|ctxt) (\d{1,20})(?: |$)")
_THREAD = re.compile(r"/proc/(\d{1,9})/task/(\d{1,9})/(stat|schedstat|comm)$")
_PROCESS = re.compile(r"/proc/\d{1,9}/stat$")
_MOST_LINES = 20_000
_ALL = -1

_Found = tuple[int, str, str]


def decode_proc_snapshots(evidence: Evidence) -> Iterable[object]:
    """Yield a ``CpuTicksReading`` for each print-out of ``/proc/stat`` and a ``TasksPrinted`` for each of threads."""
    lines = [line[:2000] for line in evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]]
    yield from _ticks(lines, evidence)
    yield from _tables(lines, evidence)


def _ticks(lines: Sequence[str], evidence: Evidence) -> Iterator[CpuTicksReading]:
    begin = 0
    cpus: dict[int, tuple[int, ...]] = {}
    totals: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        cpu, total = _CPU.match(line.strip()), _TOTAL.match(line.strip())
        which = int(cpu[1]) if cpu and cpu[1] else _ALL
        if cpu and which in cpus:
            yield _reading(evidence, begin, cpus, totals)
            cpus, totals = {}, {}
        if cpu:
            begin = begin if cpus else number
            cpus[which] = tuple(int(word) for word in cpu[2].split())
        elif total and cpus:
            totals[total[1]] = int(total[2])
    if cpus:
        yield _reading(evidence, begin, cpus, totals)


def _reading(
    evidence: Evidence, begin: int, cpus: dict[int, tuple[int, ...]], totals: dict[str, int]
) -> CpuTicksReading:
    return CpuTicksReading(
        mono_ns=evidence.mono_ns,
        cpus=tuple(sorted(cpus.items())),
        interrupts=totals.get("intr"),
        switches=totals.get("ctxt"),
        ref=evidence.ref(begin),
    )


def _tables(lines: Sequence[str], evidence: Evidence) -> Iterator[TasksPrinted | ProcessTicks]:
    """A file that stands there once more begins another print-out."""
    files: dict[str, str] = {}
    begin = 0
    for number, path, text in _placed(lines):
        if path in files:
            yield from _table(files, begin, evidence)
            files = {}
        begin = begin if files else number
        files[path] = text
        yield from _process(path, text, number, evidence)
    yield from _table(files, begin, evidence)


def _placed(lines: Sequence[str]) -> Iterator[_Found]:
    """Line, path and content; lines of ``stat`` that stand there bare get the path of a thread where they are of one process."""
    found = list(printed(lines))
    bare = [_family(text) for _, path, text in found if not path]
    for number, path, text in found:
        tid, family = text.split(" ", 1)[0], _family(text)
        if not path and family[0] and len({one[0] for one in bare if one[1] == family[1]}) > 1:
            yield number, f"/proc/{family[1][0]}/task/{tid}/stat", text
        elif path:
            yield (
                number,
                path.replace(f"/proc/{(own := path.split('/')[2])}/schedstat", f"/proc/{own}/task/{own}/schedstat"),
                text,
            )


def _family(text: str) -> tuple[str, tuple[str, ...]]:
    """The thread of a line of ``stat``, and what all threads of a process have alike: its group, session and their number."""
    stat = stat_line(text.encode())
    rest = text.rpartition(") ")[2].split()
    return (str(stat.number), (rest[2], rest[3], rest[17])) if stat and len(rest) > 17 else ("", ())


def _process(path: str, text: str, number: int, evidence: Evidence) -> Iterator[ProcessTicks]:
    stat = stat_line(text.encode()) if _PROCESS.match(path) else None
    if stat and re.match(r"qemu|kvm", stat.comm):
        ticks = stat.user_ticks + stat.system_ticks
        ref = evidence.ref(number)
        yield ProcessTicks(mono_ns=evidence.mono_ns, pid=stat.number, comm=stat.comm, ticks=ticks, ref=ref)


def _table(files: dict[str, str], begin: int, evidence: Evidence) -> Iterator[TasksPrinted]:
    own = {path: text for path, text in files.items() if _THREAD.match(path)}
    whole = {**own, **dict(_made_stats(own))}
    bundle = pack(Part(path.removeprefix("/"), text.encode()) for path, text in whole.items())
    for table in decode_tasks(replace(evidence, data=bundle)) if own else ():
        if isinstance(table, TaskTable):
            ref = evidence.ref(begin)
            known = replace(table, refs=(ref,), complete=False)
            yield TasksPrinted(mono_ns=evidence.mono_ns, table=known, ref=ref)


def _made_stats(files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A line of ``stat`` without ticks for threads of which only ``schedstat`` was printed."""
    for path in files:
        found = _THREAD.match(path)
        stat = path.removesuffix("schedstat") + "stat"
        if found and found[3] == "schedstat" and stat not in files:
            comm = files.get(path.removesuffix("schedstat") + "comm", "")
            yield stat, f"{found[2]} ({comm}) ? " + "0 " * 49
