"""Guests of kinds that nobody had seen: what is told of them, and what is not."""

import msgspec
import pytest

from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline, looks_wanted
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    CpuMode,
    Descriptor,
    DescriptorTable,
    ExitCount,
    Facts,
    HaltUse,
    HypercallUse,
    IrqLineUse,
    KvmExits,
    Loops,
    PortUse,
    QemuConfig,
    QemuState,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.block import BlockUse, DiskUse
from crazytrain.model.facts.inside_view import Pace
from crazytrain.model.facts.services import Migration
from crazytrain.model.facts.stacks import CpuProfile, RunningStack, StackFrame, ThreadProfile
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Finding, Verdict
from crazytrain.model.guest import Accelerator
from tests.diagnose import making as m
from tests.diagnose.cases_inside import inside, seen, time
from tests.diagnose.cases_unseen import standing_at

TCG = QemuConfig(binary="qemu", accelerator=Accelerator.TCG, vcpus=1, refs=m.REFS)
KVM = QemuConfig(binary="qemu", accelerator=Accelerator.KVM, vcpus=1, refs=m.REFS)
SAVES = ("writev", "qio_channel_writev_full_all", "qemu_savevm_state_iterate", "start_thread")
MIGRATES = Migration(mono_ns=1, status="active", total_bytes=1 << 30, remaining_bytes=1 << 29, refs=m.REFS)


def said(*facts: object) -> Finding | None:
    return headline(diagnose(Facts(facts), CAUSES), CAUSES)


def sends(call: str, for_ns: int, *functions: str) -> Waits:
    frames = tuple(StackFrame(module="qemu", offset=1, symbol=name) for name in functions)
    one = Waiting(
        tid=20,
        comm="qemu",
        label="qemu",
        role=ThreadRole.OTHER,
        state="S",
        call=call,
        at_least_ns=for_ns,
        lasts=True,
        frames=frames,
        refs=m.REFS,
    )
    return Waits(window_ns=3 * 10**9, instants=2, threads=(one,), locks=(), refs=m.REFS)


def test_a_migration_whose_stream_nobody_reads_is_the_verdict() -> None:
    found = said(m.threads(vcpu=0.01), m.view(halted=1.0), sends("writev", 5 * 10**9, *SAVES), KVM)
    assert found is not None
    assert found.cause == "migration-running"
    assert "takes nothing" in found.headline


def test_one_that_sends_goes_on_beside_a_healthy_guest() -> None:
    found = said(m.threads(vcpu=0.01), m.view(halted=1.0), MIGRATES, sends("writev", 10**8, *SAVES), KVM)
    assert found is not None
    assert found.cause == "healthy-idle"


def test_one_that_is_never_connected_is_told() -> None:
    setting_up = msgspec.structs.replace(MIGRATES, status="setup")
    found = said(m.threads(vcpu=0.01), m.view(halted=1.0), setting_up, sends("connect", 5 * 10**9, "connect"), KVM)
    assert found is not None
    assert found.cause == "migration-running"


def test_a_worker_that_writes_for_long_is_no_migration() -> None:
    found = diagnose(Facts([m.threads(vcpu=0.01), sends("write", 5 * 10**9, "handle_aiocb_rw"), KVM]), CAUSES)
    assert all(f.cause != "migration-running" or f.verdict is not Verdict.FOUND for f in found)


@pytest.mark.parametrize(("status", "most"), [("finish-migrate", 0.7), ("paused", 0.99)])
def test_a_state_that_passes_by_itself_is_no_operators_pause(status: str, most: float) -> None:
    state = QemuState(status=status, monitor=Outcome.OK, refs=m.REFS)
    paused = next(f for f in diagnose(Facts([state, KVM]), CAUSES) if f.cause == "paused")
    assert most - 0.1 <= paused.confidence <= most


def profile(*stacks: tuple[int, tuple[str, ...]], tid: int = 11) -> CpuProfile:
    seen = tuple(RunningStack(tid=tid, comm="qemu", frames=frames, count=count) for count, frames in stacks)
    total = sum(stack.count for stack in seen)
    thread = ThreadProfile(
        tid=tid, comm="qemu", role=ThreadRole.VCPU, label="vCPU 0", samples=total, stacks=seen, kernel_ratio=0.0
    )
    return CpuProfile(threads=(thread,), samples=total, refs=m.REFS)


