"""Small facts for tests of causes: as a collector and decoder would give them."""

from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    ConsoleLine,
    ConsoleLog,
    CpuMode,
    ExitCount,
    Facts,
    GuestClock,
    InterruptRates,
    IrqRate,
    KvmExits,
    LineMeaning,
    LoopActivity,
    Loops,
    PortUse,
    PvclockPage,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
    TimeoutBucket,
    VcpuActivity,
    VcpuView,
)
from crazytrain.model.finding import Finding

REFS = (Ref("made", 1),)
WINDOW_NS = 5 * 10**9


def threads(vcpu: float = 0.0, loop: float = 0.0, delay: float = 0.0, comm: str = "CPU 0/KVM") -> ThreadActivity:
    return ThreadActivity(
        window_ns=WINDOW_NS,
        samples=11,
        refs=REFS,
        threads=(
            ThreadUse(tid=10, comm="qemu", role=ThreadRole.MAIN_LOOP, user_ratio=loop, delay_ratio=0.0),
            ThreadUse(tid=11, comm=comm, role=ThreadRole.VCPU, vcpu=0, user_ratio=vcpu, delay_ratio=delay),
        ),
    )


def view(
    halted: float = 0.0,
    user: float = 0.0,
    places: int = 40,
    mode: CpuMode = CpuMode.LONG,
    off: float = 0.0,
    samples: int = 50,
) -> VcpuView:
    one = VcpuActivity(
        vcpu=0,
        samples=samples,
        halted_ratio=halted,
        user_ratio=user,
        kernel_ratio=1 - user,
        interrupts_off_ratio=off,
        mode=mode,
        places=places,
        top_ip=0xFFFFFFFF81000000,
        top_ip_ratio=1 / max(places, 1),
        span_bytes=places * 64,
    )
    return VcpuView(vcpus=(one,), refs=REFS)


def loops(turns_per_s: float, low_ns: int = 65536, zero: float = 0.0) -> Loops:
    turns = int(turns_per_s * 5)
    at_once = int(turns * zero)
    one = LoopActivity(
        tid=10,
        label="main loop",
        call="ppoll",
        turns=turns,
        turns_per_s=turns_per_s,
        buckets=(TimeoutBucket(low_ns, low_ns * 2, turns - at_once),),
        zero=at_once,
        refs=REFS,
    )
    return Loops(loops=(one,), refs=REFS)


def irqs(**rates: float) -> InterruptRates:
    """``irqs(irq8=8192)``."""
    found = tuple(IrqRate(irq=int(k[3:]), per_s=v, controller="isa-i8259") for k, v in rates.items())
    return InterruptRates(window_ns=WINDOW_NS, rates=found, refs=REFS)


def exits(ports: dict[int, float] | None = None, to_qemu: float = 0.0) -> KvmExits:
    """``exits({0x3fd: 20000.0})``: accesses per second by port."""
    seconds = WINDOW_NS / 1e9
    used = tuple(PortUse(port=p, write=False, count=int(r * seconds)) for p, r in (ports or {}).items())
    count = int(max(to_qemu, sum((ports or {}).values())) * seconds)
    return KvmExits(
        window_ns=WINDOW_NS, ports=used, userspace=(ExitCount(reason="IO", count=count, tid=11),), refs=REFS
    )


def console(*said: tuple[LineMeaning, str], after: int = 0) -> ConsoleLog:
    matter = tuple(ConsoleLine(meaning=m, text=t, ref=Ref("console.0", n)) for n, (m, t) in enumerate(said, 1))
    return ConsoleLog(lines=300, matter=matter, after_last=after, refs=REFS)


def clock(*system_time_ns: int, uptime_s: float = 30.0) -> GuestClock:
    pages = tuple(
        PvclockPage(
            address=0x7000,
            version=4,
            tsc_timestamp=10**9,
            system_time_ns=t,
            tsc_to_system_mul=3307955000,
            tsc_shift=-1,
            flags=1,
        )
        for t in system_time_ns
    )
    return GuestClock(pages=pages, uptime_ns=int(uptime_s * 1e9), searched_bytes=1 << 26, refs=REFS)


def found(slug: str, *values: object) -> Finding:
    """The finding on one cause."""
    return next(f for f in diagnose(Facts(values), CAUSES) if f.cause == slug)


def verdict(*values: object) -> str:
    """The cause that gives the headline; empty where there is none."""
    best = headline(diagnose(Facts(values), CAUSES), CAUSES)
    return best.cause if best else ""
