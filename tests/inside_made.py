"""Readings of a guest's inside that were made by hand, for tests of what is derived from them and shown."""

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.console import ConsoleLine, LineMeaning
from crazytrain.model.facts.inside import (
    ClockReading,
    CpuTimes,
    FoundBy,
    GuestCpu,
    GuestFrame,
    GuestKernel,
    GuestLog,
    GuestTask,
    InsideProfile,
    InsideReading,
    LockWait,
    Mode,
    StackCount,
    WhoCount,
)

S = 10**9
WALL = 1_795_438_800 * S  # 2026-11-23 13:00:00 UTC
KERNEL = GuestKernel(
    system="Linux",
    banner="Linux version 6.1.0-56-cloud-amd64",
    release="6.1.0-56-cloud-amd64",
    version="#1 SMP PREEMPT_DYNAMIC Debian 6.1.171-1 (2026-10-02)",
    found_by=FoundBy.PAGE_TABLE,
    text=0xFFFFFFFF81000000,
    symbols=87_347,
    types="BTF",
    took_ns=210_000_000,
)


def a_clock(at_s: float, **other: object) -> ClockReading:
    """A clock at 250 ticks a second of a guest that booted an hour ago, read ``at_s`` after the first reading."""
    at_ns = round(at_s * S)
    fields: dict[str, object] = {
        "mono_ns": 100 * S + at_ns,
        "wall_ns": WALL + at_ns,
        "clocksource": "tsc",
        "available": ("tsc", "hpet", "acpi_pm"),
        "jiffies": 4_294_892_296 + round((3600 + at_s) * 250),
        "hz": 250,
        "realtime_ns": WALL + at_ns,
        "monotonic_ns": 3600 * S + at_ns,
        "boot_ns": 3600 * S + at_ns,
        "cycle_last": 2_000_000 * (1000 * 3600 + round(at_s * 1000)),
        "tsc_khz": 2_000_000,
        "tsc_unstable": False,
    }
    return ClockReading(**{**fields, **other})  # type: ignore[arg-type]


def times(at_s: float, **shares: float) -> CpuTimes:
    """``kernel_cpustat`` of a CPU that was idle for an hour and then spent ``shares`` of the time."""
    spent = {name: round(shares.get(name, 0.0) * at_s * S) for name in CpuTimes.__struct_fields__}
    spent["idle"] += 3600 * S
    return CpuTimes(**spent)


def a_task(pid: int, comm: str, **other: object) -> GuestTask:
    fields: dict[str, object] = {"pid": pid, "tgid": pid, "ppid": 1, "comm": comm, "state": "S", "cpu": 0}
    return GuestTask(**{**fields, **other})  # type: ignore[arg-type]


STACK = (
    GuestFrame("__schedule", 0x2F1, 0xFFFFFFFF81A00000),
    GuestFrame("schedule", 0x5A, 0xFFFFFFFF81A00400),
    GuestFrame("io_schedule", 0x42, 0xFFFFFFFF81A00800),
)


def a_reading(at_s: float = 0.0, **other: object) -> InsideReading:
    """Two CPUs: one runs sh with 90 % user and 10 % system, one is idle; dd sleeps in D state all the time."""
    fields: dict[str, object] = {
        "mono_ns": 100 * S + round(at_s * S),
        "took_ns": 3_000_000,
        "kernel": KERNEL,
        "clock": a_clock(at_s),
        "cpus": (
            GuestCpu(cpu=0, pid=88, comm="sh", ready=2, times=times(at_s, user=0.9, system=0.1)),
            GuestCpu(cpu=1, pid=0, comm="swapper/1", idle=True, ready=0, times=times(at_s)),
        ),
        "tasks": (
            a_task(1, "init", exec_ns=5 * S),
            a_task(88, "sh", exec_ns=70 * S + round(0.96 * at_s * S), state="R", on_cpu=True),
            a_task(90, "dd", exec_ns=S, state="D", switches=17, stack=STACK, stack_whole=True),
        ),
        "tasks_total": 64,
        "load": (1.02, 0.77, 0.31),
        "locks": (
            LockWait(
                kind="mutex",
                pid=90,
                comm="dd",
                function="__mutex_lock",
                lock=0xFFFF888001234560,
                lock_name="pcpu_alloc_mutex",
                holder_pid=88,
                holder_comm="sh",
            ),
        ),
    }
    return InsideReading(**{**fields, **other})  # type: ignore[arg-type]


def a_stack(count: int, mode: Mode, *names: str, cpu: int = 0, pid: int | None = 88, comm: str = "sh") -> StackCount:
    frames = tuple(GuestFrame(name, 4, 0xFFFFFFFF81000000) for name in names)
    return StackCount(cpu=cpu, mode=mode, pid=pid, comm=comm, frames=frames, whole=len(names) > 1, count=count)


def a_profile(**other: object) -> InsideProfile:
    fields: dict[str, object] = {
        "start_ns": 100 * S,
        "end_ns": 102 * S,
        "vcpus": 2,
        "task_samples": 200,
        "samples": 100,
        "who": (
            WhoCount(cpu=0, pid=88, tgid=88, comm="sh", count=190),
            WhoCount(cpu=0, pid=95, tgid=95, comm="true", count=10),
            WhoCount(cpu=1, pid=0, comm="swapper/1", count=200),
        ),
        "stacks": (
            a_stack(70, Mode.KERNEL, "chacha_permute", "extract_crng", "entry_SYSCALL_64"),
            a_stack(20, Mode.KERNEL, "chacha_block_generic", "extract_crng", "entry_SYSCALL_64"),
            a_stack(10, Mode.USER, ""),
            a_stack(100, Mode.HALTED, "native_safe_halt", cpu=1, pid=0, comm="swapper/1"),
        ),
    }
    return InsideProfile(**{**fields, **other})  # type: ignore[arg-type]


def a_log(*lines: tuple[LineMeaning, float, str]) -> GuestLog:
    return GuestLog(
        lines=400,
        matter=tuple(ConsoleLine(meaning=meaning, text=text, ref=Ref("inside-log")) for meaning, _, text in lines),
        at_ns=tuple(round(at * S) for _, at, _ in lines),
        last_ns=3600 * S,
        refs=(Ref("inside-log"),),
    )
