"""Facts about KVM: why vCPUs left guest mode."""

import msgspec

from crazytrain.model.evidence import Ref


class ExitCount(msgspec.Struct, frozen=True, kw_only=True):
    """Exits to one reason over the window, of one vCPU thread where that is known."""

    reason: str
    count: int
    tid: int | None = None


class PortUse(msgspec.Struct, frozen=True, kw_only=True):
    """Accesses to one I/O port. ``owner`` is the device that owns the port, ``owner_known_by`` the table or tree it
    was found in.
    """

    port: int
    write: bool
    count: int
    owner: str = ""
    owner_known_by: str = ""


class MmioUse(msgspec.Struct, frozen=True, kw_only=True):
    """Accesses to one 4-KiB page of guest-physical addresses."""

    page: int
    write: bool
    count: int
    owner: str = ""


class MsrUse(msgspec.Struct, frozen=True, kw_only=True):
    """Accesses to one model-specific register."""

    index: int
    write: bool
    count: int
    name: str = ""


class VectorUse(msgspec.Struct, frozen=True):
    """Interrupts of one vector that KVM injected into the guest."""

    vector: int
    count: int


class HypercallUse(msgspec.Struct, frozen=True, kw_only=True):
    """Hypercalls of one number; ``name`` is empty where it is not known."""

    number: int
    count: int
    name: str = ""


class FaultUse(msgspec.Struct, frozen=True):
    """Faults (EPT or NPF violations) at one 4-KiB page of guest-physical addresses."""

    page: int
    count: int


class PvclockUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """One ``kvm_pvclock_update`` seen in the window: KVM rewrote a vCPU's clock page."""

    vcpu: int
    system_time_ns: int
    tsc_timestamp: int


class ExitTime(msgspec.Struct, frozen=True, kw_only=True):
    """How long exits to one reason took, of one vCPU thread: ``samples`` were timed, ``mean_ns`` each.

    ``time_ns`` is that times all exits of the reason, an estimate.
    """

    reason: str
    tid: int
    samples: int
    mean_ns: float
    time_ns: int


class ExitPlace(msgspec.Struct, frozen=True):
    """A guest instruction that left guest mode, and how often among the sampled exits."""

    address: int
    count: int


class IrqLineUse(msgspec.Struct, frozen=True, kw_only=True):
    """One interrupt line (GSI) of the guest that KVM was told to raise or to lower."""

    gsi: int
    raised: int
    lowered: int


class HaltUse(msgspec.Struct, frozen=True, kw_only=True):
    """How one vCPU thread's halts ended.

    ``polled`` halts ended while KVM still polled for work, burning the host's CPU for ``polled_ns``; ``waited`` ones let go
    of the CPU for ``waited_ns`` (which begins with the polling that was in vain). ``in_vain`` woke up for nothing.
    """

    tid: int
    polled: int
    polled_ns: int
    waited: int
    waited_ns: int
    in_vain: int = 0


class VcpuWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A window that KVM changes by itself (halt polling: ns; PAUSE loops: cycles), of one vCPU: how often, mean value."""

    vcpu: int
    changes: int
    mean: float


class KvmExits(msgspec.Struct, frozen=True, kw_only=True):
    """Exits over the window. ``window_ns`` 0 means that counts are no rates.

    ``hardware`` tells whether exits inside the kernel (kvm_exit) were seen; where they do not fire only exits to
    userspace are counted. ``left_out`` names events that this kernel could not be asked for: what they count is not
    zero but unknown. Pages are the addresses at which they begin. ``times`` are those from an exit to the next entry (HLT:
    the idle time), ``outside`` those from an exit to QEMU to the next KVM_RUN; one exit in 64 is timed. ``msis`` and
    ``accepted`` are vectors of message-signalled interrupts and those that local APICs took. ``halt_polls`` and
    ``pause_windows`` are what KVM itself changed them to. ``held_ratio`` is the share of the window in which the vCPU that wants
    most waited for a CPU of the host.
    """

    window_ns: int
    held_ratio: float = 0.0
    exits: tuple[ExitCount, ...] = ()
    userspace: tuple[ExitCount, ...] = ()
    ports: tuple[PortUse, ...] = ()
    mmio: tuple[MmioUse, ...] = ()
    msrs: tuple[MsrUse, ...] = ()
    pvclock_updates: tuple[PvclockUpdate, ...] = ()
    vectors: tuple[VectorUse, ...] = ()
    hypercalls: tuple[HypercallUse, ...] = ()
    faults: tuple[FaultUse, ...] = ()
    times: tuple[ExitTime, ...] = ()
    outside: tuple[ExitTime, ...] = ()
    places: tuple[ExitPlace, ...] = ()
    irq_lines: tuple[IrqLineUse, ...] = ()
    msis: tuple[VectorUse, ...] = ()
    accepted: tuple[VectorUse, ...] = ()
    halts: tuple[HaltUse, ...] = ()
    halt_polls: tuple[VcpuWindow, ...] = ()
    pause_windows: tuple[VcpuWindow, ...] = ()
    hardware: bool = False
    left_out: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()

    def per_s(self, count: int) -> float:
        """A count as a rate."""
        return count * 1e9 / self.window_ns if self.window_ns else 0.0

    def unheld(self, most: float) -> float:
        """By how much a rate would be higher, ``most`` times at most, had the host let the vCPU run whenever it wanted."""
        return min(most, 1 / (1 - min(self.held_ratio, 0.99)))


class KvmCounter(msgspec.Struct, frozen=True):
    """One of KVM's counters at one instant, summed over vCPUs."""

    name: str
    value: int


class KvmStatReading(msgspec.Struct, frozen=True, kw_only=True):
    """One ``query-stats`` of all vCPUs: counters only, no histograms and no states."""

    mono_ns: int
    counters: tuple[KvmCounter, ...]
    vcpus: int
    ref: Ref


class KvmStat(msgspec.Struct, frozen=True, kw_only=True):
    """One KVM counter (QMP query-stats) over the window, summed over vCPUs: rate per second."""

    name: str
    per_s: float


class KvmStats(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of KVM's own counters."""

    window_ns: int
    stats: tuple[KvmStat, ...]
    refs: tuple[Ref, ...]

    def per_s(self, name: str) -> float | None:
        """The rate of one counter, ``None`` where KVM does not have it."""
        return next((s.per_s for s in self.stats if s.name == name), None)
