"""What two healthy guests show, too, is told apart and never called a difference that matters."""

import msgspec
import pytest

from crazytrain.derive.compare import compared
from crazytrain.derive.compare_weight import CONSOLE, HOST_LOAD, START, WORK, age_s, judged
from crazytrain.model.difference import Comparison, Difference, Judged, Standing
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Descriptor,
    DescriptorTable,
    Facts,
    GuestClock,
    PvclockPage,
    QemuState,
    SyscallUse,
    TaskReading,
    TaskTable,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.kvm import KvmExits, PortUse
from tests.diagnose import making as m

S = 1_000_000_000
WELL = (Judged.HEALTHY, Judged.HEALTHY)


def named(comparison: Comparison, measure: str) -> Difference:
    return next(d for d in comparison.differences if d.measure == measure)


@pytest.mark.parametrize(
    ("family", "cause", "sure", "said"),
    [
        ("healthy", "healthy-idle", 0.9, Judged.HEALTHY),
        ("healthy", "paused", 0.9, Judged.SICK),
        ("healthy", "healthy-busy", 0.3, Judged.OPEN),
        ("host-pressure", "cpu-contention", 0.8, Judged.HEALTHY),
        ("host-pressure", "cpu-throttled", 0.9, Judged.SICK),
        ("timer-storm", "rtc-periodic-storm", 0.99, Judged.SICK),
        ("unknown", "unknown", 0.0, Judged.OPEN),
    ],
)
def test_what_a_verdict_means_for_a_comparison(family: str, cause: str, sure: float, said: Judged) -> None:
    assert judged(family, cause, sure) is said


def test_a_quota_is_no_load_of_the_host() -> None:
    assert judged("host-pressure", "cpu-contention", 0.9, ("cpu-throttled",)) is Judged.SICK
    assert judged("host-pressure", "cpu-contention", 0.9, ("healthy-busy",)) is Judged.HEALTHY


def test_of_two_healthy_guests_how_much_they_do_says_nothing() -> None:
    here, there = Facts((m.threads(vcpu=0.5, loop=0.08),)), Facts((m.threads(vcpu=0.01, loop=0.0),))
    assert named(compared(here, there), "vCPU CPU").notable
    told = compared(here, there, WELL)
    one = named(told, "vCPU CPU")
    assert (one.notable, one.standing, one.nothing) == (False, Standing.SAYS_NOTHING, WORK)
    assert told.notable == ()
    assert one in told.harmless


def test_what_no_healthy_guest_does_is_told_though_both_were_called_healthy() -> None:
    storm = Facts((m.threads(vcpu=0.5, loop=0.8), m.irqs(irq8=8100.0), m.loops(8200.0)))
    calm = Facts((m.threads(vcpu=0.01, loop=0.0), m.irqs(irq0=1.0), m.loops(20.0)))
    told = [d.measure for d in compared(storm, calm, WELL).notable]
    assert told[0] == "IRQ 8"
    assert {"main loop CPU", "main loop turns"} <= set(told)
    assert "vCPU CPU" not in told


def test_one_healthy_guest_excuses_nothing() -> None:
    here, there = Facts((m.threads(vcpu=0.5),)), Facts((m.threads(vcpu=0.01),))
    for sides in ((Judged.SICK, Judged.HEALTHY), (Judged.HEALTHY, Judged.OPEN)):
        assert named(compared(here, there, sides), "vCPU CPU").notable


def test_what_a_guest_prints_says_nothing_until_it_is_a_storm() -> None:
    assert named(compared(Facts((m.irqs(irq4=90.0),)), Facts((m.irqs(irq8=1.0),))), "IRQ 4").nothing == CONSOLE
    assert named(compared(Facts((m.irqs(irq4=9000.0),)), Facts((m.irqs(irq8=1.0),))), "IRQ 4").notable


def exits(port: int, per_s: int) -> Facts:
    return Facts((KvmExits(window_ns=S, ports=(PortUse(port=port, write=True, count=per_s),)),))


def test_ports_of_serial_lines() -> None:
    assert named(compared(exits(0x3F8, 800), exits(0x3F8, 1)), "port 0x3f8 write").nothing == CONSOLE
    assert named(compared(exits(0x3F8, 70_000), exits(0x3F8, 1)), "port 0x3f8 write").notable
    assert named(compared(exits(0x608, 800), exits(0x608, 1)), "port 0x608 write").notable


