"""KVM's tracepoints as bpftrace counted them: exits by reason, ports, MMIO pages, registers, clock pages."""

import re
from collections import Counter
from collections.abc import Iterator

from crazytrain.decode.bpf_irqs import IRQ_MAPS, accepted, halts, irq_lines, windows
from crazytrain.decode.bpf_lines import Counted, Timed
from crazytrain.decode.errno_names import errno_name
from crazytrain.decode.exit_reasons import exit_reason, hypercall_name, userspace_reason
from crazytrain.decode.msrs import msr_name
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import (
    ExitCount,
    ExitPlace,
    ExitTime,
    FaultUse,
    HypercallUse,
    KvmExits,
    MmioUse,
    MsrUse,
    PortUse,
    PvclockUpdate,
    VectorUse,
)
from crazytrain.model.ports import port_owner

_MAPS = (
    "@kvm_exit",
    "@kvm_userspace_exit",
    "@kvm_pio",
    "@kvm_mmio",
    "@kvm_msr",
    "@kvm_page_fault",
    "@kvm_inj_virq",
    "@kvm_hypercall",
    "@exit_ns",
    "@outside",
    "@exit_rip",
    *IRQ_MAPS,
)
_OLD_EVENTS = 8  # that were asked for before records told how many
_PAGE_SHIFT = 12
_MOST_PLACES = 32
_ADDRESS = (1 << 64) - 1  # bpftrace writes addresses of a guest's kernel as negative numbers
_READ_UNSATISFIED, _WRITE = 0, 2  # types of kvm_mmio; 1 is a read that has its value
_PVCLOCK = re.compile(r"pvclock pid=(\d{1,10}) vcpu=(\d{1,10}) .*\btsc_timestamp=(\d{1,20}) system_time=(\d{1,20}) ")


def kvm_exits(counted: Counted, evidence: Evidence) -> KvmExits | None:
    """Give what KVM did; ``None`` where it was not looked at, for then nothing is known."""
    left_out = tuple(event for event in counted.header.left_out if event.startswith("kvm:"))
    if not counted.header.kvm or not _asked(counted, left_out):
        return None
    exits = tuple(_exits(counted))
    return KvmExits(
        window_ns=counted.window_ns,
        exits=exits,
        userspace=tuple(_userspace(counted)),
        ports=tuple(_ports(counted)),
        mmio=tuple(_mmio(counted)),
        msrs=tuple(_msrs(counted)),
        pvclock_updates=tuple(_clock_updates(counted)),
        vectors=tuple(VectorUse(vector, count) for (vector,), count in _most(counted, "@kvm_inj_virq")),
        hypercalls=tuple(
            HypercallUse(number=number, count=count, name=hypercall_name(number))
            for (number,), count in _most(counted, "@kvm_hypercall")
        ),
        faults=tuple(FaultUse(page << _PAGE_SHIFT, count) for (page,), count in _most(counted, "@kvm_page_fault")),
        times=tuple(_times(counted)),
        outside=tuple(_outside(counted)),
        places=tuple(_places(counted)),
        irq_lines=tuple(irq_lines(counted)),
        msis=tuple(VectorUse(vector, count) for (vector,), count in _most(counted, "@kvm_msi_set_irq")),
        accepted=tuple(accepted(counted)),
        halts=tuple(halts(counted)),
        halt_polls=tuple(windows(counted, "@kvm_halt_poll_ns")),
        pause_windows=tuple(windows(counted, "@kvm_ple_window_update")),
        hardware=bool(exits),
        left_out=left_out,
        refs=counted.refs(evidence, *_MAPS),
    )


def _asked(counted: Counted, left_out: tuple[str, ...]) -> bool:
    """Whether any of KVM's events was counted."""
    if counted.header.kvm_events is not None:
        return counted.header.kvm_events > 0
    return len({event.split(" ")[0] for event in left_out}) <= _OLD_EVENTS


def _most(counted: Counted, name: str) -> list[tuple[tuple[int, ...], int]]:
    """Give the entries of a map, the most frequent first."""
    return sorted(counted.of(name).items(), key=lambda entry: (-entry[1], entry[0]))


def _exits(counted: Counted) -> Iterator[ExitCount]:
    for (tid, isa, number), count in _most(counted, "@kvm_exit"):
        yield ExitCount(reason=exit_reason(isa, number), count=count, tid=tid)


def _userspace(counted: Counted) -> Iterator[ExitCount]:
    """Exits to QEMU. With an errno KVM_RUN failed, mostly for a signal, and the reason is an old one."""
    for (tid, number, errno), count in _most(counted, "@kvm_userspace_exit"):
        reason = errno_name(-errno) if errno < 0 else userspace_reason(number)
        yield ExitCount(reason=reason, count=count, tid=tid)


def _ports(counted: Counted) -> Iterator[PortUse]:
    for (port, write), count in _most(counted, "@kvm_pio"):
        owner, known_by = port_owner(port)
        yield PortUse(port=port, write=bool(write), count=count, owner=owner, owner_known_by=known_by)


def _mmio(counted: Counted) -> Iterator[MmioUse]:
    """Accesses by page. A read that QEMU answers is traced twice: when it is asked, and when it has its value."""
    by_page: Counter[tuple[int, bool]] = Counter()
    for (page, kind), count in counted.of("@kvm_mmio").items():
        key = (page << _PAGE_SHIFT, kind == _WRITE)
        by_page[key] = max(by_page[key], count)
    for (address, write), count in by_page.most_common():
        yield MmioUse(page=address, write=write, count=count)


def _msrs(counted: Counted) -> Iterator[MsrUse]:
    for (index, write), count in _most(counted, "@kvm_msr"):
        yield MsrUse(index=index, write=bool(write), count=count, name=msr_name(index))


def _clock_updates(counted: Counted) -> Iterator[PvclockUpdate]:
    for line in counted.printed:
        found = _PVCLOCK.match(line)
        if found and int(found[1]) == counted.header.pid:
            yield PvclockUpdate(vcpu=int(found[2]), system_time_ns=int(found[4]), tsc_timestamp=int(found[3]))


def _times(counted: Counted) -> Iterator[ExitTime]:
    """From an exit to the next entry: the mean of the timed ones, and that times all exits of the reason."""
    for (tid, isa, number), row in sorted(counted.sums("@exit_ns").items()):
        exits = counted.of("@kvm_exit").get((tid, isa, number), 0)
        yield _time(exit_reason(isa, number), tid, row, exits)


def _outside(counted: Counted) -> Iterator[ExitTime]:
    """From an exit to QEMU to the next KVM_RUN: what QEMU took to serve it."""
    for (tid, number), row in sorted(counted.sums("@outside").items()):
        exits = sum(
            n for key, n in counted.of("@kvm_userspace_exit").items() if key[:2] == (tid, number) and key[2] >= 0
        )
        yield _time(userspace_reason(number), tid, row, exits)


def _time(reason: str, tid: int, row: Timed, exits: int) -> ExitTime:
    mean_ns = row.total / row.count if row.count > 0 else 0.0
    return ExitTime(reason=reason, tid=tid, samples=row.count, mean_ns=mean_ns, time_ns=int(mean_ns * exits))


def _places(counted: Counted) -> Iterator[ExitPlace]:
    """Instructions that left, of all vCPUs, the most frequent first."""
    by_address: Counter[int] = Counter()
    for (_tid, address), count in counted.of("@exit_rip").items():
        by_address[address & _ADDRESS] += count
    yield from (ExitPlace(address, count) for address, count in by_address.most_common(_MOST_PLACES))
