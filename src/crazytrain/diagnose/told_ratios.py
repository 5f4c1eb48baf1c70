"""How much what people tell speaks for each cause: likelihood ratios of mentions.

A ratio says how many times likelier somebody tells this where the cause holds than where it does not. People also tell of things that have
nothing to do with it (a command line is full of devices), so a mention counts little; what they tried counts more, for it is an experiment:
all is well without the device. Only words that a person copies from a log or a status (no space left, triple fault, entry failed) count
like the line itself. A cause takes the ratios of its family, and its own, which replace those.
"""

from crazytrain.model.facts.told import Stance, Topic
from crazytrain.model.finding import Family

F, S, T = Family, Stance, Topic
Ratios = dict[Topic | tuple[Topic, Stance], float]

# What every second report says: it singles out no cause.
GENERAL = frozenset(
    {
        T.CPU_FULL,
        T.CPU_SOME,
        T.VCPUS_FULL,
        T.GUEST_HUNG,
        T.GUEST_SLOW,
        T.GUEST_IDLE,
        T.LINUX,
        T.AT_RESET,
        T.RECOVERS,
        T.HOST_CALM,
    }
)

# That it is Windows says something only of a guest that should rest, or takes a little all the time.
RESTLESS = frozenset(
    {T.GUEST_IDLE, T.CPU_SOME, T.SYSTEM_TIME, T.WAKEUPS, T.CLOCK_DRIFT, T.TIME_JUMP, T.RESUME, T.HOST_SLEEP}
)

OF_FAMILY: dict[Family, Ratios] = {
    F.GUEST_BUSY: {T.CPU_LITTLE: 0.4, T.ALL_GUESTS: 0.3, T.GUEST_IDLE: 0.2, T.GUEST_HUNG: 0.5, T.QEMU_HUNG: 0.2, T.CPU_FULL: 1.3, T.USER_TIME: 1.5},
    F.GUEST_STUCK: {T.GUEST_KERNEL: 3.0, (T.GUEST_KERNEL, S.GOOD_WITH): 2.5, (T.GUEST_KERNEL, S.CURED): 2.5,
        T.ALL_GUESTS: 0.4, T.HOST_STUCK: 0.2, T.QEMU_HUNG: 0.4, T.GUEST_HUNG: 2.0, T.VCPUS_FULL: 1.5, T.NOTHING_WRONG: 0.3,
        T.GUEST_IDLE: 0.4},
    F.GUEST_CLOCK: {T.GUEST_HUNG: 1.2, T.CPU_FULL: 1.2, T.NOTHING_WRONG: 0.4},
    F.TIMER_STORM: {
        T.NO_HALT: 0.4, T.GUEST_IDLE: 2.5, T.SYSTEM_TIME: 2.0, T.CPU_FULL: 1.2, T.CPU_SOME: 1.6, T.GUEST_HUNG: 0.3, T.USER_TIME: 0.4,
        T.QEMU_HUNG: 0.3,
        T.TIMER_RATE: 4.0, T.GUEST_PAUSED: 0.5, T.WAKEUPS: 2.5, (T.GUEST_PROGRAM, S.CURED): 0.4, (T.GUEST_PROGRAM, S.GOOD_WITH): 0.4,
    },
    F.EXIT_STORM: {T.CPU_LITTLE: 0.5, T.SYSTEM_TIME: 1.8, T.CPU_SOME: 1.3, T.USER_TIME: 0.5, T.QEMU_HUNG: 0.3, T.GUEST_PAUSED: 0.5,
        T.NOTHING_WRONG: 0.5},
    F.MAIN_LOOP_SPIN: {
        T.CPU_LITTLE: 0.3,
        T.NOTHING_WRONG: 0.5,
        (T.GUEST_KERNEL, S.GOOD_WITH): 0.4, (T.GUEST_KERNEL, S.CURED): 0.4,
        T.MAIN_FULL: 4.0, T.CPU_FULL: 1.4, T.CPU_SOME: 1.2, T.VCPUS_FULL: 0.3,
        (T.GUEST_PROGRAM, S.CURED): 0.4, (T.GUEST_PROGRAM, S.GOOD_WITH): 0.4,
    },
    F.QEMU_BLOCKED: {(T.GUEST_KERNEL, S.GOOD_WITH): 0.3, (T.GUEST_KERNEL, S.CURED): 0.3, T.GUEST_KERNEL: 0.4,
        T.NO_CPU: 2.0, T.PAUSED_BY: 0.3, T.GUEST_PAUSED: 0.6, T.QEMU_HUNG: 4.0, T.GUEST_HUNG: 1.4, T.CPU_FULL: 0.4, T.VCPUS_FULL: 0.4,
        T.GUEST_IDLE: 0.5,
        T.NOTHING_WRONG: 0.3},
    F.VCPU_CANNOT_RUN: {T.RECOVERS: 0.15, T.NEEDS_RESET: 5.0, T.GUEST_PAUSED: 1.5, T.CPU_FULL: 0.5, T.GUEST_IDLE: 0.7, T.GUEST_SLOW: 0.4},
    F.FIRMWARE: {
        T.AT_START: 2.0, T.AT_RESET: 1.4, T.FIRMWARE: 4.0, T.NO_SCREEN: 8.0, T.SMM: 4.0, T.MIGRATION: 0.3, T.SOFT_LOCKUP: 0.2, T.UPTIME: 0.15,
        T.GUEST_SLOW: 0.5,
    },
    F.HOST_PRESSURE: {T.NOTHING_WRONG: 0.4, T.GUEST_SLOW: 2.0, T.HOST_LOAD: 3.0, T.STEAL: 2.0, T.ALL_GUESTS: 3.0},
    F.EMULATED: {T.GUEST_SLOW: 1.5},
    F.HEALTHY: {
        T.CPU_LITTLE: 2.0,
        T.NOTHING_WRONG: 15.0, T.CPU_FULL: 0.3, T.CPU_SOME: 0.6, T.GUEST_HUNG: 0.1, T.QEMU_HUNG: 0.1, T.GUEST_SLOW: 0.3,
        T.GUEST_PAUSED: 0.5,
        T.SOFT_LOCKUP: 0.1, T.IO_ERROR: 0.1, T.NO_SPACE: 0.1, T.TRIPLE_FAULT: 0.05, T.ENTRY_FAILED: 0.05, T.EMULATION: 0.1, T.PANIC: 0.1,
        T.TIME_JUMP: 0.2, T.SPLIT_LOCK: 0.4,
    },
}  # fmt: skip

