"""KVM's tracepoints as bpftrace counted them: exits by reason, ports, MMIO pages, registers, clock pages."""

import re
from collections import Counter
from collections.abc import Iterator

from crazytrain.decode.bpf_lines import Counted
from crazytrain.decode.errno_names import errno_name
from crazytrain.decode.exit_reasons import exit_reason, hypercall_name, userspace_reason
from crazytrain.decode.msrs import msr_name
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import (
    ExitCount,
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
)
_PAGE_SHIFT = 12
_READ_UNSATISFIED, _WRITE = 0, 2  # types of kvm_mmio; 1 is a read that has its value
_PVCLOCK = re.compile(r"pvclock pid=(\d{1,10}) vcpu=(\d{1,10}) .*\btsc_timestamp=(\d{1,20}) system_time=(\d{1,20}) ")


def kvm_exits(counted: Counted, evidence: Evidence) -> KvmExits | None:
    """Give what KVM did; ``None`` where it was not looked at, for then nothing is known."""
    left_out = tuple(event for event in counted.header.left_out if event.startswith("kvm:"))
    if not counted.header.kvm or len({event.split(" ")[0] for event in left_out}) > len(_MAPS):
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
        hardware=bool(exits),
        left_out=left_out,
        refs=counted.refs(evidence, *_MAPS),
    )


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
