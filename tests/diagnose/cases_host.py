"""Causes on the host's side: facts that hit, and a near miss that must not."""

import msgspec

from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import Descriptor, DescriptorTable, HostFacts, QemuState
from crazytrain.model.facts.cgroup import CgroupLimits, GroupUse
from crazytrain.model.facts.host import HostCpu, HostParameters
from crazytrain.model.facts.logs import (
    HostLine,
    HostLog,
    KernelLine,
    KernelMeaning,
    QemuLine,
    QemuLog,
    QemuMeaning,
)
from crazytrain.model.facts.memory import FaultRate, FaultRates, HostRate, MemoryReading, MemoryUse
from tests.diagnose import making as m

SCOPE = "/sys/fs/cgroup/machine.slice/machine-qemu-1-web01.scope"
GIB = 1 << 30


def limits(**group: object) -> CgroupLimits:
    one = msgspec.structs.replace(GroupUse(path=SCOPE, version=2, tids=(10, 11), frozen=False), **group)
    return CgroupLimits(window_ns=m.WINDOW_NS, groups=(one,), vcpu_threads=1, allowed_cpus=2, refs=m.REFS)


def qemu_log(*said: tuple[QemuMeaning, str, int | None], whole: bool = True) -> QemuLog:
    matter = tuple(
        QemuLine(meaning=meaning, text=text, ref=Ref("qemu-log.0", n), number=number)
        for n, (meaning, text, number) in enumerate(said, 1)
    )
    return QemuLog(lines=9, matter=matter, whole=whole, dump=None, code="", refs=m.REFS)


def host_log(*said: tuple[KernelMeaning, str], ours: bool = True, ago_s: float = 1.0) -> HostLog:
    lines = tuple(
        HostLine(
            line=KernelLine(meaning=meaning, text=text, ref=Ref("kernel-log.0", n)),
            ours=ours,
            in_window=ago_s < 5,
            ago_ns=int(ago_s * 1e9),
        )
        for n, (meaning, text) in enumerate(said, 1)
    )
    return HostLog(lines=lines, read=300, since_ns=10**12, refs=m.REFS)


def state(status: str) -> QemuState:
    return QemuState(monitor=Outcome.OK, status=status, refs=m.REFS)


def memory(some: float, swapped: int = 0, swap_in: float = 0.0) -> MemoryUse:
    last = MemoryReading(
        mono_ns=9,
        ref=m.REFS[0],
        swapped_bytes=swapped,
        host_total_bytes=16 * GIB,
        host_available_bytes=GIB // 2,
    )
    rates = (HostRate("allocstall_normal", 200 * some), HostRate("pswpin", swap_in))
    return MemoryUse(
        window_ns=m.WINDOW_NS,
        last=last,
        major_faults_per_s=0.0,
        rates=rates,
        memory_some_ratio=some,
        memory_full_ratio=some / 2,
        io_some_ratio=0.0,
        io_full_ratio=0.0,
        refs=m.REFS,
    )


def faults(per_s: float) -> FaultRates:
    threads = (FaultRate(11, "CPU 0/KVM", per_s),) if per_s else ()
    return FaultRates(window_ns=m.WINDOW_NS, threads=threads, refs=m.REFS)


def host_cpu(steal: float) -> HostCpu:
    return HostCpu(
        window_ns=m.WINDOW_NS,
        busy_ratio=1 - steal,
        idle_ratio=0.0,
        iowait_ratio=0.0,
        steal_ratio=steal,
        refs=m.REFS,
    )


QUOTA = limits(quota_cpus=0.2, throttled_periods_ratio=0.96, throttled_ratio=0.7)
ENOUGH = limits(quota_cpus=2.0, throttled_periods_ratio=0.05, throttled_ratio=0.01)
ENTRY = (QemuMeaning.ENTRY_FAILED, "KVM: entry failed, hardware error 0x80000021", 0x80000021)
SUBERROR = (QemuMeaning.INTERNAL_ERROR, "KVM internal error. Suberror: 1", 1)
ADDRESS = (QemuMeaning.BAD_ADDRESS, "error: kvm run failed Bad address", None)
MSR = (QemuMeaning.CPU_STATE, "error: failed to set MSR 0x38d to 0x0", None)
FEATURE = (QemuMeaning.CPU_FEATURE, "warning: host doesn't support requested feature: CPUID.01H:ECX.pni [bit 0]", None)
SPLIT = (
    KernelMeaning.SPLIT_LOCK,
    "x86/split lock detection: #AC: CPU 0/KVM/11 took a split_lock trap at address: 0x7c1b",
)
LOCKUP = (KernelMeaning.HARD_LOCKUP, "NMI watchdog: Watchdog detected hard LOCKUP on cpu 3")
IN_TIMER = (KernelMeaning.TRACE, "apic_timer_fn+0x31/0x60 [kvm]")
ELSEWHERE = (KernelMeaning.TRACE, "kvm_mmu_page_fault+0x52/0x2c0 [kvm]")
GIVEN = DescriptorTable(
    descriptors=(Descriptor(fd=31, target="/dev/vfio/14", kind="vfio"),), complete=True, refs=m.REFS
)
NOT_GIVEN = DescriptorTable(descriptors=(Descriptor(fd=3, target="/dev/kvm", kind="kvm"),), complete=True, refs=m.REFS)
NESTED = HostFacts(hypervisor=True, refs=m.REFS)
MITIGATES = HostParameters(split_lock_mitigate=True, refs=m.REFS)

NUMA = HostParameters(numa_balancing=1, nodes=2, refs=m.REFS)
SORTS = msgspec.structs.replace(memory(0.0), rates=(HostRate("numa_hint_faults", 9000.0),))

CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "cpu-throttled": ((QUOTA, m.threads(vcpu=0.2, delay=0.8)), (ENOUGH, m.threads(vcpu=0.2, delay=0.8))),
    "cgroup-frozen": ((limits(frozen=True), m.threads()), (limits(), m.threads())),
    "vmentry-failure": ((qemu_log(ENTRY), state("internal-error")), (qemu_log(ENTRY), state("running"))),
    "vfio-memory-fault": (
        (qemu_log(ADDRESS), state("internal-error"), GIVEN),
        (qemu_log(ADDRESS), state("internal-error"), NOT_GIVEN),
    ),
    "cpu-mismatch": ((qemu_log(MSR), state("internal-error")), (qemu_log(FEATURE), state("running"))),
    "split-lock": (
        (host_log(SPLIT), MITIGATES, m.threads(vcpu=0.3)),
        (host_log(SPLIT, ours=False), MITIGATES, m.threads(vcpu=0.3)),
    ),
    "lapic-catchup": ((host_log(LOCKUP, IN_TIMER),), (host_log(LOCKUP, ELSEWHERE),)),
    "memory-pressure": (
        (memory(0.4), limits(memory_stalled_ratio=0.3), faults(0)),
        (memory(0.4), limits(memory_stalled_ratio=0.0), faults(0)),
    ),
    "guest-memory-thrash": (
        (faults(400), memory(0.2, 2 * GIB, 500), m.threads(vcpu=0.2)),
        (faults(400), memory(0.2), m.threads(vcpu=0.2)),
    ),
    "host-kernel-regression": (
        (HostFacts(kernel="6.2.16-3-pve", refs=m.REFS), NUMA, SORTS, m.threads(vcpu=1.0)),
        (HostFacts(kernel="6.8.12-1-pve", refs=m.REFS), NUMA, SORTS, m.threads(vcpu=1.0)),
    ),
    "nested-starvation": ((NESTED, host_cpu(0.4)), (NESTED, host_cpu(0.01))),
}
