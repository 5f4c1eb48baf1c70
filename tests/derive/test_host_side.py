"""The host's side over a window: rates need two instants, a group or counter that was made anew has none."""

import msgspec
import pytest

from crazytrain.derive.cgroup import derive_cgroup
from crazytrain.derive.clock import derive_clock
from crazytrain.derive.host_cpu import derive_host_cpu
from crazytrain.derive.host_log import derive_host_log
from crazytrain.derive.memory import derive_faults, derive_memory
from crazytrain.derive.storage import derive_storage
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts, HostFacts, PvclockPage, PvclockReading, TaskReading, TaskTable
from crazytrain.model.facts.cgroup import CgroupReading, GroupReading, ThreadPlace
from crazytrain.model.facts.host import CpuTicks
from crazytrain.model.facts.logs import KernelLine, KernelLog, KernelMeaning
from crazytrain.model.facts.memory import FaultTable, MemoryReading, ThreadFaults
from crazytrain.model.facts.storage import BlockedTask, DeviceReading, StorageReading
from tests.diagnose import making as m

S = 10**9
SCOPE = "/sys/fs/cgroup/m.scope"


def group(path: str = SCOPE, **known: object) -> GroupReading:
    return msgspec.structs.replace(GroupReading(path=path, version=2), **known)


def cgroup(at_s: int, *groups: GroupReading) -> CgroupReading:
    places = (
        ThreadPlace(tid=10, groups=(f"{SCOPE}/emulator",), cpu_list="0-3", cpus=4),
        ThreadPlace(tid=11, groups=(f"{SCOPE}/vcpu0",), cpu_list="2", cpus=1),
    )
    return CgroupReading(mono_ns=at_s * S, groups=groups, threads=places, ref=Ref("cgroup.0", at_s))


def test_throttling_is_a_rate() -> None:
    before = group(quota_cpus=0.5, periods=100, throttled_periods=10, throttled_ns=2 * S, memory_stalled_ns=0)
    after = group(quota_cpus=0.5, periods=150, throttled_periods=50, throttled_ns=3 * S, memory_stalled_ns=S)
    seen = derive_cgroup(Facts([cgroup(1, before), cgroup(6, after), m.threads()]))
    assert seen is not None
    (use,) = seen.groups
    assert (use.throttled_periods_ratio, use.throttled_ratio, use.memory_stalled_ratio) == (0.8, 0.2, 0.2)
    assert (use.tids, use.whole, seen.allowed_cpus, seen.vcpu_threads) == ((10, 11), True, 1, 1)
    assert seen.throttled == use
    assert seen.own == use


def test_one_reading_or_a_new_group_gives_no_rate() -> None:
    one = derive_cgroup(Facts([cgroup(1, group(periods=5, throttled_ns=9, frozen=True))]))
    assert one is not None
    assert (one.groups[0].throttled_ratio, one.frozen) == (None, one.groups[0])
    new = derive_cgroup(Facts([cgroup(1, group(periods=500)), cgroup(2, group(periods=5))]))
    assert new is not None
    assert new.groups[0].throttled_periods_ratio is None
    assert derive_cgroup(Facts()) is None


def test_a_group_of_one_vcpu() -> None:
    seen = derive_cgroup(Facts([cgroup(1, group(), group(f"{SCOPE}/vcpu0"))]))
    assert seen is not None
    nearest, scope = seen.groups
    assert (nearest.tids, nearest.whole, scope.whole) == ((11,), False, True)
    assert seen.own == scope


def test_the_hosts_cpus() -> None:
    def at(busy: int, idle: int, steal: int) -> HostFacts:
        return HostFacts(ticks=CpuTicks(busy=busy, idle=idle, iowait=0, steal=steal), refs=m.REFS)

    seen = derive_host_cpu(Facts([at(100, 50, 10), at(140, 90, 30)]))
    assert seen is not None
    assert (seen.busy_ratio, seen.idle_ratio, seen.steal_ratio) == (0.4, 0.4, 0.2)
    assert derive_host_cpu(Facts([at(1, 1, 1)])) is None
    assert derive_host_cpu(Facts([at(1, 1, 1), at(1, 1, 1)])) is None


