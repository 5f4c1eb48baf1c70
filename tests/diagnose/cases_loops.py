"""Causes in event loops and in KVM's own doing: facts that hit, and a near miss that must not."""

import msgspec

from crazytrain.model.facts import (
    CallUse,
    Coverage,
    CpuMode,
    Descriptor,
    DescriptorTable,
    ErrorCount,
    ExitCount,
    FaultUse,
    HaltUse,
    KvmExits,
    KvmStat,
    KvmStats,
    LoopActivity,
    Loops,
    MmioUse,
    QemuConfig,
    ReadyUse,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
    TimeoutBucket,
    VcpuActivity,
    VcpuView,
)
from crazytrain.model.facts.services import Iothreads, IothreadSetting
from tests.diagnose import making as m

SECONDS = m.WINDOW_NS // 10**9
MAIN, VCPU, IO = 10, 11, 12
FAST = 20_000.0
USERNET = QemuConfig(binary="qemu", nics=("user id=net0",), refs=m.REFS)
TAP = QemuConfig(binary="qemu", nics=("tap id=net0",), refs=m.REFS)


def ready(
    share: float, *events: str, served: int | None = 0, kind: str = "socket", role: str = "", per_s: float = FAST
) -> ReadyUse:
    return ReadyUse(
        fd=20,
        events=events,
        turns=int(share * per_s * SECONDS),
        label=f"fd 20 ({role or kind})",
        kind=kind,
        role=role,
        taken=served or 0,
        served=served,
    )


def woken(*uses: ReadyUse, per_s: float = FAST, tid: int = MAIN, label: str = "main loop", **more: object) -> Loops:
    turns = int(per_s * SECONDS)
    known: dict[str, object] = {"call": "ppoll", "infinite": turns, "ready_turns": turns} | more
    one = LoopActivity(tid=tid, label=label, turns=turns, turns_per_s=per_s, ready=uses, refs=m.REFS, **known)  # type: ignore[arg-type]
    return Loops(loops=(one,), refs=m.REFS)


def calls(*uses: CallUse) -> SyscallUse:
    return SyscallUse(method="bpftrace", coverage=Coverage.ALL_THREADS, window_ns=m.WINDOW_NS, calls=uses, refs=m.REFS)


def writes(per_s: float, failing: float, tid: int = VCPU, fd: int = 20) -> SyscallUse:
    count = int(per_s * SECONDS)
    errors = (ErrorCount("EAGAIN", int(count * failing)),) if failing else ()
    return calls(CallUse(tid=tid, call="sendmsg", fd=fd, count=count, errors=errors, refs=m.REFS))


def table(kind: str, role: str) -> DescriptorTable:
    one = Descriptor(fd=20, target=f"{kind}:[7]", kind=kind, role=role)
    return DescriptorTable(descriptors=(one,), complete=True, refs=m.REFS)


def with_iothread(used: float) -> ThreadActivity:
    usual = m.threads(vcpu=0.05)
    more = ThreadUse(tid=IO, comm="IO disk0", role=ThreadRole.IOTHREAD, user_ratio=used, delay_ratio=0.0)
    return msgspec.structs.replace(usual, threads=(*usual.threads, more))


def two_vcpus(each: float, delay: float = 0.0, guest: float = 0.0) -> ThreadActivity:
    usual = m.threads(vcpu=each, delay=delay)
    more = ThreadUse(
        tid=13, comm="CPU 1/KVM", role=ThreadRole.VCPU, vcpu=1, user_ratio=each, guest_ratio=guest, delay_ratio=delay
    )
    return msgspec.structs.replace(usual, threads=(*usual.threads, more))


def at(*addresses: int, off: float = 0.0) -> VcpuView:
    """One vCPU at each address, never halted, in the kernel."""
    vcpus = (
        VcpuActivity(
            vcpu=number,
            samples=50,
            halted_ratio=0.0,
            user_ratio=0.0,
            kernel_ratio=1.0,
            interrupts_off_ratio=off,
            mode=CpuMode.LONG,
            places=1,
            top_ip=address,
            top_ip_ratio=1.0,
            span_bytes=64,
        )
        for number, address in enumerate(addresses)
    )
    return VcpuView(vcpus=tuple(vcpus), refs=m.REFS)


