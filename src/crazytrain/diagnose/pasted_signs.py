"""What pasted tables and logs say where they hold shares or single lines and no rates, as points of causes.

``perf kvm stat`` without its window, a call trace of one moment, a stamp that cannot be: weaker than what a look over some seconds
gives, for nobody knows how long it went on.
"""

from collections.abc import Iterable, Iterator, Sequence

from crazytrain.diagnose.dumped_guest_signs import dumped_guest_points
from crazytrain.diagnose.early_end_signs import early_end_points
from crazytrain.diagnose.guest_paste_signs import guest_paste_points
from crazytrain.diagnose.host_lockup_signs import host_lockup_points
from crazytrain.diagnose.host_oops_signs import host_oops_points
from crazytrain.diagnose.kernel_oops_signs import oops_points
from crazytrain.diagnose.kernel_wait_signs import kernel_wait_points
from crazytrain.diagnose.pasted_bare import bare_register_points
from crazytrain.diagnose.pasted_counters import counter_points, line_points
from crazytrain.diagnose.pasted_device_loops import device_loop_points
from crazytrain.diagnose.pasted_empty_turns import empty_turn_points
from crazytrain.diagnose.pasted_exit_places import exit_place_points
from crazytrain.diagnose.pasted_exit_times import exit_time_points
from crazytrain.diagnose.pasted_file_calls import file_call_points
from crazytrain.diagnose.pasted_logs import guest_log_points, log_points
from crazytrain.diagnose.pasted_loops import loop_points
from crazytrain.diagnose.pasted_main_waits import main_wait_points
from crazytrain.diagnose.pasted_qemu_lines import qemu_line_points
from crazytrain.diagnose.pasted_registers import register_points
from crazytrain.diagnose.pasted_registers_of_cpus import cpu_points
from crazytrain.diagnose.pasted_retries import retry_points
from crazytrain.diagnose.pasted_stacks import stack_points
from crazytrain.diagnose.pasted_tasks import host_task_points, task_points
from crazytrain.diagnose.sampled_signs import sampled_points
from crazytrain.diagnose.table_signs import table_points
from crazytrain.diagnose.tool_line_signs import tool_line_points
from crazytrain.model.facts import (
    ConsoleLog,
    DescriptorTable,
    Facts,
    HostFacts,
    InterruptRates,
    IrqReading,
    KvmExits,
    KvmStats,
    SyscallUse,
    ThreadActivity,
)
from crazytrain.model.facts.kernel_traces import KernelTrace, LogClock
from crazytrain.model.facts.logs import KernelLog, QemuLog
from crazytrain.model.facts.stacks import CpuSamples, UserStacks
from crazytrain.model.facts.top_tasks import HostTasks, TopTasks
from crazytrain.model.facts.vcpu import VcpuSamples
from crazytrain.model.facts.waits import Waits
from crazytrain.model.figures import share
from crazytrain.model.finding import Point

IDLE_FROM = 0.9  # of the time between exit and entry spent halted: the guest rests
AWAKE_TO = 0.6
MANY_FROM_PER_S = 20_000  # 2 µs each would be 4 % of a CPU; a table accounts for what is not spent in the guest
IO, MSR, MMIO = ("IO_INSTRUCTION", "IOIO", "io"), ("MSR_WRITE", "MSR_READ", "MSR", "msr"), ("EPT_MISCONFIG",)
PAUSE, FAULT, HALT = ("PAUSE_INSTRUCTION", "pause"), ("EPT_VIOLATION", "NPF", "npf"), ("HLT", "hlt")
DOMINATES_FROM = 0.4
_NOTHING_ELSE, _VERY_MANY = 0.97, 100_000
_ANY = "any reason"  # exits that were counted without it

