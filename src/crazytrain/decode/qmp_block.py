"""QMP: the guest's disks. ``query-blockstats`` (counters), ``query-block`` (how they are set up), jobs."""

from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.decode.qmp_lines import Line, answers, parsed
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.block import BlockJob, BlockJobs, BlockReading, DiskReading, DiskState, DiskStates

_MOST_DISKS = 256
_LIMITS = ("iops", "iops_rd", "iops_wr", "bps", "bps_rd", "bps_wr")
# A block job knows its kind and how far it is; the job list knows how it ended. Both name the same job.
_JOB_LISTS = ("query-jobs", "query-block-jobs")


class _Counters(msgspec.Struct):
    rd_operations: int = 0
    wr_operations: int = 0
    flush_operations: int = 0
    rd_bytes: int = 0
    wr_bytes: int = 0
    rd_total_time_ns: int = 0
    wr_total_time_ns: int = 0
    flush_total_time_ns: int = 0
    failed_rd_operations: int = 0
    failed_wr_operations: int = 0
    failed_flush_operations: int = 0
    failed_unmap_operations: int = 0

    @property
    def failed(self) -> int:
        reads_and_writes = self.failed_rd_operations + self.failed_wr_operations
        return reads_and_writes + self.failed_flush_operations + self.failed_unmap_operations


class _Stats(msgspec.Struct, rename="kebab"):
    stats: _Counters
    device: str = ""
    qdev: str = ""
    node_name: str = ""


class _Cache(msgspec.Struct):
    direct: bool = False


class _Inserted(msgspec.Struct):
    file: str = ""
    drv: str = ""
    ro: bool = False
    iops: int = 0
    iops_rd: int = 0
    iops_wr: int = 0
    bps: int = 0
    bps_rd: int = 0
    bps_wr: int = 0
    cache: _Cache = msgspec.field(default_factory=_Cache)


class _Block(msgspec.Struct, rename="kebab"):
    io_status: str = ""
    device: str = ""
    qdev: str = ""
    inserted: _Inserted | None = None


class _Job(msgspec.Struct, rename="kebab"):
    id: str = ""
    device: str = ""
    type: str = ""
    status: str = ""
    current_progress: int = 0
    total_progress: int = 0
    offset: int = 0
    len: int = 0
    error: str = ""


def decode_qmp_block(evidence: Evidence) -> Iterable[object]:
    """Yield a ``BlockReading`` for each ``query-blockstats``, ``DiskStates`` and ``BlockJobs`` for the others.

    Source: QEMU, qapi/block-core.json and qapi/job.json. ::

        {"execute": "query-blockstats", "return": [{"device": "d1", "stats": {"rd_operations": 3, ...}}], "mono_ns": 1}
    """
    for line in answers(evidence):
        if line.answer.execute == "query-blockstats":
            yield from _reading(line)
        elif line.answer.execute == "query-block":
            yield from _states(line)
        elif line.answer.execute in _JOB_LISTS:
            yield from _jobs(line)


def _name(device: str, qdev: str, node: str = "") -> str:
    return (device or qdev.removeprefix("/machine/").removesuffix("/virtio-backend") or node)[:200]


def _reading(line: Line) -> Iterator[BlockReading]:
    found = parsed(list[_Stats], line.answer.said)
    if found is None:
        return
    disks = tuple(
        DiskReading(
            disk=_name(one.device, one.qdev, one.node_name),
            reads=one.stats.rd_operations,
            writes=one.stats.wr_operations,
            flushes=one.stats.flush_operations,
            read_bytes=one.stats.rd_bytes,
            written_bytes=one.stats.wr_bytes,
            read_time_ns=one.stats.rd_total_time_ns,
            write_time_ns=one.stats.wr_total_time_ns,
            flush_time_ns=one.stats.flush_total_time_ns,
            failed=one.stats.failed,
        )
        for one in found[:_MOST_DISKS]
    )
    yield BlockReading(mono_ns=line.answer.mono_ns, disks=disks, ref=line.ref)


def _states(line: Line) -> Iterator[DiskStates]:
    found = parsed(list[_Block], line.answer.said)
    if found is not None:
        yield DiskStates(disks=tuple(_state(one) for one in found[:_MOST_DISKS]), refs=(line.ref,))


def _state(one: _Block) -> DiskState:
    inside = one.inserted or _Inserted()
    return DiskState(
        disk=_name(one.device, one.qdev),
        file=inside.file,
        driver=inside.drv,
        io_status=one.io_status,
        read_only=inside.ro,
        throttled=any(getattr(inside, limit) for limit in _LIMITS),
        direct=inside.cache.direct,
        frontend=one.qdev,
    )


def _jobs(line: Line) -> Iterator[BlockJobs]:
    found = parsed(list[_Job], line.answer.said)
    if found is not None:
        jobs = tuple(
            BlockJob(
                id=(one.id or one.device)[:200],
                kind=one.type,
                status=one.status,
                done=one.current_progress or one.offset,
                total=one.total_progress or one.len,
                error=one.error,
            )
            for one in found[:_MOST_DISKS]
        )
        yield BlockJobs(mono_ns=line.answer.mono_ns, jobs=jobs, ref=line.ref)