def stats(**rates: float) -> KvmStats:
    found = tuple(KvmStat(name=name, per_s=per_s) for name, per_s in rates.items())
    return KvmStats(window_ns=m.WINDOW_NS, stats=found, refs=m.REFS)


def kvm(**known: object) -> KvmExits:
    return KvmExits(window_ns=m.WINDOW_NS, refs=m.REFS, **known)  # type: ignore[arg-type]


def halts(polled: float) -> KvmExits:
    """KVM's polling took this share of a CPU."""
    one = HaltUse(tid=VCPU, polled=50_000, polled_ns=int(polled * m.WINDOW_NS), waited=1000, waited_ns=m.WINDOW_NS // 4)
    return kvm(halts=(one,))


def pauses(per_s: float) -> KvmExits:
    return kvm(hardware=True, exits=(ExitCount(reason="PAUSE_INSTRUCTION", count=int(per_s * SECONDS), tid=VCPU),))


def faults(*per_s: float, mmio: bool = False) -> KvmExits:
    """Faults at pages one after the other."""
    found = tuple(FaultUse(0x7000 + (number << 12), int(rate * SECONDS)) for number, rate in enumerate(per_s))
    pages = (MmioUse(page=found[0].page, write=False, count=found[0].count),) if mmio else ()
    return kvm(faults=found, mmio=pages)


AT_ONCE = (TimeoutBucket(512, 1024, int(FAST * SECONDS)),)
LATER = (TimeoutBucket(1 << 20, 1 << 21, int(FAST * SECONDS)),)
POLLING = Iothreads(iothreads=(IothreadSetting(id="disk0", tid=IO, poll_max_ns=10_000_000),), refs=m.REFS)
READING = calls(CallUse(tid=IO, call="preadv", fd=20, count=50_000 * SECONDS, refs=m.REFS))
FEW_CALLS = calls(CallUse(tid=IO, call="preadv", fd=20, count=20 * SECONDS, refs=m.REFS))

CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "dead-client-spin": (
        (woken(ready(0.99, "POLLIN", "POLLHUP", role="VNC, client connected")), m.threads(loop=0.95)),
        # a viewer that sends a lot: its socket is ready all the time, and read each time
        (woken(ready(0.99, "POLLIN", role="VNC, client connected", served=99_000)), m.threads(loop=0.95)),
    ),
    "usernet-spin": (
        (woken(ready(0.97, "POLLIN")), USERNET, m.threads(loop=0.95)),
        (woken(ready(0.97, "POLLIN")), TAP, m.threads(loop=0.95)),
    ),
    "chardev-spin": (
        (writes(4000, 1.0), table("socket", "console"), m.threads(vcpu=0.6)),
        # a reader that is slow: half of it gets through
        (writes(4000, 0.5), table("socket", "console"), m.threads(vcpu=0.6)),
    ),
    "fd-monitor-spin": (
        (woken(call="io_uring_enter", waited=AT_ONCE, ready_turns=None), calls(), m.threads(loop=0.95)),
        (woken(call="io_uring_enter", waited=LATER, ready_turns=None), calls(), m.threads(loop=0.95)),
    ),
    "iothread-spin": (
        (with_iothread(0.95), FEW_CALLS, POLLING),
        (with_iothread(0.95), READING, POLLING),
    ),
    "idle-poll": (
        (two_vcpus(1.0), at(0xFFFFFFFF81000010, 0xFFFFFFFF81000010), kvm(), stats(halt_exits=0.0)),
        # one vCPU waits for a lock that the other one holds
        (two_vcpus(1.0), at(0xFFFFFFFF81000010, 0xFFFFFFFF81900010), kvm(), stats(halt_exits=0.0)),
    ),
    "halt-polling": (
        (m.threads(vcpu=0.5), halts(polled=0.4), m.view(halted=0.9)),
        (m.threads(vcpu=0.5), halts(polled=0.02), m.view(halted=0.9)),
    ),
    "page-fault-loop": (
        (faults(60_000.0), stats(pf_taken=60_000.0, pf_fixed=0.0)),
        (faults(60_000.0, mmio=True), stats(pf_taken=60_000.0, pf_fixed=0.0)),
    ),
    "pause-contention": (
        (two_vcpus(0.6, delay=0.4), pauses(20_000.0)),
        (two_vcpus(0.6, delay=0.4), pauses(20.0)),
    ),
}