# Cause: the exits that it makes dominate, and how much that speaks for it. None of them says which port, page or register it was.
_DOMINANT: dict[str, tuple[tuple[str, ...], float]] = {
    "rtc-periodic-storm": (IO, 5),
    "slow-clocksource": (IO, 3),
    "pio-poll": (IO, 4),
    "rtc-catchup": (IO, 2),
    "msr-storm": (MSR, 10),
    "apic-timer-storm": (MSR, 2),
    "mmio-poll": (MMIO, 10),
    "page-fault-loop": (FAULT, 5),
    "pause-contention": (PAUSE, 12),
    "guest-spinlock": (PAUSE, 5),
}
_RESTS: dict[str, float] = {"misread": 15, "healthy-idle": 12, "halt-polling": 1.5}
# Cause: functions of a trace in the host's (True) or the guest's kernel, and how much it speaks for it that a CPU was there.
_PLACES: dict[str, tuple[bool, tuple[str, ...], float]] = {
    "page-fault-loop": (True, ("kvm_mmu_page_fault", "kvm_tdp_page_fault", "handle_ept_violation"), 2),
    "memory-pressure": (
        True,
        ("khugepaged*", "ksm_*", "compact_zone", "shrink_*", "change_prot_numa", "task_numa_work"),
        6,
    ),
    "storage-stall": (
        True,
        (
            "rpc_wait_bit*",
            "nfs_wait*",
            "nfs4_wait*",
            "ceph_*",
            "rbd_*",
            "drbd_*",
            "zil_commit*",
            "txg_wait*",
            "nbd_*",
            "fuse_*",
        ),
        12,
    ),
    "guest-spinlock": (
        False,
        (
            "native_queued_spin_lock_slowpath",
            "queued_spin_lock_slowpath",
            "__pv_queued_spin_lock_slowpath",
            "_raw_spin_lock",
            "_spin_lock*",
            ".text.lock.spinlock",
            "__ticket_spin_lock",
            "do_raw_spin_lock",
            "arch_spin_lock",
            "__write_lock_failed",
            "__read_lock_failed",
            "kvm_wait",
        ),
        6,
    ),
    "guest-soft-lockup": (
        False,
        ("watchdog_timer_fn", "rcu_sched_clock_irq", "rcu_check_callbacks", "print_cpu_stall"),
        1.5,
    ),
    "kvmclock-jump": (False, ("pvclock_clocksource_read", "kvm_clock_read", "kvm_clock_get_cycles"), 4),
    "host-kernel-regression": (
        True,
        ("kvm_tdp_mmu_zap*", "kvm_unmap_gfn_range", "kvm_mmu_notifier_*", "synchronize_srcu*"),
        3,
    ),
    "guest-hung-io": (False, ("io_schedule", "blk_*", "wait_on_page_bit*", "bit_wait_io", "jbd2_*"), 3),
    "slow-clocksource": (False, ("acpi_pm_read", "read_hpet"), 8),
    # A write to a device ends when KVM and QEMU have carried it out: a CPU that is caught in one waits for them.
    "blocked-sync-io": (False, ("iowrite8", "iowrite16*", "iowrite32*", "vp_notify"), 3),
}


def pasted_points(cause: str, facts: Facts) -> tuple[Point, ...]:
    """Points of one cause from tables and logs that hold no window."""
    tables = [one for one in facts.all(KvmExits) if _bare(one)]
    traces = facts.all(KernelTrace)
    return (
        *_of_tables(cause, tables),
        *(() if facts.all(ThreadActivity) else counter_points(cause, facts.all(KvmStats))),
        *_of_traces(cause, traces),
        *dumped_guest_points(cause, traces),
        *host_oops_points(cause, traces),
        *oops_points(cause, traces),
        *line_points(cause, facts.all(IrqReading), timed=bool(facts.all(InterruptRates) or facts.all(ThreadActivity))),
        *exit_place_points(cause, facts.all(KvmExits)),
        *exit_time_points(cause, facts.all(KvmExits)),
        *_of_stamps(cause, facts.all(LogClock)),
        *stack_points(cause, facts.all(UserStacks)),
        *device_loop_points(cause, facts.all(UserStacks)),
        *table_points(cause, facts),
        *loop_points(cause, facts.all(SyscallUse)),
        *task_points(cause, facts.all(TopTasks)),
        *host_task_points(cause, facts.all(HostTasks)),
        *register_points(cause, facts.all(KvmExits)),
        *cpu_points(cause, facts.all(VcpuSamples), pasted=not facts.all(ThreadActivity)),
        *log_points(cause, facts.all(KernelLog), traces),
        *host_lockup_points(cause, traces, facts.all(KernelLog)),
        *file_call_points(cause, facts.all(SyscallUse)),
        *tool_line_points(cause, facts),
        *early_end_points(cause, facts),
        *empty_turn_points(cause, facts.all(SyscallUse)),
        *kernel_wait_points(cause, facts.all(Waits)),
        *main_wait_points(cause, facts.all(Waits)),
        *qemu_line_points(cause, facts.all(QemuLog)),
        *sampled_points(cause, facts.all(CpuSamples)),
        *retry_points(cause, facts.all(SyscallUse), facts.get(DescriptorTable)),
        *bare_register_points(cause, facts),
        *guest_paste_points(cause, facts),
        *guest_log_points(cause, () if _measured(cause, facts) else facts.all(ConsoleLog)),
    )


def _measured(cause: str, facts: Facts) -> bool:
    """Whether somebody looked at the guest itself; a cause that knows its host weighs the guest's log by that."""
    return bool(facts.all(ThreadActivity)) or (cause == "nested-starvation" and bool(facts.all(HostFacts)))


def _bare(exits: KvmExits) -> bool:
    """Whether only reasons were told: what port, page or register it was is not known."""
    if exits.ports or exits.mmio or exits.msrs or exits.userspace or not any(one.reason != _ANY for one in exits.exits):
        return False
    return len(exits.exits) > 1 or any(exits.per_s(one.count) >= MANY_FROM_PER_S for one in exits.exits)


