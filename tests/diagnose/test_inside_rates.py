"""What only the guest's own kernel tells: that it swaps, idles awake, reads a slow clock, is woken by its timer; and what looks like that."""

import msgspec
import pytest

from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import Facts, LineMeaning, QemuState
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import LockWait
from crazytrain.model.facts.inside_view import Clock, CpuShare, LockHeld, MemoryRates, Pace
from crazytrain.model.facts.restarts import ConsoleRestarts, Restart
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m
from tests.diagnose.cases_inside import function, inside, part, seen, time

BURNS = (m.threads(vcpu=1.0), m.view(places=2))


def swapping(into: float, out: float, kills: int = 0) -> GuestInside:
    rates = MemoryRates(swapped_in_per_s=into, swapped_out_per_s=out, major_faults_per_s=into, oom_kills=kills)
    return inside(seen(memory=rates, time=(time(Pace.MOVES),)))


def account(user: float, system: float, idle: float, pace: Pace = Pace.MOVES) -> GuestInside:
    cpu = CpuShare(cpu=0, user=user, nice=0.0, system=system, softirq=0.0, irq=0.0, iowait=0.0, steal=0.0, idle=idle)
    return inside(seen(cpus=(cpu,), time=(time(pace),)))


def said(*facts: object) -> str:
    best = headline(diagnose(Facts(facts), CAUSES), CAUSES)
    return best.cause if best else ""


def test_a_guest_that_swaps_both_ways_has_too_little_memory() -> None:
    finding = m.found("guest-memory-thrash", *BURNS, swapping(3000, 2500))
    assert finding.verdict is Verdict.FOUND
    assert "its own kernel swaps" in finding.headline
    assert said(*BURNS, swapping(3000, 2500)) == "guest-memory-thrash"


@pytest.mark.parametrize(("into", "out"), [(3000, 0), (0, 3000), (20, 20)])
def test_one_that_only_makes_room_or_only_comes_back_does_not_thrash(into: float, out: float) -> None:
    assert m.found("guest-memory-thrash", *BURNS, swapping(into, out)).verdict is not Verdict.FOUND


def test_a_kernel_that_is_awake_in_its_idle_loop_polls() -> None:
    polls = inside(seen(functions=(function("cpu_idle_poll.isra.0"),), time=(time(Pace.MOVES),)))
    assert m.found("idle-poll", *BURNS, polls).confidence > 0.8
    assert m.found("guest-kernel-busy", *BURNS, polls).confidence < 0.5
    assert said(*BURNS, polls) == "idle-poll"


def test_one_that_works_beside_its_idle_loop_does_not_poll() -> None:
    works = inside(seen(functions=(function("copy_page", 0.6), function("poll_idle", 0.1)), time=(time(Pace.MOVES),)))
    assert m.found("idle-poll", *BURNS, works).confidence < 0.3


@pytest.mark.parametrize(
    ("user", "system", "idle", "cause"),
    [
        (0.98, 0.01, 0.01, "guest-user-busy"),
        (0.02, 0.97, 0.01, "guest-kernel-busy"),
        (0.01, 0.01, 0.98, "idle-poll"),
    ],
)
def test_the_guests_own_account_decides_where_no_vcpu_was_looked_at(
    user: float, system: float, idle: float, cause: str
) -> None:
    assert said(m.threads(vcpu=0.2, delay=0.79), account(user, system, idle)) == cause


def test_an_account_of_a_guest_whose_ticks_stand_says_nothing() -> None:
    facts = (m.threads(vcpu=1.0), account(0.98, 0.01, 0.01, Pace.STANDS))
    assert m.found("guest-user-busy", *facts).verdict is not Verdict.FOUND


def test_with_neither_vcpus_nor_the_inside_nobody_knows_who_computes() -> None:
    finding = m.found("guest-user-busy", m.threads(vcpu=1.0))
    assert finding.verdict is Verdict.UNKNOWN
    assert "where the vCPUs are" in finding.headline


def test_reading_a_slow_clock_is_seen_at_its_function() -> None:
    reads = inside(seen(functions=(function("read_hpet", 0.7),), time=(time(Pace.MOVES),)), clocksource="hpet")
    assert said(*BURNS, reads) == "slow-clocksource"
    idle = inside(seen(functions=(function("read_hpet", 0.02),), time=(time(Pace.MOVES),)), clocksource="hpet")
    assert m.found("slow-clocksource", m.threads(), m.view(halted=1.0), idle).verdict is not Verdict.FOUND


@pytest.mark.parametrize(("per_s", "storms"), [(9000.0, True), (1000.0, False), (250.0, False)])
def test_a_storm_of_its_own_timer_is_counted_inside(per_s: float, storms: bool) -> None:
    view = seen(cpus=(CpuShare(cpu=0, timer_irqs_per_s=per_s),), time=(time(Pace.MOVES),))
    finding = m.found("apic-timer-storm", m.threads(vcpu=0.3), m.view(halted=0.9), inside(view))
    assert (finding.verdict is Verdict.FOUND) is storms