def writes(count: int, *, timed: bool) -> Facts:
    call = CallUse(tid=11, call="write", fd=8, count=count)
    rest = CallUse(tid=11, call="getpid", fd=None, count=1000)
    table = DescriptorTable(
        descriptors=(Descriptor(fd=8, target="/x", kind="file", role="console"),), complete=True, refs=()
    )
    use = SyscallUse(
        method="strace", coverage=Coverage.ALL_THREADS, window_ns=2 * S if timed else None, calls=(call, rest)
    )
    return Facts((m.threads(), use, table))


def test_writes_to_a_console_without_times_are_excused_only_where_they_are_few() -> None:
    title = "vCPU: write on console"
    assert named(compared(writes(600, timed=True), writes(1, timed=True)), title).nothing == CONSOLE
    assert named(compared(writes(300, timed=False), writes(1, timed=False)), title).nothing == CONSOLE
    assert named(compared(writes(90_000, timed=False), writes(1, timed=False)), title).notable


def waiting(share: float, cpu: float = 0.001) -> Facts:
    use = ThreadUse(tid=10, comm="qemu", role=ThreadRole.MAIN_LOOP, user_ratio=cpu, delay_ratio=share)
    return Facts((ThreadActivity(window_ns=5 * S, samples=11, threads=(use,), refs=()),))


def test_waiting_for_a_cpu_tells_of_the_host() -> None:
    title = "main loop waiting for a CPU"
    assert named(compared(waiting(0.1), waiting(0.0)), title).nothing == HOST_LOAD
    assert named(compared(waiting(0.6), waiting(0.0)), title).notable
    assert named(compared(waiting(0.6), waiting(0.0), WELL), title).nothing == HOST_LOAD


def aged(seconds: float, vcpu: float) -> Facts:
    tasks = (
        TaskReading(tid=10, comm="qemu", state="S", user_ticks=0, system_ticks=0, guest_ticks=0, start_ticks=100_000),
    )
    table = TaskTable(mono_ns=int((1000 + seconds) * S), ticks_per_s=100, tasks=tasks, refs=())
    return Facts((table, m.threads(vcpu=vcpu)))


def test_a_guest_that_has_just_started() -> None:
    assert age_s(aged(4, 0.6)) == pytest.approx(4)
    assert age_s(Facts(())) is None
    young = compared(aged(4, 0.6), aged(4000, 0.01), (Judged.OPEN, Judged.HEALTHY))
    assert named(young, "vCPU CPU").nothing == START
    assert named(compared(aged(4, 0.6), aged(4000, 0.01), (Judged.SICK, Judged.HEALTHY)), "vCPU CPU").notable
    assert named(compared(aged(400, 0.6), aged(4000, 0.01), (Judged.OPEN, Judged.HEALTHY)), "vCPU CPU").notable


PAGE = PvclockPage(
    address=0x1000,
    version=2,
    tsc_timestamp=10**9,
    system_time_ns=10**9,
    tsc_to_system_mul=1 << 31,
    tsc_shift=1,
    flags=1,
)


def clock(*pages: PvclockPage, ahead_ns: int = 0) -> Facts:
    return Facts((GuestClock(pages=pages, uptime_ns=60 * S, searched_bytes=1 << 26, refs=(), ahead_ns=ahead_ns),))


def test_a_clock_that_is_wrong_and_one_that_is_not_there() -> None:
    wrapped = msgspec.structs.replace(PAGE, system_time_ns=(1 << 64) - 3600 * S)
    for healthy in (clock(PAGE), clock()):
        first = compared(clock(wrapped), healthy, (Judged.SICK, Judged.HEALTHY)).notable[0]
        assert (first.here, first.there) == (0.0, 1.0)
        assert "below zero" in first.here_name
    assert compared(clock(PAGE, ahead_ns=7200 * S), clock(PAGE)).notable
    assert not compared(clock(PAGE, ahead_ns=-7200 * S), clock(PAGE)).notable  # it was paused so long
    assert not compared(clock(PAGE), clock()).notable


def asked(answer: Outcome, switches_per_s: float) -> Facts:
    loop = ThreadUse(tid=10, comm="qemu", role=ThreadRole.MAIN_LOOP, switches_per_s=switches_per_s)
    status = "running" if answer is Outcome.OK else ""
    return Facts(
        (
            ThreadActivity(window_ns=5 * S, samples=11, threads=(loop,), refs=()),
            QemuState(monitor=answer, status=status),
        )
    )


def test_a_monitor_that_is_slow_while_the_main_loop_comes_round() -> None:
    slow = compared(asked(Outcome.TIMED_OUT, 30.0), asked(Outcome.OK, 30.0))
    assert named(slow, "monitor answers").standing is Standing.SAYS_NOTHING
    assert named(compared(asked(Outcome.TIMED_OUT, 0.0), asked(Outcome.OK, 30.0)), "monitor answers").notable