READS = ("[generated code]", "qemu+0x1", "address_space_ldub", "memory_region_dispatch_read", "ide_ioport_read")
WALKS = ("[generated code]", "qemu+0x1", "address_space_ldl")
PAGE = ("[generated code]", "qemu+0x1", "memory_region_dispatch_write", "vga_mem_writeb")
COMPUTES = ("[generated code]",)


@pytest.mark.parametrize(
    ("stack", "cause"),
    [(READS, "pio-poll"), (PAGE, "mmio-poll"), (WALKS, ""), (COMPUTES, "")],
    ids=["port", "device memory", "page tables", "computes"],
)
def test_what_an_emulated_vcpu_asks_is_told_by_its_functions(stack: tuple[str, ...], cause: str) -> None:
    found = diagnose(Facts([m.threads(vcpu=1.0), profile((70, stack), (10, COMPUTES)), TCG]), CAUSES)
    polls = [f.cause for f in found if f.cause in ("pio-poll", "mmio-poll") and f.verdict is Verdict.FOUND]
    assert polls == ([cause] if cause else [])


def test_a_thread_that_rests_polls_nothing() -> None:
    found = diagnose(Facts([m.threads(vcpu=0.2), profile((70, READS)), TCG]), CAUSES)
    assert all(f.cause != "pio-poll" or f.verdict is not Verdict.FOUND for f in found)


def test_under_emulation_no_look_at_kvm_is_missing() -> None:
    facts = (m.threads(vcpu=1.0), m.view(user=1.0))
    emulated, virtual = diagnose(Facts([*facts, TCG]), CAUSES), diagnose(Facts([*facts, KVM]), CAUSES)
    assert any("guest mode" in what for f in virtual for what in f.unseen)
    assert not any("guest mode" in what for f in emulated for what in f.unseen)
    assert not any("guest mode" in look.what for look in looks_wanted(emulated))


def test_looks_that_one_command_shows_are_one() -> None:
    first, *others = looks_wanted(diagnose(Facts([]), CAUSES))
    assert first.command == "crazytrain why {name}   # as root, with bpftrace"
    assert all(what in first.what for what in ("CPU share", "guest mode", "waits for"))
    assert not any(look.command.startswith("crazytrain why {name}   #") for look in others)


def ticking(per_s: float, low_ns: int, delay: float = 0.0, ready: float = 0.0) -> tuple[Loops, ThreadActivity]:
    turning = m.loops(2 * per_s, low_ns=low_ns, zero=0.5)
    one = turning.loops[0]
    loops = msgspec.structs.replace(turning, loops=(msgspec.structs.replace(one, ready_turns=int(ready * one.turns)),))
    use = ThreadUse(tid=10, comm="qemu", role=ThreadRole.MAIN_LOOP, user_ratio=0.3, delay_ratio=delay)
    return loops, ThreadActivity(window_ns=m.WINDOW_NS, samples=11, refs=m.REFS, threads=(use,))


def test_the_rate_tells_the_rtc_from_another_timer_where_nobody_counts_interrupts() -> None:
    found = said(*ticking(8150, 65536), TCG)
    assert found is not None
    assert found.cause == "rtc-periodic-storm"
    found = said(*ticking(5966, 131072), TCG)
    assert found is not None
    assert found.cause == "pit-hpet-storm"
    assert found.confidence <= 0.6


def test_a_loop_that_waits_for_a_cpu_may_have_lost_ticks_of_the_rtc() -> None:
    found = said(*ticking(5000, 65536, delay=0.5), TCG)
    assert found is not None
    assert found.cause == "rtc-periodic-storm"


