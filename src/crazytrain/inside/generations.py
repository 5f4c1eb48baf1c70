"""What is called how in which kernels: the one place to extend when a new kernel renames something.

Each fact has its names, the newest first. A reader takes the first that the guest's kernel has, and never asks for a version.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from crazytrain.inside.kernel import Field, Kernel, Layout
from crazytrain.model.guest_memory import Unreadable

T = TypeVar("T")


class PerCpu(NamedTuple):
    """A per-CPU variable: its symbol, and the member that is meant where it is a structure."""

    symbol: str
    struct: str = ""
    path: str = ""


class Clockwork(NamedTuple):
    """Where the timekeeper lies: behind a symbol, its sequence count first, then the structure at ``member`` of ``struct``.

    Without ``struct`` it follows the count (of a type ``sequence``), aligned to 8 bytes.
    """

    symbol: str
    struct: str = ""
    member: str = ""
    sequence: str = ""


class Idling(NamedTuple):
    """Where a CPU keeps how long it has been idle: a per-CPU structure, the member (and bit) that says that it is just now.

    ``idle`` and ``iowait`` are what was counted before; without them that is in ``kernel_cpustat``.
    """

    symbol: str
    struct: str
    active: str
    bit: int
    idle: str = ""
    iowait: str = ""


# task_struct
TASK_STATE = ("__state", "state")  # 5.14 | before
TASK_CPU = ("thread_info.cpu", "cpu", "stack_canary_cpu")  # 5.16 | 4.9 to 5.15
TASK_ON_CPU = ("on_cpu",)  # 4 bytes; 1 byte since 7.2
TASK_EXEC = ("se.sum_exec_runtime",)

# The current task of a CPU
CURRENT_TASK = (
    PerCpu("pcpu_hot", "pcpu_hot", "current_task"),  # 6.2 to 6.14
    PerCpu("current_task"),  # 6.15, and before 6.2
)

# The end of the stack for interrupts of a CPU
IRQ_STACK = (
    PerCpu("hardirq_stack_ptr"),  # 6.15, and before 6.2
    PerCpu("pcpu_hot", "pcpu_hot", "hardirq_stack_ptr"),  # 6.2 to 6.14
)
# The stack of the first task, as big as any: from where to where
FIRST_STACK = (
    ("__start_init_stack", "__end_init_stack"),  # 6.10
    ("__start_init_task", "__end_init_task"),  # 4.16 to 6.9
)
# Functions whose callers ran once, in memory that was given free: no table need lead on from them
OUTERMOST = ("rest_init", "start_secondary", "secondary_startup_64_no_verify")

# The code of a module: a member of struct module, the structure that it is (an array of), address and size in that
MODULE_CODE = (
    ("mem", "module_memory", "base", "size"),  # 6.4
    ("core_layout", "module_layout", "base", "size"),  # 4.5 to 6.3
)

# The timekeeper
CLOCKWORK = (
    Clockwork("timekeeper_data", "tk_data", "timekeeper"),  # 6.17: an array, the core one first
    Clockwork("tk_core", "tk_data", "timekeeper"),  # 6.13 to 6.16
    Clockwork("tk_core", sequence="seqcount_raw_spinlock_t"),  # 5.10 to 6.12
    Clockwork("tk_core", sequence="seqcount_t"),  # 3.17 to 5.9
)

# How long a CPU has been idle so far, where its tick stops meanwhile
IDLING = (
    Idling("kernel_cpustat", "kernel_cpustat", "idle_elapse", 0),  # 7.2
    Idling("tick_cpu_sched", "tick_sched", "flags", 2, "idle_sleeptime", "iowait_sleeptime"),  # 6.9 to 7.1
    Idling("tick_cpu_sched", "tick_sched", "idle_active", 0, "idle_sleeptime", "iowait_sleeptime"),  # before
)

# kernel_cpustat.cpustat: enum cpu_usage_stat, where BTF does not tell (3.3 and later)
CPU_USAGE = {
    "user": ("CPUTIME_USER", 0),
    "nice": ("CPUTIME_NICE", 1),
    "system": ("CPUTIME_SYSTEM", 2),
    "softirq": ("CPUTIME_SOFTIRQ", 3),
    "irq": ("CPUTIME_IRQ", 4),
    "idle": ("CPUTIME_IDLE", 5),
    "iowait": ("CPUTIME_IOWAIT", 6),
    "steal": ("CPUTIME_STEAL", 7),
}

# Functions in which a CPU spins for a lock, and what kind that is
SPINNING = {
    "native_queued_spin_lock_slowpath": "spinlock",
    "__pv_queued_spin_lock_slowpath": "spinlock",
    "queued_spin_lock_slowpath": "spinlock",
    "resilient_queued_spin_lock_slowpath": "spinlock",  # 6.15
    "queued_read_lock_slowpath": "rwlock",
    "queued_write_lock_slowpath": "rwlock",
    "mutex_spin_on_owner": "mutex",
    "rwsem_spin_on_owner": "rwsem",
}
# Functions in which a task sleeps for one
SLEEPING = {
    "__mutex_lock": "mutex",  # __mutex_lock.constprop.0, .isra.0
    "__mutex_lock_slowpath": "mutex",
    "__mutex_lock_killable_slowpath": "mutex",
    "__ww_mutex_lock": "mutex",
    "rwsem_down_read_slowpath": "rwsem",
    "rwsem_down_write_slowpath": "rwsem",
    "rwsem_down_read_failed": "rwsem",  # before 5.3
    "rwsem_down_write_failed": "rwsem",
}
# The type of a lock, and of who waits for it
LOCK_TYPES = {"mutex": ("mutex", "mutex_waiter"), "rwsem": ("rw_semaphore", "rwsem_waiter")}


def first(names: tuple[T, ...], ask: Callable[[T], Field]) -> Field:
    """Give the first that the kernel has. Raises what it says of the newest one where it has none."""
    trouble: Unreadable | None = None
    for name in names:
        try:
            return ask(name)
        except Unreadable as error:
            trouble = trouble or error
    raise trouble or Unreadable("nothing was asked for")


def field_of(layout: Layout, struct: str, names: tuple[str, ...]) -> Field:
    """Give a member by the first of its names that the kernel has. Raises ``Unreadable``."""
    return first(names, lambda name: layout.field(struct, name))


def per_cpu_place(kernel: Kernel, ways: tuple[PerCpu, ...]) -> int:
    """Give where a per-CPU variable lies, before the offset of a CPU is added. Raises ``Unreadable``."""

    def place(way: PerCpu) -> Field:
        symbol = kernel.symbols[way.symbol]
        return Field(symbol + (kernel.layout.field(way.struct, way.path).offset if way.struct else 0), 8)

    return first(ways, place).offset