def memory(at_s: int, swapped_in: int, stalled_ns: int) -> MemoryReading:
    return MemoryReading(
        mono_ns=at_s * S, ref=Ref("memory.0", at_s), counters=(("pswpin", swapped_in),), memory_some_ns=stalled_ns
    )


def test_memory() -> None:
    seen = derive_memory(Facts([memory(1, 100, 0), memory(3, 300, S)]))
    assert seen is not None
    assert (seen.per_s("pswpin"), seen.memory_some_ratio, seen.io_some_ratio) == (100.0, 0.5, None)
    assert seen.per_s("unknown") is None
    alone = derive_memory(Facts([memory(1, 100, 0)]))
    assert alone is not None
    assert alone.per_s("pswpin") is None


def faults(at_s: int, *counts: tuple[int, str, int]) -> FaultTable:
    return FaultTable(mono_ns=at_s * S, threads=tuple(ThreadFaults(*c) for c in counts), ref=Ref("tasks.0", at_s))


def test_faults_by_thread() -> None:
    first = faults(1, (10, "qemu", 5), (11, "CPU 0/KVM", 10), (12, "worker", 9))
    seen = derive_faults(Facts([first, faults(3, (10, "qemu", 5), (11, "CPU 0/KVM", 210), (12, "other", 99))]))
    assert seen is not None
    assert [(one.tid, one.per_s) for one in seen.threads] == [(11, 100.0)]
    assert seen.per_s == 100.0
    assert derive_faults(Facts([first])) is None


def storage(at_s: int, done: int, in_flight: int, *blocked: BlockedTask) -> StorageReading:
    device = DeviceReading(
        number="254:0", name="vda", reads=done, writes=0, busy_ms=at_s * 1000, reads_in_flight=in_flight
    )
    return StorageReading(
        mono_ns=at_s * S, images=(), devices=(device,), blocked=blocked, tasks_seen=90, ref=Ref("storage.0", at_s)
    )


def test_devices_and_tasks_that_stay_blocked() -> None:
    stays = BlockedTask(tid=11, comm="worker", pid=10, switches=5)
    moves = BlockedTask(tid=12, comm="kworker", pid=12, switches=5)
    moved = msgspec.structs.replace(moves, switches=6)
    tasks = TaskTable(mono_ns=S, ticks_per_s=100, tasks=(_task(11),), refs=m.REFS)
    seen = derive_storage(Facts([storage(1, 10, 2, stays, moves), storage(3, 10, 2, stays, moved), tasks]))
    assert seen is not None
    assert (seen.blocked, seen.own_blocked) == ((stays,), (stays,))
    assert (seen.devices[0].stuck, seen.devices[0].busy_ratio) == (True, 1.0)
    works = derive_storage(Facts([storage(1, 10, 2), storage(3, 30, 2)]))
    assert works is not None
    assert (works.devices[0].stuck, works.devices[0].reads_per_s) == (False, 10.0)
    assert derive_storage(Facts()) is None


def _task(tid: int, start_ticks: int = 500) -> TaskReading:
    return TaskReading(
        tid=tid, comm="x", state="S", user_ticks=0, system_ticks=0, guest_ticks=0, start_ticks=start_ticks
    )


def said(at_s: float, pid: int) -> KernelLine:
    return KernelLine(
        meaning=KernelMeaning.SPLIT_LOCK, text="x", ref=Ref("kernel-log.0"), mono_ns=int(at_s * S), pid=pid
    )


def test_lines_that_name_the_guest() -> None:
    table = TaskTable(mono_ns=100 * S, ticks_per_s=100, tasks=(_task(11),), refs=m.REFS, pid=10, host_uptime_s=100.0)
    log = KernelLog(
        lines=9,
        matter=(said(2, 11), said(50, 11), said(104, 11), said(104, 77)),
        since_s=1.0,
        corrected_ns=0,
        mono_ns=105 * S,
        wall_ns=0,
        refs=m.REFS,
    )
    seen = derive_host_log(Facts([table, log]))
    assert seen is not None
    assert [one.ours for one in seen.lines] == [False, True, True, False]  # the first is older than the thread
    assert [one.in_window for one in seen.lines] == [False, False, True, True]
    assert [one.ago_ns for one in seen.lines] == [103 * S, 55 * S, S, S]
    assert len(seen.of(KernelMeaning.SPLIT_LOCK, ours=True)) == 2
    assert derive_host_log(Facts([table])) is None


