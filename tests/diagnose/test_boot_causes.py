"""What comes near to a guest that hangs, waits or loops before its system, and what each is called instead."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    GuestClock,
    KvmStat,
    KvmStats,
    LineMeaning,
    MmioUse,
    ProcessFacts,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.clock import ClockChange
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.kvm import KvmExits
from crazytrain.model.facts.restarts import ConsoleRestarts, Restart
from tests.diagnose import making as m
from tests.diagnose.cases_boot import SPINS, WAITS, bare, msrs, resets, shutdowns
from tests.diagnose.cases_inside import inside
from tests.diagnose.cases_inside import seen as looked


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


def test_one_triple_fault_in_less_than_a_second_is_a_loop_where_the_vcpu_was_watched() -> None:
    brief = msgspec.structs.replace(shutdowns(1), window_ns=700_000_000)
    assert m.verdict(brief, bare(), m.threads(vcpu=1.0)) == "guest-reboot-loop"
    assert m.verdict(brief, m.threads(vcpu=1.0)) == "triple-fault", "lines that somebody chose"


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


def restarts(*after_s: float) -> ConsoleRestarts:
    told = tuple(Restart(int(s * 1e9), Ref("console.0", n)) for n, s in enumerate(after_s, 1))
    return ConsoleRestarts(restarts=told, refs=m.REFS)


def up(seconds: float) -> GuestInside:
    return inside(looked(uptime_ns=int(seconds * 1e9)))


def qemu(seconds: float) -> ProcessFacts:
    return ProcessFacts(pid=10, start_ticks=1, uptime_s=seconds, refs=m.REFS)


def test_kernels_that_restart_one_after_the_other_are_a_loop_even_between_two_resets() -> None:
    seen = (restarts(3.0, 3.1, 3.0), m.threads(vcpu=0.3), m.view(halted=0.7), m.loops(20.0))
    assert m.verdict(*seen, up(2.0)) == "guest-reboot-loop"
    assert m.verdict(*seen, qemu(40.0)) == "guest-reboot-loop"
    assert m.found("guest-reboot-loop", *seen, up(2.0)).confidence >= 0.8


def test_restarts_of_long_ago_are_no_loop() -> None:
    seen = (restarts(3.0, 3.1, 3.0), m.threads(vcpu=0.02), m.view(halted=0.95), m.loops(20.0))
    assert m.verdict(*seen, up(9000.0), qemu(9100.0)) == "healthy-idle"
    assert m.verdict(*seen, qemu(9100.0)) == "healthy-idle"


def test_a_restart_after_days_or_a_single_one_is_no_loop() -> None:
    calm = (m.threads(vcpu=0.02), m.view(halted=0.95), m.loops(20.0), up(20.0))
    assert m.verdict(restarts(3.0, 86400.0), *calm) == "healthy-idle"
    assert m.verdict(restarts(3.0), *calm) == "healthy-idle"
    assert m.verdict(restarts(3.0, 2.0, 86400.0, 30.0), *calm) == "healthy-idle"


def test_a_kernel_that_is_being_unpacked_is_not_locked_up() -> None:
    spins = (m.threads(vcpu=0.3, delay=0.7), m.view(places=4, off=1.0), up(60.0))
    assert m.found("guest-hard-lockup", *spins).confidence >= 0.5
    low = msgspec.structs.replace(bare().vcpus[0], bare_ratio=0.0, rom_ratio=0.0, low_ratio=0.0, uefi_ratio=1.0)
    assert m.found("guest-hard-lockup", *spins, BareView(vcpus=(low,), refs=m.REFS)).confidence < 0.15
    elsewhere = msgspec.structs.replace(low, vcpu=1)
    assert m.found("guest-hard-lockup", *spins, BareView(vcpus=(elsewhere,), refs=m.REFS)).confidence >= 0.5


def test_a_kernel_that_counts_no_time_yet_is_hardly_locked_up() -> None:
    spins = (m.threads(vcpu=1.0), m.view(places=4, off=1.0))
    assert (
        m.found("guest-hard-lockup", *spins, up(0.4)).confidence
        < 0.5
        <= m.found("guest-hard-lockup", *spins, up(60.0)).confidence
    )


def test_a_firmware_that_reset_itself_meanwhile_does_not_hang_in_one_place() -> None:
    seen = (*SPINS, bare(rom=1.0, jumps=False), m.exits({}, to_qemu=14.0))
    assert m.found("firmware-hang", *seen).confidence >= 0.3
    assert m.found("firmware-hang", *seen, resets(by_guest=1)).confidence < 0.3
    once = m.found("guest-reboot-loop", *seen, resets(by_guest=1), qemu(4000.0))
    early = m.found("guest-reboot-loop", *seen, resets(by_guest=1), qemu(11.0))
    assert once.confidence < 0.5 <= early.confidence < 0.8
    assert m.verdict(*seen, resets(by_guest=1), qemu(11.0)) == "guest-reboot-loop"


def clock(system_time_s: float, address: int = 0xE8C20) -> GuestClock:
    usual = m.clock(int(system_time_s * 1e9), uptime_s=23.9)
    (page,) = usual.pages
    return msgspec.structs.replace(usual, pages=(msgspec.structs.replace(page, address=address),))


def test_a_firmware_that_asked_for_its_clock_late_was_reset_before() -> None:
    starved = (m.threads(vcpu=0.15, delay=0.85), bare(rom=0.9), m.view(places=6, off=0.9))
    quiet = msgspec.structs.replace(shutdowns(0), held_ratio=0.85)
    assert m.verdict(*starved, quiet, clock(20.3)) == "guest-reboot-loop"
    assert m.found("guest-reboot-loop", *starved, quiet, clock(20.3)).confidence < 0.5
    for other in (clock(0.02), clock(3600.0), clock(20.3, address=0x4000000), clock(20.3, address=0x7000)):
        assert m.found("guest-reboot-loop", *starved, quiet, other).confidence < 0.15


def test_a_clock_that_kvm_rewrites_says_nothing_of_a_start() -> None:
    change = ClockChange(address=0xE8C20, mono_ns=1, clock_ns=1, step_ns=0, host_ns=1, uncertain_ns=1)
    moved = msgspec.structs.replace(clock(20.3), changes=(change,))
    assert m.found("guest-reboot-loop", bare(rom=0.9), moved).confidence < 0.15


def test_a_firmware_that_began_anew_just_before_does_not_hang_in_one_place() -> None:
    seen = (*SPINS, bare(rom=1.0, jumps=False), m.exits({}, to_qemu=14.0))
    assert m.found("firmware-hang", *seen, clock(7.9)).confidence < m.found("firmware-hang", *seen).confidence
    assert m.found("firmware-hang", *SPINS, bare(jumps=True), clock(7.9)).confidence >= 0.9, "it hangs now"
