"""Here and there: only what was seen on both sides is compared, by what it means, and chance is not taken for a difference."""

import random

import msgspec

from crazytrain.derive.compare import compare, compared
from crazytrain.model.difference import Comparison, Difference, Standing
from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Descriptor,
    DescriptorTable,
    ErrorCount,
    Facts,
    InterruptRates,
    IrqRate,
    QemuState,
    SyscallUse,
    TaskReading,
    TaskTable,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.kvm import KvmExits, PortUse
from crazytrain.model.facts.waits import Waiting, Waits
from tests.derive.test_compare_counts import poisson
from tests.diagnose import making as m

SECOND_NS = 1_000_000_000


def named(comparison: Comparison, measure: str) -> Difference:
    return next(d for d in comparison.differences if d.measure == measure)


def titles(found: tuple[Difference, ...]) -> list[str]:
    return [d.measure for d in found]


def test_what_differs_most_comes_first_and_is_notable() -> None:
    here = Facts((m.threads(vcpu=0.44, loop=0.8), m.irqs(irq8=8100.0), m.loops(8200.0)))
    there = Facts((m.threads(vcpu=0.01, loop=0.0), m.irqs(irq0=1.0), m.loops(20.0)))
    found = compare(here, there)
    assert {"IRQ 8", "main loop turns", "main loop CPU", "vCPU CPU"} <= {d.measure for d in found if d.notable}
    assert "IRQ 0" not in {d.measure for d in found if d.notable}
    assert found[0].notable
    assert not found[-1].notable


def test_two_idle_guests_do_not_differ() -> None:
    here = Facts((m.threads(vcpu=0.010, loop=0.002), m.loops(22.0), m.view(halted=0.97)))
    there = Facts((m.threads(vcpu=0.004, loop=0.0), m.loops(14.0), m.view(halted=1.0)))
    assert not [d for d in compare(here, there) if d.notable]


def test_what_was_not_seen_there_is_not_compared() -> None:
    found = compared(Facts((m.irqs(irq8=8100.0), m.threads(vcpu=1.0))), Facts((m.threads(vcpu=1.0),)))
    assert "IRQ 8" not in titles(found.differences)
    (unseen,) = found.unseen
    assert (unseen.source, unseen.side, unseen.measures) == ("interrupt lines", "here", ("IRQ 8",))


def test_what_was_looked_at_and_never_happened_is_nothing_there() -> None:
    found = compared(Facts((m.irqs(irq8=8100.0),)), Facts((m.irqs(irq4=3.0),)))
    rtc = named(found, "IRQ 8")
    assert (rtc.there, rtc.ratio, rtc.notable) == (0.0, None, True)
    assert rtc.ratio_range
    assert rtc.ratio_range.high is None


def test_a_line_that_nobody_counts_there_is_not_nothing() -> None:
    """With the PIT in the host's kernel, QEMU does not count IRQ 0."""
    there = msgspec.structs.replace(m.irqs(irq4=3.0), uncounted=(0,))
    found = compared(Facts((m.irqs(irq0=900.0),)), Facts((there,)))
    assert "IRQ 0" not in titles(found.differences)


def test_an_event_that_the_kernel_could_not_be_asked_for_is_not_nothing() -> None:
    seen = KvmExits(window_ns=SECOND_NS, ports=(PortUse(port=0x3FD, write=False, count=9000),))
    blind = KvmExits(window_ns=SECOND_NS, left_out=("kvm:kvm_pio (no such event)",))
    assert "port 0x3fd read" not in titles(compare(Facts((seen,)), Facts((blind,))))
    assert compare(Facts((seen,)), Facts((KvmExits(window_ns=SECOND_NS),)))[0].measure == "port 0x3fd read"


def calls(*uses: CallUse, seconds: float | None = 2.0, coverage: Coverage = Coverage.ALL_THREADS) -> SyscallUse:
    window_ns = int(seconds * SECOND_NS) if seconds else None
    return SyscallUse(method="strace", coverage=coverage, window_ns=window_ns, calls=uses)


def table(*kinds: tuple[int, str, str]) -> DescriptorTable:
    listed = tuple(Descriptor(fd=fd, target=kind, kind=kind, role=role) for fd, kind, role in kinds)
    return DescriptorTable(descriptors=listed, complete=True, refs=())


