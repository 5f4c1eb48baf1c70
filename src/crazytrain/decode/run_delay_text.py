"""How long vCPUs waited for a CPU of the host, as tools print it that count it: libvirt's ``domstats``, ``perf sched``.

      vcpu.0.time=228816640000000
      vcpu.0.delay=181240162890123
      CPU 2/KVM:30122       |   1822.312 ms |     1233 | avg:  11.301 ms | max:  84.120 ms | max at:  91823.415141 s
       91823.331021 [0003]  CPU 2/KVM[30122/30110]           12.301     11.200      3.110

Sources: libvirt, docs/manpages/virsh.rst (vcpu.<num>.delay: enqueued by the host's scheduler, but not running); perf-sched(1).
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.figures import share

_MOST_LINES, _LONGEST = 200_000, 400
_VCPU = r"(?:CPU \d{1,4}/KVM|qemu-system-\w{1,8}|qemu-kvm|kvm)"
_STAT = re.compile(r"\s*vcpu\.(?P<vcpu>\d{1,5})\.(?P<what>time|delay)=(?P<ns>\d{1,19})\s*$")
_LATENCY = re.compile(
    rf"\s*(?P<who>{_VCPU}):(?:\d{{1,9}}|\(\d{{1,5}}\)) *\| *(?P<run>[\d.]{{1,16}}) ms \| *(?P<count>\d{{1,12}}) \| avg: *(?P<avg>[\d.]{{1,14}}) ms"
)
_TIMEHIST = re.compile(
    rf"\s*\d{{1,12}}\.\d{{6}} +\[\d{{1,5}}\] +(?P<who>{_VCPU})\[[\d/]{{1,20}}\] +[\d.]{{1,14}} +(?P<delay>[\d.]{{1,14}}) +(?P<run>[\d.]{{1,14}})\s*$"
)
_SCHEDSTAT = re.compile(r"/proc/(?P<of>[\w*/$]{1,60})/schedstat\b")
_THREE = re.compile(r"(?:^|schedstat:)\s*(?P<ran>\d{1,19}) (?P<waited>\d{1,19}) \d{1,15}\s*$")
_SWITCH = re.compile(
    r" (?P<at>\d{1,12}\.\d{3,9}): +(?:sched:)?sched_switch: +(?:"
    r"prev_comm=(?P<was>.{1,40}?) prev_pid=\d{1,9} prev_prio=\d{1,4} prev_state=(?P<held>\S{1,8}) ==> next_comm=(?P<next>.{1,40}?) next_pid="
    r"|(?P<out>\S.{0,40}?):\d{1,9} \[\d{1,4}\] (?P<state>\S{1,8}) ==> (?P<in>\S.{0,40}?):\d{1,9} \[)"
)
_SHORT_NS = 50_000_000
_WAITS_FROM = 0.3  # of the time that it wanted
_WAITED_PERCENT = 20.0
_RAN_FROM_MS = 100.0  # below that it is a thread that hardly wanted to run
_LONG_MS = 2.0  # each time: a thread that wakes often waits a little, and often, on a host that has CPUs enough


class _Waited(msgspec.Struct, frozen=True):
    who: str
    ran: float
    waited: float
    line: int

    @property
    def ratio(self) -> float:
        return self.waited / (self.waited + self.ran) if self.waited + self.ran > 0 else 0.0


def decode_run_delay(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` of the vCPU that waited most; ``value`` is the part that it waited of the time in which it wanted to run.

    Of ``domstats`` two print-outs are compared. Nothing where it waited little.
    """
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    for found in (
        tuple(_between(lines)),
        tuple(_by_perf(lines)),
        tuple(_history(lines)),
        tuple(_schedstats(lines)),
        tuple(_switches(lines)),
        tuple(_pidstat(lines)),
    ):
        worst = max(found, key=lambda one: one.ratio, default=None)
        if worst and worst.ratio >= _WAITS_FROM:
            text = f"{worst.who} waited for a CPU {share(worst.ratio)} of the time in which it wanted to run"
            yield ToolLine(meaning=ToolMeaning.VCPU_WAITS, text=text, ref=evidence.ref(worst.line), value=worst.ratio)