@pytest.mark.parametrize(
    "exits",
    [
        KvmExits(window_ns=m.WINDOW_NS, exits=(ExitCount(reason="CPUID", count=10**6),), hardware=True, refs=m.REFS),
        KvmExits(window_ns=m.WINDOW_NS, hypercalls=(HypercallUse(number=99, count=10**6),), refs=m.REFS),
    ],
    ids=["exits by reason", "hypercalls"],
)
def test_traced_exits_name_the_instruction(exits: KvmExits) -> None:
    found = said(m.threads(vcpu=1.0), exits, KVM)
    assert found is not None
    assert found.cause == "trapped-instruction"


def test_under_emulation_the_same_instruction_traps_nowhere() -> None:
    found = diagnose(Facts([m.threads(vcpu=1.0), standing_at("CPUID"), TCG]), CAUSES)
    assert all(f.cause != "trapped-instruction" or f.verdict is not Verdict.FOUND for f in found)


def test_a_burning_loop_without_a_system_is_not_surely_for_want_of_cpus() -> None:
    waits = m.threads(vcpu=0.4, delay=0.6)
    for mode, most in ((CpuMode.REAL, 0.75), (CpuMode.LONG, 0.99)):
        found = next(f for f in diagnose(Facts([waits, m.view(mode=mode), KVM]), CAUSES) if f.cause == "cpu-contention")
        assert most - 0.2 <= found.confidence <= most


def test_a_loop_that_descriptors_wake_has_no_fast_timer() -> None:
    found = diagnose(Facts([*ticking(5966, 131072, ready=0.9), TCG]), CAUSES)
    assert all(f.cause != "pit-hpet-storm" or f.verdict is not Verdict.FOUND for f in found)


CLOCK_READS = (
    (5, ("[generated code]", "qemu+0x1", "address_space_ldl", "memory_region_dispatch_read", "cpu_get_clock")),
    (60, COMPUTES),
)


def test_a_busy_emulated_guest_that_keeps_time_by_a_device_reads_that() -> None:
    for clocksource, enough in (("acpi_pm", True), ("tsc", False)):
        facts = Facts([m.threads(vcpu=1.0), profile(*CLOCK_READS), inside(clocksource=clocksource), TCG])
        found = next(f for f in diagnose(facts, CAUSES) if f.cause == "slow-clocksource")
        assert (found.verdict is Verdict.FOUND) is enough
    rests = Facts([m.threads(vcpu=0.3), profile(*CLOCK_READS), inside(clocksource="hpet"), TCG])
    found = next(f for f in diagnose(rests, CAUSES) if f.cause == "slow-clocksource")
    assert found.verdict is not Verdict.FOUND


