"""Facts from what people say in their own words: observations in the field's terms, as told and not measured."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref


class Stance(StrEnum):
    """How a thing is spoken of."""

    SEEN = "seen"  # it is there, or happens
    ABSENT = "absent"  # it is not there, or switched off
    CURED = "well without it"  # without it all is well
    GOOD_WITH = "well with it"  # with it all is well
    NO_MATTER = "makes no difference"
    LISTED = "one of several that are named"  # a description of the guest more than an observation
    GUESS = "guessed"  # the teller only suspects it


class Topic(StrEnum):
    """What is spoken of. The value is what a report calls it."""

    # who takes time, and how it shows
    CPU_FULL = "a CPU is taken all the time"
    CPU_SOME = "some CPU is taken"
    VCPUS_FULL = "vCPUs take all they can"
    MAIN_FULL = "QEMU's own thread takes all it can"
    SYSTEM_TIME = "much of it is system time"
    USER_TIME = "it is user or guest time"
    GUEST_IDLE = "the guest itself is idle"
    GUEST_HUNG = "the guest hangs"
    GUEST_SLOW = "the guest is slow"
    QEMU_HUNG = "QEMU or its monitor does not answer"
    GUEST_PAUSED = "the guest is paused"
    PAUSED_BY = "somebody paused it"
    PAUSES_ITSELF = "it pauses by itself, or again after a resume"
    NOTHING_WRONG = "nothing is wrong"
    RECOVERS = "it comes back by itself"
    # when
    MIGRATION = "a migration"
    MIGRATION_LASTS = "a migration that goes on"
    POSTCOPY = "a postcopy migration"
    STORAGE_COPY = "storage that is copied or mirrored"
    BLOCK_JOB = "a block job, snapshot or removal of a drive"
    RESUME = "a suspend, restore or snapshot of the guest"
    LONG_STOP = "a guest that was stopped for long"
    HOST_SLEEP = "a host that slept"
    AT_START = "it is at the start"
    AT_RESET = "it is at a reset or reboot"
    AT_SHUTDOWN = "it is at the shutdown"
    UPTIME = "the longer it runs, the worse"
    # the guest's own state
    WINDOWS = "a Windows guest"
    LINUX = "a Linux guest"
    SOFT_LOCKUP = "soft lockup or RCU stall in the guest"
    HARD_LOCKUP = "hard lockup"
    HUNG_TASK = "hung tasks in the guest"
    FS_FREEZE = "file systems of the guest that are frozen for a moment"
    PANIC = "a kernel panic"
    BLUE_SCREEN = "a blue screen of Windows"
    TRIPLE_FAULT = "a triple fault"
    RESETS = "resets again and again"
    SPINLOCK = "vCPUs that spin for a lock"
    LOCK_HOLDER = "the holder of a lock that does not run"
    SMP_START = "the start of the other CPUs"
    LOST_INTERRUPT = "an interrupt that is lost"
    POKED = "it goes on when QEMU is stopped or asked for a moment"
    NETWORK_DEAD = "a guest that loses its network"
    WAKEUPS = "many wake-ups of the host"
    GUEST_SWAP = "swapping or reclaim"
    HOST_CALM = "the host sees no load"
    LOAD_OF_NOBODY = "a load in the guest that no process makes"
    HOST_STUCK = "a host that hangs or crashes itself"
    OTHER_HOST = "a host that runs Windows or macOS"
    GUEST_KTHREAD = "a thread of the guest's kernel that is busy"
    ALL_HALTED = "all vCPUs are halted"
    NO_CPU = "no CPU is taken"
    GUEST_PROGRAM = "a program in the guest"
    GUEST_PROGRAM_BUSY = "a program in the guest that takes the CPU"
    GUEST_DRIVER = "a driver of the guest"
    OTHER_MODEL = "another model of the device"
    STEAL = "steal time"
    STEAL_ABSURD = "steal time that cannot be"
    # clocks and timers
    TIME_JUMP = "a clock that jumps or stands"
    CLOCKSOURCE = "the clock source"
    HOST_CLOCK_STEP = "a clock of the host that was set"
    CLOCK_DRIFT = "a clock that runs fast or slow"
    TSC_FREQUENCY = "hosts of different TSC frequency"
    TSC_UNSTABLE = "TSC unstable"
    KVMCLOCK = "kvmclock"
    SLOW_CLOCKSOURCE = "clocksource hpet or acpi_pm"
    RTC = "the RTC"
    RTC_CATCHUP = "missed RTC ticks that are made up for"
    PIT = "the PIT"
    HPET = "the HPET"
    LAPIC_PERIODIC = "the local APIC timer in periodic mode"
    STORAGE_FINE = "a storage of the host that answers well"
    GUEST_TRAFFIC = "a guest that moves much data"
    RIP_STILL = "a CPU that stays at one place"
    TICK_LOWERED = "a guest whose tick was set lower"
    APIC_TIMER = "the APIC timer or the guest's tick"
    HV_STIMER = "Hyper-V synthetic timers"
    HYPERV = "Hyper-V enlightenments"
    TIMER_RATE = "a high rate of timer interrupts"
    IDLE_POLL = "a guest that idles by polling"
    HALT_POLL = "halt polling"
    ALARM_FLOOR = "a timer that is always due"
    # exits
    IO_EXITS = "many exits for I/O ports"
    MSR_EXITS = "many exits for MSRs"
    MMIO_EXITS = "many exits for MMIO"
    PAUSE_EXITS = "many PAUSE exits"
    HLT_EXITS = "many HLT exits"
    FAULT_EXITS = "many page faults of the guest in KVM"
    IRQ_STORM = "a storm of one interrupt"
    NO_HALT = "an old system that rests without HLT"
    IRQ_LINE = "an interrupt line that is shared or level-triggered"
    MEMORY_SHOWN = "memory that a manager shows as all used"
    CPU_LITTLE = "next to no CPU is taken"
    MODE_SWITCH = "a reset at a switch of the processor's mode"
    FEW_EXITS = "few exits"
    IOWAIT = "time that top counts as waiting for disks"
    RTC_PORT = "I/O port 0x70 or 0x71"
    PM_TIMER_PORT = "the I/O port of the ACPI timer"
    PIT_PORT = "an I/O port of the PIT"
    OTHER_PORT = "an I/O port"
    APIC_VIRT = "APIC virtualisation"
    SPLIT_LOCK = "split locks"
    OVERCOMMIT = "more vCPUs than CPUs"
    # QEMU's loops and devices
    EAGAIN = "EAGAIN or an endless read or write"
    POLL_SPIN = "ppoll that returns at once"
    CHARDEV = "a serial port or another character device"
    PEER_STUCK = "a reader that does not drain"
    SOCKET = "a socket of QEMU"
    CLIENT_GONE = "a client that went away"
    IO_URING = "io_uring"
    IOTHREAD = "iothreads"
    POLL_MAX = "polling of an iothread"
    THROTTLE = "I/O throttling"
    USERNET = "user-mode networking"
    TAP = "tap or bridge networking"
    USB_TABLET = "a USB tablet"
    USB = "emulated USB"
    USB_HOST = "a USB device of the host"
    DISPLAY = "a remote display"
    DISPLAY_WORK = "pictures that are encoded"
    AUDIO = "emulated sound"
    AGENT = "the guest agent"
    BALLOON = "the balloon"
    VHOST = "vhost"
    NETWORK_LOAD = "a flood of packets"
    NBD = "a block device over the network"
    # storage
    HOST_IO = "heavy disk I/O of the host"
    IO_BLOCKS = "disk I/O that blocks"
    FD_HANDLERS = "handlers of descriptors that pile up in QEMU"
    STOPPED = "QEMU's process is stopped"
    VHOST_USER = "a vhost-user device"
    VHOST_FULL = "a vhost thread that takes all it can"
    MAIN_IN_CALL = "QEMU's main thread is inside a call that works on files"
    STORAGE_SILENT = "storage that does not answer"
    NO_SPACE = "no space left"
    IO_ERROR = "an I/O error"
    DRAIN = "a drain of the block layer"
    BIG_LOCK = "the big lock of QEMU"
    QEMU_IN_D = "a thread of QEMU that sleeps and cannot be interrupted (state D)"
    SILENT_CONSOLE = "a console to which the guest does not write"
    # KVM refuses
    ENTRY_FAILED = "KVM entry failed"
    EMULATION = "an instruction that KVM cannot emulate"
    NEEDS_RESET = "QEMU goes on after a reset only"
    OTHER_FIRMWARE = "it boots by another firmware"
    FIRMWARE_FAULT = "an exception or an assertion of the firmware"
    BAD_ADDRESS = "a bad address in KVM_RUN"
    CPU_DIFFERS = "hosts with different CPUs"
    PASSTHROUGH = "a passed-through device"
    # firmware
    FIRMWARE = "the firmware"
    NO_SCREEN = "a firmware screen that does not come"
    NO_BOOT = "nothing to boot from"
    SMM = "SMM"
    # the host
    NUMA_BALANCING = "automatic NUMA balancing"
    KSM = "KSM"
    HUGE_PAGES = "transparent huge pages"
    MMU_LOCK = "KVM's MMU lock"
    HOST_MEMORY = "memory that is short on the host"
    HOST_LOAD = "a loaded host"
    ALL_GUESTS = "all guests of a host at once"
    CPU_QUOTA = "a CPU quota or its throttling"
    CGROUP_FROZEN = "a frozen control group or a stopped process"
    MSR_LEFT_OUT = "registers that KVM leaves out"
    HOST_KERNEL = "it depends on the host's kernel"
    ENTROPY = "random numbers that a guest lacks"
    GUEST_KERNEL = "it depends on the guest's kernel"
    QEMU_VERSION = "it depends on QEMU's version"
    NESTED = "a guest within a guest"
    EMULATED = "software emulation"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One observation. ``words`` are the clause that it was read from (not to be trusted), ``value`` the figure in it, where there is
    one (a share as ratio, a rate per second, a span in s).
    """

    topic: Topic
    stance: Stance
    words: str
    ref: Ref
    value: float | None = None


class Prose(msgspec.Struct, frozen=True, kw_only=True):
    """How much of somebody's words was searched, in clauses, and whether that text speaks of guests and hosts at all."""

    clauses: int
    of_guests: bool


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """All that was told, each topic once for each stance, in order; of how many ``clauses``, and whether they speak of guests."""

    told: tuple[Told, ...]
    refs: tuple[Ref, ...]
    clauses: int = 0
    of_guests: bool = True

    def find(self, topic: Topic, stance: Stance = Stance.SEEN) -> Told | None:
        """What was told of a topic."""
        return next((one for one in self.told if one.topic is topic and one.stance is stance), None)
