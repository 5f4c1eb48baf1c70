"""KVM's interrupts, halts and windows as bpftrace counted them."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from crazytrain.decode.bpf_lines import Counted
from crazytrain.model.facts.kvm import HaltUse, IrqLineUse, VcpuWindow, VectorUse

IRQ_MAPS = (
    "@kvm_set_irq",
    "@kvm_msi_set_irq",
    "@kvm_apic_accept_irq",
    "@kvm_vcpu_wakeup",
    "@kvm_halt_poll_ns",
    "@kvm_ple_window_update",
)


def irq_lines(counted: Counted) -> Iterator[IrqLineUse]:
    """Interrupt lines that were raised and lowered, the busiest first."""
    levels: defaultdict[int, Counter[bool]] = defaultdict(Counter)
    for (gsi, level), count in counted.of("@kvm_set_irq").items():
        levels[gsi][level != 0] += count
    for gsi, counts in sorted(levels.items(), key=lambda one: (-one[1].total(), one[0])):
        yield IrqLineUse(gsi=gsi, raised=counts[True], lowered=counts[False])


def accepted(counted: Counted) -> Iterator[VectorUse]:
    """Vectors that local APICs took, of all of them together."""
    vectors: Counter[int] = Counter()
    for (_apic, vector), count in counted.of("@kvm_apic_accept_irq").items():
        vectors[vector] += count
    yield from (VectorUse(vector, count) for vector, count in vectors.most_common())


def halts(counted: Counted) -> Iterator[HaltUse]:
    """How halts ended, by thread. ``waited`` is 0 where KVM's polling was enough, ``valid`` 0 where nothing was due."""
    by_thread: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for (tid, waited, valid), row in counted.sums("@kvm_vcpu_wakeup").items():
        how = "waited" if waited else "polled"
        by_thread[tid][how] += row.count
        by_thread[tid][f"{how}_ns"] += row.total
        by_thread[tid]["in_vain"] += 0 if valid else row.count
    for tid, told in sorted(by_thread.items()):
        yield HaltUse(
            tid=tid,
            polled=told["polled"],
            polled_ns=told["polled_ns"],
            waited=told["waited"],
            waited_ns=told["waited_ns"],
            in_vain=told["in_vain"],
        )


def windows(counted: Counted, name: str) -> Iterator[VcpuWindow]:
    """What KVM changed a window of each vCPU to."""
    for (vcpu,), row in sorted(counted.sums(name).items()):
        if row.count > 0:
            yield VcpuWindow(vcpu=vcpu, changes=row.count, mean=row.total / row.count)
