"""Causes of the first hour: facts that hit, and a near miss that must not."""

from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import (
    CpuMode,
    Descriptor,
    DescriptorTable,
    Drained,
    HostFacts,
    KvmExits,
    LineMeaning,
    MmioUse,
    MsrUse,
    QemuConfig,
    QemuState,
    TraceStory,
)
from crazytrain.model.guest import Accelerator
from tests.diagnose import making as m

PANIC = (LineMeaning.PANIC, "Kernel panic - not syncing: sysrq triggered crash")
STALL = (LineMeaning.SOFT_LOCKUP, "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [kworker/0:1:12]")
UNSTABLE = (LineMeaning.TSC, "clocksource: timekeeping watchdog: Marking clocksource 'tsc' as unstable")
RUNNING = QemuState(monitor=Outcome.OK, status="running", refs=m.REFS)


def state(status: str) -> QemuState:
    return QemuState(monitor=Outcome.OK, status=status, refs=m.REFS)


HUNG = QemuState(monitor=Outcome.TIMED_OUT, monitor_detail="no greeting within 1 s", refs=m.REFS)
EVENTFDS = DescriptorTable(
    descriptors=(Descriptor(fd=5, target="anon_inode:[eventfd]", kind="eventfd"),), complete=True, refs=m.REFS
)
DRAINED = TraceStory(drained=(Drained(call="read", fd=5, after_data=True, ref=Ref("x", 3)),), calls=3, lines=3)
PAGE = KvmExits(window_ns=m.WINDOW_NS, mmio=(MmioUse(page=0xFEBF0000, write=False, count=100_000),), refs=m.REFS)
FEW_PAGES = KvmExits(window_ns=m.WINDOW_NS, mmio=(MmioUse(page=0xFEBF0000, write=False, count=900),), refs=m.REFS)
MSRS = KvmExits(window_ns=m.WINDOW_NS, msrs=(MsrUse(index=0x839, write=False, count=100_000),), refs=m.REFS)
FEW_MSRS = KvmExits(window_ns=m.WINDOW_NS, msrs=(MsrUse(index=0x6E0, write=True, count=1000),), refs=m.REFS)

# slug: facts that hit, and facts that come near but must not
CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "guest-panic-spin": (
        (m.threads(vcpu=1.0), m.console(PANIC), m.view(places=2)),
        (m.threads(vcpu=1.0), m.console(), m.view(places=2)),
    ),
    "kvmclock-jump": (
        (m.clock(2**64 - 3_566 * 10**9), m.threads(vcpu=1.0), m.view(places=3)),
        (m.clock(29 * 10**9), m.threads(vcpu=1.0), m.view(places=3)),
    ),
    "rtc-periodic-storm": (
        (m.irqs(irq8=8100.0), m.loops(8200.0), m.threads(vcpu=0.4, loop=0.8)),
        (m.irqs(irq8=64.0), m.loops(8200.0), m.threads(vcpu=0.4, loop=0.8)),
    ),
    "pit-hpet-storm": ((m.irqs(irq0=4000.0), m.threads()), (m.irqs(irq0=250.0), m.threads())),
    "slow-clocksource": (
        (m.exits({0x608: 20_000.0}), m.view(places=40)),
        (m.exits({0x608: 20_000.0}), m.view(places=1, mode=CpuMode.REAL)),
    ),
    "pio-poll": (
        (m.exits({0x3FD: 20_000.0, 0xE9: 20.0}), m.view(places=1, mode=CpuMode.REAL)),
        (m.exits({0x3FD: 500.0, 0x3F8: 400.0}), m.view()),
    ),
    "mmio-poll": ((PAGE,), (FEW_PAGES,)),
    "msr-storm": ((MSRS,), (FEW_MSRS,)),
    "interrupt-storm": ((m.irqs(irq11=40_000.0),), (m.irqs(irq11=900.0, irq8=8000.0),)),
    "enospc-paused": ((state("io-error"),), (state("paused"),)),
    "emulation-failure": ((state("internal-error"),), (RUNNING,)),
    "guest-halted-dead": (
        (m.threads(), m.view(halted=1.0, off=1.0)),
        (m.threads(), m.view(halted=1.0, off=0.0)),
    ),
    "tsc-unstable": ((m.console(UNSTABLE),), (m.console((LineMeaning.CLOCKSOURCE, "Switched to clocksource tsc")),)),
    "guest-soft-lockup": (
        (m.threads(vcpu=1.0), m.console(STALL), m.view(places=2)),
        (m.threads(vcpu=1.0), m.console(), m.view(places=2)),
    ),
    "timer-always-due": (
        (m.loops(9000.0, low_ns=500, zero=0.95), m.threads(loop=0.9)),
        (m.loops(9000.0, low_ns=65536), m.threads(loop=0.9)),
    ),
    "monitor-hung": ((HUNG, m.threads()), (RUNNING, m.threads())),
    "guest-user-busy": (
        (m.threads(vcpu=0.99), m.view(user=1.0, places=2)),
        (m.threads(vcpu=0.4), m.view(halted=0.6, user=1.0, places=2)),
    ),
    "guest-kernel-busy": (
        (m.threads(vcpu=0.99), m.view(user=0.1, places=40)),
        (m.threads(vcpu=0.99), m.view(user=0.95, places=40)),
    ),
    "cpu-contention": (
        (m.threads(vcpu=0.5, delay=0.5), HostFacts(pressure_cpu_avg10=60.0, refs=m.REFS)),
        (m.threads(vcpu=0.9, delay=0.1), HostFacts(pressure_cpu_avg10=60.0, refs=m.REFS)),
    ),
    "paused": ((state("paused"),), (RUNNING,)),
    "healthy-idle": (
        (m.threads(vcpu=0.01), m.view(halted=0.98), m.loops(20.0), RUNNING),
        (m.threads(vcpu=0.01), m.view(halted=0.98), m.loops(20.0), HUNG),
    ),
    "healthy-busy": (
        (m.threads(vcpu=0.4), m.view(halted=0.6), m.loops(120.0), RUNNING),
        (m.threads(vcpu=0.99), m.view(halted=0.0), m.loops(120.0), RUNNING),
    ),
    "software-emulation": (
        (QemuConfig(binary="qemu", accelerator=Accelerator.TCG, refs=m.REFS), m.threads(vcpu=1, comm="CPU 0/TCG")),
        (QemuConfig(binary="qemu", accelerator=Accelerator.KVM, refs=m.REFS), m.threads(vcpu=1, comm="CPU 0/KVM")),
    ),
    "misread": ((DRAINED, EVENTFDS), (TraceStory(calls=3, lines=3), EVENTFDS)),
}
