"""KVM_TRACE: KVM's events as ftrace, ``trace-cmd report`` and ``perf script`` print them.

    CPU 0/KVM-32700 [000] 27406.824856: kvm_exit:             reason IO_INSTRUCTION rip 0xfffff80002c6d3a4 info 700040 0
    CPU 0/KVM-32700 [000] ..... 27406.824877: kvm_userspace_exit: reason KVM_EXIT_IO (2)

Sources: the formats of the events in Linux arch/x86/kvm/trace.h, include/trace/events/kvm.h, virt/kvm and arch/arm64/kvm/trace_arm.h
(of all versions: ``vcpu N`` stands before the reason since 5.10, vectors are written in hexadecimal since 6.2), Documentation/trace/ftrace.rst.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from crazytrain.decode.exit_events import owned_port, unseen_but
from crazytrain.decode.exit_reasons import exit_reason, hypercall_name
from crazytrain.decode.msrs import msr_name
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import (
    ExitCount,
    ExitPlace,
    ExitTime,
    FaultUse,
    HaltUse,
    HypercallUse,
    IrqLineUse,
    KvmExits,
    MmioUse,
    MsrUse,
    PvclockUpdate,
    VectorUse,
)

_LINE = re.compile(
    r"\s*(?P<comm>\S.{0,40}?)[- ]+(?P<tid>\d{1,10})\s+(?:\([ \d-]{1,12}\)\s+)?\[\d{1,5}\]\s+(?:[\w.#]{2,8}\s+)?"
    r"(?P<at>\d{1,12}\.\d{3,9}):\s+(?:kvm\w*:)?(?P<event>kvm_\w{1,60}):\s*(?P<said>.*)"
)
_EXIT = re.compile(
    r"(?:vcpu \d+,? )?reason (?P<reason>[A-Za-z_][\w-]{1,60}|0x[0-9a-f]{1,16})(?:.{0,40}? rip 0x(?P<rip>[0-9a-f]{1,16}))?"
)
_ARM_EXIT = re.compile(
    r"(?P<reason>[A-Z]{2,12}): HSR_EC: 0x[0-9a-f]{1,8} \((?P<trap>\w{1,40})\), PC: 0x(?P<rip>[0-9a-f]{1,16})"
)
# What trace-cmd prints where it could not read the event's own format.
_RAW_EXIT = re.compile(
    r"\[FAILED TO PARSE\] .{0,200}?exit_reason=(?P<number>\d{1,10})(?:.{0,80}?guest_rip=0x(?P<rip>[0-9a-f]{1,16}))?(?:.{0,80}?isa=(?P<isa>\d))?"
)
_NUMBERED = 10  # characters: a number of 32 bits
_USERSPACE = re.compile(r"reason (?:KVM_EXIT_)?(\w{1,40})")
_PIO = re.compile(r"pio_(read|write) at 0x([0-9a-f]{1,4})\b")
_MMIO = re.compile(r"mmio (unsatisfied-read|read|write) len \d+ gpa 0x([0-9a-f]{1,16})")
_MSR = re.compile(r"msr_(read|write) ([0-9a-f]{1,8}) ")
_VECTOR = re.compile(r"(?:irq (\d{1,3})|(?:IRQ|Soft/INTn) 0x([0-9a-f]{1,2}))\b")
_ACCEPTED = re.compile(r"apicid [0-9a-f]{1,8} vec (\d{1,3}) ")
_MSI = re.compile(r"dst [0-9a-f]{1,8} vec (\d{1,3}) ")
_FAULT = re.compile(r"(?:vcpu \d+ rip 0x[0-9a-f]{1,16} )?address (?:0x)?([0-9a-f]{1,16}) error_code")
_LINE_SET = re.compile(r"gsi (\d{1,5}) level (\d)")
_CALL = re.compile(r"nr 0x([0-9a-f]{1,8}) ")
_WOKEN = re.compile(r"(poll|wait) time (\d{1,18}) ns, polling (valid|invalid)")
_CLOCK = re.compile(
    r"vcpu_id (\d{1,6}), pvclock: \{ version \d+, tsc_timestamp 0x([0-9a-f]{1,16}), system_time 0x([0-9a-f]{1,16}),"
)
_PAGE = ~0xFFF
_MOST_PLACES = 32
_MOST_CLOCKS = 256
_MOST_BYTES = 64 << 20


class _Seen:
    """What was counted so far."""

    def __init__(self) -> None:
        self.events: set[str] = set()
        self.lines: list[int] = []
        self.at_ns: list[int] = []
        self.exits = Counter[tuple[str, int]]()
        self.userspace = Counter[tuple[str, int]]()
        self.ports = Counter[tuple[int, bool]]()
        self.mmio = Counter[tuple[int, str]]()
        self.msrs = Counter[tuple[int, bool]]()
        self.numbers: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.irqs = Counter[tuple[int, int]]()
        self.halts = Counter[tuple[int, str]]()
        self.places = Counter[int]()
        self.clocks: list[PvclockUpdate] = []
        self.left: dict[int, tuple[str, int]] = {}
        self.took = Counter[tuple[str, int]]()
        self.timed = Counter[tuple[str, int]]()


def decode_kvm_trace(evidence: Evidence) -> Iterable[object]:
    """Yield one ``KvmExits``: the window is the time from the first line to the last one.

    Which events were asked for a trace does not say: those that never appear are in ``left_out``. A single line has no window.
    """
    seen = _Seen()
    text = evidence.data[:_MOST_BYTES].decode("utf-8", "backslashreplace")
    for number, line in enumerate(text.split("\n"), start=1):
        found = _LINE.match(line[:1000]) if "kvm_" in line[:200] else None
        if found:
            seen.lines.append(number)
            _take(seen, found)
    if seen.lines:
        yield _facts(seen, evidence)


def _take(seen: _Seen, found: re.Match[str]) -> None:
    event, said, tid = found["event"], found["said"], int(found["tid"])
    whole, _, part = found["at"].partition(".")
    at_ns = int(whole) * 10**9 + int(part.ljust(9, "0")[:9])
    seen.at_ns.append(at_ns)
    seen.events.add(event)
    if event == "kvm_exit":
        _take_exit(seen, said, tid, at_ns)
    elif event == "kvm_entry":
        _take_entry(seen, tid, at_ns)
    elif event in _TAKERS:
        pattern, take = _TAKERS[event]
        told = pattern.match(said)
        if told:
            take(seen, told, tid)


def _take_exit(seen: _Seen, said: str, tid: int, at_ns: int) -> None:
    told = _RAW_EXIT.match(said) or _EXIT.match(said) or _ARM_EXIT.match(said)
    if told is None:
        return
    parts = told.groupdict()
    reason = _reason(parts)
    seen.exits[reason, tid] += 1
    seen.left[tid] = (reason, at_ns)
    if parts["rip"]:
        seen.places[int(parts["rip"], 16)] += 1


def _reason(parts: Mapping[str, str | None]) -> str:
    """A reason's name: as it was printed, of ARM the trap's, and by its number where there is only that (Intel's, unless it says)."""
    number = parts.get("number")
    if number:
        return exit_reason(int(parts.get("isa") or 1), int(number))
    printed = parts.get("reason") or ""
    if printed.startswith("0x") and len(printed) <= _NUMBERED:
        return exit_reason(1, int(printed, 16))
    trap = parts.get("trap") if printed == "TRAP" else None
    return str(trap or parts["reason"])


def _take_entry(seen: _Seen, tid: int, at_ns: int) -> None:
    left = seen.left.pop(tid, None)
    if left and at_ns >= left[1]:
        seen.took[left[0], tid] += at_ns - left[1]
        seen.timed[left[0], tid] += 1


def _userspace(seen: _Seen, told: re.Match[str], tid: int) -> None:
    seen.userspace[told[1], tid] += 1


def _pio(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.ports[int(told[2], 16), told[1] == "write"] += 1


def _mmio(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.mmio[int(told[2], 16) & _PAGE, told[1]] += 1


def _msr(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.msrs[int(told[2], 16), told[1] == "write"] += 1


def _vector(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.numbers["vectors"][int(told[1]) if told[1] else int(told[2], 16)] += 1


def _irq(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.irqs[int(told[1]), int(told[2])] += 1


def _fault(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.numbers["faults"][int(told[1], 16) & _PAGE] += 1


def _call(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.numbers["calls"][int(told[1], 16)] += 1


def _msi(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.numbers["msis"][int(told[1])] += 1


def _accepted(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    seen.numbers["accepted"][int(told[1])] += 1


def _woken(seen: _Seen, told: re.Match[str], tid: int) -> None:
    seen.halts[tid, told[1]] += 1
    seen.halts[tid, f"{told[1]} ns"] += int(told[2])
    seen.halts[tid, "invalid"] += told[3] == "invalid"


def _clock(seen: _Seen, told: re.Match[str], _tid: int) -> None:
    if len(seen.clocks) < _MOST_CLOCKS:
        update = PvclockUpdate(vcpu=int(told[1]), system_time_ns=int(told[3], 16), tsc_timestamp=int(told[2], 16))
        seen.clocks.append(update)


_TAKERS = {
    "kvm_userspace_exit": (_USERSPACE, _userspace),
    "kvm_pio": (_PIO, _pio),
    "kvm_mmio": (_MMIO, _mmio),
    "kvm_msr": (_MSR, _msr),
    "kvm_inj_virq": (_VECTOR, _vector),
    "kvm_page_fault": (_FAULT, _fault),
    "kvm_set_irq": (_LINE_SET, _irq),
    "kvm_hypercall": (_CALL, _call),
    "kvm_msi_set_irq": (_MSI, _msi),
    "kvm_apic_accept_irq": (_ACCEPTED, _accepted),
    "kvm_vcpu_wakeup": (_WOKEN, _woken),
    "kvm_pvclock_update": (_CLOCK, _clock),
}


def _facts(seen: _Seen, evidence: Evidence) -> KvmExits:
    return KvmExits(
        window_ns=max(seen.at_ns) - min(seen.at_ns),
        exits=_counts(seen.exits),
        userspace=_counts(seen.userspace),
        ports=tuple(owned_port(port, count, write=write) for (port, write), count in seen.ports.most_common()),
        mmio=tuple(_pages(seen)),
        msrs=tuple(
            MsrUse(index=index, write=write, count=count, name=msr_name(index))
            for (index, write), count in seen.msrs.most_common()
        ),
        pvclock_updates=tuple(seen.clocks),
        vectors=_vectors(seen, "vectors"),
        hypercalls=tuple(
            HypercallUse(number=number, count=count, name=hypercall_name(number))
            for number, count in seen.numbers["calls"].most_common()
        ),
        faults=tuple(FaultUse(page, count) for page, count in seen.numbers["faults"].most_common()),
        times=tuple(_times(seen)),
        places=tuple(ExitPlace(address, count) for address, count in seen.places.most_common(_MOST_PLACES)),
        irq_lines=tuple(_irq_lines(seen)),
        msis=_vectors(seen, "msis"),
        accepted=_vectors(seen, "accepted"),
        halts=tuple(_halts(seen)),
        hardware="kvm_exit" in seen.events,
        left_out=unseen_but(*seen.events),
        refs=(evidence.ref(seen.lines[0], seen.lines[-1]),),
    )


def _counts(counted: Counter[tuple[str, int]]) -> tuple[ExitCount, ...]:
    return tuple(ExitCount(reason=reason, count=count, tid=tid) for (reason, tid), count in counted.most_common())


def _vectors(seen: _Seen, name: str) -> tuple[VectorUse, ...]:
    return tuple(VectorUse(vector, count) for vector, count in seen.numbers[name].most_common())


def _pages(seen: _Seen) -> Iterator[MmioUse]:
    """A read that QEMU answers is traced twice: when it is asked, and when it has its value."""
    uses = Counter[tuple[int, bool]]()
    for (page, kind), count in seen.mmio.items():
        key = (page, kind == "write")
        uses[key] = max(uses[key], count)
    yield from (MmioUse(page=page, write=write, count=count) for (page, write), count in uses.most_common())


def _times(seen: _Seen) -> Iterator[ExitTime]:
    for (reason, tid), took_ns in seen.took.most_common():
        timed = seen.timed[reason, tid]
        mean_ns = took_ns / timed
        yield ExitTime(
            reason=reason, tid=tid, samples=timed, mean_ns=mean_ns, time_ns=int(mean_ns * seen.exits[reason, tid])
        )


def _irq_lines(seen: _Seen) -> Iterator[IrqLineUse]:
    for gsi in sorted({gsi for gsi, _level in seen.irqs}):
        yield IrqLineUse(gsi=gsi, raised=seen.irqs[gsi, 1], lowered=seen.irqs[gsi, 0])


def _halts(seen: _Seen) -> Iterator[HaltUse]:
    for tid in sorted({tid for tid, _what in seen.halts}):
        yield HaltUse(
            tid=tid,
            polled=seen.halts[tid, "poll"],
            polled_ns=seen.halts[tid, "poll ns"],
            waited=seen.halts[tid, "wait"],
            waited_ns=seen.halts[tid, "wait ns"],
            in_vain=seen.halts[tid, "invalid"],
        )
