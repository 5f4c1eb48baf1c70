"""PERF_KVM: the tables of ``perf kvm stat report`` and ``perf kvm stat live``.

    Analyze events for all VMs, all VCPUs:

                 VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

          IO_INSTRUCTION      55654    78.67%    42.39%      3.54us     74.94us     13.63us ( +-   0.24% )
                     HLT       2933     4.15%    56.06%      1.71us  15227.79us    341.97us ( +-   8.91% )

    Total Samples:70746, Total events handled time:1789115.74us.

Source: Linux tools/perf/builtin-kvm.c (print_result, print_vcpu_info, show_timeofday), tools/perf/arch/*/util/kvm-stat.c.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.decode.exit_events import owned_port, unseen_but
from crazytrain.decode.msrs import msr_name
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import ExitCount, ExitTime, KvmExits, MmioUse, MsrUse, PortUse

_SHARE = r"\d{1,3}(?:[.,]\d{1,3})?%"
_TIME = r"(?:\d{1,15}(?:[.,]\d{1,6})?|nan|-)(?:[nu]s)?"
# The old form has a unit behind each time (the oldest, up to Linux 3.15, has the mean alone).
# The newer one has a column of the whole time in ns, and the mean last.
_ROW = re.compile(
    rf"\s*(?P<name>\S{{1,60}})\s+(?P<count>\d{{1,15}})\s+{_SHARE}\s+"
    rf"(?:{_SHARE}\s+{_TIME}\s+{_TIME}\s+(?P<mean>\d{{1,15}}[.,]\d{{1,6}})us"
    rf"|{_SHARE}\s+(?P<alone>\d{{1,15}}[.,]\d{{1,6}})us(?=\s*\( ?\+)"  # a row that broke off has the least there
    rf"|(?P<time>\d{{1,18}})\s+{_SHARE}\s+\d{{1,15}}\s+\d{{1,15}}\s+(?P<mean_ns>\d{{1,15}}))"
)
_TOTAL = re.compile(r"Total Samples: ?(\d{1,15}), Total events handled time: ?(\d{1,15}(?:[.,]\d{1,6})?)us")
_STAMP = re.compile(r"(\d\d):(\d\d):(\d\d)\.(\d{6})\s*$")
_HEAD = re.compile(r"\s*(?:VM-EXIT|Event name|IO Port Access|MMIO Access|MSR Access|HLT Event)\s+Samples?\b")
_BEGIN = re.compile(r"Analyze events (?:for|from) ")
_ASKED = re.compile(r"perf kvm .{0,200}?\bsleep (\d{1,6}(?:\.\d{1,6})?)\b")
_EVERY = re.compile(r"perf kvm .{0,200}?stat live\b.{0,200}?(?:-d ?|--display[ =])(\d{1,5})\b")
_ACCESS = re.compile(r"0x([0-9a-fA-F]{1,16}):(POUT|PIN|W|R)$")
_PAGE_MASK = ~0xFFF
_DAY_NS = 86_400 * 10**9
_MOST_LINES = 20_000
_LONGEST_LINE = 1024
_LIVE_NS = 10**9  # what ``perf kvm stat live`` shows at once where nobody said -d: perf-kvm(1)


class _Row(msgspec.Struct, frozen=True):
    """One row: how often, and how long each took in the mean."""

    name: str
    count: int
    mean_ns: float


class _Table(msgspec.Struct):
    """One table: its rows, what the head says, its lines."""

    rows: list[_Row] = []
    stamp_ns: int | None = None
    first: int = 0
    last: int = 0


def decode_perf_kvm(evidence: Evidence) -> Iterable[object]:
    """Yield one ``KvmExits`` of all tables: counts of several screens of ``live`` are added, for each shows its own second.

    ``window_ns`` is known from the screens' own times (``live``), or from ``sleep N`` in the command; else it is 0: counts
    and shares without a rate. ``times`` are means times counts, of all vCPUs together (``tid`` 0).
    """
    text = evidence.data.decode("utf-8", "backslashreplace")
    tables = [table for table in _tables(text) if table.rows]
    if not tables:
        return
    counted, took = Counter[str](), Counter[str]()
    for table in tables:
        for row in table.rows:
            counted[row.name] += row.count
            took[row.name] += int(row.mean_ns * row.count)
    ref = evidence.ref(tables[0].first, tables[-1].last)
    yield KvmExits(
        window_ns=_window_ns(text, tables),
        exits=tuple(ExitCount(reason=n, count=c) for n, c in counted.most_common() if not _ACCESS.match(n)),
        ports=tuple(_ports(counted)),
        mmio=tuple(_mmio(counted)),
        msrs=tuple(_msrs(counted)),
        times=tuple(_time(name, counted[name], took[name]) for name in counted if not _ACCESS.match(name)),
        hardware=any(not _ACCESS.match(name) for name in counted),
        left_out=unseen_but(*_seen(counted)),
        refs=(ref,),
    )


def _tables(text: str) -> Iterator[_Table]:
    table, stamp = _Table(rows=[]), None
    lines = (line[:_LONGEST_LINE] for line in text.split("\n")[:_MOST_LINES])
    for number, line in enumerate(lines, start=1):
        found = _STAMP.match(line.strip())
        stamp = _of_day_ns(found) if found else stamp
        if table.rows and (found or _HEAD.match(line) or _BEGIN.match(line)):
            yield table
            table = _Table(rows=[])
        row = _row(line)
        if row:
            table.first = table.first or number
            table.rows.append(row)
            table.stamp_ns, table.last = stamp, number
        elif _TOTAL.search(line) and table.rows:
            table.last = number
    yield table


def _row(line: str) -> _Row | None:
    found = _ROW.match(line)
    if found is None or found["name"].lower() == "total":
        return None
    mean = found["mean"] or found["alone"]
    mean_ns = _number(mean) * 1000 if mean else float(found["mean_ns"])
    return _Row(found["name"], int(found["count"]), mean_ns)


def _number(word: str) -> float:
    return float(word.replace(",", "."))


def _of_day_ns(found: re.Match[str]) -> int:
    hours, minutes, seconds, micro = (int(word) for word in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 10**9 + micro * 1000


def _window_ns(text: str, tables: list[_Table]) -> int:
    """Over how long the tables counted; 0 where nothing tells. ``live`` prints the time above each of its screens."""
    head = text[:100_000]
    every = _EVERY.search(head)
    each_ns = int(every[1]) * 10**9 if every else _LIVE_NS
    stamps = [table.stamp_ns for table in tables if table.stamp_ns is not None]
    if len(stamps) == len(tables) and stamps:
        between = (stamps[-1] - stamps[0]) % _DAY_NS
        return between * len(tables) // (len(tables) - 1) if len(tables) > 1 and between else each_ns * len(tables)
    asked = _ASKED.search(head)
    if asked and len(tables) == 1:
        return int(float(asked[1]) * 1e9)
    return each_ns * len(tables) if every else 0


def _time(name: str, count: int, took_ns: int) -> ExitTime:
    return ExitTime(reason=name, tid=0, samples=count, mean_ns=took_ns / max(1, count), time_ns=took_ns)


def _accesses(counted: Counter[str], read: str, write: str) -> Iterator[tuple[int, bool, int]]:
    for name, count in counted.most_common():
        found = _ACCESS.match(name)
        if found and found[2] in (read, write):
            yield int(found[1], 16), found[2] == write, count


def _ports(counted: Counter[str]) -> Iterator[PortUse]:
    for port, write, count in _accesses(counted, "PIN", "POUT"):
        yield owned_port(port, count, write=write)


def _plain(counted: Counter[str]) -> Iterator[tuple[int, bool, int]]:
    return _accesses(counted, "R", "W")


def _is_msr(address: int) -> bool:
    """Both tables write ``0x...:W``: no device has its memory in the first MiB's pages that registers are numbered with."""
    return address < 0x2000 or 0xC000_0000 <= address < 0xC002_0000 or 0x4000_0000 <= address < 0x4000_0200


def _mmio(counted: Counter[str]) -> Iterator[MmioUse]:
    pages = Counter[tuple[int, bool]]()
    for address, write, count in _plain(counted):
        if not _is_msr(address):
            pages[address & _PAGE_MASK, write] += count
    yield from (MmioUse(page=page, write=write, count=count) for (page, write), count in pages.most_common())


def _msrs(counted: Counter[str]) -> Iterator[MsrUse]:
    for address, write, count in _plain(counted):
        if _is_msr(address):
            yield MsrUse(index=address, write=write, count=count, name=msr_name(address))


def _seen(counted: Counter[str]) -> Iterator[str]:
    if any(not _ACCESS.match(name) for name in counted):
        yield "kvm_exit"
    if any(_accesses(counted, "PIN", "POUT")):
        yield "kvm_pio"
    for address, _write, _count in _plain(counted):
        yield "kvm_msr" if _is_msr(address) else "kvm_mmio"