def loop_reads(fd: int, count: int, seconds: float | None = 2.0) -> Facts:
    """A main loop that reads a signalfd until it is empty."""
    drained = (ErrorCount("EAGAIN", count // 2),)
    read = CallUse(tid=10, call="read", fd=fd, count=count, errors=drained, refs=(Ref("strace.txt", 3),))
    return Facts((m.threads(), calls(read, seconds=seconds), table((fd, "signalfd", "signals to the main loop"))))


def test_descriptors_are_matched_by_what_they_are_for() -> None:
    found = compared(loop_reads(17, 124), loop_reads(10, 118))
    drained = named(found, "main loop: read on signals to the main loop ends in EAGAIN")
    assert drained in found.odd
    assert (drained.here, drained.there) == (31.0, 29.5)
    assert (drained.here_name, drained.there_name) == ("fd 17", "fd 10")
    assert drained.standing is Standing.ALIKE
    assert drained.evidence_here == ("strace.txt:3",)


def test_the_same_descriptor_number_is_no_match() -> None:
    other = Facts(
        (m.threads(), calls(CallUse(tid=10, call="read", fd=17, count=9000)), table((17, "tun", "tap vnet3")))
    )
    found = compared(loop_reads(17, 124), other)
    assert {"main loop: read on signals to the main loop", "main loop: read on tap"} <= set(titles(found.differences))


def test_without_times_shares_of_calls_are_compared() -> None:
    found = compared(loop_reads(17, 10, seconds=None), loop_reads(10, 118))
    assert found.no_times == ("here",)
    read = named(found, "main loop: read on signals to the main loop")
    assert (read.unit, read.here, read.there, read.here_count) == ("of_calls", 1.0, 1.0, 10)
    assert not found.notable


def test_a_thread_that_a_trace_does_not_cover_is_not_compared() -> None:
    run = CallUse(tid=11, call="ioctl", fd=15, count=90_000)
    alone = Facts((calls(CallUse(tid=None, call="read", fd=3, count=40), coverage=Coverage.ONE_THREAD),))
    found = compared(Facts((m.threads(), calls(run), table((15, "kvm-vcpu", "vCPU 0")))), alone)
    assert not [title for title in titles(found.differences) if title.startswith("vCPU")]
    assert "KVM_RUN of vCPUs" in {one.source for one in found.unseen}


def tasks(rng: random.Random, per_part: float) -> list[TaskTable]:
    """Seven readings of a main loop and a vCPU that go to sleep at random."""
    tables, counts = [], [0, 0]
    for instant in range(7):
        readings = (
            TaskReading(
                tid=tid,
                comm="qemu",
                state="S",
                user_ticks=0,
                system_ticks=0,
                guest_ticks=0,
                start_ticks=1,
                run_ns=counts[n] * 20_000,
                voluntary_switches=counts[n],
            )
            for n, tid in enumerate((10, 11))
        )
        tables.append(TaskTable(mono_ns=instant * SECOND_NS // 2, ticks_per_s=100, tasks=tuple(readings), refs=()))
        counts = [count + poisson(rng, per_part) for count in counts]
    return tables


def guest(rng: random.Random, rate: float = 60.0) -> Facts:
    """A guest whose thirty measures all come at random, of equal rates."""
    seconds = 3.0
    made = [CallUse(tid=10, call=f"call{n}", fd=None, count=poisson(rng, rate * seconds)) for n in range(10)]
    made += [CallUse(tid=11, call=f"call{n}", fd=None, count=poisson(rng, rate * seconds)) for n in range(10)]
    lines = tuple(
        IrqRate(irq=n, per_s=poisson(rng, rate * seconds) / seconds, controller="ioapic") for n in range(1, 11)
    )
    tables = tasks(rng, rate / 2)
    threads = ThreadActivity(
        window_ns=int(seconds * SECOND_NS),
        samples=7,
        threads=(
            ThreadUse(tid=10, comm="qemu", role=ThreadRole.MAIN_LOOP, switches_per_s=rate),
            ThreadUse(tid=11, comm="qemu", role=ThreadRole.VCPU, vcpu=0, switches_per_s=rate),
        ),
        refs=(),
    )
    irqs = InterruptRates(window_ns=int(seconds * SECOND_NS), rates=lines, refs=())
    return Facts((*tables, threads, calls(*made, seconds=seconds), irqs))


def test_two_equal_guests_rarely_differ() -> None:
    """Over all measures together, in at most 5 % of 200 pairs, whatever the least factor; with it, in none."""
    rng = random.Random(2012)
    pairs = [compared(guest(rng), guest(rng)) for _ in range(200)]
    assert all(len(pair.differences) >= 30 for pair in pairs)
    lowest = [min(d.chance for d in pair.differences if d.chance is not None) for pair in pairs]
    assert sum(chance < 0.05 for chance in lowest) <= 10
    assert not [pair for pair in pairs if pair.notable]


def test_a_guest_of_five_times_the_rate_differs() -> None:
    rng = random.Random(2013)
    for _ in range(20):
        found = compared(guest(rng, 300.0), guest(rng, 60.0))
        assert len(found.notable) >= 28
        assert all(d.here > d.there for d in found.notable)


def test_a_short_window_cannot_tell() -> None:
    few = calls(CallUse(tid=10, call="read", fd=None, count=6), seconds=0.1)
    none = calls(CallUse(tid=10, call="write", fd=None, count=1), seconds=0.1)
    read = named(compared(Facts((m.threads(), few)), Facts((m.threads(), none))), "main loop: read")
    assert (read.here, read.standing) == (60.0, Standing.CANNOT_TELL)


def test_a_pair_turned_round_says_the_same() -> None:
    one = Facts((m.threads(vcpu=0.9), m.irqs(irq8=8100.0), m.loops(8200.0)))
    two = Facts((m.threads(vcpu=0.01), m.irqs(irq4=70.0), m.loops(30.0)))
    there, back = compared(one, two), compared(two, one)
    assert sorted(titles(there.notable)) == sorted(titles(back.notable))
    assert there.notable[0].measure == back.notable[0].measure


def state(status: str, monitor: Outcome = Outcome.OK, *, busy: bool = False) -> QemuState:
    return QemuState(monitor=monitor, status=status, monitor_busy=busy)


def test_states_are_compared_by_what_is_so() -> None:
    found = compared(Facts((state("io-error"),)), Facts((state("running"),)))
    runs = found.differences[0]
    assert (runs.measure, runs.unit, runs.here, runs.there, runs.notable) == ("guest runs", "state", 0.0, 1.0, True)
    assert (runs.here_name, runs.there_name) == ("io-error", "running")
    answers = named(found, "monitor answers")
    assert not answers.notable


def test_a_monitor_that_nobody_may_ask_is_not_one_that_hangs() -> None:
    good = Facts((state("running"),))
    for other in (state("", Outcome.DENIED), state("", Outcome.TIMED_OUT, busy=True)):
        assert "monitor answers" not in titles(compare(Facts((other,)), good))
    assert named(compared(Facts((state("", Outcome.TIMED_OUT),)), good), "monitor answers").notable


def waits(call: str, state: str = "S", role: ThreadRole = ThreadRole.MAIN_LOOP, *, lasts: bool = True) -> Facts:
    one = Waiting(tid=10, comm="qemu", label=role.value, role=role, state=state, call=call, lasts=lasts)
    return Facts((Waits(window_ns=SECOND_NS, instants=4, threads=(one,), locks=(), refs=()),))


def test_a_main_loop_that_is_stuck_is_no_main_loop_that_waits_for_work() -> None:
    found = compared(waits("pread64", "D"), waits("ppoll"))
    assert titles(found.notable) == ["main loop stuck in one call"]
    assert found.notable[0].here_name == "pread64"
    assert not compared(waits("ppoll"), waits("ppoll", lasts=False)).notable
    assert not compared(waits("futex", role=ThreadRole.WORKER), waits("ppoll")).notable
    assert compared(waits("pread64", "D", ThreadRole.WORKER), waits("ppoll")).notable


def futexes(count: int, *more: CallUse) -> Facts:
    return Facts((m.threads(), calls(CallUse(tid=11, call="futex", fd=None, count=count), *more)))


def test_what_only_follows_never_counts_alone() -> None:
    alone = named(compared(futexes(9000), futexes(60)), "vCPU: futex")
    assert (alone.notable, alone.standing) == (False, Standing.FOLLOWS)
    read = CallUse(tid=10, call="read", fd=None, count=9000)
    led = compared(futexes(9000, read), futexes(60))
    assert titles(led.notable) == ["main loop: read", "vCPU: futex"]


def cpu(share: float, delay: float) -> Facts:
    use = ThreadUse(tid=11, comm="CPU 0/KVM", role=ThreadRole.VCPU, vcpu=0, user_ratio=share, delay_ratio=delay)
    return Facts((ThreadActivity(window_ns=5 * SECOND_NS, samples=11, threads=(use,), refs=()),))


def test_who_burns_more_waits_more_and_who_is_held_back_only_waits() -> None:
    busy = compared(cpu(0.4, 0.3), cpu(0.01, 0.0))
    assert titles(busy.notable) == ["vCPU CPU", "vCPU waiting for a CPU"]
    assert busy.notable[1].follows
    starved = compared(cpu(0.08, 0.8), cpu(0.01, 0.0))
    assert titles(starved.notable)[0] == "vCPU waiting for a CPU"
