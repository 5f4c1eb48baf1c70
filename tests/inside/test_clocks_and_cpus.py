"""The guest's clocks are read whole or not at all; its CPUs each by itself."""

import struct
from collections.abc import Iterator

import pytest

from crazytrain.inside import clocks
from crazytrain.inside.attempts import Attempts
from crazytrain.inside.cpus import read_cpus
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.vm_events import read_vm_events
from crazytrain.model.facts.inside import ClockReading, GuestCpu, MemoryEvents
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_contents import HZ, MONOTONIC_NS, NS, REALTIME_S, add_clock, add_cpus
from tests.inside.made_kernel import Made


def made_clock(sequence: int = 2) -> Made:
    made = Made()
    made.types()
    add_clock(made, sequence=sequence)
    return made


def kernel_of(made: Made) -> Kernel:
    made.finish()
    return made.kernel()


def clock(made: Made) -> tuple[ClockReading, Attempts]:
    attempts = Attempts()
    return clocks.read_clock(kernel_of(made), 11, 22, attempts), attempts


def test_the_clocks_are_those_of_the_timekeeper() -> None:
    read, attempts = clock(made_clock())
    assert (read.mono_ns, read.wall_ns, read.clocksource, read.available) == (11, 22, "tsc", ("tsc", "hpet"))
    assert (read.monotonic_ns, read.boot_ns) == (MONOTONIC_NS + 7, MONOTONIC_NS + 7 + 2 * NS)
    assert read.realtime_ns == REALTIME_S * NS + 7
    assert (read.hz, read.jiffies, read.cycle_last, read.skew_tries) == (HZ, 4_295_000_000, 99, 0)
    assert (read.tsc_khz, read.tsc_unstable) == (2_600_000, True)
    assert not attempts.missing


def test_a_timekeeper_that_is_being_written_is_not_believed() -> None:
    read, attempts = clock(made_clock(sequence=3))
    assert (read.clocksource, read.monotonic_ns, read.hz) == ("tsc", None, None)
    assert [one.what for one in attempts.missing] == ["timekeeper"]
    assert "being changed" in attempts.missing[0].why


