"""What the guest's kernel counted of its memory and its timers becomes rates, or nothing where the counters cannot be believed."""

import pytest

from crazytrain.derive.inside_view import inside_view
from crazytrain.model.facts.inside import CpuTimes, GuestCpu, InsideReading, LockWait, MemoryEvents
from crazytrain.model.facts.inside_view import MemoryRates

S = 10**9
TIMES = CpuTimes(user=S, nice=0, system=0, softirq=0, irq=0, idle=S, iowait=0, steal=0)


def events(swapped_in: int, swapped_out: int, oom_kills: int = 0) -> MemoryEvents:
    return MemoryEvents(swapped_in=swapped_in, swapped_out=swapped_out, major_faults=7, oom_kills=oom_kills)


def reading(second: int, memory: MemoryEvents | None = None, timer: int | None = None, lock: int = 0) -> InsideReading:
    wait = LockWait(kind="spinlock", cpu=0, lock=lock)
    cpu = GuestCpu(cpu=0, pid=1, times=TIMES, timer_irqs=timer)
    return InsideReading(mono_ns=second * S, took_ns=1, memory=memory, cpus=(cpu,), locks=(wait,))


def test_swapping_is_told_in_pages_a_second() -> None:
    view = inside_view(reading(10, events(1000, 500)), reading(14, events(1400, 600, oom_kills=2)))
    assert view.memory == MemoryRates(
        swapped_in_per_s=100.0, swapped_out_per_s=25.0, major_faults_per_s=0.0, oom_kills=2
    )


@pytest.mark.parametrize(("first", "last"), [(None, events(1, 1)), (events(1, 1), None), (events(9, 9), events(8, 10))])
def test_no_rate_comes_of_counters_that_are_not_there_or_went_back(
    first: MemoryEvents | None, last: MemoryEvents | None
) -> None:
    assert inside_view(reading(10, first), reading(14, last)).memory is None


def test_one_reading_has_no_rates() -> None:
    once = reading(10, events(1, 1), timer=5)
    assert inside_view(once, once).memory is None


@pytest.mark.parametrize(
    ("first", "last", "per_s"),
    [(100, 4100, 1000.0), (2**32 - 1000, 3000, 1000.0), (4100, 100, None), (None, 9, None)],
)
def test_a_timers_interrupts_are_counted_across_a_wrap_and_nonsense_is_left_out(
    first: int | None, last: int, per_s: float | None
) -> None:
    (cpu,) = inside_view(reading(10, timer=first), reading(14, timer=last)).cpus
    assert cpu.timer_irqs_per_s == per_s


@pytest.mark.parametrize(("lock", "same"), [(0xFFFF888000001000, True), (0, False)])
def test_a_lock_whose_place_is_not_known_is_not_the_same_one(lock: int, same: bool) -> None:
    (held,) = inside_view(reading(10, lock=lock), reading(14, lock=lock)).locks
    assert held.all_window is same