def test_stamps_that_no_one_corrects() -> None:
    """After 30 days NTP may have slewed the clock by a minute: then a fresh line bears a stamp of a minute ago."""
    table = TaskTable(mono_ns=1000 * S, ticks_per_s=100, tasks=(_task(11),), refs=m.REFS)
    log = KernelLog(
        lines=1, matter=(said(943, 11),), since_s=1.0, corrected_ns=60 * S, mono_ns=1005 * S, wall_ns=0, refs=m.REFS
    )
    seen = derive_host_log(Facts([table, log]))
    assert seen is not None
    assert (seen.lines[0].in_window, seen.lines[0].ago_ns) == (True, 2 * S)


MUL, SHIFT, HZ = 0x80000000, 1, 1e9  # one tick a nanosecond


def page(tsc_ns: float, system_ns: int, at_ns: int, after_ns: int = 0, address: int = 0x8000) -> PvclockPage:
    return PvclockPage(
        address=address,
        version=int(at_ns / 1e6) * 2,
        tsc_timestamp=int(tsc_ns),
        system_time_ns=system_ns % (1 << 64),
        tsc_to_system_mul=MUL,
        tsc_shift=SHIFT,
        flags=1,
        mono_ns=at_ns,
        after_ns=after_ns,
    )


def reading(*pages: PvclockPage, age_s: float = 100, host_s: float = 10_000) -> PvclockReading:
    return PvclockReading(
        pages=pages,
        uptime_ns=int(age_s * S),
        searched_bytes=1,
        ref=Ref("pvclock.0"),
        host_ns=int(host_s * S),
        tsc_hz=HZ,
    )


@pytest.mark.parametrize(
    ("tsc_s", "system_s", "base", "ahead_s"),
    [
        (99, 98, "began with the guest", -1),
        (9_990, 89, "runs as the host's", -1),
        (9_990, 89 - 3600, "runs as the host's", -3601),
        (99, 98 + 7200, "began with the guest", 7199),
        (500_000, 98, "", None),
        (4_000, 98, "", None),
    ],
)
def test_the_clock_beside_the_tsc(tsc_s: int, system_s: int, base: str, ahead_s: int | None) -> None:
    clock = derive_clock(Facts([reading(page(tsc_s * S, system_s * S, 5))]))
    assert clock is not None
    assert (clock.tsc_base, clock.ahead_ns) == (base, None if ahead_s is None else ahead_s * S)
    assert clock.tsc_beyond_host is (tsc_s > 10_060)
    assert clock.scale_ppm == pytest.approx(0)


def test_a_young_host_and_an_old_guest_are_one_base() -> None:
    clock = derive_clock(Facts([reading(page(99 * S, 98 * S, 5), host_s=110)]))
    assert clock is not None
    assert (clock.tsc_base, clock.ahead_ns) == ("began with the guest", -S)


def test_a_step_and_a_smooth_clock() -> None:
    first = page(10 * S, 10 * S, 1000)
    smooth = page(11 * S, 11 * S + 50, 1100, 1090)
    stepped = page(12 * S, 7 * S, 1200, 1190)
    clock = derive_clock(Facts([reading(first, smooth, stepped)]))
    assert clock is not None
    assert [change.step_ns for change in clock.changes] == [50, -5 * S - 50]
    assert [change.clock_ns for change in clock.changes] == [S + 50, -4 * S - 50]


def test_drift_is_told_with_what_is_not_known() -> None:
    """Written between two looks each: 10 ms in 10 s leave 1,000 ppm open."""
    pages = [page(k * S, int(k * S * 1.0001), k * S, k * S - 10_000_000) for k in range(1, 12)]
    clock = derive_clock(Facts([reading(*pages, age_s=100)]))
    assert clock is not None
    assert clock.drift is not None
    assert clock.drift.ppm == pytest.approx(100, abs=1)
    assert clock.drift.uncertain_ppm == pytest.approx(2000, rel=0.01)
    still = derive_clock(Facts([reading(page(S, S, S), page(S, S, S))]))
    assert still is not None
    assert (still.changes, still.drift) == ((), None)