def _of_tables(cause: str, tables: Iterable[KvmExits]) -> Iterator[Point]:
    """The table that says most of it."""
    points = [point for table in tables for point in _of_table(cause, table)]
    if points:
        yield max(points, key=lambda point: max(point.ratio, 1 / point.ratio))


def _of_table(cause: str, exits: KvmExits) -> Iterator[Point]:
    idle = _time_share(exits, HALT)
    if cause in _RESTS and idle is not None and idle >= IDLE_FROM and not _many(exits):
        says = f"{share(idle)} of the time of all exits is HLT: that is rest, not load, however many exits there are"
        yield Point(says, exits.refs, _RESTS[cause])
    if cause in _DOMINANT:
        reasons, ratio = _DOMINANT[cause]
        part = _count_share(exits, reasons)
        rests = idle is not None and idle >= IDLE_FROM and not _many(exits)
        says = f"{share(part)} of the exits are {reasons[0]}" + (", and it rests nearly all the time" if rests else "")
        # A guest that touches new memory faults often, too, but never does so little else.
        nothing_else = cause == "page-fault-loop" and part >= _NOTHING_ELSE and _number(exits, reasons) >= _VERY_MANY
        ratio = ratio * 3 if nothing_else else ratio
        fast = any(exits.per_s(one.count) >= MANY_FROM_PER_S for one in exits.exits if one.reason in reasons)
        fast = fast or (_many(exits) and (_time_share(exits, reasons) or 0.0) >= DOMINATES_FROM)
        if not fast and (outside := _outside_share(exits)) >= _NEARLY_ALL:
            says = f"{share(outside)} of the exits, but for halts, are interrupts of the host: the guest itself hardly leaves guest mode"
            yield Point(says, exits.refs, 0.3)
        elif part >= DOMINATES_FROM:
            yield Point(says, exits.refs, 0.3 if rests else ratio * _FAST if fast else ratio)
        else:
            yield Point(says, exits.refs, 0.3 if part < 0.1 else 1.0)


def _number(exits: KvmExits, reasons: tuple[str, ...]) -> int:
    return sum(one.count for one in exits.exits if one.reason in reasons)


def _many(exits: KvmExits) -> bool:
    """Whether a vCPU leaves guest mode so often that it costs much, although it rests between: by the time that the table accounts for."""
    told_ns = sum(one.time_ns for one in exits.times)
    awake = sum(one.samples for one in exits.times if one.reason not in HALT)
    return told_ns > 0 and awake >= MANY_FROM_PER_S * told_ns / 1e9


def _count_share(exits: KvmExits, reasons: tuple[str, ...]) -> float:
    """The share of exits for these reasons; interrupts of the host and halts do not come from what the guest asks for."""
    every = sum(one.count for one in exits.exits if one.reason not in (*HALT, *_OUTSIDE))
    return sum(one.count for one in exits.exits if one.reason in reasons) / every if every else 0.0


def _outside_share(exits: KvmExits) -> float:
    """The share of interrupts of the host among the exits of a vCPU that does not rest."""
    every = sum(one.count for one in exits.exits if one.reason not in HALT)
    return sum(one.count for one in exits.exits if one.reason in _OUTSIDE) / every if every else 0.0


def _time_share(exits: KvmExits, reasons: tuple[str, ...]) -> float | None:
    every = sum(one.time_ns for one in exits.times)
    return sum(one.time_ns for one in exits.times if one.reason in reasons) / every if every else None


def _of_traces(cause: str, traces: Sequence[KernelTrace]) -> Iterator[Point]:
    if cause not in _PLACES:
        return
    host, names, ratio = _PLACES[cause]
    for trace in traces:
        if trace.host is host and trace.has(*names):
            whose = "the host's" if host else "the guest's"
            where = next(own for own in trace.names if KernelTrace(host=host, sure=True, functions=(own,)).has(*names))
            cpus = {one.cpu for one in traces if one.host is host and one.cpu is not None and one.has(*names)}
            several = cause == "guest-spinlock" and len(cpus) > 1
            says = f"a trace of {whose} kernel stands in {where}" + (f", and so do {len(cpus)} CPUs" if several else "")
            yield Point(says, trace.refs, ratio * _SAME_PLACE if several else ratio)
            return


_OUTSIDE = ("EXTERNAL_INTERRUPT", "INTERRUPT", "interrupt", "intr")
_NEARLY_ALL = 0.8  # a host ticks at most some thousand times a second: what is a quarter of that is no storm
_FAST = 2.0  # where the table tells a time, and that they are very many
_SAME_PLACE = 3.0  # several CPUs in one kind of function at one moment


def _of_stamps(cause: str, clocks: Iterable[LogClock]) -> Iterator[Point]:
    for clock in clocks:
        if cause == "kvmclock-jump" and not clock.host:
            years = clock.stamp_ns / 1e9 / 31_556_952
            says = f"the guest's kernel log has stamps of {years:,.0f} years since its boot"
            yield Point(says, clock.refs, 40)
            return
