"""Facts from tables that people paste and that do not say of which machine they are: CPU shares, interrupts, clock sources."""

import msgspec

from crazytrain.model.evidence import Ref


class CpuRow(msgspec.Struct, frozen=True, kw_only=True):
    """One CPU of a table, or all of them (``cpu`` -1): shares of its time. ``None`` is not told by this tool."""

    cpu: int
    user_ratio: float
    system_ratio: float
    idle_ratio: float
    iowait_ratio: float | None = None
    steal_ratio: float | None = None
    guest_ratio: float | None = None
    irq_ratio: float | None = None
    soft_ratio: float | None = None


class CpuTable(msgspec.Struct, frozen=True, kw_only=True):
    """CPU shares as ``tool`` showed them. Whose CPUs they are, the host's or the guest's, a table does not say.

    ``machine`` is the name in its heading, ``cpus`` their number there, ``kernel`` the version. ``samples`` rows were averaged. A share in
    ``guest_ratio`` shows that the machine runs guests.
    """

    tool: str
    rows: tuple[CpuRow, ...]
    samples: int = 1
    machine: str = ""
    kernel: str = ""
    cpus: int | None = None
    switches_per_s: float | None = None
    interrupts_per_s: float | None = None
    guest: bool | None = None  # whose it is, where what stands beside the table shows it
    refs: tuple[Ref, ...] = ()

    @property
    def whole(self) -> CpuRow | None:
        """All CPUs together, where they were shown."""
        return next((row for row in self.rows if row.cpu < 0), None)


class InterruptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``/proc/interrupts``: how often since boot over all CPUs, and by how much it grew from snapshot to snapshot."""

    name: str
    what: str
    count: int
    grown: int | None = None


class InterruptTable(msgspec.Struct, frozen=True, kw_only=True):
    """``/proc/interrupts``, the most frequent first. ``guest`` is known where devices or vectors show it, else ``None``."""

    rows: tuple[InterruptRow, ...]
    snapshots: int
    cpus: int
    guest: bool | None = None
    window_ns: int = 0
    refs: tuple[Ref, ...] = ()


class ClocksourceText(msgspec.Struct, frozen=True, kw_only=True):
    """The clock source of a Linux, as somebody printed it. ``guest`` is true where only a guest has such a one, else ``None``."""

    current: str = ""
    available: tuple[str, ...] = ()
    guest: bool | None = None
    refs: tuple[Ref, ...] = ()
