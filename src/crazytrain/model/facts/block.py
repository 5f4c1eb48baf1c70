"""Facts about the guest's disks as QEMU counts them: how much, how fast, with what errors."""

import msgspec

from crazytrain.model.evidence import Ref


class DiskReading(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one disk since QEMU started. Times are summed over finished requests.

    ``failed`` counts requests that ended in an error, whatever their kind. ``disk`` is the name by which QEMU calls it: the
    device (``drive0``), the QOM path of the frontend, or the node.
    """

    disk: str
    reads: int = 0
    writes: int = 0
    flushes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    read_time_ns: int = 0
    write_time_ns: int = 0
    flush_time_ns: int = 0
    failed: int = 0


class BlockReading(msgspec.Struct, frozen=True, kw_only=True):
    """All disks at one instant (``query-blockstats``, or libvirt's ``domstats``)."""

    mono_ns: int
    disks: tuple[DiskReading, ...]
    ref: Ref


class DiskUse(msgspec.Struct, frozen=True, kw_only=True):
    """One disk over the window. ``*_ns`` are means of the requests that ended in it, ``None`` where none did.

    ``in_flight`` is the mean number of requests under way (Little's law over requests that ended: a request that never
    ends is not in it). ``failed`` ended in an error within the window.
    """

    disk: str
    reads_per_s: float = 0.0
    writes_per_s: float = 0.0
    flushes_per_s: float = 0.0
    read_bytes_per_s: float = 0.0
    written_bytes_per_s: float = 0.0
    read_ns: float | None = None
    write_ns: float | None = None
    flush_ns: float | None = None
    in_flight: float = 0.0
    failed: int = 0

    @property
    def requests_per_s(self) -> float:
        """Reads, writes and flushes together."""
        return self.reads_per_s + self.writes_per_s + self.flushes_per_s


class BlockUse(msgspec.Struct, frozen=True, kw_only=True):
    """All disks over the window."""

    window_ns: int
    disks: tuple[DiskUse, ...]
    refs: tuple[Ref, ...]


class DiskState(msgspec.Struct, frozen=True, kw_only=True):
    """How one disk is set up. ``io_status`` is ``ok``, ``failed``, ``nospace`` or empty; ``throttled``: it has a limit."""

    disk: str
    file: str = ""
    driver: str = ""
    io_status: str = ""
    read_only: bool = False
    throttled: bool = False
    direct: bool = False
    frontend: str = ""


class DiskStates(msgspec.Struct, frozen=True, kw_only=True):
    """All disks as ``query-block`` tells them."""

    disks: tuple[DiskState, ...]
    refs: tuple[Ref, ...]


class BlockJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job at work on disks (commit, mirror, backup, stream): how far, and in what state."""

    id: str
    kind: str
    status: str = ""
    done: int = 0
    total: int = 0
    error: str = ""


class BlockJobs(msgspec.Struct, frozen=True, kw_only=True):
    """All jobs at one instant."""

    mono_ns: int
    jobs: tuple[BlockJob, ...]
    ref: Ref
