"""QMP: what the monitor answered, and how asking it ended."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from crazytrain.model.evidence import Evidence, Outcome, Ref
from crazytrain.model.facts.kvm import KvmCounter, KvmStatReading
from crazytrain.model.facts.qemu import MONITOR_BUSY, IrqCount, IrqReading, QemuState

T = TypeVar("T")

_MOST_LINES = 10_000
_MOST_VCPUS = 4096
_CONTROLLER = re.compile(r"^IRQ statistics(?: for (?P<name>[\w.-]{1,64}))?:[ \t]*\r?$", re.MULTILINE)
_COUNT = re.compile(r"^ *(\d{1,5}): (\d{1,19})[ \t]*\r?$", re.MULTILINE)
_TROUBLE = {"failed", "nospace"}


class _Arguments(msgspec.Struct, rename="kebab"):
    command_line: str = ""


class _Failure(msgspec.Struct):
    desc: str = ""


class _Answer(msgspec.Struct, rename={"said": "return"}):
    execute: str
    arguments: _Arguments = msgspec.field(default_factory=_Arguments)
    said: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))
    error: _Failure | None = None
    mono_ns: int = 0


class _Status(msgspec.Struct):
    status: str = ""


class _Numbers(msgspec.Struct):
    major: int = 0
    minor: int = 0
    micro: int = 0


class _Version(msgspec.Struct):
    qemu: _Numbers
    package: str = ""


class _Kvm(msgspec.Struct):
    enabled: bool


class _Cpu(msgspec.Struct, rename="kebab"):
    thread_id: int
    cpu_index: int = 0


class _Block(msgspec.Struct, rename="kebab"):
    io_status: str = ""
    device: str = ""
    qdev: str = ""


class _Stat(msgspec.Struct):
    name: str
    value: msgspec.Raw


class _Stats(msgspec.Struct):
    provider: str
    stats: list[_Stat]


class _Line(msgspec.Struct, frozen=True):
    """An answer, and where it stands."""

    answer: _Answer
    ref: Ref


def decode_qmp(evidence: Evidence) -> Iterable[object]:
    """Yield a ``QemuState`` in any case (also of evidence without data: how asking ended is a fact), and the counters.

    Each line is JSON: ``{"execute", "arguments", "return" | "error", "mono_ns"}``. Lines that are something else, and
    answers of another form than QEMU's, are passed over. Source: QEMU, qapi/{run-state,control,machine,stats}.json, and
    for ``info irq`` hw/intc/intc.c. ::

        {"execute": "query-status", "return": {"status": "running", "singlestep": false, "running": true}, "mono_ns": 1}
    """
    lines = tuple(_lines(evidence))
    yield _state(evidence, lines)
    for line in lines:
        if line.answer.execute == "query-stats":
            yield from _stats(line)
        elif line.answer.arguments.command_line == "info irq":
            yield from _irqs(line)


def _lines(evidence: Evidence) -> Iterator[_Line]:
    for number, line in enumerate(evidence.data.splitlines()[:_MOST_LINES], start=1):
        answer = _as(_Answer, line)
        if answer and answer.error is None:
            yield _Line(answer, evidence.ref(number))


def _as(kind: type[T], raw: msgspec.Raw | bytes) -> T | None:
    """JSON as a type; ``None`` where it is not of that form."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _state(evidence: Evidence, lines: Sequence[_Line]) -> QemuState:
    told = {line.answer.execute: line.answer.said for line in lines}
    status = _as(_Status, told.get("query-status", b""))
    version = _as(_Version, told.get("query-version", b""))
    kvm = _as(_Kvm, told.get("query-kvm", b""))
    cpus = _as(list[_Cpu], told.get("query-cpus-fast", b"")) or []
    blocks = _as(list[_Block], told.get("query-block", b"")) or []
    numbers = version.qemu if version else None
    unread = bool(evidence.data.strip()) and not lines and evidence.outcome is Outcome.OK
    return QemuState(
        monitor=Outcome.BROKE if unread else evidence.outcome,
        monitor_detail="no line of it is an answer of QMP" if unread else evidence.detail,
        monitor_busy=evidence.outcome is Outcome.TIMED_OUT and MONITOR_BUSY in evidence.detail,
        mono_ns=next((line.answer.mono_ns for line in lines), evidence.mono_ns),
        status=status.status if status else "",
        version=(numbers.major, numbers.minor, numbers.micro) if numbers else None,
        version_text=version.package if version else "",
        kvm=kvm.enabled if kvm else None,
        vcpu_tids=tuple(cpu.thread_id for cpu in sorted(cpus, key=lambda cpu: cpu.cpu_index)[:_MOST_VCPUS]),
        io_errors=tuple(
            f"{block.device or block.qdev}: {block.io_status}" for block in blocks if block.io_status in _TROUBLE
        ),
        refs=(evidence.ref(),),
    )


def _stats(line: _Line) -> Iterator[KvmStatReading]:
    """Counters of all vCPUs, added up; histograms (lists) and states (booleans) are no counters."""
    vcpus = [stats for stats in _as(list[_Stats], line.answer.said) or [] if stats.provider == "kvm"]
    sums: dict[str, int] = {}
    for stat in (stat for stats in vcpus[:_MOST_VCPUS] for stat in stats.stats):
        value = bytes(stat.value)
        if value.isdigit() and len(value) <= 20:
            sums[stat.name] = sums.get(stat.name, 0) + int(value)
    if sums:
        counters = tuple(KvmCounter(name, value) for name, value in sorted(sums.items()))
        yield KvmStatReading(mono_ns=line.answer.mono_ns, counters=counters, vcpus=len(vcpus), ref=line.ref)


def _irqs(line: _Line) -> Iterator[IrqReading]:
    """``IRQ statistics for ioapic:`` and lines like `` 8: 4711``. Old QEMU names no controller."""
    text = _as(str, line.answer.said) or ""
    heads = list(_CONTROLLER.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    counts = [
        IrqCount(head["name"] or "", int(irq), int(count))
        for head, end in zip(heads, ends, strict=False)  # without a heading there is an end all the same
        for irq, count in _COUNT.findall(text[head.end() : end])
    ]
    if heads:
        names = tuple(head["name"] or "" for head in heads)
        yield IrqReading(mono_ns=line.answer.mono_ns, controllers=names, counts=tuple(counts), ref=line.ref)