def moved(per_s: int, role: str = "disk image a.img") -> tuple[SyscallUse, DescriptorTable]:
    call = CallUse(tid=20, call="pwrite64", fd=9, count=per_s * m.WINDOW_NS // 10**9, refs=m.REFS)
    use = SyscallUse(
        method="bpftrace", coverage=Coverage.ALL_THREADS, window_ns=m.WINDOW_NS, calls=(call,), refs=m.REFS
    )
    image = Descriptor(fd=9, target="/a.img", kind="file", role=role, refs=m.REFS)
    return use, DescriptorTable(descriptors=(image,), complete=True, refs=m.REFS)


@pytest.mark.parametrize(
    ("facts", "heavy"),
    [(moved(2000), True), (moved(400), False), (moved(2000, role="guest RAM"), False)],
    ids=["heavy", "calm", "no disk"],
)
def test_a_busy_disk_is_told_without_a_monitor(facts: tuple[object, ...], *, heavy: bool) -> None:
    found = next(f for f in diagnose(Facts([m.threads(vcpu=0.5), *facts, TCG]), CAUSES) if f.cause == "guest-io-heavy")
    assert (found.verdict is Verdict.FOUND) is heavy


@pytest.mark.parametrize(
    ("first", "second", "stopped"),
    [("STSTS", "RTSTS", True), ("STSSS", "STSSS", False), ("StStS", "StStS", False), ("TSTST", "SSSSS", False)],
    ids=["again and again", "once", "by a tracer", "one thread alone"],
)
def test_a_process_that_is_stopped_again_and_again_is_not_well(first: str, second: str, *, stopped: bool) -> None:
    calm = m.threads(vcpu=0.4)
    uses = zip(calm.threads, (first, second), strict=True)
    seen = tuple(msgspec.structs.replace(use, states=tuple(states)) for use, states in uses)
    state = QemuState(status="running", monitor=Outcome.OK, refs=m.REFS)
    found = said(msgspec.structs.replace(calm, threads=seen), m.view(halted=0.5), state, KVM)
    assert found is not None
    assert (found.cause == "monitor-hung") is stopped


def test_a_clock_that_ticks_at_half_a_thousand_is_no_storm() -> None:
    seconds = m.WINDOW_NS // 10**9
    ports = tuple(PortUse(port=port, write=port == 0x70, count=512 * seconds) for port in (0x70, 0x71))
    line = IrqLineUse(gsi=8, raised=2 * 512 * seconds, lowered=2 * 512 * seconds)
    exits = KvmExits(window_ns=m.WINDOW_NS, ports=ports, irq_lines=(line,), refs=m.REFS)
    facts = (m.threads(vcpu=0.03, loop=0.03), m.view(halted=0.8), m.loops(1000), m.irqs(irq8=512.0), exits, KVM)
    found = next(f for f in diagnose(Facts(facts), CAUSES) if f.cause == "rtc-periodic-storm")
    assert found.verdict is not Verdict.FOUND
    assert said(m.threads(vcpu=0.03, loop=0.5), m.loops(16000), m.irqs(irq8=8192.0), KVM).cause == found.cause  # type: ignore[union-attr]


def test_a_guest_whose_ticks_stand_still_runs_no_program_and_waits_for_more_than_a_cpu() -> None:
    stands = inside(seen(time=(time(Pace.STANDS),)))
    found = diagnose(Facts([m.threads(vcpu=0.3, delay=0.7), stands, TCG]), CAUSES)
    verdicts = {f.cause: f for f in found}
    assert verdicts["guest-user-busy"].verdict is not Verdict.FOUND
    assert verdicts["cpu-contention"].aside


@pytest.mark.parametrize(
    ("took_ns", "under_way", "polls"),
    [(400e6, 1.0, False), (400e6, 0.1, True), (2e6, 1.0, True)],
    ids=["always one slow request", "seldom one", "fast ones"],
)
def test_a_guest_that_polls_for_a_slow_disk_waits_for_it(took_ns: float, under_way: float, *, polls: bool) -> None:
    status = PortUse(port=0x1F7, write=False, count=10**6, owner="IDE first channel status")
    exits = KvmExits(window_ns=m.WINDOW_NS, ports=(status,), refs=m.REFS)
    disk = DiskUse(disk="ide0-hd1", reads_per_s=2.0, read_ns=took_ns, in_flight=under_way)
    block = BlockUse(window_ns=m.WINDOW_NS, disks=(disk,), refs=m.REFS)
    found = diagnose(Facts([m.threads(vcpu=1.0), m.view(places=4, mode=CpuMode.REAL), exits, block, KVM]), CAUSES)
    assert (next(f for f in found if f.cause == "pio-poll").verdict is Verdict.FOUND) is polls


@pytest.mark.parametrize(("halts", "polls"), [(0, True), (80, False)], ids=["never rests", "rests in between"])
def test_on_a_loaded_host_one_that_rests_in_between_does_not_poll(halts: int, *, polls: bool) -> None:
    seconds = m.WINDOW_NS // 10**9
    exits = KvmExits(
        window_ns=m.WINDOW_NS,
        held_ratio=0.9,
        userspace=(ExitCount(reason="IO", count=2500 * seconds, tid=11),),
        ports=(PortUse(port=0x3FD, write=False, count=2500 * seconds, owner="COM1 line status"),),
        halts=(HaltUse(tid=11, polled=0, polled_ns=0, waited=halts * seconds, waited_ns=1),),
        refs=m.REFS,
    )
    found = diagnose(Facts([m.threads(vcpu=0.05, delay=0.9), exits, KVM]), CAUSES)
    assert (next(f for f in found if f.cause == "pio-poll").verdict is Verdict.FOUND) is polls
