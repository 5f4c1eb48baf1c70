"""Facts about memory: what the guest's process holds, and how the host fares with it."""

import msgspec

from crazytrain.model.evidence import Ref


class MemoryReading(msgspec.Struct, frozen=True, kw_only=True):
    """One instant. ``None`` is not known.

    ``*_bytes`` with ``host_`` are of ``/proc/meminfo``, without of ``/proc/PID/status``. ``counters`` are those of
    ``/proc/vmstat`` that matter here, by name. ``*_some_ns``, ``*_full_ns`` are PSI totals. ``merged_pages`` are pages that
    KSM shares; ``ksm_running`` whether its thread works.
    """

    mono_ns: int
    ref: Ref
    resident_bytes: int | None = None
    anonymous_bytes: int | None = None
    shared_bytes: int | None = None
    swapped_bytes: int | None = None
    locked_bytes: int | None = None
    pinned_bytes: int | None = None
    huge_tlb_bytes: int | None = None
    major_faults: int | None = None
    host_total_bytes: int | None = None
    host_available_bytes: int | None = None
    host_swap_total_bytes: int | None = None
    host_swap_free_bytes: int | None = None
    merged_pages: int | None = None
    ksm_running: bool | None = None
    counters: tuple[tuple[str, int], ...] = ()
    memory_some_ns: int | None = None
    memory_full_ns: int | None = None
    io_some_ns: int | None = None
    io_full_ns: int | None = None

    def counter(self, name: str) -> int | None:
        """One counter of ``/proc/vmstat``."""
        return dict(self.counters).get(name)


class HostRate(msgspec.Struct, frozen=True):
    """A counter of ``/proc/vmstat`` over the window."""

    name: str
    per_s: float


class MemoryUse(msgspec.Struct, frozen=True, kw_only=True):
    """Memory over the window: the last instant's sizes, and rates between the first and the last.

    ``*_ratio`` are shares of the window (PSI): some task waited, or all of them did.
    """

    window_ns: int
    last: MemoryReading
    major_faults_per_s: float | None
    rates: tuple[HostRate, ...]
    memory_some_ratio: float | None
    memory_full_ratio: float | None
    io_some_ratio: float | None
    io_full_ratio: float | None
    refs: tuple[Ref, ...]

    def per_s(self, name: str) -> float | None:
        """The rate of one of the host's counters; ``None`` where this kernel does not have it."""
        return next((rate.per_s for rate in self.rates if rate.name == name), None)


class ThreadFaults(msgspec.Struct, frozen=True):
    """Major faults of one thread so far: each waited for a disk."""

    tid: int
    comm: str
    major_faults: int


class FaultTable(msgspec.Struct, frozen=True, kw_only=True):
    """Major faults of all threads at one instant."""

    mono_ns: int
    threads: tuple[ThreadFaults, ...]
    ref: Ref


class FaultRate(msgspec.Struct, frozen=True):
    """Major faults of one thread over the window."""

    tid: int
    comm: str
    per_s: float


class FaultRates(msgspec.Struct, frozen=True, kw_only=True):
    """Threads that waited for memory to come from a disk, the most first; empty where none did."""

    window_ns: int
    threads: tuple[FaultRate, ...]
    refs: tuple[Ref, ...]

    @property
    def per_s(self) -> float:
        """All of them."""
        return sum(thread.per_s for thread in self.threads)
