"""Causes before and instead of an operating system, and the local APIC's timer: facts that hit, and near misses."""

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import CpuMode, ExitCount, KvmExits, LineMeaning, MsrUse
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.resets import Resets
from tests.diagnose import making as m

TSC_DEADLINE, X2APIC_EOI = 0x6E0, 0x80B


def bare(
    bare: float = 1.0, rom: float = 0.0, halted: float = 0.0, off: float = 1.0, *, jumps: bool = False, vcpu: int = 0
) -> BareView:
    one = BarePlace(
        vcpu=vcpu,
        samples=48,
        bare_ratio=bare,
        rom_ratio=rom,
        low_ratio=bare - rom,
        halted_ratio=halted,
        interrupts_off_ratio=off,
        jumps_to_itself=jumps,
    )
    return BareView(vcpus=(one,), refs=m.REFS)


def msrs(**per_s: float) -> KvmExits:
    """``msrs(w0x6e0=8000, r0x839=10)``: writes and reads per second."""
    seconds = m.WINDOW_NS / 1e9
    used = tuple(MsrUse(index=int(k[1:], 16), write=k[0] == "w", count=int(v * seconds)) for k, v in per_s.items())
    return KvmExits(window_ns=m.WINDOW_NS, msrs=used, refs=m.REFS)


def shutdowns(times: int) -> KvmExits:
    to_qemu = tuple(ExitCount(reason=r, count=n, tid=11) for r, n in (("SHUTDOWN", times), ("IO", 900)) if n)
    return KvmExits(window_ns=m.WINDOW_NS, userspace=to_qemu, refs=m.REFS)


def resets(by_guest: int = 0, by_host: int = 0) -> Resets:
    return Resets(by_guest=by_guest, by_host=by_host, untold=0, shortest_ns=None, refs=(Ref("qmp.0", 3),))


SPINS = (m.threads(vcpu=1.0), m.view(places=1, mode=CpuMode.REAL, off=1.0))
WAITS = bare(rom=1.0, halted=0.99, off=0.02)

CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "apic-timer-storm": (
        (msrs(w0x6e0=8000.0, w0x80b=8000.0), m.view(halted=0.9), m.threads(vcpu=0.4)),
        (msrs(w0x6e0=300.0, w0x80b=310.0), m.view(halted=0.9), m.threads(vcpu=0.1)),
    ),
    "guest-reboot-loop": (
        (shutdowns(3), bare(rom=0.6), m.threads(vcpu=1.0)),
        (shutdowns(0), bare(rom=0.6), m.threads(vcpu=1.0)),
    ),
    "triple-fault": ((shutdowns(1),), (shutdowns(0),)),
    "firmware-wait": (
        (WAITS, m.threads(), m.console((LineMeaning.NO_BOOT, "No bootable device."))),
        (bare(rom=0.0, halted=0.99, off=0.02), m.threads()),
    ),
    "firmware-hang": (
        (*SPINS, bare(jumps=True)),
        (*SPINS, bare(jumps=False, off=0.0), m.exits({0x3FD: 20_000.0})),
    ),
}
