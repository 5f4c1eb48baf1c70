"""What comes near to a guest that hangs, waits or loops before its system, and what each is called instead."""

import msgspec

from crazytrain.model.facts import (
    KvmStat,
    KvmStats,
    LineMeaning,
    MmioUse,
    ProcessFacts,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.kvm import KvmExits
from tests.diagnose import making as m
from tests.diagnose.cases_boot import SPINS, WAITS, bare, msrs, resets, shutdowns


def kvm_pit(woke_per_s: float, cpu: float = 0.02) -> ThreadActivity:
    pit = ThreadUse(
        tid=12, comm="kvm-pit/10", role=ThreadRole.KVM_PIT, system_ratio=cpu, switches_per_s=woke_per_s, delay_ratio=0.0
    )
    usual = m.threads(vcpu=0.02)
    return ThreadActivity(window_ns=m.WINDOW_NS, samples=11, threads=(*usual.threads, pit), refs=m.REFS)


def mmio(page: int, per_s: float, *, write: bool = False) -> KvmExits:
    use = MmioUse(page=page, write=write, count=int(per_s * 5))
    return KvmExits(window_ns=m.WINDOW_NS, mmio=(use,), refs=m.REFS)


def test_a_firmware_that_waits_is_no_healthy_idle_guest() -> None:
    facts = (WAITS, m.threads(vcpu=0.01), m.view(halted=0.99), m.loops(20.0))
    assert m.verdict(*facts) == "firmware-wait"
    assert m.found("healthy-idle", *facts).folded_into == "firmware-wait"


def test_a_uefi_shell_that_waits_for_a_key_is_told() -> None:
    usual = WAITS.vcpus[0]
    shell = msgspec.structs.replace(usual, bare_ratio=0.0, rom_ratio=0.0, low_ratio=0.0, uefi_ratio=1.0)
    facts = (BareView(vcpus=(shell,), refs=m.REFS), m.threads(vcpu=0.02), m.view(halted=0.99), m.loops(20.0))
    assert m.verdict(*facts) == "firmware-wait"
    assert "as UEFI runs" in " ".join(p.says for p in m.found("firmware-wait", *facts).because)


def test_a_sleeper_outside_of_the_firmware_is_healthy() -> None:
    sleeper = bare(rom=0.02, halted=0.98, off=0.0)
    assert m.verdict(sleeper, m.threads(vcpu=0.01), m.view(halted=0.98), m.loops(20.0)) == "healthy-idle"


def test_what_the_firmware_said_before_a_system_started_is_history() -> None:
    said = m.console((LineMeaning.NO_BOOT, "Boot failed: not a bootable disk"), after=60)
    running = bare(bare=0.0, off=0.0, halted=0.9)
    assert m.verdict(running, said, m.threads(vcpu=0.02), m.view(halted=0.95), m.loops(20.0)) == "healthy-idle"


def test_a_small_loop_that_may_wait_for_memory_is_not_called_a_hang_for_sure() -> None:
    finding = m.found("firmware-hang", *SPINS, bare(jumps=False), m.exits({0xE9: 20.0}))
    assert 0.5 <= finding.confidence < 0.9
    assert m.found("firmware-hang", *SPINS, bare(jumps=False, off=0.0)).confidence < 0.7


def test_a_guest_that_may_still_be_starting_is_not_called_hung() -> None:
    facts = (*SPINS, bare(jumps=False), m.exits({0xE9: 20.0}))
    young, old = (ProcessFacts(pid=10, start_ticks=1, uptime_s=s, refs=m.REFS) for s in (9.0, 900.0))
    assert m.found("firmware-hang", *facts, young).confidence < 0.5
    assert m.found("firmware-hang", *facts, old).confidence >= 0.5
    assert m.found("firmware-hang", *SPINS, bare(jumps=True), young).confidence >= 0.9


def test_a_clock_that_jumped_explains_the_small_loop() -> None:
    waits_for_its_clock = (*SPINS, bare(jumps=False), m.clock(2**64 - 3_566 * 10**9), m.exits())
    assert m.verdict(*waits_for_its_clock) == "kvmclock-jump"


def test_a_system_with_paging_does_not_hang_in_the_firmware() -> None:
    assert m.found("firmware-hang", *SPINS, bare(bare=0.0, jumps=True)).confidence < 0.5


def test_a_reset_from_outside_is_no_loop() -> None:
    facts = (resets(by_host=3), shutdowns(0), bare(rom=0.9), m.threads(vcpu=1.0))
    assert m.found("guest-reboot-loop", *facts).confidence < 0.1


def test_resets_alone_tell_of_the_loop_where_exits_are_not_traced() -> None:
    facts = (resets(by_guest=2), bare(rom=0.9), m.threads(vcpu=1.0))
    assert m.verdict(*facts) == "guest-reboot-loop"
    assert m.found("guest-reboot-loop", resets(by_guest=1), bare(bare=0.1)).confidence < 0.5


def test_a_short_count_without_a_triple_fault_says_little() -> None:
    short = msgspec.structs.replace(shutdowns(0), window_ns=800_000_000)
    (point,) = (p for p in m.found("guest-reboot-loop", short, bare()).against if "triple fault" in p.says)
    assert point.ratio > 0.2
    assert "in 800 ms" in point.says
    (whole,) = (p for p in m.found("guest-reboot-loop", shutdowns(0), bare()).against if "triple fault" in p.says)
    assert whole.ratio < 0.1


def test_resets_that_were_told_need_no_triple_fault() -> None:
    told = m.found("guest-reboot-loop", resets(by_guest=2), shutdowns(0), bare())
    assert told.confidence >= 0.9
    assert "no triple fault" not in " ".join(p.says for p in told.against)


def test_one_triple_fault_and_one_reset_may_be_the_same_event() -> None:
    one = m.found("guest-reboot-loop", shutdowns(1), bare()).confidence
    both = m.found("guest-reboot-loop", shutdowns(1), resets(by_guest=1), bare()).confidence
    several = m.found("guest-reboot-loop", shutdowns(1), resets(by_guest=3), bare()).confidence
    assert one < both < several
    assert both < 0.9
    assert several > 0.95


def test_the_triple_fault_is_told_under_its_loop() -> None:
    assert m.found("triple-fault", shutdowns(4), bare()).folded_into == "guest-reboot-loop"


def test_timers_that_are_armed_are_no_storm_of_registers() -> None:
    facts = (msrs(w0x6e0=8000.0, w0x80b=8000.0), m.view(halted=0.8), m.threads(vcpu=0.3))
    assert m.verdict(*facts) == "apic-timer-storm"
    assert m.verdict(msrs(r0x839=80_000.0, w0x6e0=200.0), m.view(places=1), m.threads(vcpu=1.0)) == "msr-storm"


def test_a_tick_of_many_vcpus_is_no_storm() -> None:
    one = m.view(halted=0.5).vcpus[0]
    eight = type(m.view())(vcpus=(one,) * 8, refs=m.REFS)
    assert m.found("apic-timer-storm", msrs(w0x6e0=6000.0, w0x80b=6100.0), eight).confidence < 0.5


def test_the_local_apic_is_no_device_that_is_polled() -> None:
    assert m.found("mmio-poll", mmio(0xFEE00000, 9000.0, write=True), m.view(halted=0.8)).confidence < 0.2


def test_mmio_that_is_only_counted_has_no_page() -> None:
    stats = KvmStats(window_ns=m.WINDOW_NS, stats=(KvmStat(name="mmio_exits", per_s=20_000.0),), refs=m.REFS)
    finding = m.found("mmio-poll", stats, m.threads(vcpu=1.0))
    assert finding.confidence >= 0.5
    assert "at which page is not known" in finding.because[0].says


def test_the_kernels_pit_is_seen_by_how_often_its_thread_wakes() -> None:
    ends_of_interrupts = m.exits({0x20: 4800.0, 0xE9: 10.0})
    facts = (kvm_pit(4800.0), ends_of_interrupts, m.view(halted=0.8, places=1))
    assert m.verdict(*facts) == "pit-hpet-storm"
    assert m.found("pio-poll", *facts).confidence < 0.3
    assert m.found("healthy-idle", *facts).confidence < 0.5
    assert m.verdict(kvm_pit(18.0, cpu=0.0), m.view(halted=0.97), m.loops(20.0)) == "healthy-idle"
