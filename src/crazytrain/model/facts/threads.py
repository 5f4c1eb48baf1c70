"""Facts about the threads of a QEMU process: who they are and what CPU time they took."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref


class ThreadRole(StrEnum):
    """What a thread is for in QEMU, or in the kernel on its behalf."""

    MAIN_LOOP = "main loop"
    VCPU = "vCPU"
    IOTHREAD = "iothread"
    WORKER = "worker"
    RCU = "call_rcu"
    VNC = "VNC worker"
    SPICE = "SPICE worker"
    MIGRATION = "migration"
    IO_URING = "io_uring worker"
    VHOST = "vhost"
    KVM_PIT = "kvm-pit"
    KVM_NX = "kvm-nx-lpage-recovery"
    OTHER = "other"


class TaskReading(msgspec.Struct, frozen=True, kw_only=True):
    """One thread at one instant: counters of ``/proc/PID/task/TID/{stat,schedstat,status}``.

    ``*_ticks`` are clock ticks (``user_ticks`` includes ``guest_ticks``, as in the file). ``delay_ns`` is the time
    spent runnable but waiting for a CPU, ``None`` where schedstat is not there. ``mono_ns`` is the moment of this very
    reading (0: not known): on a busy host some ms may pass between the first thread's and the last one's.
    """

    tid: int
    comm: str
    state: str
    user_ticks: int
    system_ticks: int
    guest_ticks: int
    start_ticks: int
    run_ns: int | None = None
    delay_ns: int | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    kernel: bool = False
    mono_ns: int = 0


class TaskTable(msgspec.Struct, frozen=True, kw_only=True):
    """All threads at one instant. ``ticks_per_s`` is the recorded host's, not ours.

    ``pid`` is the process whose threads they are, ``host_uptime_s`` the clock that ``start_ticks`` counts on.
    ``complete`` is false where there were more threads than were read.
    """

    mono_ns: int
    ticks_per_s: int
    tasks: tuple[TaskReading, ...]
    refs: tuple[Ref, ...]
    pid: int | None = None
    host_uptime_s: float | None = None
    complete: bool = True


class ThreadUse(msgspec.Struct, frozen=True, kw_only=True):
    """One thread over the window. ``*_ratio`` are shares of one CPU (1.0 = a whole one).

    ``user_ratio`` excludes guest mode; ``guest_ratio`` is time in guest mode (KVM). ``delay_ratio`` is time spent
    waiting for a CPU. ``vcpu`` is the vCPU's index for a vCPU thread. ``switches_per_s`` counts voluntary waits.
    ``why`` says how the role was told where it was not by the thread's name.
    """

    tid: int
    comm: str
    role: ThreadRole
    vcpu: int | None = None
    user_ratio: float = 0.0
    system_ratio: float = 0.0
    guest_ratio: float = 0.0
    delay_ratio: float | None = None
    switches_per_s: float | None = None
    states: tuple[str, ...] = ()
    why: str = ""

    @property
    def cpu_ratio(self) -> float:
        """Share of one CPU in all."""
        return self.user_ratio + self.system_ratio + self.guest_ratio

    @property
    def label(self) -> str:
        """A short name for people: role, and which one."""
        return f"vCPU {self.vcpu}" if self.vcpu is not None else self.role.value


class ProcessUse(msgspec.Struct, frozen=True, kw_only=True):
    """A whole QEMU process on a screen of top without -H: which of its threads took the time it does not say."""

    pid: int
    comm: str
    cpu_ratio: float
    refs: tuple[Ref, ...]


class ThreadActivity(msgspec.Struct, frozen=True, kw_only=True):
    """What each thread did over the window, from ``samples`` instants. ``window_ns`` is 0 for a single ``top`` screen."""

    window_ns: int
    samples: int
    threads: tuple[ThreadUse, ...]
    refs: tuple[Ref, ...]

    def of(self, role: ThreadRole) -> tuple[ThreadUse, ...]:
        """The threads of one role."""
        return tuple(t for t in self.threads if t.role is role)

    def cpu_ratio(self, *roles: ThreadRole) -> float:
        """Share of one CPU over all threads of these roles (all threads where none is named)."""
        return sum(t.cpu_ratio for t in self.threads if not roles or t.role in roles)
