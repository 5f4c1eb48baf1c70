"""What is read of a guest that runs is what the guest says of itself."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from crazytrain import lab
from crazytrain.inside.derived import Derived
from crazytrain.inside.generations import TASK_STATE, field_of
from crazytrain.inside.layout import WarmLayout
from crazytrain.inside.log import read_log
from crazytrain.inside.reading import read_instant
from crazytrain.inside.tasks import read_tasks
from crazytrain.model.facts.inside import GuestTask, InsideReading, LockWait
from tests.inside.live_kernel import Live, live
from tests.inside.truth import KERNELS, Truth, ask, start_guest
from tests.lab.conftest import silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
T = TypeVar("T")
NS = 10**9
ALL = ("clock", "cpus", "tasks", "stacks", "locks")
SECONDS_AHEAD = 2.5
COMM_LETTERS = 15
TICKS_APART_S = 0.05


class Both(NamedTuple):
    """A guest, asked and looked into."""

    truth: Truth
    inside: Live

    def read(self, *parts: str) -> InsideReading:
        return read_instant(self.inside.kernel, parts, 10_000, now, self.inside.registers())


def now() -> tuple[int, int]:
    return time.monotonic_ns(), time.time_ns()


@pytest.fixture(scope="module", params=KERNELS)
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    cache = Path(base) if base else Path.home() / ".cache" / "crazytrain" / "lab"
    with tempfile.TemporaryDirectory(prefix="ct-contents-") as name:
        try:
            guest = start_guest("truth", Path(name), cache, request.param)
            with ask(guest) as truth, live(guest, 192) as inside:
                yield Both(truth, inside)
        finally:
            lab.stop_all(state_dir=Path(name), tell=silent)


def until(look: Callable[[], T], fits: Callable[[T], bool], limit_s: float = 60) -> T:
    """Look until it fits, or give the last look."""
    end = time.monotonic() + limit_s
    while not fits(found := look()) and time.monotonic() < end:
        pass
    return found


def test_nothing_is_missing(both: Both) -> None:
    reading = both.read(*ALL)
    assert reading.missing == ()
    assert reading.panicked is False
    assert reading.kernel is not None
    assert reading.kernel.types == "BTF"


def test_the_log_is_that_of_dmesg_to_the_letter(both: Both) -> None:
    said = both.truth.dmesg()
    log = read_log(both.inside.kernel, 1 << 20)
    lines = [
        f"[{record.at_ns // NS:5d}.{record.at_ns % NS // 1000:06d}] {line}"
        for record in log.records
        for line in record.text.split("\n")
    ]
    assert lines[: len(said)] == said
    assert log.lost == 0
    assert not log.cut


def test_levels_are_those_of_dmesg(both: Both) -> None:
    both.truth.run("echo '<3>it broke' >/dev/kmsg && echo '<5>so so' >/dev/kmsg")
    records = read_log(both.inside.kernel, 1 << 20).records
    assert {(record.text, record.level) for record in records} >= {("it broke", 3), ("so so", 5)}


def test_tasks_are_those_of_ps(both: Both) -> None:
    before, reading, after = both.truth.tasks(), both.read("tasks"), both.truth.tasks()
    said = {pid: task for pid, task in before.items() if after.get(pid) == task}
    found = {task.pid: task for task in reading.tasks}
    assert set(found) >= set(said)
    assert len(said) > 30
    for pid, task in said.items():
        one = found[pid]
        assert task.comm.startswith(one.comm) or one.comm.startswith("kworker"), pid
        assert len(one.comm) <= COMM_LETTERS
        assert (one.ppid, one.kernel_thread) == (task.parent, task.is_kernel_thread), pid
        assert one.state == task.state or one.kernel_thread, pid


def test_threads_are_listed_too(both: Both) -> None:
    """The guest has no program with threads: the whole list is as long as the kernel counts (``nr_threads``)."""

    def counted() -> tuple[int, int]:
        kernel = both.inside.kernel
        return kernel.space.u32(kernel.symbols["nr_threads"]), len(read_tasks(kernel, 10_000).tasks)

    known, listed = until(counted, lambda both: both[0] == both[1])
    assert known == listed


def test_clocks_are_those_of_the_guest(both: Both) -> None:
    before_s, wall_s = both.truth.uptime_s(), both.truth.wall_s()
    clock = both.read("clock").clock
    assert clock is not None
    after_s = both.truth.uptime_s()
    assert clock.clocksource == both.truth.clocksource()
    assert list(clock.available) == both.truth.clocksources()
    assert clock.boot_ns is not None
    assert clock.realtime_ns is not None
    # As of the last tick, which an idle guest makes seldom.
    assert before_s - SECONDS_AHEAD <= clock.boot_ns / NS <= after_s
    assert abs(clock.realtime_ns / NS - wall_s) <= SECONDS_AHEAD + after_s - before_s
    assert clock.tsc_khz
    assert clock.hz in {100, 250, 300, 1000}


def test_timer_interrupts_and_memory_events_are_those_of_the_guest(both: Both) -> None:
    """Between two questions to the guest: the counters only grow."""

    def asked() -> tuple[int, int]:
        local = both.truth.run("grep LOC: /proc/interrupts").split()[1:3]
        return sum(map(int, local)), int(both.truth.run("grep pgmajfault /proc/vmstat").split()[1])

    before, reading, after = asked(), both.read("cpus"), asked()
    assert reading.memory is not None
    timers = sum(cpu.timer_irqs or 0 for cpu in reading.cpus)
    assert 0 < before[0] <= timers <= after[0]
    assert before[1] <= reading.memory.major_faults <= after[1]
    assert (reading.memory.swapped_in, reading.memory.swapped_out, reading.memory.oom_kills) == (0, 0, 0)


def test_time_moves(both: Both) -> None:
    first = both.read("clock").clock
    assert first is not None

    def moved() -> tuple[float, float]:
        """By how much since the first look, in seconds: the timekeeper, and jiffies, which are read just after."""
        later = both.read("clock").clock
        assert later is not None
        assert later.hz == first.hz
        assert later.jiffies and first.jiffies and later.monotonic_ns and first.monotonic_ns and first.hz  # noqa: PT018
        return (later.monotonic_ns - first.monotonic_ns) / NS, (later.jiffies - first.jiffies) / first.hz

    passed_s, ticked_s = until(moved, lambda found: found[0] > 0 and abs(found[0] - found[1]) < TICKS_APART_S)
    assert passed_s > 0
    assert ticked_s == pytest.approx(passed_s, abs=TICKS_APART_S)


def test_times_of_cpus_are_those_of_proc_stat(both: Both) -> None:
    both.truth.run("busybox dd if=/dev/zero of=/dev/null bs=64k count=2000 2>/dev/null")
    before, reading, after = both.truth.cpus(), both.read("cpus"), both.truth.cpus()
    assert [cpu.cpu for cpu in reading.cpus] == [0, 1]
    tick_ns = 40_000_000
    for cpu, low, high in zip(reading.cpus, before, after, strict=True):
        times = cpu.times
        assert times is not None
        assert low.user_ns - tick_ns <= times.user + times.nice <= high.user_ns + tick_ns
        system = times.system + times.irq + times.softirq
        assert low.system_ns - 3 * tick_ns <= system <= high.system_ns + 3 * tick_ns
        assert low.idle_ns - SECONDS_AHEAD * NS <= times.idle + times.iowait <= high.idle_ns + tick_ns
        assert times.steal == low.steal_ns


def test_who_computes_is_seen_on_its_cpu(both: Both) -> None:
    both.truth.run("busybox taskset 2 busybox sh -c 'echo $$ >/computes; while :; do :; done' >/dev/null 2>&1 &")
    try:
        reading = until(lambda: both.read("cpus", "tasks"), lambda found: found.cpus[1].pid not in {0, None})
        pid = int(both.truth.run("cat /computes"))
        reading = until(lambda: both.read("cpus", "tasks"), lambda found: found.cpus[1].pid == pid)
        cpu = reading.cpus[1]
        assert (cpu.pid, cpu.idle) == (pid, False)
        assert cpu.ready
        (task,) = [task for task in reading.tasks if task.pid == pid]
        assert (task.cpu, task.on_cpu, task.state) == (1, True, "R")
        later = until(lambda: _task(both, pid), lambda found: found.exec_ns > task.exec_ns + NS // 10)
        assert later.exec_ns > task.exec_ns
    finally:
        both.truth.run("kill -9 $(cat /computes)")


def _task(both: Both, pid: int) -> GuestTask:
    return next(task for task in both.read("tasks").tasks if task.pid == pid)


def test_who_sleeps_for_a_mutex_and_who_has_it(both: Both) -> None:
    """Two processes read the kernel's log through one open file: one holds the file's mutex, the other sleeps for it."""
    both.truth.run(
        "busybox sh -c 'exec 5</proc/kmsg; cat <&5 >/dev/null & echo $! >/readers; cat <&5 >/dev/null & echo $! >>/readers' &"
    )
    try:
        reading = until(lambda: both.read("stacks", "locks"), lambda found: bool(_mutexes(found)))
        readers = {int(word) for word in both.truth.run("cat /readers").split()}
        (wait,) = _mutexes(reading)
        assert (wait.lock_name, wait.holder_why) == ("", "")
        assert {wait.pid, wait.holder_pid} == readers
        assert wait.lock
        (sleeper,) = [task for task in reading.tasks if task.pid == wait.pid]
        assert (sleeper.state, sleeper.stack_whole) == ("D", True)
    finally:
        both.truth.run("kill -9 $(cat /readers)")


def _mutexes(reading: InsideReading) -> list[LockWait]:
    return [wait for wait in reading.locks if wait.kind == "mutex"]


def test_a_fork_storm_is_read_without_a_wrong_name(both: Both) -> None:
    both.truth.run("busybox sh -c 'echo $$ >/storm; while :; do busybox true; done' >/dev/null 2>&1 &")
    try:
        kernel, looks, partial = both.inside.kernel, 0, 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            found = read_tasks(kernel, 10_000)
            looks, partial = looks + 1, partial + bool(found.trouble)
            assert all(task.comm.isprintable() and task.comm for task in found.tasks)
            assert len({task.pid for task in found.tasks}) == len(found.tasks)
        assert looks > 10
        assert partial <= looks // 20
    finally:
        both.truth.run("kill -9 $(cat /storm)")


@pytest.mark.parametrize("member", ["comm", "tasks", "pid", "tgid", "state", "flags", "real_parent"])
def test_without_types_tasks_give_away_the_same_places(both: Both, member: str) -> None:
    kernel = both.inside.kernel
    derived = Derived(kernel.space, kernel.symbols, kernel.notes)
    names = TASK_STATE if member == "state" else (member,)
    assert derived.member("task_struct", member).offset == field_of(kernel.layout, "task_struct", names).offset


def test_without_types_the_log_is_the_same(both: Both) -> None:
    kernel = both.inside.kernel
    known, bare = kernel.layout, WarmLayout(lambda: Derived(kernel.space, kernel.symbols, kernel.notes))
    first = read_log(kernel, 50)
    try:
        kernel.layout = bare
        assert set(first.records) <= set(read_log(kernel, 1 << 20).records)
        assert bare.source == "derived"
    finally:
        kernel.layout = known


def test_the_second_time_needs_no_types(both: Both) -> None:
    first = both.read(*ALL)
    kernel = both.inside.again()
    reading = read_instant(kernel, ALL, 10_000, now, both.inside.registers())
    assert reading.missing == first.missing == ()
    assert {task.comm for task in reading.tasks} & {"kthreadd", "init", "sleep"}
    assert not getattr(kernel.layout, "changed", True)
