"""INTERRUPTS and CLOCKSOURCE: ``/proc/interrupts`` (one snapshot or several) and the clock source's files as somebody printed them.

      0:         38          0   IO-APIC   2-edge      timer
    LOC:    4021234    3998121   Local timer interrupts
    $ cat /sys/devices/system/clocksource/clocksource0/current_clocksource
    kvm-clock

Sources: proc(5), Linux kernel/irq/proc.c, arch/x86/kernel/irq.c, Documentation/timers.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.host_tables import ClocksourceText, InterruptRow, InterruptTable

_IRQ = re.compile(
    r"\s*(?P<name>\d{1,4}|[A-Z][A-Z0-9]{2}):\s+(?P<counts>(?:\d{1,15}\s+){1,1024})(?P<what>[A-Za-z]\S.{0,200})?"
)
_CPUS = re.compile(r"\s*(?:CPU\d{1,5}\s+){0,1023}CPU\d{1,5}\s*$")
_GUESTS = re.compile(r"virtio\d|HVS:|HYP:|QEMU|virtio-")
_FILE = re.compile(r"\S{0,80}(current|available)_clocksource:? *(\w[\w -]*)?$")
_NAME = r"(?:kvm[-_]clock|tsc(?:-early)?|hpet|acpi_pm|hyperv_clocksource\w*|jiffies|refined-jiffies|pit|arch_sys_counter|xen|timebase)"
_VALUE = re.compile(rf"\s*({_NAME}(?: {_NAME})*)\s*$")
_ONLY_IN_GUESTS = ("kvm-clock", "hyperv_clocksource", "xen")
_MOST_LINES = 20_000


def decode_interrupts(evidence: Evidence) -> Iterable[object]:
    """Yield one ``InterruptTable``: the last snapshot, and how much each line grew since the first one."""
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    snapshots = [one for one in _snapshots(lines) if one]
    if not snapshots:
        return
    first, last = snapshots[0], snapshots[-1]
    rows = tuple(_irq(name, last[name], first.get(name) if len(snapshots) > 1 else None) for name in last)
    yield InterruptTable(
        rows=tuple(sorted(rows, key=_most)),
        snapshots=len(snapshots),
        cpus=max(len(found["counts"].split()) for found in last.values()),
        guest=of_a_guest(lines),
        refs=(evidence.ref(1, len(lines)),),
    )


def of_a_guest(lines: Iterable[str]) -> bool | None:
    """Whether devices or vectors show that it is a guest's; ``None`` where nothing does."""
    return True if any(_GUESTS.search(line[:400]) for line in lines) else None


def numbered_snapshots(lines: Sequence[str]) -> Iterator[tuple[int, dict[str, tuple[str, int, int]]]]:
    """Each snapshot: the line at which it begins (from 1), and what each of its lines is, counts, and over how many CPUs."""
    begin = 1
    found: dict[str, tuple[str, int, int]] = {}
    for number, line in enumerate(lines, start=1):
        row = _IRQ.match(line[:20_000])
        if found and (_CPUS.match(line[:20_000]) or (row and row["name"] in found)):
            yield begin, found
            found = {}
        if row:
            begin = begin if found else number
            found[row["name"]] = ((row["what"] or "").strip(), _sum(row), len(row["counts"].split()))
    yield begin, found


def _snapshots(lines: Sequence[str]) -> Iterator[dict[str, re.Match[str]]]:
    found: dict[str, re.Match[str]] = {}
    for line in lines:
        row = _IRQ.match(line[:20_000])
        if found and (_CPUS.match(line[:20_000]) or (row and row["name"] in found)):
            yield found
            found = {}
        if row:
            found[row["name"]] = row
    yield found


def _irq(name: str, row: re.Match[str], before: re.Match[str] | None) -> InterruptRow:
    count = _sum(row)
    return InterruptRow(
        name=name, what=(row["what"] or "").strip(), count=count, grown=None if before is None else count - _sum(before)
    )


def _sum(row: re.Match[str]) -> int:
    return sum(int(word) for word in row["counts"].split())


def _most(row: InterruptRow) -> int:
    return -(row.grown if row.grown is not None else row.count)


def decode_clocksource(evidence: Evidence) -> Iterable[object]:
    """Yield one ``ClocksourceText``. Several names on a line are those available, one alone is the current one."""
    current, last = "", 1
    available: tuple[str, ...] = ()
    for number, line in enumerate(evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES], start=1):
        file = _FILE.match(line.strip()[:400])
        value = _VALUE.match(line[:400])
        names = tuple(
            ((file[2] or "") if file else value[1] if value else "").replace("kvm_clock", "kvm-clock").split()
        )
        if len(names) > 1 or (names and file and file[1] == "available"):
            available, last = names, number
        elif names:
            current, last = names[0], number
    if current or available:
        only = (current or available[0]).startswith(_ONLY_IN_GUESTS) or any(
            n.startswith(_ONLY_IN_GUESTS) for n in available
        )
        yield ClocksourceText(
            current=current, available=available, guest=True if only else None, refs=(evidence.ref(1, last),)
        )
