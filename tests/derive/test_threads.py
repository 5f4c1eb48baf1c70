"""Shares of CPU from two readings, threads that come and go, counters that fall; and who is who."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.derive.overview import derive_overview, hottest
from crazytrain.derive.threads import derive_threads
from crazytrain.model.evidence import Evidence, Kind, Outcome, Ref
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Descriptor,
    DescriptorTable,
    Facts,
    ProcessFacts,
    QemuConfig,
    QemuState,
    SyscallUse,
    TaskReading,
    TaskTable,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.guest import Accelerator, Guest, ProcessId

S = 10**9
PID = 700


def task(tid: int, comm: str = "qemu-system-x86", **known: object) -> TaskReading:
    base = TaskReading(tid=tid, comm=comm, state="S", user_ticks=0, system_ticks=0, guest_ticks=0, start_ticks=500)
    return msgspec.structs.replace(base, **known)


def table(second: float, *tasks: TaskReading, **known: object) -> TaskTable:
    base = TaskTable(mono_ns=int(second * S) + 1, ticks_per_s=100, tasks=tasks, refs=(Ref(f"tasks.{second}"),), pid=PID)
    return msgspec.structs.replace(base, **known)


def activity(*facts: object) -> ThreadActivity:
    found = derive_threads(Facts(facts))
    assert found is not None
    return found


def use_of(found: ThreadActivity, tid: int) -> ThreadUse:
    (use,) = (t for t in found.threads if t.tid == tid)
    return use


# --- shares ---


@pytest.mark.parametrize("tables", [(), (table(0, task(PID)),), (table(1, task(PID)), table(1, task(PID)))])
def test_one_instant_is_no_rate(tables: tuple[TaskTable, ...]) -> None:
    assert derive_threads(Facts(tables)) is None


def test_ticks_alone_give_shares_by_kind() -> None:
    first = task(705, user_ticks=1000, system_ticks=100, guest_ticks=900)
    last = task(705, user_ticks=1100, system_ticks=110, guest_ticks=980)
    use = use_of(activity(table(0, first), table(2, last)), 705)
    assert (use.guest_ratio, use.user_ratio, use.system_ratio) == pytest.approx((0.40, 0.10, 0.05))
    assert use.cpu_ratio == pytest.approx(0.55)
    assert use.delay_ratio is None


def test_the_scheduler_knows_the_time_better_and_ticks_divide_it() -> None:
    first = task(705, user_ticks=0, system_ticks=0, run_ns=5 * S, delay_ns=0, voluntary_switches=10)
    last = task(705, user_ticks=30, system_ticks=10, run_ns=6 * S, delay_ns=S // 2, voluntary_switches=210)
    use = use_of(activity(table(0, first), table(2, last)), 705)
    assert use.cpu_ratio == pytest.approx(0.5)
    assert (use.user_ratio, use.system_ratio) == pytest.approx((0.375, 0.125))
    assert use.delay_ratio == pytest.approx(0.25)
    assert use.switches_per_s == pytest.approx(100)


def test_less_than_a_tick_is_divided_as_in_all_its_life() -> None:
    first = task(705, user_ticks=10, system_ticks=30, run_ns=S)
    last = task(705, user_ticks=10, system_ticks=30, run_ns=S + 4_000_000)
    use = use_of(activity(table(0, first), table(1, last)), 705)
    assert (use.user_ratio, use.system_ratio) == pytest.approx((0.001, 0.003))


def test_guest_time_is_never_more_than_user_time() -> None:
    first, last = task(705), task(705, user_ticks=50, guest_ticks=60)
    use = use_of(activity(table(0, first), table(1, last)), 705)
    assert (use.guest_ratio, use.user_ratio) == pytest.approx((0.5, 0.0))


def test_each_thread_is_measured_between_its_own_readings() -> None:
    first, last = task(705, run_ns=0, mono_ns=S), task(705, run_ns=2 * S, mono_ns=3 * S)
    late = use_of(activity(table(0.5, first), table(3, last)), 705)
    assert late.cpu_ratio == pytest.approx(1.0)


def test_the_order_of_tables_does_not_matter() -> None:
    first, last = table(0, task(705, run_ns=0)), table(1, task(705, run_ns=S))
    assert activity(last, first) == activity(first, last)


def test_states_and_samples() -> None:
    found = activity(*(table(n, task(705, state=state)) for n, state in enumerate("SRD")))
    assert found.samples == 3
    assert use_of(found, 705).states == ("S", "R", "D")
    assert found.window_ns == 2 * S
    assert [str(ref) for ref in found.refs] == ["tasks.0", "tasks.2"]


# --- threads that come and go ---


def test_a_thread_born_in_the_window_counts_from_its_birth() -> None:
    first = table(0, task(PID), host_uptime_s=100.0)
    born = task(720, "worker", start_ticks=10_050, run_ns=S, delay_ns=S // 5)
    later = task(720, "worker", start_ticks=10_050, run_ns=S + S // 2, delay_ns=S // 2)
    use = use_of(activity(first, table(1, task(PID), born), table(2, task(PID), later)), 720)
    assert use.cpu_ratio == pytest.approx(0.75)
    assert use.delay_ratio == pytest.approx(0.25)


def test_a_thread_that_the_first_instant_missed_counts_from_its_first_reading() -> None:
    old = task(720, "worker", start_ticks=50, run_ns=100 * S)
    later = task(720, "worker", start_ticks=50, run_ns=101 * S)
    first = table(0, task(PID), host_uptime_s=100.0)
    use = use_of(activity(first, table(1, task(PID), old), table(2, task(PID), later)), 720)
    assert use.cpu_ratio == pytest.approx(0.5)


def test_without_the_hosts_clock_nothing_is_taken_for_new() -> None:
    seen = task(720, "worker", start_ticks=50, run_ns=100 * S)
    use = use_of(activity(table(0, task(PID)), table(1, task(PID), seen), table(2, task(PID), seen)), 720)
    assert use.cpu_ratio == 0


def test_a_thread_that_ends_counts_up_to_its_last_reading() -> None:
    tables = (
        table(0, task(PID), task(720, "worker", run_ns=0)),
        table(1, task(PID), task(720, "worker", run_ns=S)),
        table(4, task(PID)),
    )
    use = use_of(activity(*tables), 720)
    assert use.cpu_ratio == pytest.approx(0.25)
    assert use.switches_per_s is None


@pytest.mark.parametrize(
    "reused",
    [
        task(720, "worker", start_ticks=900, run_ns=S // 2, user_ticks=50),
        task(720, "worker", start_ticks=500, run_ns=S // 2, user_ticks=50),
    ],
    ids=["another start", "counters that fell"],
)
def test_a_thread_id_that_was_given_anew_is_another_thread(reused: TaskReading) -> None:
    old = task(720, "worker", run_ns=50 * S, user_ticks=5000)
    found = activity(table(0, task(PID), old), table(1, task(PID), old), table(2, task(PID), reused))
    uses = [t for t in found.threads if t.tid == 720]
    assert sorted(t.cpu_ratio for t in uses) == pytest.approx([0.0, 0.25])
    assert all(t.cpu_ratio >= 0 for t in uses)


READINGS = st.builds(
    task,
    st.integers(699, 703),
    st.sampled_from(("qemu", "CPU 0/KVM", "CPU 1/TCG", "worker", "IO a", "")),
    user_ticks=st.integers(0, 500),
    system_ticks=st.integers(0, 500),
    guest_ticks=st.integers(0, 500),
    start_ticks=st.integers(490, 510),
    run_ns=st.none() | st.integers(0, 10 * S),
    delay_ns=st.none() | st.integers(0, 10 * S),
    mono_ns=st.integers(0, 5 * S),
    kernel=st.booleans(),
)
TABLES = st.lists(
    st.builds(
        lambda second, tasks, uptime: table(second, *tasks, host_uptime_s=uptime),
        st.integers(0, 5),
        st.lists(READINGS, max_size=6, unique_by=lambda t: t.tid),
        st.none() | st.floats(0, 10),
    ),
    max_size=5,
)


@given(TABLES, st.none() | st.integers(1, 4))
def test_no_readings_give_negative_shares_or_errors(tables: list[TaskTable], vcpus: int | None) -> None:
    found = derive_threads(Facts([*tables, QemuConfig(binary="q", vcpus=vcpus)]))
    for use in found.threads if found else ():
        assert min(use.user_ratio, use.system_ratio, use.guest_ratio, use.delay_ratio or 0) >= 0


# --- roles ---


@pytest.mark.parametrize(
    ("comm", "role", "vcpu"),
    [
        ("CPU 0/KVM", ThreadRole.VCPU, 0),
        ("CPU 12/TCG", ThreadRole.VCPU, 12),
        ("ALL CPUs/TCG", ThreadRole.VCPU, None),
        ("IO mon_iothread", ThreadRole.IOTHREAD, None),
        ("IO io1", ThreadRole.IOTHREAD, None),
        ("worker", ThreadRole.WORKER, None),
        ("call_rcu", ThreadRole.RCU, None),
        ("vnc_worker", ThreadRole.VNC, None),
        ("SPICE Worker", ThreadRole.SPICE, None),
        ("live_migration", ThreadRole.MIGRATION, None),
        ("migration", ThreadRole.MIGRATION, None),
        ("multifdsend_3", ThreadRole.MIGRATION, None),
        ("mig/src/main", ThreadRole.MIGRATION, None),
        ("gmain", ThreadRole.OTHER, None),
        ("workers of evil", ThreadRole.OTHER, None),
    ],
)
def test_roles_by_name(comm: str, role: ThreadRole, vcpu: int | None) -> None:
    found = activity(table(0, task(PID), task(705, comm)), table(1, task(PID), task(705, comm)))
    assert (use_of(found, 705).role, use_of(found, 705).vcpu) == (role, vcpu)
    assert use_of(found, PID).role is ThreadRole.MAIN_LOOP


@pytest.mark.parametrize(
    ("comm", "role"),
    [
        ("vhost-700", ThreadRole.VHOST),
        ("kvm-pit/700", ThreadRole.KVM_PIT),
        ("kvm-nx-lpage-re", ThreadRole.KVM_NX),
        ("kvm-nx-lpage-recovery-700", ThreadRole.KVM_NX),
        ("iou-wrk-700", ThreadRole.IO_URING),
        ("iou-sqp-700", ThreadRole.IO_URING),
    ],
)
def test_names_of_the_kernel_count_for_the_kernels_threads_only(comm: str, role: ThreadRole) -> None:
    for kernel, expected in ((True, role), (False, ThreadRole.OTHER)):
        found = activity(table(0, task(705, comm, kernel=kernel)), table(1, task(705, comm, kernel=kernel)))
        assert use_of(found, 705).role is expected or (not kernel and use_of(found, 705).role is ThreadRole.MAIN_LOOP)


def test_the_main_loop_where_only_the_process_names_it() -> None:
    tables = [table(n, task(PID), task(699), pid=None) for n in (0, 1)]
    process = ProcessFacts(pid=PID, start_ticks=500)
    assert use_of(activity(*tables, process), PID).role is ThreadRole.MAIN_LOOP
    assert use_of(activity(*tables), 699).role is ThreadRole.MAIN_LOOP  # the lowest, where nothing says


def unnamed(second: float, **ticks: int) -> TaskTable:
    """Threads 700 to 703 without names: the main loop and three others."""
    return table(second, *(task(PID + n, user_ticks=ticks.get(f"t{n}", 0)) for n in range(4)))


def test_the_monitor_names_vcpus() -> None:
    state = QemuState(monitor=Outcome.OK, vcpu_tids=(702, 701))
    found = activity(unnamed(0), unnamed(1), state)
    assert [(t.tid, t.vcpu) for t in found.of(ThreadRole.VCPU)] == [(701, 1), (702, 0)]
    assert use_of(found, 701).why == "the monitor names this thread"


def test_one_thread_that_runs_all_vcpus_has_no_index() -> None:
    state = QemuState(monitor=Outcome.OK, vcpu_tids=(702, 702))
    (vcpu,) = activity(unnamed(0), unnamed(1), state).of(ThreadRole.VCPU)
    assert (vcpu.tid, vcpu.vcpu, vcpu.label) == (702, None, "vCPU")


def test_time_in_guest_mode_tells_a_vcpu_and_their_order_its_number() -> None:
    tables = [table(n, task(PID), *(task(701 + k, user_ticks=9, guest_ticks=9) for k in range(2))) for n in (0, 1)]
    without = activity(*tables)
    assert [(t.tid, t.vcpu) for t in without.of(ThreadRole.VCPU)] == [(701, None), (702, None)]
    counted = activity(*tables, QemuConfig(binary="q", vcpus=2))
    assert [(t.tid, t.vcpu) for t in counted.of(ThreadRole.VCPU)] == [(701, 0), (702, 1)]
    assert "guest mode; numbered in the order" in counted.of(ThreadRole.VCPU)[0].why


def test_calls_on_a_vcpus_descriptor_tell_which_one() -> None:
    descriptors = tuple(
        Descriptor(fd=fd, target=f"anon_inode:kvm-vcpu:{n}", kind="kvm-vcpu", vcpu=n) for fd, n in ((14, 0), (15, 1))
    )
    calls = tuple(CallUse(tid=tid, call="ioctl", fd=fd, count=9) for tid, fd in ((701, 15), (703, 14), (PID, 6)))
    found = activity(
        *(unnamed(0), unnamed(1), DescriptorTable(descriptors=descriptors, complete=True, refs=())),
        SyscallUse(method="bpf", coverage=Coverage.ALL_THREADS, window_ns=S, calls=calls),
    )
    assert [(t.tid, t.vcpu) for t in found.of(ThreadRole.VCPU)] == [(701, 1), (703, 0)]


def test_threads_without_names_under_tcg_are_guessed_only_where_it_is_clear() -> None:
    one, two = QemuConfig(binary="q", vcpus=1), QemuConfig(binary="q", vcpus=2)
    busy = (unnamed(0, t2=5000, t3=4), unnamed(1, t2=5100, t3=4))
    (vcpu,) = activity(*busy, one).of(ThreadRole.VCPU)
    assert (vcpu.tid, vcpu.vcpu) == (702, 0)
    assert vcpu.why.startswith("guessed")
    assert activity(*busy).of(ThreadRole.VCPU) == ()
    assert activity(*busy, two).of(ThreadRole.VCPU) == ()
    both = activity(unnamed(0, t1=900, t2=5000), unnamed(1, t1=900, t2=5100), two).of(ThreadRole.VCPU)
    assert [(t.tid, t.vcpu) for t in both] == [(701, 0), (702, 1)]
    unclear = (unnamed(0, t2=5000, t3=4000), unnamed(1, t2=5100, t3=4000))
    assert activity(*unclear, one).of(ThreadRole.VCPU) == ()


# --- overview ---


def guest(pid: int = PID, **known: object) -> Guest:
    base = Guest(process=ProcessId(pid=pid, start_ticks=500), name="web01", command_line=("q",), vcpus=1)
    return msgspec.structs.replace(base, **known)


def test_a_row_divides_the_share_by_who_took_it() -> None:
    names = {PID: "q", 701: "CPU 0/KVM", 702: "IO a", 703: "worker"}
    tables = [
        table(
            n,
            *(task(tid, comm, run_ns=n * 50_000_000 * (tid - 699)) for tid, comm in names.items()),
            task(800, "vhost-700", kernel=True, run_ns=n * 10_000_000),
            task(801, "kvm-pit/700", kernel=True, run_ns=n * 20_000_000),
            host_uptime_s=65.0 + n,
        )
        for n in (0, 1)
    ]
    row = derive_overview(guest(), Facts(tables))
    split = row.split
    assert split is not None
    assert (split.main_loop_ratio, split.vcpu_ratio, split.iothread_ratio) == pytest.approx((0.05, 0.10, 0.15))
    assert (split.other_ratio, split.vhost_ratio, split.kvm_ratio) == pytest.approx((0.20, 0.01, 0.02))
    assert split.cpu_ratio == pytest.approx(0.53)
    assert (row.outcome, row.uptime_s, row.note) == (Outcome.OK, 61.0, "")


def test_a_guest_that_could_not_be_read_has_no_split() -> None:
    failed = Evidence(id="tasks.1", kind=Kind.TASKS, source="x", outcome=Outcome.TIMED_OUT, detail="no answer in time")
    row = derive_overview(guest(), Facts([table(0, task(PID))]), (failed,))
    assert (row.split, row.outcome, row.detail) == (None, Outcome.TIMED_OUT, "no answer in time")
    assert derive_overview(guest(), Facts()).outcome is Outcome.ABSENT


def test_a_row_says_what_it_does_not_know() -> None:
    tcg = guest(accelerator=Accelerator.TCG, vcpus=None)
    assert "under TCG could be told to be a vCPU" in derive_overview(tcg, Facts([unnamed(0), unnamed(1)])).note
    guessed = derive_overview(guest(), Facts([unnamed(0, t2=5000), unnamed(1, t2=5100)]))
    assert guessed.note.startswith("guessed")
    assert guessed.split is not None
    assert guessed.split.vcpu_ratio == pytest.approx(1.0)


def test_the_hottest() -> None:
    def row(pid: int, share: float) -> object:
        tables = [table(n, task(pid, run_ns=int(n * share * S)), pid=pid) for n in (0, 1)]
        return derive_overview(guest(pid), Facts(tables))

    rows = [row(3, 0.2), row(2, 0.9), row(1, 0.9)]
    found = hottest([*rows, derive_overview(guest(9), Facts())])  # type: ignore[list-item]
    assert found is not None
    assert found.guest.pid == 1
    assert hottest([derive_overview(guest(9), Facts())]) is None