def _between(lines: Sequence[str]) -> Iterator[_Waited]:
    """The first and the last print-out of each vCPU."""
    told: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for number, line in enumerate(lines, start=1):
        if found := _STAT.match(line[:_LONGEST]):
            told.setdefault((found["vcpu"], found["what"]), []).append((int(found["ns"]), number))
    for vcpu in dict.fromkeys(vcpu for vcpu, _ in told):
        time, delay = told.get((vcpu, "time"), []), told.get((vcpu, "delay"), [])
        if len(time) > 1 and len(delay) > 1:
            ran, waited = time[-1][0] - time[0][0], delay[-1][0] - delay[0][0]
            if ran >= 0 and waited > 0:
                yield _Waited(f"vCPU {vcpu}", float(ran), float(waited), delay[-1][1])


def _by_perf(lines: Sequence[str]) -> Iterator[_Waited]:
    """Where threads have names, those of vCPUs alone: the main loop wakes often, and waits a little each time."""
    rows = [(number, found) for number, line in enumerate(lines, start=1) if (found := _LATENCY.match(line[:_LONGEST]))]
    named = [one for one in rows if one[1]["who"].startswith("CPU")]
    for number, found in named or rows:
        if _number(found["run"]) >= _RAN_FROM_MS and _number(found["avg"]) >= _LONG_MS:
            yield _Waited(found["who"], _number(found["run"]), int(found["count"]) * _number(found["avg"]), number)


def _history(lines: Sequence[str]) -> Iterator[_Waited]:
    """All turns of a thread together."""
    sums: dict[str, _Waited] = {}
    for number, line in enumerate(lines, start=1):
        if found := _TIMEHIST.match(line[:_LONGEST]):
            before = sums.get(found["who"], _Waited(found["who"], 0.0, 0.0, number))
            ran, waited = before.ran + _number(found["run"]), before.waited + _number(found["delay"])
            sums[found["who"]] = _Waited(found["who"], ran, waited, before.line)
    yield from (one for one in sums.values() if one.waited >= _LONG_MS)


def _schedstats(lines: Sequence[str]) -> Iterator[_Waited]:
    """``/proc/PID/task/TID/schedstat``, twice: time that it ran and time that it waited, in nanoseconds."""
    rows: dict[str, list[tuple[int, int, int]]] = {}
    path = ""
    for number, line in enumerate(lines, start=1):
        named = _SCHEDSTAT.search(line[:_LONGEST])
        path = named["of"] if named else path
        if path and (found := _THREE.search(line[:_LONGEST])) and (not named or line.startswith("/proc")):
            rows.setdefault(path, []).append((int(found["ran"]), int(found["waited"]), number))
    for name, told in rows.items():
        ran, waited = told[-1][0] - told[0][0], told[-1][1] - told[0][1]
        if len(told) > 1 and ran > _SHORT_NS and waited > 0:
            yield _Waited(f"the thread of /proc/{name}", float(ran), float(waited), told[-1][2])


def _switches(lines: Sequence[str]) -> Iterator[_Waited]:
    """``sched_switch`` of a trace: a thread that was switched out while runnable waits until it is switched in."""
    since: dict[str, tuple[float, bool]] = {}
    sums: dict[str, _Waited] = {}
    for number, line in enumerate(lines, start=1):
        found = _SWITCH.search(line[:_LONGEST])
        if found is None:
            continue
        at = float(found["at"])
        for who, comes in ((found["out"] or found["was"], False), (found["in"] or found["next"], True)):
            before = since.pop(who, None)
            one = sums.get(who, _Waited(who, 0.0, 0.0, number))
            took = at - before[0] if before else 0.0
            runs = bool(before and before[1] and not comes)
            waits = bool(before and not before[1] and comes)
            sums[who] = _Waited(who, one.ran + took * runs, one.waited + took * waits, one.line)
            if comes or (found["state"] or found["held"] or "").startswith("R"):
                since[who] = (at, comes)
    yield from (one for who, one in sums.items() if re.match(_VCPU, who) and one.waited * 1000 >= _LONG_MS)


def _pidstat(lines: Sequence[str]) -> Iterator[_Waited]:
    """``pidstat -u`` of whole processes: the columns %wait and %CPU. Threads (``-t``) are read with the tables of sysstat."""
    columns: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = line[:_LONGEST].split()
        if "%wait" in words and "Command" in words and "PID" in words:
            columns = words[words.index("PID") :]
        elif columns and words and re.fullmatch(_VCPU, words[-1]) and len(words) >= len(columns):
            row = dict(zip(columns, words[-len(columns) :], strict=True))
            waited = _number(row["%wait"].replace(",", "."))
            if waited >= _WAITED_PERCENT:
                yield _Waited(words[-1], _number(row.get("%CPU", "0").replace(",", ".")), waited, number)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
