"""Facts from lines that programs around a guest print when something goes wrong: managers, firmware, boot loaders, the host's kernel."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref


class ToolMeaning(StrEnum):
    """What such a line stands for."""

    MONITOR_SILENT = "QEMU's monitor does not answer its manager"
    STOPPED_FOR_ERROR = "the guest was stopped for an error of its storage"
    POOL_FULL = "a pool or file system that holds disks is full"
    FELL_BACK = "QEMU fell back to software emulation"
    NO_KVM = "KVM cannot be used"
    STATE_DUMPED = "KVM printed the state with which a vCPU could not be entered"
    FIRMWARE_FAILED = "the firmware met an error of its own and stopped"
    NOTHING_TO_BOOT = "nothing was booted"
    MIGRATING = "a migration or a copy of disks goes on"
    POSTCOPY_RUNS = "a postcopy migration goes on"
    POSTCOPY_BROKE = "a postcopy migration lost its other side"
    MAP_REFUSED = "memory of a passed-through device could not be mapped"
    USB_TIMED_OUT = "a request to a passed-through USB device timed out"
    USB_LOST = "a USB device was reset or lost"
    DISK_SERVERS_HANG = "threads of the host's kernel that serve disks sleep without end"
    STORAGE_LOST = "a storage does not answer"
    QEMU_KILLED = "the kernel killed QEMU to get memory"
    INVALID_OPCODE = "programs of a guest meet instructions that the processor does not know"
    CPU_LACKS = "the CPU lacks what the guest was promised"
    BAD_ADDRESS = "KVM met memory that it cannot reach"
    RUN_REFUSED = "KVM gave the guest up with an error"
    NO_MEMORY_TO_RUN = "KVM found no memory to run a vCPU"
    NOT_DECODED = "KVM met an access of the guest that it cannot decode"
    STATE_REFUSED = "KVM did not take the state of a vCPU"
    CLOCK_STEPPED = "a clock was found to be far off and was set"
    STRAY_INTERRUPT = "an interrupt of the guest does not reach the CPU that it should"
    FPU_STATE = "the guest's kernel met a state of the FPU that this processor does not take"
    LAST_EXIT = "why the vCPU left guest mode, as a debugger showed it"
    NO_ACCELERATOR = "a command starts QEMU without naming an accelerator, which means emulation"
    PAUSED_TOLD = "a manager says that the guest is paused, and no error"
    POLLS_IDLE = "a system that was told to poll while it idles"
    HOST_IS_GUEST = "the machine that runs guests is a virtual one itself"
    IRQ_UNHANDLED = "an interrupt came again and again, and no driver took it"
    GUEST_DISK_SILENT = "a disk of the guest does not answer its driver"
    QEMU_SWAPPED = "much of QEMU's memory is in the swap"
    NO_MEMORY_LEFT = "next to no memory is available"
    QUOTA = "a quota gives each vCPU less than a CPU"
    QUEUES = "many tasks wait for a CPU"
    VCPU_WAITS = "a vCPU is runnable and not run"
    MOVES_MUCH = "QEMU reads and writes much"
    IRQ_RATE = "an interrupt line comes very often"
    TICK_RATE = "a timer's interrupt comes very often"
    DISK_AWAITS = "a disk is busy and answers late"
    DISK_MOVES = "a disk moves much and answers at once"
    SPREAD = "QEMU's memory lies on several NUMA nodes"
    DISK_SLOW = "QEMU waits for a disk that gives next to nothing"
    VCPUS_SHARE = "vCPUs are bound to fewer CPUs than they are"
    TASKS_AT_DISK = "tasks of a machine wait for its disk"
    LONG_CALL = "a call that works on a file's name took long, and QEMU makes such with its lock held"
    MEMORY_STALLS = "tasks wait for memory"
    SWAPS = "memory goes to and from the swap all the time"
    HALF_CLOSED = "QEMU keeps a connection open whose other side has closed it"
    THROTTLED = "a disk of the guest has a limit of requests or bytes per second"
    USER_NETWORK = "the guest has user networking (slirp)"
    CLOCK_WENT_BACK = "a kernel found that its clock had gone back"
    GUEST_HALTED = "the guest's kernel has halted the machine and said so"
    RTC_PERIODIC = "the RTC's periodic interrupt is on"
    IN_GUEST_PROGRAMS = "a profile has most of its samples in a guest's programs"
    IN_GUEST_KERNEL = "a profile has most of its samples in a guest's kernel"
    FIRMWARE_AGAIN = "the firmware begins again and again"
    SAME_PAGE = "KVM maps one page again and again"
    TRACE_CUT = "a kernel's log ends where it began to tell of a fault"
    TCG_CPU = "the guest has a processor that only emulation offers"
    EMULATION_SET = "what manages the guests was told to emulate"
    BOOT_ENDS = "a kernel's log ends while it sets the machine up"
    SERVES = "a kernel thread that serves guests or memory takes a CPU"


class ToolLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line. ``value`` is a share (1.0 is all of the time, or one CPU) or a rate in bytes per second, where the line tells one."""

    meaning: ToolMeaning
    text: str
    ref: Ref
    value: float | None = None
    who: str = ""


class HungUp(msgspec.Struct, frozen=True, kw_only=True):
    """A descriptor of which a trace's waits said again and again that its other side is gone (POLLHUP, POLLERR, POLLNVAL).

    ``ready`` of ``waits`` waits said so; ``taken`` bytes were read from it meanwhile, and reads ended in ``errors``.
    ``ended``: the call that met the end of the file or stream there, empty where none did. ``urgent``: the wait asked for urgent data too.
    """

    fd: int
    events: tuple[str, ...]
    ready: int
    waits: int
    taken: int
    refs: tuple[Ref, ...]
    errors: tuple[str, ...] = ()
    ended: str = ""
    urgent: bool = False
