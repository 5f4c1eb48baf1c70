"""What the guest's own kernel keeps in its RAM, as it was read from outside while the guest ran.

Everything here was written by the guest: names and texts are hostile until they are escaped, and any figure may be a lie.
Each part fails alone: what could not be read is a ``Missing`` with its reason, never an empty list that looks like none.
"""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.console import ConsoleLine


class Missing(msgspec.Struct, frozen=True):
    """A part that could not be read (``what``: "tasks", "clock", ...) and why, in plain words."""

    what: str
    why: str


class FoundBy(StrEnum):
    """How the guest's kernel was found in its RAM."""

    PAGE_TABLE = "the vCPU's page table"
    VMCOREINFO = "its crash note (VMCOREINFO)"
    SIGNATURE = "the signature of its symbol table"
    BANNER = "its banner only"


class GuestKernel(msgspec.Struct, frozen=True, kw_only=True):
    """Which kernel runs in the guest. ``system`` is "Linux", or what else a banner says; ``text`` is where ``_text`` lies.

    ``release`` is that of uname (``6.1.0-56-cloud-amd64``), ``version`` the build line. ``symbols`` is how many are known.
    ``types`` says where structure layouts come from: "BTF", "derived" (few fields only), or "".
    """

    system: str
    banner: str
    release: str = ""
    version: str = ""
    found_by: FoundBy
    text: int = 0
    symbols: int = 0
    types: str = ""
    page_levels: int = 4
    cached: bool = False
    took_ns: int = 0


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's time at one instant (``mono_ns``: the host's clock when it was read); counters, not rates.

    ``realtime_ns``, ``monotonic_ns`` and ``boot_ns`` are the guest's clocks as of its last tick. ``tsc_unstable`` is what the
    guest thinks of its TSC, ``None`` where unknown. ``skew_tries``: reads that were torn and made again.
    """

    mono_ns: int
    wall_ns: int
    clocksource: str
    available: tuple[str, ...] = ()
    jiffies: int | None = None
    hz: int | None = None
    realtime_ns: int | None = None
    monotonic_ns: int | None = None
    boot_ns: int | None = None
    cycle_last: int | None = None
    tsc_khz: int | None = None
    tsc_unstable: bool | None = None
    skew_tries: int = 0


class CpuTimes(msgspec.Struct, frozen=True, kw_only=True):
    """``kernel_cpustat`` of one CPU of the guest: ns since its boot."""

    user: int
    nice: int
    system: int
    softirq: int
    irq: int
    idle: int
    iowait: int
    steal: int


class GuestCpu(msgspec.Struct, frozen=True, kw_only=True):
    """One CPU as the guest's kernel sees it at one instant: who is on it, how many are ready to run, its times.

    ``timer_irqs`` counts interrupts of its own timer (the local APIC's), as ``LOC`` in /proc/interrupts; it wraps at 2^32.
    """

    cpu: int
    online: bool = True
    pid: int | None = None
    comm: str = ""
    idle: bool = False
    ready: int | None = None
    times: CpuTimes | None = None
    timer_irqs: int | None = None


class GuestFrame(msgspec.Struct, frozen=True):
    """A function of the guest's kernel and how far into it; ``name`` is empty for an address without a symbol (a module)."""

    name: str
    offset: int
    address: int


class GuestTask(msgspec.Struct, frozen=True, kw_only=True):
    """One thread of the guest. ``state`` is a letter as ps has it (R S D T Z I ...). ``stack`` is innermost first.

    ``switches`` counts how often it left a CPU: the same number twice means that it slept all the time between.
    ``stack_whole`` says whether the stack was read to its end.
    """

    pid: int
    tgid: int
    ppid: int = 0
    comm: str
    state: str
    kernel_thread: bool = False
    cpu: int | None = None
    on_cpu: bool | None = None
    exec_ns: int = 0
    switches: int | None = None
    stack: tuple[GuestFrame, ...] = ()
    stack_whole: bool = False


class LockWait(msgspec.Struct, frozen=True, kw_only=True):
    """A CPU that spins for, or a task that sleeps for, a lock; and who holds it, where that can be read.

    ``kind``: "spinlock", "mutex", "rwsem". ``lock`` is its address, ``lock_name`` the symbol where it has one.
    ``holder_why`` says why the holder is not known.
    """

    kind: str
    cpu: int | None = None
    pid: int | None = None
    comm: str = ""
    function: str = ""
    lock: int = 0
    lock_name: str = ""
    holder_pid: int | None = None
    holder_comm: str = ""
    holder_cpu: int | None = None
    holder_why: str = ""


class MemoryEvents(msgspec.Struct, frozen=True, kw_only=True):
    """What the guest's kernel has counted since its boot, of all CPUs: pages and times, never bytes.

    ``swapped_in`` and ``swapped_out`` are pages read from and written to the guest's own swap (zram, too); ``major_faults`` are
    waits of a program for a page from a disk; ``oom_kills`` are programs that were killed for want of memory.
    """

    swapped_in: int
    swapped_out: int
    major_faults: int
    oom_kills: int


class InsideReading(msgspec.Struct, frozen=True, kw_only=True):
    """All that was read at one instant. ``tasks_total`` counts tasks even where only some are listed (``tasks_cut``)."""

    mono_ns: int
    took_ns: int
    kernel: GuestKernel | None = None
    clock: ClockReading | None = None
    cpus: tuple[GuestCpu, ...] = ()
    tasks: tuple[GuestTask, ...] = ()
    tasks_total: int = 0
    tasks_cut: bool = False
    load: tuple[float, ...] = ()
    locks: tuple[LockWait, ...] = ()
    memory: MemoryEvents | None = None
    panicked: bool | None = None
    missing: tuple[Missing, ...] = ()
    refs: tuple[Ref, ...] = ()


class LogRecord(msgspec.Struct, frozen=True, array_like=True):
    """One record of the guest's kernel log. ``level`` 0 (emergency) to 7; ``at_ns`` since the guest's boot."""

    seq: int
    at_ns: int
    level: int
    text: str


class InsideLog(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's dmesg as it lies in its ring buffer, oldest first. ``lost`` counts records that were being overwritten."""

    records: tuple[LogRecord, ...]
    lost: int = 0
    cut: bool = False
    missing: tuple[Missing, ...] = ()
    refs: tuple[Ref, ...] = ()


class GuestLog(msgspec.Struct, frozen=True, kw_only=True):
    """What matters of the guest's kernel log: ``matter`` with ``at_ns`` since the guest's boot, one each.

    ``after_last`` lines follow the last one that matters; ``last_ns`` is when the last line of all came.
    """

    lines: int
    matter: tuple[ConsoleLine, ...]
    at_ns: tuple[int, ...]
    after_last: int = 0
    last_ns: int | None = None
    refs: tuple[Ref, ...]


class Mode(StrEnum):
    """What a vCPU was doing when it was sampled."""

    USER = "user"
    KERNEL = "kernel"
    HALTED = "halted"


class WhoCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a task was the current one of a CPU (the idle task is pid 0), of ``InsideProfile.task_samples`` a CPU."""

    cpu: int
    pid: int
    tgid: int = 0
    comm: str
    count: int


class StackCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a vCPU was seen at one place. ``frames`` are innermost first: one only where the rest is not believed.

    ``pid`` and ``comm`` are of the task that was current. A user address is a frame whose ``name`` is the file, where known.
    """

    cpu: int
    mode: Mode
    pid: int | None = None
    comm: str = ""
    frames: tuple[GuestFrame, ...] = ()
    whole: bool = False
    count: int = 1


class InsideProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the vCPUs did over a window. ``task_samples`` looks at every CPU's current task; ``samples`` looks at registers,
    each of all vCPUs. ``paused_ns``: for how long the guest was paused for it in all (0 unless that was allowed).
    """

    start_ns: int
    end_ns: int
    vcpus: int
    task_samples: int = 0
    samples: int = 0
    who: tuple[WhoCount, ...] = ()
    stacks: tuple[StackCount, ...] = ()
    paused_ns: int = 0
    missing: tuple[Missing, ...] = ()
    refs: tuple[Ref, ...] = ()