class Turning:
    """Memory in which a sequence count goes on at every second read of it, for some time."""

    def __init__(self, made: Made, turns: int) -> None:
        self.memory, self.place, self.turns, self.reads = (
            made.kernel().memory,
            made.at(made.symbols["tk_core"]),
            turns,
            0,
        )

    def read(self, address: int, length: int) -> bytes:
        if (address, length) == (self.place, 4) and self.reads < self.turns:
            self.reads += 1
            return struct.pack("<I", self.reads)
        return self.memory.read(address, length)

    def present(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        return self.memory.present(address, length)


def test_a_torn_timekeeper_is_read_again_and_that_is_counted() -> None:
    made = made_clock()
    kernel = kernel_of(made)
    kernel.space.memory = Turning(made, 7)
    keeper = clocks.read_timekeeper(kernel)
    assert keeper.monotonic_ns == MONOTONIC_NS + 7
    assert keeper.tries > 1
    kernel.space.memory = Turning(made, 10_000)
    with pytest.raises(Unreadable):
        clocks.read_timekeeper(kernel)


def test_a_clock_that_was_set_back_below_zero_is_negative() -> None:
    made = made_clock()
    made.u64(made.symbols["tk_core"] + 8 + 40, -5 * NS)
    assert clock(made)[0].monotonic_ns == -5 * NS + 7


def test_a_list_of_clocksources_without_an_end_is_missing_alone() -> None:
    made = made_clock()
    (first,) = struct.unpack_from("<Q", made.data, made.at(made.symbols["clocksource_list"]))
    made.u64(first, first)
    read, attempts = clock(made)
    assert (read.clocksource, read.available) == ("tsc", ())
    assert [one.what for one in attempts.missing] == ["available clocksources"]


def test_a_kernel_of_another_year_says_what_it_lacks() -> None:
    made = made_clock()
    made.symbols["tk_of_next_year"] = made.symbols.pop("tk_core")
    read, attempts = clock(made)
    assert (read.clocksource, read.monotonic_ns, read.jiffies) == ("tsc", None, 4_295_000_000)
    assert "no symbol tk_core" in attempts.missing[0].why
    del made.symbols["curr_clocksource"]
    with pytest.raises(Unreadable, match="curr_clocksource"):
        clock(made)


@pytest.mark.parametrize(
    ("tick_ns", "hz"), [(4_000_000, 250), (3_999_848, 250), (1_000_250, 1000), (3_333_333, 300), (10_000_001, 100)]
)
def test_hz_is_that_of_a_tick(tick_ns: int, hz: int) -> None:
    assert clocks.ticks_per_second(tick_ns) == hz


@pytest.mark.parametrize("tick_ns", [0, -4, 1, 4_100_000, 1 << 60])
def test_hz_is_not_guessed(tick_ns: int) -> None:
    assert clocks.ticks_per_second(tick_ns) is None


def test_load_and_panic() -> None:
    made = made_clock()
    kernel = kernel_of(made)
    assert clocks.load(kernel) == (1.5, 1.0, 0.0)
    assert not clocks.has_panicked(kernel)
    made.u32(made.symbols["panic_cpu"], 1)
    assert clocks.has_panicked(made.kernel())


def made_cpus() -> tuple[Made, int, int]:
    made = made_clock()
    head = made.init_task()
    busy = made.task(321, b"busy one", state=0)
    add_cpus(made, (busy, head))
    return made, head, busy


def cpus(made: Made, monotonic_ns: int | None = MONOTONIC_NS + 7) -> tuple[tuple[GuestCpu, ...], Attempts]:
    attempts = Attempts()
    return read_cpus(kernel_of(made), monotonic_ns, attempts), attempts


def test_each_cpu_has_its_task_and_its_times() -> None:
    (first, second), attempts = cpus(made_cpus()[0])
    assert (first.cpu, first.pid, first.comm, first.idle, first.ready) == (0, 321, "busy one", False, 3)
    assert (second.cpu, second.pid, second.comm, second.idle) == (1, 0, "swapper/0", True)
    assert first.times is not None
    assert second.times is not None
    assert (first.times.user, first.times.system, first.times.idle, first.times.steal) == (1000, 1002, 1005, 1007)
    assert (second.times.user, second.times.idle, second.times.iowait) == (2000, 7000 + 50, 8000)
    assert not attempts.missing


def test_each_cpu_has_its_timers_interrupts() -> None:
    assert [cpu.timer_irqs for cpu in cpus(made_cpus()[0])[0]] == [500, 501]


def test_a_kernel_without_a_count_of_timer_interrupts_lacks_that_alone() -> None:
    made, _, _ = made_cpus()
    del made.symbols["irq_stat"]
    found, attempts = cpus(made)
    assert [cpu.timer_irqs for cpu in found] == [None, None]
    assert all(cpu.times for cpu in found)
    assert [one.what for one in attempts.missing] == ["timer interrupts"]


def test_memory_events_are_those_of_all_cpus() -> None:
    assert read_vm_events(kernel_of(made_cpus()[0])) == MemoryEvents(
        swapped_in=304, swapped_out=306, major_faults=308, oom_kills=310
    )


def test_memory_events_that_cannot_be_are_not_believed() -> None:
    made, _, _ = made_cpus()
    made.u64(made.cpu_area(1) + made.symbols["vm_event_states"] + 16, 1 << 63)
    with pytest.raises(Unreadable, match="not believed"):
        read_vm_events(kernel_of(made))


def test_an_idle_cpu_that_waits_for_a_disk_counts_as_waiting() -> None:
    made, _, _ = made_cpus()
    made.u32(made.cpu_area(1) + made.symbols["runqueues"] + 20, 1)
    (_, second), _ = cpus(made)
    assert second.times is not None
    assert (second.times.idle, second.times.iowait) == (7000, 8050)


@pytest.mark.parametrize("monotonic_ns", [None, 5])
def test_idle_time_is_never_taken_back(monotonic_ns: int | None) -> None:
    (_, second), _ = cpus(made_cpus()[0], monotonic_ns)
    assert second.times is not None
    assert second.times.idle == 7000


def test_one_cpu_that_cannot_be_read_does_not_hide_the_other() -> None:
    made, _, _ = made_cpus()
    made.u64(made.cpu_area(0) + made.symbols["current_task"], 0x1234)
    (first, second), attempts = cpus(made)
    assert (first.pid, first.idle, first.ready) == (None, False, 3)
    assert second.pid == 0
    assert [one.what for one in attempts.missing] == ["current tasks"]


def test_a_number_of_cpus_that_cannot_be_is_refused() -> None:
    made, _, _ = made_cpus()
    made.u32(made.symbols["nr_cpu_ids"], 0x7FFF_FFFF)
    with pytest.raises(Unreadable):
        cpus(made)


def test_offline_cpus_are_left_out() -> None:
    made, _, _ = made_cpus()
    made.u64(made.symbols["__cpu_online_mask"], 2)
    assert [one.cpu for one in cpus(made)[0]] == [1]
