"""KVM_STAT: what kvm_stat prints (its screen, ``--once``, ``-l``), and counters of debugfs as ``grep . /sys/kernel/debug/kvm/*`` shows them.

     Event                                         Total %Total CurAvg/s
     kvm_exit                                    5198976   23.1   277006
     kvm_exit(HLT)                               1732103    7.7    92289

Source: Linux tools/kvm/kvm_stat (screen, batch and log of all versions since 2.6.38, when it stood in QEMU's scripts), and
Documentation/virt/kvm. What stands beside the total is a rate per second in all of them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.decode.exit_events import ANY_REASON, unseen_but
from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.kvm import ExitCount, KvmCounter, KvmExits, KvmStat, KvmStatReading, KvmStats

_ROW = re.compile(
    r"\s*(?P<name>[A-Za-z_]\w{1,60})(?:\((?P<child>[\w -]{1,60})\))?\s+(?P<total>\d{1,20})"
    r"(?:\s+(?P<share>\d{1,3}\.\d))?(?:\s+(?P<rate>\d{1,15}))?\s*$"
)
_FILE = re.compile(r"(?:/sys/kernel/debug/kvm/(?:\d{1,10}-\d{1,10}/)?)?(?P<name>[a-z]\w{2,60}):(?P<total>\d{1,20})\s*$")
_NAMES = re.compile(r"\s*(?:Timestamp\s+)?(?:[a-z_][\w()-]{1,80}\s+){2,400}[a-z_][\w()-]{1,80}\s*$")
_NUMBERS = re.compile(r"\s*(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s+)?(?P<values>(?:\d{1,15}\s+){2,400}\d{1,15})\s*$")
_LOGGED_CHILD = re.compile(r"(?P<name>kvm_\w{1,40})\((?P<child>[\w-]{1,60})\)$")
_REASON = re.compile(r"[A-Z][A-Z_0-9]{2,40}$")
# What a tracepoint counts, as KVM's own counters call it: one is told each time that the other goes up.
_SAME = {"kvm_exit": "exits", "kvm_inj_virq": "irq_injections"}
_LOGGED = (
    "kvm_exit",
    "kvm_entry",
    "kvm_msr",
    "kvm_pio",
    "kvm_mmio",
    "kvm_eoi",
    "kvm_cr",
    "kvm_cpuid",
    "kvm_fpu",
    "exits",
)
_SECOND_NS = 10**9
_MOST_LINES = 20_000
_NO_EXITS = frozenset({"Total", "Event"})


class _Line(msgspec.Struct, frozen=True):
    """One counter on one line; ``child`` is the reason in ``kvm_exit(reason)``. ``per_s`` is ``None`` where only a total stands."""

    name: str
    child: str
    total: int | None
    per_s: int | None
    number: int


def decode_kvm_stat(evidence: Evidence) -> Iterable[object]:
    """Yield ``KvmStats`` where rates stand there, ``KvmExits`` where exits are told by reason, else a ``KvmStatReading`` for each
    print-out.

    Of several screens the last one counts: each has its own rates. ``window_ns`` is a second, for what is shown are rates per
    second; over how long they were averaged the tool does not say. kvm_stat counts all guests of the host together unless ``-p`` or
    ``-g`` names one.
    """
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    found = [*_rows(lines), *_logged(lines)]
    if not found:
        return
    ref = evidence.ref(min(one.number for one in found), max(one.number for one in found))
    rates = {_key(one): one.per_s for one in found if one.per_s is not None}
    if rates:
        yield KvmStats(window_ns=_SECOND_NS, stats=tuple(_stats(rates)), refs=(ref,))
        if exits := _exits(rates, ref):
            yield exits
        return
    for first, totals in _snapshots(found):
        counters = tuple(KvmCounter(name, total) for name, total in totals.items())
        yield KvmStatReading(mono_ns=evidence.mono_ns, counters=counters, vcpus=0, ref=evidence.ref(first))


def _snapshots(found: Sequence[_Line]) -> Iterator[tuple[int, dict[str, int]]]:
    """Totals, and the line at which each print-out of them begins: a name that is there already begins another one."""
    first = 0
    totals: dict[str, int] = {}
    for one in found:
        if one.total is None or one.child:
            continue
        if one.name in totals:
            yield first, totals
            totals = {}
        first = first if totals else one.number
        totals[one.name] = one.total
    if totals:
        yield first, totals


def _key(line: _Line) -> tuple[str, str]:
    return line.name, line.child


def _rows(lines: Sequence[str]) -> Iterator[_Line]:
    parent = ""
    for number, line in enumerate(lines, start=1):
        found = _ROW.match(line[:400]) or _FILE.match(line[:400])
        if found is None or found["name"] in _NO_EXITS:
            continue
        row = found.groupdict()
        rate, name = row.get("rate"), found["name"]
        child = row.get("child") or ""
        if _REASON.match(name) and not child and parent:
            name, child = parent, name  # the screen shows reasons below their event, without its name
        elif not child:
            parent = name
        # a row that has just its share and no rate did not fire within the last second
        per_s = int(rate) if rate else 0 if row.get("share") else None
        yield _Line(name, child, int(found["total"]), per_s, number)


def _logged(lines: Sequence[str]) -> Iterator[_Line]:
    """``kvm_stat -l``: names (old versions cut them to nine characters) above a row of rates for each second. The last row counts.

    A row may begin with its time.
    """
    names: list[str] = []
    for number, line in enumerate(lines, start=1):
        found = _NUMBERS.match(line[:20_000])
        if found and names:
            values = found["values"].split()
            if len(values) == len(names):
                yield from (
                    one
                    for n, v in zip(names, values, strict=True)
                    if (one := _of_column(n, int(v), number)) is not None
                )
        elif _NAMES.match(line[:20_000]):
            names = [name for name in line.split() if name != "Timestamp"]


def _of_column(name: str, per_s: int, number: int) -> _Line | None:
    """A column's name: an event, or with the reason in parentheses one reason of it."""
    child = _LOGGED_CHILD.match(name)
    if child:
        return _Line(child["name"], child["child"], None, per_s, number)
    return _Line(name, "", None, per_s, number) if name in _LOGGED else None


def _stats(rates: dict[tuple[str, str], int]) -> Iterator[KvmStat]:
    for (name, child), per_s in rates.items():
        if not child:
            yield KvmStat(name=name, per_s=float(per_s))
            if name in _SAME and (_SAME[name], "") not in rates:
                yield KvmStat(name=_SAME[name], per_s=float(per_s))


def _exits(rates: dict[tuple[str, str], int], ref: Ref) -> KvmExits | None:
    """Exits by reason; where only their number is told, it stands for any reason."""
    reasons = {child: per_s for (name, child), per_s in rates.items() if name == "kvm_exit" and child and per_s}
    whole = rates.get(("kvm_exit", "")) or rates.get(("exits", ""))
    if not reasons and whole:
        reasons = {ANY_REASON: whole}
    if not reasons:
        return None
    return KvmExits(
        window_ns=_SECOND_NS,
        exits=tuple(ExitCount(reason=r, count=n) for r, n in sorted(reasons.items(), key=lambda one: -one[1])),
        hardware=True,
        left_out=unseen_but("kvm_exit"),
        refs=(ref,),
    )
