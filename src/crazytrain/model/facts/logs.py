"""Facts from logs of the host: its kernel's, and QEMU's of this guest."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.vcpu import VcpuSample


class KernelMeaning(StrEnum):
    """What a line of the host's kernel log stands for."""

    SPLIT_LOCK = "split lock"
    BUS_LOCK = "bus lock"
    TIMER_LIMITED = "timer period limited"
    KVM_TSC = "virtual machine made on a host with an unstable TSC"
    KVM = "KVM"
    HUNG_TASK = "hung task"
    SOFT_LOCKUP = "soft lockup"
    HARD_LOCKUP = "hard lockup"
    RCU_STALL = "RCU stall"
    OOM_KILL = "killed for memory"
    OOM = "out of memory"
    NO_MEMORY = "no memory for a long time"
    MACHINE_CHECK = "machine check"
    MEMORY_ERROR = "memory error"
    IO_ERROR = "I/O error"
    NO_SPACE = "no space"
    STORAGE_SILENT = "storage does not answer"
    TSC = "TSC unstable"
    CLOCKSOURCE = "clocksource"
    TIME_STEP = "time"
    SUSPEND = "suspend or resume"
    IOMMU = "IOMMU fault"
    VFIO = "VFIO"
    OOPS = "oops"
    TRACE = "in a call trace"  # a frame of a trace that belongs to the line before it


class KernelLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that matters. ``text`` may hold what a guest or a program chose: escape before showing.

    ``stamp_s`` is the kernel's own (seconds since boot without sleep), ``mono_ns`` the same as
    ``CLOCK_MONOTONIC``. ``pid`` is the task that the line names.
    """

    meaning: KernelMeaning
    text: str
    ref: Ref
    stamp_s: float | None = None
    mono_ns: int | None = None
    wall_ns: int | None = None
    pid: int | None = None
    comm: str = ""


class KernelLog(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the host's kernel log: how many lines were read, from which stamp on, and those that matter.

    ``corrected_ns``: by how much ``CLOCK_MONOTONIC`` has been slewed ahead of a clock that is not, since boot. ``excerpt``: somebody
    chose these lines, so what is not among them may stand in the log all the same.
    """

    lines: int
    matter: tuple[KernelLine, ...]
    since_s: float | None
    corrected_ns: int
    mono_ns: int
    wall_ns: int
    refs: tuple[Ref, ...]
    excerpt: bool = False


class HostLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the host's kernel log, judged: is it about this guest, and how long before the window's end was it."""

    line: KernelLine
    ours: bool
    in_window: bool
    ago_ns: int | None


class HostLog(msgspec.Struct, frozen=True, kw_only=True):
    """The host's kernel log as it concerns this guest: lines that name its threads, and lines about the host, oldest first."""

    lines: tuple[HostLine, ...]
    read: int
    since_ns: int | None
    refs: tuple[Ref, ...]
    excerpt: bool = False

    def of(self, *meanings: KernelMeaning, ours: bool = False) -> tuple[HostLine, ...]:
        """Lines of these meanings; with ``ours`` only those that name a thread of the guest."""
        return tuple(one for one in self.lines if one.line.meaning in meanings and (one.ours or not ours))


class QemuMeaning(StrEnum):
    """What a line of QEMU's log stands for."""

    ENTRY_FAILED = "KVM entry failed"
    INTERNAL_ERROR = "KVM internal error"
    BAD_ADDRESS = "KVM_RUN: bad address"
    RUN_FAILED = "KVM_RUN failed"
    UNKNOWN_EXIT = "unknown exit"
    CPU_STATE = "CPU state refused"
    CPU_FEATURE = "CPU feature missing"
    TSC_FREQUENCY = "TSC frequency differs"
    TRIPLE_FAULT = "triple fault"
    MIGRATION = "migration failed"
    BLOCK_ERROR = "block I/O error"
    NO_SPACE = "no space"
    NO_MEMORY = "no memory"
    VFIO = "VFIO"
    INTERRUPT_LOST = "interrupt lost"
    DEVICE = "device error"
    PEER_GONE = "process of a vhost-user device gone"
    CRASHED = "crashed"
    SHUT_DOWN = "shut down"
    STARTED = "started"
    ERROR = "error"
    WARNING = "warning"


class QemuLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that matters. ``number`` is what it tells: a suberror, a hardware error. ``text`` is not to be trusted."""

    meaning: QemuMeaning
    text: str
    ref: Ref
    number: int | None = None
    at: str = ""


class QemuLog(msgspec.Struct, frozen=True, kw_only=True):
    """QEMU's own log of this guest since it was last started.

    ``whole`` is false where its start was not in what was read: lines may be of an earlier run. ``excerpt``: somebody chose these lines,
    so what is not among them may stand in the log all the same. ``dump`` are the registers that QEMU
    printed when KVM failed, ``code`` the bytes around the instruction.
    """

    lines: int
    matter: tuple[QemuLine, ...]
    whole: bool
    dump: VcpuSample | None
    code: str
    refs: tuple[Ref, ...]
    excerpt: bool = False

    def of(self, *meanings: QemuMeaning) -> tuple[QemuLine, ...]:
        """Lines of these meanings."""
        return tuple(line for line in self.matter if line.meaning in meanings)