# Where mentions of a cause that is never said by its own name alone start from.
PRIOR = 0.03
PRIORS = {
    "healthy-idle": 0.02,
    "healthy-busy": 0.02,
    "rtc-periodic-storm": 0.04,
    "guest-soft-lockup": 0.04,
    "paused": 0.02,
    "guest-hard-lockup": 0.02,
}

OF_CAUSE: dict[str, Ratios] = {
    "guest-user-busy": {
        T.FEW_EXITS: 1.5, T.NOTHING_WRONG: 0.4,
        T.USER_TIME: 1.5, T.GUEST_PROGRAM_BUSY: 12.0, T.GUEST_PROGRAM: 6.0, (T.GUEST_PROGRAM, S.CURED): 40.0, (T.GUEST_PROGRAM, S.GOOD_WITH): 40.0},
    "guest-kernel-busy": {T.IRQ_STORM: 0.3, T.SYSTEM_TIME: 1.2, T.GUEST_KTHREAD: 12.0, T.VHOST_FULL: 0.1},
    "guest-io-heavy": {
        T.MIGRATION_LASTS: 0.2, T.VHOST_FULL: 0.3,
        T.GUEST_TRAFFIC: 10.0, T.VHOST: 1.5, T.MIGRATION: 0.4, T.STORAGE_COPY: 0.3, T.STORAGE_SILENT: 0.3, T.BLOCK_JOB: 0.5,
        T.ALL_GUESTS: 1.0, T.HOST_IO: 2.5, T.NETWORK_LOAD: 2.0},
    "guest-memory-thrash": {T.GUEST_HUNG: 1.0, T.MEMORY_SHOWN: 0.4, T.GUEST_SWAP: 10.0, T.HOST_MEMORY: 0.5, T.GUEST_SLOW: 2.0},
    "guest-soft-lockup": {T.GUEST_DRIVER: 1.5, T.GUEST_KERNEL: 3.0, (T.GUEST_KERNEL, S.GOOD_WITH): 2.5,
        (T.IOTHREAD, S.GOOD_WITH): 0.2, T.HOST_IO: 0.35, T.IO_BLOCKS: 0.5, T.MAIN_IN_CALL: 0.4,
        T.RIP_STILL: 2.0, T.STEAL: 0.4, T.OVERCOMMIT: 0.4, T.TIME_JUMP: 0.3, T.LONG_STOP: 0.3,
        T.SOFT_LOCKUP: 12.0, T.STORAGE_COPY: 0.5, T.NESTED: 0.15, T.EMULATED: 0.3, T.HOST_LOAD: 0.6, T.CPU_FULL: 1.2},
    "guest-hard-lockup": {T.GUEST_KERNEL: 3.0, T.RIP_STILL: 3.0, T.HARD_LOCKUP: 10.0, T.LAPIC_PERIODIC: 0.3, T.LONG_STOP: 0.5},
    "guest-spinlock": {
        T.LOCK_HOLDER: 0.3, T.GUEST_DRIVER: 1.5,
        T.SPINLOCK: 6.0, T.PAUSE_EXITS: 3.0, T.VCPUS_FULL: 3.0, T.OVERCOMMIT: 0.4, T.GUEST_SLOW: 1.0},
    "guest-panic-spin": {T.LONG_STOP: 0.4, T.CPU_DIFFERS: 0.2, T.PANIC: 25.0, T.BLUE_SCREEN: 6.0, T.HUNG_TASK: 0.3},
    "guest-reboot-loop": {T.RESETS: 25.0, T.TRIPLE_FAULT: 0.8, T.AT_RESET: 1.5, T.GUEST_HUNG: 0.4},
    "guest-lost-interrupt": {T.GUEST_KERNEL: 3.0, (T.GUEST_KERNEL, S.GOOD_WITH): 2.5,
        T.POKED: 8.0, T.RECOVERS: 0.5,
        T.LOST_INTERRUPT: 10.0, T.ALL_HALTED: 3.0, T.NETWORK_DEAD: 7.0, T.NETWORK_LOAD: 1.0, T.MIGRATION: 2.0, T.RESUME: 1.5, T.CPU_FULL: 0.3,
        T.GUEST_IDLE: 1.2, T.GUEST_DRIVER: 1.5, T.SMP_START: 4.0,
        (T.VHOST, S.CURED): 5.0, (T.APIC_VIRT, S.CURED): 12.0,
    },
    "guest-hung-io": {T.ENTROPY: 3.0, T.GUEST_KERNEL: 3.0, (T.GUEST_KERNEL, S.GOOD_WITH): 2.5,
        T.GUEST_SWAP: 0.3,
        T.STORAGE_FINE: 2.0, T.GUEST_DRIVER: 3.0, (T.OTHER_MODEL, S.GOOD_WITH): 5.0, (T.GUEST_DRIVER, S.CURED): 4.0, T.STORAGE_SILENT: 1.3,
        T.HUNG_TASK: 8.0, T.FS_FREEZE: 4.0, T.IO_ERROR: 1.5, T.CPU_FULL: 0.4, T.VCPUS_FULL: 0.5,
    },
    "guest-halted-dead": {T.RESETS: 0.1, T.ALL_HALTED: 12.0, T.NO_CPU: 4.0, T.CPU_FULL: 0.1, T.GUEST_HUNG: 2.0},
    "kvmclock-jump": {
        T.CLOCKSOURCE: 2.0,
        (T.SLOW_CLOCKSOURCE, S.GOOD_WITH): 4.0, (T.KVMCLOCK, S.CURED): 6.0,
        T.MIGRATION: 3.0, T.RESUME: 2.5, T.LONG_STOP: 3.0, T.HOST_SLEEP: 4.0, T.KVMCLOCK: 4.0, T.TIME_JUMP: 8.0, T.TSC_FREQUENCY: 10.0,
        T.CLOCK_DRIFT: 3.0, T.RECOVERS: 2.0, T.LINUX: 1.3, T.WINDOWS: 0.6, T.UPTIME: 1.5, T.TSC_UNSTABLE: 1.2, T.POSTCOPY: 0.3, T.STORAGE_COPY: 0.4,
        T.SOFT_LOCKUP: 1.5,  # the watchdog takes a leap of the clock for a CPU that did nothing
    },
    "tsc-unstable": {
        T.NESTED: 0.5, T.WINDOWS: 0.4, T.CLOCKSOURCE: 2.0, T.TSC_UNSTABLE: 12.0, T.TSC_FREQUENCY: 1.5, T.SLOW_CLOCKSOURCE: 2.0, T.CLOCK_DRIFT: 3.0,
        T.MIGRATION: 1.2},
    "slow-clocksource": {
        T.CLOCKSOURCE: 2.0,
        T.SLOW_CLOCKSOURCE: 8.0, T.PM_TIMER_PORT: 10.0, T.GUEST_SLOW: 1.4, T.TSC_UNSTABLE: 1.5, T.IO_EXITS: 2.0, T.HPET: 1.5,
        (T.HPET, S.CURED): 4.0, (T.SLOW_CLOCKSOURCE, S.CURED): 8.0, T.SYSTEM_TIME: 1.5, T.MMIO_EXITS: 1.5,
    },
    "steal-time-overflow": {
        T.HOST_CALM: 4.0, T.LOAD_OF_NOBODY: 6.0,
        T.STEAL_ABSURD: 8.0, T.STEAL: 3.0, T.MIGRATION: 1.5, T.RESUME: 1.3, T.GUEST_IDLE: 1.3, T.CPU_FULL: 1.0},
    "rtc-periodic-storm": {
        T.WINDOWS: 2.5, T.LINUX: 0.4, T.RTC: 5.0, T.RTC_PORT: 12.0, T.IO_EXITS: 3.0, (T.HPET, S.ABSENT): 1.5, (T.HPET, S.GOOD_WITH): 3.5,
        (T.HPET, S.CURED): 0.3,
        (T.HV_STIMER, S.GOOD_WITH): 6.0, (T.HV_STIMER, S.ABSENT): 2.0, (T.HYPERV, S.GOOD_WITH): 3.0, (T.RTC, S.NO_MATTER): 0.3,
        (T.RTC, S.CURED): 6.0, T.MSR_EXITS: 0.4, T.CLOCK_DRIFT: 1.5, T.HV_STIMER: 0.5, T.MIGRATION: 0.7, T.AUDIO: 1.3,
        T.MMIO_EXITS: 0.4,
    },
    "rtc-catchup": {
        T.GUEST_PAUSED: 1.0,
        T.HOST_CLOCK_STEP: 5.0,
        T.RTC_CATCHUP: 8.0, T.RTC: 4.0, T.HOST_SLEEP: 3.5, T.RESUME: 2.5, T.LONG_STOP: 3.0, T.WINDOWS: 2.0, T.LINUX: 0.4,
        T.CLOCK_DRIFT: 4.0,
        (T.RTC_CATCHUP, S.CURED): 6.0, T.TIME_JUMP: 1.5, (T.RTC, S.NO_MATTER): 0.3, T.SYSTEM_TIME: 1.5,
    },
    "pit-hpet-storm": {
        T.PIT: 6.0, T.PIT_PORT: 10.0, T.TIMER_RATE: 3.0, T.HPET: 4.0, (T.HPET, S.CURED): 10.0, (T.PIT, S.CURED): 8.0, (T.HPET, S.ABSENT): 0.5,
        (T.HPET, S.GOOD_WITH): 0.2,
    },
    "apic-timer-storm": {
        T.TICK_LOWERED: 8.0, T.APIC_TIMER: 6.0, T.TIMER_RATE: 5.0, T.MSR_EXITS: 2.5, T.LINUX: 1.2, T.LAPIC_PERIODIC: 1.5, T.RTC: 0.5, T.HARD_LOCKUP:
        0.4, T.PIT: 0.5,
    },
    "timer-always-due": {T.HOST_CLOCK_STEP: 3.0, T.ALARM_FLOOR: 10.0, T.POLL_SPIN: 2.5, T.MAIN_FULL: 2.0},
    "lapic-catchup": {
        T.SOFT_LOCKUP: 0.4,  # it is the host that is held up
        T.GUEST_PAUSED: 1.0,
        T.HOST_CLOCK_STEP: 2.0,
        T.HOST_STUCK: 3.0,
        T.LAPIC_PERIODIC: 12.0, T.LONG_STOP: 5.0, T.HARD_LOCKUP: 4.0, T.APIC_TIMER: 2.0, T.HOST_SLEEP: 2.0, T.RESUME: 1.5,
        T.GUEST_HUNG: 1.0,
    },
    "pio-poll": {T.CHARDEV: 1.3, T.MMIO_EXITS: 0.3, T.OTHER_PORT: 8.0, T.IO_EXITS: 5.0, T.RTC_PORT: 0.2, T.PM_TIMER_PORT: 0.3, T.PIT_PORT: 0.3,
        T.FIRMWARE: 1.2},
    "mmio-poll": {T.EMULATION: 0.3, T.MMIO_EXITS: 8.0, T.OTHER_PORT: 1.3, T.FAULT_EXITS: 1.3},
    "msr-storm": {
        T.MSR_EXITS: 6.0, T.HYPERV: 3.0, T.HV_STIMER: 2.0, T.APIC_VIRT: 5.0, T.WINDOWS: 1.4, (T.HYPERV, S.CURED): 10.0,
        (T.HYPERV, S.ABSENT): 3.0, (T.HV_STIMER, S.CURED): 5.0, (T.HV_STIMER, S.GOOD_WITH): 0.2, T.IO_EXITS: 0.4, T.GUEST_HUNG: 0.6,
    },
    "interrupt-storm": {T.IRQ_LINE: 6.0, T.IRQ_STORM: 15.0, T.LOST_INTERRUPT: 0.7, T.TIMER_RATE: 0.4},
    "page-fault-loop": {T.MMIO_EXITS: 0.4, T.FAULT_EXITS: 8.0, T.PASSTHROUGH: 1.2, T.HOST_KERNEL: 1.3, T.MMU_LOCK: 1.3},
    "pause-contention": {
        T.HOST_STUCK: 1.3,
        T.LOCK_HOLDER: 8.0,
        T.PAUSE_EXITS: 7.0, T.OVERCOMMIT: 3.0, T.SPINLOCK: 2.5, T.GUEST_SLOW: 1.2, T.GUEST_HUNG: 0.4},
    "split-lock": {T.EMULATION: 0.2, T.ENTRY_FAILED: 0.2, T.SPLIT_LOCK: 40.0, (T.SPLIT_LOCK, S.CURED): 40.0, T.GUEST_SLOW: 1.3},
    "idle-poll": {
        T.NO_HALT: 8.0, T.FEW_EXITS: 4.0, T.IO_EXITS: 0.3, T.MSR_EXITS: 0.5,
        T.IDLE_POLL: 10.0, T.USER_TIME: 2.5, T.GUEST_IDLE: 2.0, T.VCPUS_FULL: 1.5, T.CPU_FULL: 1.3, T.WINDOWS: 0.5, T.SYSTEM_TIME:
        0.4,
    },
    "halt-polling": {
        T.HALT_POLL: 7.0, (T.HALT_POLL, S.CURED): 15.0, (T.HALT_POLL, S.ABSENT): 5.0, T.GUEST_IDLE: 2.0, T.SYSTEM_TIME: 1.6, T.CPU_SOME: 1.3,
    },
    "chardev-spin": {
        T.IOTHREAD: 0.5, T.IO_EXITS: 0.4, T.OTHER_PORT: 0.4, T.CHARDEV: 6.0, T.PEER_STUCK: 6.0, T.EAGAIN: 4.0, (T.CHARDEV, S.CURED): 12.0,
        T.SOCKET: 1.2,
        T.AGENT: 0.5, T.CLIENT_GONE:
        1.0,
    },
    "guest-agent-spin": {
        T.CLIENT_GONE: 1.3, T.AGENT: 8.0, (T.AGENT, S.CURED): 15.0, T.CHARDEV: 2.0, T.EAGAIN: 2.0, T.MAIN_FULL: 0.4, T.VCPUS_FULL: 1.5, T.CPU_FULL:
        1.3, T.QEMU_HUNG: 0.4,
    },
    "device-loop": {T.CPU_FULL: 2.0, T.VCPUS_FULL: 1.0},
    "dead-client-spin": {T.CLIENT_GONE: 7.0, T.SOCKET: 4.0, T.POLL_SPIN: 3.0, T.EAGAIN: 3.0, T.DISPLAY: 1.3},
    "iothread-spin": {
        T.GUEST_TRAFFIC: 0.2, T.PEER_STUCK: 2.0, T.IOTHREAD: 5.0, T.POLL_MAX: 8.0, (T.IOTHREAD, S.CURED): 10.0, (T.POLL_MAX, S.CURED): 12.0,
        T.GUEST_IDLE: 1.5,
        T.STORAGE_COPY: 0.5, T.QEMU_HUNG: 0.3,
    },
    "fd-monitor-spin": {
        T.FD_HANDLERS: 12.0,
        T.IOWAIT: 0.3, T.IO_URING: 6.0, (T.IO_URING, S.CURED): 10.0, (T.IO_URING, S.GOOD_WITH): 1.5, T.POLL_SPIN: 4.0, T.GUEST_SLOW: 1.2,
    },
    "throttle-timer-spin": {
        T.STORAGE_SILENT: 0.3, T.GUEST_HUNG: 0.5, T.THROTTLE: 8.0, (T.THROTTLE, S.CURED): 15.0, T.POLL_SPIN: 2.0, T.HOST_LOAD: 0.3, T.CPU_QUOTA: 0.1},
    "usernet-spin": {
        T.USERNET: 6.0, (T.USERNET, S.CURED): 8.0, (T.TAP, S.GOOD_WITH): 3.0, T.POLL_SPIN: 2.0, T.SOFT_LOCKUP: 0.8, T.TAP: 0.9,
    },
    "usb-polling": {
        T.WAKEUPS: 2.0,
        T.USB_TABLET: 7.0, T.USB: 4.0, (T.USB_TABLET, S.CURED): 15.0, (T.USB, S.CURED): 12.0, T.GUEST_IDLE: 2.0, T.CPU_SOME: 1.5,
        T.CPU_FULL: 0.7, T.USB_HOST: 0.6,
    },
    "display-load": {T.DISPLAY_WORK: 5.0, T.DISPLAY: 3.0, (T.DISPLAY, S.CURED): 12.0, T.GUEST_IDLE: 0.7, T.GUEST_HUNG: 0.5},
    "vhost-busy": {
        T.GUEST_TRAFFIC: 0.6, T.FIRMWARE: 0.3, T.NETWORK_DEAD: 0.6, T.GUEST_HUNG: 0.6, T.VHOST: 6.0, T.VHOST_FULL: 6.0, T.NETWORK_LOAD: 5.0,
        (T.VHOST, S.CURED): 12.0},
    "migration-running": {T.MIGRATION_LASTS: 8.0,
        T.MIGRATION: 2.5, T.STORAGE_COPY: 1.5, T.RECOVERS: 1.3, T.QEMU_HUNG: 0.5, T.POSTCOPY: 0.6, T.CPU_FULL: 0.8, T.TIME_JUMP:
        0.2, T.TSC_FREQUENCY: 0.2, T.GUEST_HUNG: 0.6,
    },
    "blocked-sync-io": {
        T.QEMU_IN_D: 4.0,
        T.STORAGE_FINE: 0.5, T.IO_BLOCKS: 5.0, T.MAIN_IN_CALL: 5.0, T.BIG_LOCK: 5.0, T.STORAGE_COPY: 9.0, T.HOST_IO: 6.0, T.SOFT_LOCKUP: 2.5,
        T.GUEST_SLOW: 1.6,
        T.BLOCK_JOB: 2.5, T.STORAGE_SILENT: 1.3, T.RECOVERS: 1.6,
        T.QEMU_HUNG: 2.0, (T.IOTHREAD, S.GOOD_WITH): 8.0, T.NBD: 1.3, T.USERNET: 0.3, T.DRAIN: 0.7,
    },
    "storage-stall": {
        (T.THROTTLE, S.CURED): 0.2, T.STORAGE_FINE: 0.15, T.GUEST_DRIVER: 0.5, (T.OTHER_MODEL, S.GOOD_WITH): 0.2,
        T.ALL_GUESTS: 2.5, T.STORAGE_SILENT: 8.0, T.NBD: 3.0, T.HUNG_TASK: 4.0, T.IO_ERROR: 1.5, T.HOST_IO: 2.0, T.QEMU_HUNG: 2.0,
        T.QEMU_IN_D: 20.0, T.STORAGE_COPY: 1.5,
    },
    "block-drain-deadlock": {
        T.GUEST_TRAFFIC: 0.5, T.POKED: 2.0, T.BIG_LOCK: 2.0,
        T.IO_BLOCKS: 0.6, T.QEMU_IN_D: 0.1, T.DRAIN: 10.0, T.BLOCK_JOB: 7.0, T.STORAGE_COPY: 4.0, T.IOTHREAD: 3.0, T.NBD: 1.5, T.THROTTLE: 1.5,
        (T.THROTTLE, S.CURED): 12.0, T.FS_FREEZE: 0.7,
        T.POSTCOPY: 0.3,
        T.GUEST_SLOW: 0.4, T.RECOVERS: 0.15, T.RESUME: 1.2,
    },
    "blocked-usb-host": {T.USB_HOST: 10.0, (T.USB_HOST, S.CURED): 15.0, T.USB: 1.5, T.USB_TABLET: 0.3},
    "enospc-paused": {
        T.PAUSES_ITSELF: 8.0,
        T.STORAGE_FINE: 0.4, T.HUNG_TASK: 0.4, T.PAUSED_BY: 0.2, T.NO_SPACE: 40.0, T.IO_ERROR: 6.0, T.GUEST_PAUSED: 4.0, T.QEMU_HUNG: 1.0},
    "postcopy-wait": {T.POSTCOPY: 25.0},
    "balloon-deflate": {
        T.BALLOON: 7.0, (T.BALLOON, S.CURED): 12.0, T.AT_SHUTDOWN: 2.5, T.GUEST_SLOW: 1.5, T.CPU_FULL: 0.9, T.VCPUS_FULL: 0.9,
        T.QEMU_HUNG: 0.8,
    },
    "monitor-hung": {T.QEMU_HUNG: 7.0, T.STOPPED: 10.0, T.VHOST_USER: 4.0, T.CPU_FULL: 0.8},
    "vmentry-failure": {T.NEEDS_RESET: 6.0, T.ENTRY_FAILED: 50.0, T.NESTED: 1.5, T.AT_RESET: 1.2, T.EMULATION: 0.5},
    "emulation-failure": {T.NEEDS_RESET: 8.0, T.BAD_ADDRESS: 0.1, T.EMULATION: 40.0, T.SMM: 2.0, T.FIRMWARE: 1.2, T.NESTED: 1.3, T.ENTRY_FAILED: 0.4},
    "cpu-mismatch": {T.PANIC: 1.5, T.SOFT_LOCKUP: 0.5,
        T.MSR_LEFT_OUT: 1.5, T.CPU_DIFFERS: 7.0, T.MIGRATION: 2.5, T.RESUME: 1.5, T.TSC_FREQUENCY: 0.4, T.HOST_KERNEL: 0.8},
    "triple-fault": {T.MODE_SWITCH: 12.0, T.RESETS: 3.0, T.TRIPLE_FAULT: 50.0, T.SMP_START: 1.5, T.AT_RESET: 1.5},
    "vfio-memory-fault": {T.BAD_ADDRESS: 20.0, T.PASSTHROUGH: 4.0, T.ALL_GUESTS: 0.3},
    "firmware-wait": {T.OTHER_FIRMWARE: 4.0, T.NO_CPU: 4.0, T.OTHER_PORT: 0.5, T.IO_EXITS: 0.4, T.FIRMWARE: 4.0, T.NO_BOOT: 8.0,
        T.NO_SCREEN: 5.0, T.GUEST_HUNG: 0.6,
        T.CPU_FULL: 0.6, T.RECOVERS: 5.0, T.GUEST_SLOW: 1.5},
    "firmware-hang": {
        T.FIRMWARE_FAULT: 25.0, T.OTHER_FIRMWARE: 8.0,
        T.STORAGE_SILENT: 0.4,
        T.NO_CPU: 0.4, T.FIRMWARE: 4.0, T.SMM: 4.0, T.GUEST_HUNG: 2.0, T.NO_SCREEN: 8.0, T.CPU_FULL: 1.2, T.AT_RESET: 1.8, T.SMP_START: 2.5,
        (T.SMM, S.CURED): 10.0, T.NO_BOOT: 0.5, T.RECOVERS: 0.3,
    },
    "cpu-contention": {T.NESTED: 0.4, T.LOCK_HOLDER: 0.6, T.OVERCOMMIT: 7.0, T.HOST_LOAD: 5.0, T.STEAL: 6.0, T.STEAL_ABSURD: 0.3,
        T.SOFT_LOCKUP: 1.5, T.PAUSE_EXITS: 0.7,
        T.CPU_QUOTA: 12.0, T.THROTTLE: 0.8},
    "cpu-throttled": {T.HOST_LOAD: 2.0, T.CPU_QUOTA: 7.0},
    "cgroup-frozen": {T.CGROUP_FROZEN: 25.0, T.STOPPED: 1.5},
    "memory-pressure": {
        T.HOST_CALM: 0.4,
        T.NUMA_BALANCING: 5.0, (T.NUMA_BALANCING, S.CURED): 15.0, T.KSM: 3.0, (T.KSM, S.CURED): 12.0, T.HUGE_PAGES: 3.5,
        (T.HUGE_PAGES, S.CURED): 12.0,
        T.MMU_LOCK: 5.0, T.BALLOON: 0.5, T.HOST_MEMORY: 12.0, (T.NUMA_BALANCING, S.NO_MATTER): 0.3, (T.KSM, S.ABSENT): 0.9, T.GUEST_SWAP: 4.0,
        T.CPU_FULL: 1.0,
    },
    "host-kernel-regression": {T.GUEST_KERNEL: 0.4, (T.GUEST_KERNEL, S.GOOD_WITH): 0.2, (T.GUEST_KERNEL, S.CURED): 0.2,
        (T.HOST_KERNEL, S.GOOD_WITH): 25.0, (T.HOST_KERNEL, S.CURED): 15.0, T.FAULT_EXITS: 0.5, T.HOST_KERNEL: 8.0,
        T.QEMU_VERSION: 0.8,
        T.CPU_FULL: 1.0, T.FIRMWARE: 0.6, T.EMULATION: 0.7},
    "software-emulation": {T.EMULATED: 4.0, (T.EMULATED, S.GOOD_WITH): 0.3, T.SOFT_LOCKUP: 2.0, T.RESUME: 0.4},
    "nested-starvation": {
        T.TSC_UNSTABLE: 1.3, T.STEAL: 4.0, T.OVERCOMMIT: 2.5, T.HOST_LOAD: 2.5, T.NESTED: 8.0, T.SOFT_LOCKUP: 2.0, T.PASSTHROUGH: 0.4,
        (T.NESTED, S.CURED): 5.0,
        T.ENTRY_FAILED: 0.2,
        T.EMULATION: 0.3, T.AT_RESET: 0.5,
        T.TRIPLE_FAULT: 0.3,
    },
    "healthy-idle": {T.GUEST_IDLE: 1.3, T.HLT_EXITS: 3.0},
    "healthy-busy": {T.GUEST_PROGRAM: 3.0, T.GUEST_PROGRAM_BUSY: 4.0, T.CPU_FULL: 0.8, T.CPU_SOME: 1.0},
    "paused": {
        T.PAUSES_ITSELF: 0.2,
        T.NOTHING_WRONG: 1.0, T.GUEST_HUNG: 0.8, T.GUEST_PAUSED: 10.0, T.PAUSED_BY: 15.0, T.STORAGE_SILENT: 0.2, T.IO_ERROR: 0.1,
        T.NO_SPACE: 0.05, T.POSTCOPY: 0.2, T.CPU_FULL: 0.1, T.QEMU_HUNG: 0.4, T.PAUSE_EXITS: 0.3, T.MIGRATION: 0.8,
    },
    "misread": {T.MEMORY_SHOWN: 6.0, T.STEAL: 1.5, T.EAGAIN: 2.0, T.IOWAIT: 5.0, T.IO_URING: 2.0, T.CPU_FULL: 0.6, T.MSR_LEFT_OUT: 12.0,
        T.NOTHING_WRONG: 8.0, T.SILENT_CONSOLE: 50.0,
        T.HLT_EXITS: 6.0},
}  # fmt: skip
