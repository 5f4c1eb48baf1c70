"""What two readings of the guest's kernel and the samples between them say together: shares, rates and time, each with its doubt.

Only figures that neither reading holds alone are here; names and texts are the guest's and hostile, as in ``facts.inside``.
"""

from enum import StrEnum

import msgspec

from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.inside import GuestFrame, LockWait, Missing, Mode


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """``seen`` of ``samples`` looks. ``low`` and ``high`` are what the true share lies between, 19 times of 20 (Wilson).

    Looks that follow each other closely are not independent: a true share may lie outside more often.
    """

    seen: int
    samples: int
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """The share that was seen; 0 where nobody looked."""
        return self.seen / self.samples if self.samples else 0.0


class TaskShare(msgspec.Struct, frozen=True, kw_only=True):
    """One thread over the window. ``cpu_ratio`` is of one CPU, by the guest's own account (``None``: no account of both
    ends that can be believed); ``seen`` is how often it was the current one of a CPU, of one CPU, too: it is on one at a time.

    ``new``: it was not there at the first reading.
    """

    pid: int
    tgid: int = 0
    comm: str
    kernel_thread: bool = False
    state: str = ""
    cpu: int | None = None
    cpu_ratio: float | None = None
    seen: Share | None = None
    new: bool = False


class FunctionShare(msgspec.Struct, frozen=True, kw_only=True):
    """Where vCPUs were. In kernel mode ``name`` is the function (empty: no symbol, a module's); in user mode the file, where known.

    ``share`` is of all looks at all vCPUs, or at one (``InsideView.cpus``). ``pid`` and ``comm``: whose user code it is.
    """

    name: str
    mode: Mode
    pid: int | None = None
    comm: str = ""
    share: Share


class CpuShare(msgspec.Struct, frozen=True, kw_only=True):
    """One CPU over the window. The ratios are the guest's own account, of the host's time.

    A CPU that sleeps without ticks accounts for it later, so what is missing counts as ``idle`` where it was seen idle. Where it
    was not, it is ``unaccounted``: no tick came, for interrupts are off or the host let the vCPU wait. ``tick_ratio`` is what one
    tick more or less makes: the account is in ticks. ``halted``, ``kernel`` and ``in_user`` are from looks at its registers.
    ``timer_irqs_per_s`` is how often its own timer (the local APIC's) interrupted it.
    """

    cpu: int
    user: float | None = None
    nice: float | None = None
    system: float | None = None
    softirq: float | None = None
    irq: float | None = None
    iowait: float | None = None
    steal: float | None = None
    idle: float | None = None
    unaccounted: float | None = None
    tick_ratio: float | None = None
    halted: Share | None = None
    kernel: Share | None = None
    in_user: Share | None = None
    functions: tuple[FunctionShare, ...] = ()
    timer_irqs_per_s: float | None = None

    @property
    def busy(self) -> float | None:
        """What it worked or waited for the host: all but idle and waiting for disks."""
        parts = (self.user, self.nice, self.system, self.softirq, self.irq, self.steal)
        return None if self.user is None else sum(part or 0.0 for part in parts)


class Clock(StrEnum):
    """Which of the guest's clocks."""

    JIFFIES = "jiffies"
    MONOTONIC = "monotonic"
    BOOT = "boot"
    REALTIME = "realtime"
    CYCLES = "cycles of the clocksource"


class Pace(StrEnum):
    """How a clock of the guest went over the window, against the host's."""

    MOVES = "moves"
    STANDS = "stands still"
    ASLEEP = "stands still, and so does every CPU: none of them needs a tick"
    BACK = "went back"
    SLOW = "is slow"
    FAST = "is fast"
    TOO_SHORT = "cannot be told: the window is shorter than its ticks"


class TimeProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One clock over the window. ``ratio`` is guest to host; ``drift_ppm`` what it differs from 1, give or take ``doubt_ppm``.

    No ratio for cycles, whose frequency nobody said. ``doubt_ppm`` is ``None`` where a CPU may have slept without ticks, so that
    the clock was read late by an unknown amount: then no drift is told, and neither SLOW nor FAST.
    """

    clock: Clock
    pace: Pace
    guest_ns: int | None = None
    host_ns: int
    ratio: float | None = None
    drift_ppm: float | None = None
    doubt_ppm: float | None = None


class StackShare(msgspec.Struct, frozen=True, kw_only=True):
    """A stack that was seen ``count`` times, for flame graphs: ``frames`` are names, the outermost first."""

    cpu: int
    mode: Mode
    pid: int | None = None
    comm: str = ""
    frames: tuple[str, ...] = ()
    whole: bool = False
    count: int = 1


class StuckTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task in D state at the end of the window. ``all_window``: it was so at the beginning, too, and never left a CPU between
    (``None``: its switches are not known). ``stack`` is innermost first.
    """

    pid: int
    comm: str
    all_window: bool | None
    stack: tuple[GuestFrame, ...] = ()
    stack_whole: bool = False


class LockHeld(msgspec.Struct, frozen=True, kw_only=True):
    """A wait for a lock at the end of the window; ``all_window``: the same one waited for the same lock at the beginning, too."""

    wait: LockWait
    all_window: bool


class LogMatter(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one meaning in the guest's kernel log: how many, and the first and last of them (``at_ns`` since its boot)."""

    meaning: LineMeaning
    count: int
    first: str
    first_at_ns: int
    last: str
    last_at_ns: int


class MemoryRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often the guest's kernel swapped over the window: pages a second, of its own swap; faults a second; kills in all."""

    swapped_in_per_s: float
    swapped_out_per_s: float
    major_faults_per_s: float
    oom_kills: int


class InsideView(msgspec.Struct, frozen=True, kw_only=True):
    """The guest from inside over ``window_ns`` of the host's time (0: one reading only, so no figure of a window).

    ``rebooted``: another kernel runs at the end than at the beginning; nothing is compared then. ``wall_ahead_ns`` is how far the
    guest's wall clock was ahead of the host's, give or take ``wall_doubt_ns``; ``wall_step_ns``: it was set by so much meanwhile.
    ``booted_wall_ns``: when it booted, by the host's clock. ``looks`` at every CPU's current task, ``samples`` at registers.
    ``tasks``: those that ran, busiest first. ``functions``: the whole guest's, hottest first.
    """

    window_ns: int
    rebooted: bool = False
    uptime_ns: int | None = None
    booted_wall_ns: int | None = None
    wall_ahead_ns: int | None = None
    wall_doubt_ns: int | None = None
    wall_step_ns: int | None = None
    time: tuple[TimeProgress, ...] = ()
    cpus: tuple[CpuShare, ...] = ()
    tasks: tuple[TaskShare, ...] = ()
    functions: tuple[FunctionShare, ...] = ()
    stacks: tuple[StackShare, ...] = ()
    stuck: tuple[StuckTask, ...] = ()
    locks: tuple[LockHeld, ...] = ()
    log: tuple[LogMatter, ...] = ()
    memory: MemoryRates | None = None
    looks: int = 0
    samples: int = 0
    missing: tuple[Missing, ...] = ()

    def clock(self, which: Clock) -> TimeProgress | None:
        """One of the clocks, or ``None``."""
        return next((one for one in self.time if one.clock is which), None)
