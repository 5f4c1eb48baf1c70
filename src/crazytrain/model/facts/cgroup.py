"""Facts about control groups: what the host allows the guest's process, and how often it held it back."""

import msgspec

from crazytrain.model.evidence import Ref


class GroupReading(msgspec.Struct, frozen=True, kw_only=True):
    """One control group at one instant. ``None`` is not known: the controller is not there, or the file could not be read.

    ``path`` is its folder on the host, ``version`` 1 or 2; ``top`` is the one that holds the whole host. ``quota_cpus`` is
    the share of CPU time that it may take (1.5 = one and a half CPUs), ``unlimited_cpu`` tells that there is no quota.
    ``throttled_ns`` is summed over its CPUs. ``*_stalled_ns`` is the time in which at least one of its tasks waited for the
    resource (PSI ``some``). ``memory_*_events`` count since the group was made.
    """

    path: str
    version: int
    top: bool = False
    quota_cpus: float | None = None
    unlimited_cpu: bool = False
    weight: int | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_ns: int | None = None
    cpus: int | None = None
    cpu_list: str = ""
    memory_bytes: int | None = None
    memory_max_bytes: int | None = None
    memory_high_bytes: int | None = None
    memory_high_events: int | None = None
    memory_max_events: int | None = None
    oom_kills: int | None = None
    frozen: bool | None = None
    cpu_stalled_ns: int | None = None
    memory_stalled_ns: int | None = None
    io_stalled_ns: int | None = None


class ThreadPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where one thread is: the folders of its control groups (deepest of each hierarchy), and the CPUs that it may use."""

    tid: int
    groups: tuple[str, ...]
    cpu_list: str = ""
    cpus: int | None = None


class CgroupReading(msgspec.Struct, frozen=True, kw_only=True):
    """All control groups of one process, its ancestors and its threads at one instant."""

    mono_ns: int
    groups: tuple[GroupReading, ...]
    threads: tuple[ThreadPlace, ...]
    ref: Ref


class GroupUse(msgspec.Struct, frozen=True, kw_only=True):
    """One control group over the window; ``tids`` are the guest's threads in it or below it.

    ``throttled_periods_ratio`` is the share of its periods in which it ran out of quota, ``throttled_ratio`` the time that it
    was held back, as a multiple of the window (2.0: two CPUs all the time). ``*_stalled_ratio`` are shares of the window.
    """

    path: str
    version: int
    top: bool = False
    tids: tuple[int, ...] = ()
    whole: bool = True
    quota_cpus: float | None = None
    throttled_periods_ratio: float | None = None
    throttled_ratio: float | None = None
    weight: int | None = None
    cpus: int | None = None
    memory_bytes: int | None = None
    memory_max_bytes: int | None = None
    memory_high_bytes: int | None = None
    memory_high_per_s: float | None = None
    memory_max_per_s: float | None = None
    oom_kills: int | None = None
    frozen: bool | None = None
    cpu_stalled_ratio: float | None = None
    memory_stalled_ratio: float | None = None
    io_stalled_ratio: float | None = None


class CgroupLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What control groups did to the guest over the window: the nearest group first.

    ``allowed_cpus`` is how many CPUs its vCPU threads may use together (``None``: not known).
    """

    window_ns: int
    groups: tuple[GroupUse, ...]
    vcpu_threads: int
    allowed_cpus: int | None
    refs: tuple[Ref, ...]

    @property
    def frozen(self) -> GroupUse | None:
        """The frozen group that holds the guest, or ``None``."""
        return next((group for group in self.groups if group.frozen), None)

    @property
    def own(self) -> GroupUse | None:
        """The nearest group of version 2 that holds all of the guest and not the whole host: its pressure is the guest's own."""
        return next((group for group in self.groups if group.version == 2 and group.whole and not group.top), None)

    @property
    def throttled(self) -> GroupUse | None:
        """The group whose quota held the guest back most, or ``None`` where none did."""
        held = [group for group in self.groups if group.throttled_ratio]
        return max(held, key=lambda group: group.throttled_ratio or 0.0, default=None)
