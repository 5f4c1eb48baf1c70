"""Guests on a host that is loaded: their own cause is named first, and those that are well are not called sick."""

import msgspec

from crazytrain.diagnose.signs import wanted
from crazytrain.model.facts import KvmExits, MsrUse, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m
from tests.diagnose.cases_boot import bare


def thread(cpu: float, delay: float) -> ThreadUse:
    return ThreadUse(tid=1, comm="x", role=ThreadRole.VCPU, user_ratio=cpu, delay_ratio=delay)


def held(exits: KvmExits, ratio: float) -> KvmExits:
    return msgspec.structs.replace(exits, held_ratio=ratio)


def test_a_thread_that_sleeps_wants_little_however_long_each_wakeup_waits() -> None:
    assert wanted(thread(0.008, 0.28)) < 0.05
    assert wanted(thread(0.2, 0.3)) == 0.5
    assert wanted(thread(0.1, 0.9)) == 1.0


def test_a_main_loop_that_waits_at_each_wakeup_is_no_alarm() -> None:
    loop = ThreadUse(tid=10, comm="qemu", role=ThreadRole.MAIN_LOOP, user_ratio=0.008, delay_ratio=0.28)
    usual = m.threads(vcpu=0.11, delay=0.41)
    threads = ThreadActivity(window_ns=m.WINDOW_NS, samples=11, threads=(loop, usual.threads[1]), refs=m.REFS)
    assert m.verdict(threads, m.view(halted=0.6), m.loops(290.0)) == "healthy-busy"


def test_a_guest_that_rests_is_well_though_it_waits_and_that_is_told_too() -> None:
    seen = (m.threads(vcpu=0.11, delay=0.41), m.view(halted=0.6), m.loops(100.0))
    assert m.verdict(*seen) == "healthy-busy"
    assert m.found("cpu-contention", *seen).verdict is Verdict.FOUND


def test_a_guest_that_gets_no_rest_for_want_of_a_cpu_is_starved() -> None:
    assert m.verdict(m.threads(vcpu=0.2, delay=0.7), m.loops(100.0)) == "cpu-contention"


def test_what_may_be_its_own_fault_comes_before_the_load_of_the_host() -> None:
    """A look that was cut short: one small loop before any system, seen a few times."""
    seen = (
        m.threads(vcpu=0.16, delay=0.84),
        m.view(places=1, samples=8),
        bare(off=1.0, jumps=False),
        m.exits({}, to_qemu=1.0),
    )
    hang = m.found("firmware-hang", *seen)
    assert hang.confidence >= 0.3
    assert m.verdict(*seen) == "firmware-hang"
    assert m.found("cpu-contention", *seen).verdict is Verdict.FOUND


def test_a_poll_that_is_held_back_is_still_a_storm() -> None:
    slow = m.exits({0x3FD: 1000.0})
    assert m.found("pio-poll", slow).verdict is not Verdict.FOUND
    finding = m.found("pio-poll", held(slow, 0.8))
    assert finding.verdict is Verdict.FOUND
    assert any("waited for a CPU 80 %" in point.says for point in finding.because)
    assert m.found("pio-poll", held(m.exits({0x3FD: 400.0}), 0.8)).verdict is not Verdict.FOUND


def test_a_timer_that_is_held_back_is_late_at_most_twice() -> None:
    arm = MsrUse(index=0x6E0, write=True, count=int(1300 * m.WINDOW_NS / 1e9), name="TSC_DEADLINE")
    exits = KvmExits(window_ns=m.WINDOW_NS, msrs=(arm,), refs=m.REFS)
    assert m.found("apic-timer-storm", held(exits, 0.7)).verdict is Verdict.FOUND
    tick = msgspec.structs.replace(arm, count=int(1000 * m.WINDOW_NS / 1e9))
    assert m.found("apic-timer-storm", held(msgspec.structs.replace(exits, msrs=(tick,)), 0.9)).confidence < 0.5


def with_loop(cpu: float, delay: float) -> ThreadActivity:
    usual = m.threads(vcpu=0.02)
    loop = ThreadUse(tid=10, comm="qemu", role=ThreadRole.MAIN_LOOP, user_ratio=cpu, delay_ratio=delay)
    return ThreadActivity(window_ns=m.WINDOW_NS, samples=11, threads=(loop, usual.threads[1]), refs=m.REFS)


def test_a_main_loop_counts_as_busy_by_what_it_does() -> None:
    calm = (m.view(halted=0.95), m.loops(100.0))
    assert m.verdict(with_loop(0.04, 0.3), *calm) == "healthy-idle"
    assert m.verdict(with_loop(0.08, 0.3), *calm) != "healthy-idle"
    assert m.verdict(with_loop(0.03, 0.97), *calm) != "healthy-idle"


def test_a_guest_that_works_is_no_idle_one_because_it_gets_little() -> None:
    works = (m.threads(vcpu=0.081, delay=0.36), m.view(halted=0.55), m.loops(186.0))
    assert m.verdict(*works) == "healthy-busy"
    assert m.verdict(m.threads(vcpu=0.012, delay=0.2), m.view(halted=0.9), m.loops(100.0)) == "healthy-idle"


def test_a_timer_of_qemu_storms_even_if_the_main_loop_is_held_back() -> None:
    seen = (with_loop(0.041, 0.85), m.loops(2429.0, low_ns=65536), m.view(halted=0.7))
    assert m.verdict(*seen, m.irqs(irq8=769)) == "rtc-periodic-storm"
    assert m.found("rtc-periodic-storm", *seen, m.irqs(irq8=400)).confidence < 0.5
    assert m.found("rtc-periodic-storm", m.threads(loop=0.8), *seen[1:], m.irqs(irq8=769)).confidence < 0.5


def test_a_kernel_that_works_for_half_of_the_time_is_named_before_the_load_of_the_host() -> None:
    held_back = m.threads(vcpu=0.17, delay=0.83)
    assert m.verdict(held_back, m.view(user=0.42, places=17)) == "guest-kernel-busy"
    assert m.verdict(held_back, m.view(user=0.58, places=17)) == "guest-user-busy"
