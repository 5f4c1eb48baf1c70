"""Two readings of a guest's kernel and the samples between: shares with their doubt, clocks, what never ran, who holds what."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.derive.inside_shares import wilson
from crazytrain.derive.inside_view import inside_view
from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.inside import GuestCpu, InsideReading, Mode
from crazytrain.model.facts.inside_view import Clock, InsideView, Pace
from tests.inside_made import KERNEL, S, a_clock, a_log, a_profile, a_reading, a_task, times


def replaced(reading: InsideReading, **fields: object) -> InsideReading:
    return msgspec.structs.replace(reading, **fields)


def pace(view: InsideView, clock: Clock = Clock.MONOTONIC) -> Pace:
    found = view.clock(clock)
    assert found is not None
    return found.pace


# The interval of Wilson (1927), worked out by its formula to four digits.
@pytest.mark.parametrize(
    ("seen", "samples", "low", "high"),
    [(70, 100, 0.6042, 0.7811), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_the_interval_of_a_share(seen: int, samples: int, low: float, high: float) -> None:
    share = wilson(seen, samples)
    assert math.isclose(share.low, low, abs_tol=6e-5)
    assert math.isclose(share.high, high, abs_tol=6e-5)


def test_nobody_looked_is_no_share_of_zero() -> None:
    share = wilson(0, 0)
    assert (share.samples, share.low, share.high) == (0, 0.0, 1.0)


@given(st.integers(-5, 2000), st.integers(1, 1000))
def test_the_share_lies_within_its_interval(seen: int, samples: int) -> None:
    share = wilson(seen, samples)
    assert 0 <= share.low <= share.ratio + 1e-12
    assert share.ratio - 1e-12 <= share.high <= 1


def test_tasks_by_their_own_account_and_by_how_often_they_were_seen() -> None:
    view = inside_view(a_reading(), a_reading(2.0), a_profile())
    sh, true = view.tasks
    assert (sh.pid, sh.comm) == (88, "sh")
    assert sh.cpu_ratio == pytest.approx(0.96)
    assert sh.seen is not None
    assert (sh.seen.seen, sh.seen.samples) == (190, 200)
    assert (true.comm, true.state, true.cpu_ratio) == ("true", "", None)  # it ended before the second reading


def test_a_task_that_began_within_the_window_has_all_its_time_in_it() -> None:
    now = a_reading(2.0)
    last = replaced(now, tasks=(*now.tasks, a_task(99, "new", exec_ns=S)))
    new = next(one for one in inside_view(a_reading(), last).tasks if one.pid == 99)
    assert new.new
    assert new.cpu_ratio == pytest.approx(0.5)


def test_nobody_is_called_new_where_the_first_reading_was_cut_or_missing() -> None:
    for first in (replaced(a_reading(), tasks_cut=True, tasks=a_reading().tasks[:1]), replaced(a_reading(), tasks=())):
        view = inside_view(first, a_reading(2.0), a_profile())
        assert {one.pid: (one.new, one.cpu_ratio) for one in view.tasks}[88] == (False, None)


def test_a_number_given_to_another_task_is_not_subtracted() -> None:
    first = replaced(a_reading(), tasks=(a_task(88, "old", exec_ns=500 * S),))
    view = inside_view(first, replaced(a_reading(2.0), tasks=(a_task(88, "sh", exec_ns=S),)))
    assert view.tasks[0].cpu_ratio == pytest.approx(0.5)


def test_time_that_no_window_holds_is_not_believed() -> None:
    last = replaced(a_reading(2.0), tasks=(a_task(88, "sh", exec_ns=2**63),))
    view = inside_view(a_reading(), last)
    assert view.tasks == ()
    assert [one.what for one in view.missing] == ["the CPU time of pid 88"]


def test_cpus_by_their_own_account() -> None:
    busy, idle = inside_view(a_reading(), a_reading(2.0), a_profile()).cpus
    assert busy.user == pytest.approx(0.9)
    assert busy.system == pytest.approx(0.1)
    assert busy.busy == pytest.approx(1.0)
    assert busy.idle == pytest.approx(0.0, abs=1e-9)
    assert (idle.busy, idle.idle) == (0.0, 1.0)  # it sleeps without ticks: its idle time was not accounted for at all
    assert busy.tick_ratio == pytest.approx(0.002)
    assert busy.kernel is not None
    assert busy.kernel.ratio == pytest.approx(0.9)
    assert idle.halted is not None
    assert idle.halted.ratio == 1.0


def test_a_cpu_that_runs_with_interrupts_off_is_not_idle() -> None:
    """No tick comes, so nothing is accounted for: that is not known, and not idle."""
    spins = [GuestCpu(cpu=1, pid=90, comm="vhangup", times=times(0.0))] * 2
    first, last = (replaced(one, cpus=(spin,)) for one, spin in zip((a_reading(), a_reading(2.0)), spins, strict=True))
    (cpu,) = inside_view(first, last).cpus
    assert (cpu.busy, cpu.idle, cpu.unaccounted) == (0.0, 0.0, 1.0)
    (rested,) = (one for one in inside_view(first, last, a_profile()).cpus if one.cpu == 1)  # it was seen idle between
    assert (rested.idle, rested.unaccounted) == (1.0, 0.0)


def test_who_was_seen_all_the_time_is_busy_whatever_the_account_says() -> None:
    view = inside_view(a_reading(), replaced(a_reading(2.0), tasks=a_reading(0.0).tasks), a_profile())
    assert (view.tasks[0].pid, view.tasks[0].cpu_ratio) == (88, 0.0)


def test_idle_time_of_before_the_window_is_not_of_the_window() -> None:
    asleep = GuestCpu(cpu=0, pid=0, idle=True, times=times(0.0))
    woken = GuestCpu(cpu=0, pid=88, times=times(2.0, user=0.25, idle=40.0))
    (cpu,) = inside_view(replaced(a_reading(), cpus=(asleep,)), replaced(a_reading(2.0), cpus=(woken,))).cpus
    assert cpu.user == pytest.approx(0.25)
    assert cpu.idle == pytest.approx(0.75)


@pytest.mark.parametrize(("share", "why"), [(-1.0, "went back"), (3.0, "times what the window holds")])
def test_an_account_that_cannot_be_is_not_believed(share: float, why: str) -> None:
    now = GuestCpu(cpu=0, pid=88, times=times(2.0, steal=share))
    view = inside_view(a_reading(), replaced(a_reading(2.0), cpus=(now,)))
    assert view.cpus[0].steal is None
    assert view.cpus[0].busy is None
    assert why in view.missing[0].why


def test_functions_and_stacks() -> None:
    view = inside_view(a_reading(), a_reading(2.0), a_profile())
    assert [(one.mode, one.name, one.comm, one.share.seen) for one in view.functions] == [
        (Mode.HALTED, "", "", 100),
        (Mode.KERNEL, "chacha_permute", "", 70),
        (Mode.KERNEL, "chacha_block_generic", "", 20),
        (Mode.USER, "", "sh", 10),
    ]
    assert view.functions[1].share.samples == 200
    assert [one.name for one in view.cpus[0].functions] == ["chacha_permute", "chacha_block_generic", ""]
    assert view.cpus[0].functions[0].share.ratio == pytest.approx(0.7)
    assert view.stacks[0].frames == ("entry_SYSCALL_64", "extract_crng", "chacha_permute")


def test_time_that_moves_as_the_hosts() -> None:
    view = inside_view(a_reading(), a_reading(10.0))
    assert {one.clock: one.pace for one in view.time} == dict.fromkeys(Clock, Pace.MOVES)
    monotonic = view.clock(Clock.MONOTONIC)
    assert monotonic is not None
    assert monotonic.ratio == pytest.approx(1.0)
    assert monotonic.drift_ppm == pytest.approx(0.0, abs=1e-6)
    assert monotonic.doubt_ppm == pytest.approx((8e6 + 200e6) / 10e9 * 1e6)


@pytest.mark.parametrize(("speed", "told"), [(0.9, Pace.SLOW), (1.1, Pace.FAST), (0.999, Pace.MOVES)])
def test_a_clock_that_is_slow_or_fast_beyond_doubt(speed: float, told: Pace) -> None:
    last = replaced(a_reading(10.0), clock=a_clock(10.0, monotonic_ns=3600 * S + round(10 * speed * S)))
    assert pace(inside_view(a_reading(), last)) is told


def test_time_stands_still_although_a_task_runs() -> None:
    last = replaced(a_reading(5.0), clock=a_clock(0.0, mono_ns=105 * S))
    view = inside_view(a_reading(), last)
    assert {one.pace for one in view.time} == {Pace.STANDS}


def test_where_everything_sleeps_no_tick_is_due() -> None:
    idle = (GuestCpu(cpu=0, pid=0, idle=True),)
    first = replaced(a_reading(), cpus=idle)
    last = replaced(a_reading(5.0), cpus=idle, clock=a_clock(0.0, mono_ns=105 * S))
    assert pace(inside_view(first, last)) is Pace.ASLEEP
    assert pace(inside_view(first, last, a_profile())) is Pace.STANDS  # somebody was seen to run meanwhile


def test_no_pace_is_told_of_a_clock_that_may_have_been_read_late() -> None:
    idle = (GuestCpu(cpu=0, pid=0, idle=True),)
    last = replaced(a_reading(5.0), clock=a_clock(4.0, mono_ns=105 * S))
    monotonic = inside_view(replaced(a_reading(), cpus=idle), last).clock(Clock.MONOTONIC)
    assert monotonic is not None
    assert (monotonic.pace, monotonic.drift_ppm, monotonic.doubt_ppm) == (Pace.MOVES, None, None)


def test_a_window_shorter_than_the_ticks_tells_nothing() -> None:
    last = replaced(a_reading(0.005), clock=a_clock(0.0, mono_ns=100 * S + 5_000_000))
    assert pace(inside_view(a_reading(), last)) is Pace.TOO_SHORT


def test_a_clock_that_went_back() -> None:
    last = replaced(a_reading(5.0), clock=a_clock(5.0, monotonic_ns=10 * S))
    view = inside_view(a_reading(), last)
    assert pace(view) is Pace.BACK
    assert not view.rebooted


def test_cycles_of_a_counter_that_wraps_do_not_go_back() -> None:
    first = replaced(a_reading(), clock=a_clock(0.0, clocksource="hpet", cycle_last=2**32 - 5))
    last = replaced(a_reading(2.0), clock=a_clock(2.0, clocksource="hpet", cycle_last=100))
    assert pace(inside_view(first, last), Clock.CYCLES) is Pace.MOVES


def test_the_wall_clock_against_the_hosts_and_set_meanwhile() -> None:
    last = replaced(a_reading(2.0), clock=a_clock(2.0, realtime_ns=a_clock(2.0).wall_ns - 3600 * S))
    view = inside_view(a_reading(), last)
    assert view.wall_ahead_ns == -3600 * S
    assert view.wall_doubt_ns == 4_000_000
    assert view.wall_step_ns == -3600 * S
    assert view.uptime_ns == 3602 * S
    assert view.booted_wall_ns == a_clock(0.0).wall_ns - 3600 * S


@pytest.mark.parametrize("how", ["another place", "counts anew"])
def test_nothing_is_compared_across_a_reboot(how: str) -> None:
    last = a_reading(2.0)
    if how == "another place":
        last = replaced(last, kernel=msgspec.structs.replace(KERNEL, text=KERNEL.text + 0x200000))
    else:
        last = replaced(last, clock=a_clock(2.0, jiffies=4_294_892_300, boot_ns=S, monotonic_ns=S))
    view = inside_view(a_reading(), last, a_profile())
    assert view.rebooted
    assert (view.tasks, view.cpus, view.time, view.functions) == ((), (), (), ())
    assert view.uptime_ns is not None
    assert view.stuck[0].all_window is None


@pytest.mark.parametrize(
    ("was", "switches", "told"), [("D", 17, True), ("D", 16, False), ("S", 17, False), ("D", None, None)]
)
def test_who_never_ran_in_all_the_window(was: str, switches: int | None, told: bool | None) -> None:
    first = replaced(a_reading(), tasks=(a_task(90, "dd", state=was, switches=switches),))
    (dd,) = inside_view(first, a_reading(2.0)).stuck
    assert (dd.pid, dd.all_window, dd.stack[0].name) == (90, told, "__schedule")


def test_a_lock_that_is_waited_for_all_the_window() -> None:
    held = inside_view(a_reading(), a_reading(2.0)).locks
    assert [(one.wait.lock_name, one.all_window) for one in held] == [("pcpu_alloc_mutex", True)]
    assert not inside_view(replaced(a_reading(), locks=()), a_reading(2.0)).locks[0].all_window


def test_the_lines_that_matter_by_meaning() -> None:
    lockup, panic = LineMeaning.SOFT_LOCKUP, LineMeaning.PANIC
    log = a_log((lockup, 28.0, "stuck for 22s"), (panic, 30.0, "panic"), (lockup, 56.0, "stuck for 48s"))
    matters = inside_view(a_reading(), a_reading(), None, log).log
    assert [(one.meaning, one.count, one.first, one.last, one.last_at_ns) for one in matters] == [
        (panic, 1, "panic", "panic", 30 * S),
        (lockup, 2, "stuck for 22s", "stuck for 48s", 56 * S),
    ]


def test_one_reading_tells_of_no_window() -> None:
    one = a_reading()
    view = inside_view(one, one)
    assert (view.window_ns, view.time, view.tasks) == (0, (), ())
    assert view.uptime_ns == 3600 * S
    assert view.stuck[0].all_window is None
    assert view.locks[0].all_window is False


def test_readings_in_which_all_is_missing() -> None:
    bare = InsideReading(mono_ns=1, took_ns=1)
    view = inside_view(bare, InsideReading(mono_ns=2, took_ns=1))
    assert view == InsideView(window_ns=1)


_ANY = st.integers(-(2**64), 2**64)


@given(st.lists(_ANY, min_size=8, max_size=8), st.integers(0, 10**12), _ANY, _ANY)
def test_whatever_the_guest_says_shares_stay_shares(said: list[int], window: int, exec_ns: int, clock_ns: int) -> None:
    names = ("user", "nice", "system", "softirq", "irq", "idle", "iowait", "steal")
    wild = msgspec.structs.replace(times(0.0), **dict(zip(names, said, strict=True)))
    last = InsideReading(
        mono_ns=100 * S + window,
        took_ns=0,
        cpus=(GuestCpu(cpu=0, pid=88, times=wild),),
        tasks=(a_task(88, "sh", exec_ns=exec_ns),),
        clock=a_clock(0.0, mono_ns=100 * S + window, monotonic_ns=clock_ns, hz=exec_ns, jiffies=clock_ns),
    )
    view = inside_view(a_reading(), last, a_profile())
    for cpu in view.cpus:
        for ratio in (cpu.user, cpu.system, cpu.steal, cpu.idle, cpu.iowait):
            assert ratio is None or -1e-9 <= ratio <= 1 + 1e-9
    assert all(one.cpu_ratio is None or 0 <= one.cpu_ratio <= 1 for one in view.tasks)
