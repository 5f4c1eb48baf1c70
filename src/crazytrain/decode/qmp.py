"""QMP: what the monitor answered, and how asking it ended."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.decode.qmp_lines import Line, answers, parsed, text_of
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.kvm import KvmCounter, KvmStatReading
from crazytrain.model.facts.qemu import MONITOR_BUSY, IrqCount, IrqReading, QemuState

_MOST_VCPUS = 4096
_MARK = "custom-monitor"  # as the collector says where it asks through libvirt
_CONTROLLER = re.compile(r"^IRQ statistics(?: for (?P<name>[\w.-]{1,64}))?:[ \t]*\r?$", re.MULTILINE)
_COUNT = re.compile(r"^ *(\d{1,5}): (\d{1,19})[ \t]*\r?$", re.MULTILINE)
_TROUBLE = {"failed", "nospace"}


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


def decode_qmp(evidence: Evidence) -> Iterable[object]:
    """Yield a ``QemuState`` in any case (also of evidence without data: how asking ended is a fact), and the counters.

    Each line is JSON: ``{"execute", "arguments", "return" | "error", "mono_ns"}``. Lines that are something else, and
    answers of another form than QEMU's, are passed over. Source: QEMU, qapi/{run-state,control,machine,stats}.json, and
    for ``info irq`` hw/intc/intc.c. ::

        {"execute": "query-status", "return": {"status": "running", "singlestep": false, "running": true}, "mono_ns": 1}
    """
    lines = tuple(answers(evidence))
    yield _state(evidence, lines)
    for line in lines:
        if line.answer.execute == "query-stats":
            yield from _stats(line)
        elif line.answer.arguments.command_line == "info irq":
            yield from _irqs(line)


def _state(evidence: Evidence, lines: Sequence[Line]) -> QemuState:
    told = {line.answer.execute: line.answer.said for line in lines}
    status = parsed(_Status, told.get("query-status", b""))
    version = parsed(_Version, told.get("query-version", b""))
    kvm = parsed(_Kvm, told.get("query-kvm", b""))
    cpus = parsed(list[_Cpu], told.get("query-cpus-fast", b"")) or []
    blocks = parsed(list[_Block], told.get("query-block", b"")) or []
    numbers = version.qemu if version else None
    unread = bool(evidence.data.strip()) and not lines and evidence.outcome is Outcome.OK
    return QemuState(
        monitor=Outcome.BROKE if unread else evidence.outcome,
        monitor_detail="no line of it is an answer of QMP" if unread else evidence.detail,
        monitor_busy=evidence.outcome is Outcome.TIMED_OUT and MONITOR_BUSY in evidence.detail,
        marked=bool(lines) and _MARK in evidence.source,
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


def _stats(line: Line) -> Iterator[KvmStatReading]:
    """Counters of all vCPUs, added up; histograms (lists) and states (booleans) are no counters."""
    vcpus = [stats for stats in parsed(list[_Stats], line.answer.said) or [] if stats.provider == "kvm"]
    sums: dict[str, int] = {}
    for stat in (stat for stats in vcpus[:_MOST_VCPUS] for stat in stats.stats):
        value = bytes(stat.value)
        if value.isdigit() and len(value) <= 20:
            sums[stat.name] = sums.get(stat.name, 0) + int(value)
    if sums:
        counters = tuple(KvmCounter(name, value) for name, value in sorted(sums.items()))
        yield KvmStatReading(mono_ns=line.answer.mono_ns, counters=counters, vcpus=len(vcpus), ref=line.ref)


def _irqs(line: Line) -> Iterator[IrqReading]:
    """``IRQ statistics for ioapic:`` and lines like `` 8: 4711``. Old QEMU names no controller."""
    text = text_of(line)
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