def test_lock_traffic_of_a_busy_guest_is_no_lock_that_is_not_given_back() -> None:
    path = function("native_queued_spin_lock_slowpath", 0.7)
    held = LockHeld(wait=LockWait(kind="spinlock", cpu=1), all_window=False)
    stays = CpuShare(cpu=0, functions=(msgspec.structs.replace(path, share=part(0.99)),))
    leaves = CpuShare(cpu=0, functions=(msgspec.structs.replace(path, share=part(0.6)),))
    sure = [
        m.found("guest-spinlock", *BURNS, inside(seen(functions=(path,), locks=(held,), cpus=(cpu,)))).confidence
        for cpu in (stays, leaves)
    ]
    assert sure[0] > 0.5
    assert sure[1] < 0.3


def test_a_lock_without_a_place_is_not_said_to_lie_at_zero() -> None:
    held = LockHeld(wait=LockWait(kind="spinlock", cpu=1), all_window=False)
    finding = m.found("guest-spinlock", *BURNS, inside(seen(locks=(held,))))
    assert not any("0x0" in point.says for point in finding.because)


def test_a_guest_at_ease_is_well_whatever_it_thinks_of_its_tsc() -> None:
    quiet = inside(seen(time=(time(Pace.MOVES),)), clocksource="refined-jiffies", unstable=True)
    marked = m.console((LineMeaning.TSC, "tsc: Marking TSC unstable due to clocksource watchdog"))
    assert said(m.threads(vcpu=0.02), m.view(halted=1.0), quiet, marked).startswith("healthy")
    assert said(m.threads(vcpu=1.0), m.view(user=0.5), quiet, marked) == "tsc-unstable"


def restarts(*uptimes_s: int, waits_s: int | None = None) -> ConsoleRestarts:
    found = tuple(Restart(one * 10**9, m.REFS[0]) for one in uptimes_s)
    return ConsoleRestarts(restarts=found, waits_s=waits_s, refs=m.REFS)


def test_a_panic_that_waits_to_restart_says_for_how_long() -> None:
    panicked = (*BURNS, m.console((LineMeaning.PANIC, "Kernel panic - not syncing: x")))
    assert "after 300 s" in m.found("guest-panic-spin", *panicked, restarts(9, waits_s=300)).headline
    assert "restarts the machine" not in m.found("guest-panic-spin", *panicked).headline


def test_panics_in_a_row_are_a_guest_that_starts_again_and_again() -> None:
    young = inside(
        msgspec.structs.replace(seen(time=(time(Pace.STANDS, Clock.JIFFIES),)), uptime_ns=8 * 10**9), panicked=True
    )
    panicked = (*BURNS, m.console((LineMeaning.PANIC, "Kernel panic - not syncing: x")), young)
    assert said(*panicked, restarts(8, 8, 9, waits_s=2)) == "guest-reboot-loop"
    assert said(*panicked, restarts(9, waits_s=300)) == "guest-panic-spin"


def test_a_console_that_nobody_reads_is_no_lockup() -> None:
    locked = (m.threads(vcpu=1.0), m.view(places=5, off=1.0))
    stands = (time(Pace.STANDS),)
    waits = (function("delay_tsc", 0.87), function("wait_for_lsr", 0.03), function("io_serial_in", 0.04))
    prints = inside(seen(functions=waits, cpus=(CpuShare(cpu=0, functions=waits),), time=stands))
    assert said(*locked, prints) == "pio-poll"
    assert m.found("guest-hard-lockup", *locked, prints).confidence < 0.5
    nobody_knows = inside(seen(time=stands))
    assert m.found("guest-hard-lockup", *locked, nobody_knows).confidence < 0.8
    delays = (function("delay_tsc", 1.0),)
    waits_too = inside(seen(functions=delays, cpus=(CpuShare(cpu=0, functions=delays),), time=stands))
    assert m.found("guest-hard-lockup", *locked, waits_too).confidence < 0.8
    spins = (function("__x64_sys_vhangup", 0.99),)
    dead = inside(seen(functions=spins, cpus=(CpuShare(cpu=0, functions=spins),), time=stands))
    assert m.found("guest-hard-lockup", *locked, dead).confidence > 0.9


def test_a_guest_that_accounts_for_idling_while_its_kernel_runs_all_the_time_is_idle() -> None:
    running = (m.threads(vcpu=1.0), m.view(places=3))
    assert said(*running, account(0.0, 0.01, 0.99)) == "idle-poll"
    assert said(*running, account(0.0, 0.99, 0.01)) == "guest-kernel-busy"


def test_a_guest_that_wants_all_it_can_get_and_was_not_looked_at_may_spin() -> None:
    held = m.threads(vcpu=0.13, delay=0.87)
    finding = m.found("cpu-contention", held)
    assert finding.verdict is Verdict.FOUND
    assert finding.confidence <= 0.75
    assert any("where the vCPUs are" in look.what for look in finding.missing)
    assert m.found("cpu-contention", held, m.view(user=0.98)).confidence > 0.8


def test_a_guest_that_told_qemu_of_its_panic_is_stopped_and_does_not_spin() -> None:
    state = QemuState(status="guest-panicked", monitor=Outcome.OK, refs=m.REFS)
    finding = m.found("guest-panic-spin", m.threads(), m.view(halted=0.0), state)
    assert finding.verdict is Verdict.FOUND
    assert "QEMU stopped it" in finding.headline
    running = msgspec.structs.replace(state, status="running")
    assert m.found("guest-panic-spin", m.threads(), m.view(halted=0.0), running).verdict is not Verdict.FOUND
