"""The monitor's answers for people about disks: ``info block``, ``info blockstats``, ``info block-jobs``, of old and new QEMUs."""

import re
from collections.abc import Iterator, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.block import BlockJob, BlockJobs, BlockReading, DiskReading, DiskState, DiskStates

_MOST = 1024
_DISK = re.compile(
    r"(?P<name>[\w#/.-]{1,120})(?: \(#block\d{1,9}\))?: (?P<file>.{1,1000}?) \((?P<driver>[\w-]{1,40})(?P<rest>,[^)]{0,80})?\)$"
)
_EMPTY = re.compile(r"(?P<name>[\w#/.-]{1,120}): \[not inserted\]")
_IO_STATUS = re.compile(r"I/O status: +(\w{1,40})$")
_CACHE = re.compile(r"Cache mode: +(.{1,80})$")
_ATTACHED = re.compile(r"Attached to: +(\S{1,200})")
_THROTTLED = re.compile(r"I/O throttling: +.*=[1-9]")
# QEMU up to 1.5: all on one line.
_OLD = re.compile(r"(?P<name>[\w.-]{1,120}): (?:type=\w+ )?removable=[01] (?P<rest>.{1,2000})$")
_DIGITS = 20
_PAIR = re.compile(r"\b([a-z_-]{2,40})=(\S*)")
_STATS = re.compile(r"(?P<name>[\w#/.-]{1,200})(?: \([\w#/.-]{1,120}\))?: (?P<pairs>rd_bytes=\d{1,20} .{1,2000})$")
_JOB = re.compile(
    r"(?:Type (?P<type>[\w-]{1,40}), device (?P<device>[\w#/.-]{1,120})|Streaming device (?P<old>[\w#/.-]{1,120})): "
    r"Completed (?P<done>\d{1,20}) of (?P<total>\d{1,20}) bytes(?P<rest>.{0,200})$"
)
_TROUBLE = ("failed", "nospace")


def io_errors(lines: Sequence[str]) -> tuple[str, ...]:
    """Disks in trouble: ``drive0: nospace``."""
    return tuple(f"{disk.disk}: {disk.io_status}" for disk in _states(lines) if disk.io_status in _TROUBLE)


def disk_facts(lines: Sequence[str], evidence: Evidence) -> Iterator[object]:
    """Yield ``DiskStates``, a ``BlockReading`` for each time that counters were printed, and ``BlockJobs``."""
    states = tuple(_states(lines))
    if states:
        yield DiskStates(disks=states, refs=(evidence.ref(),))
    yield from _readings(lines, evidence)
    yield from _jobs(lines, evidence)


def _states(lines: Sequence[str]) -> Iterator[DiskState]:
    """The last word on each disk."""
    found: dict[str, DiskState] = {}
    last = ""
    for raw in lines:
        line = raw[:2200].strip()
        disk = _DISK.match(line) or _EMPTY.match(line)
        old = _OLD.match(line)
        if disk and not line.startswith(("Backing file", "Attached to", "Cache mode")):
            last = disk["name"]
            has = disk.groupdict()
            rest = has.get("rest") or ""
            found[last] = DiskState(
                disk=last, file=has.get("file") or "", driver=has.get("driver") or "", read_only="read-only" in rest
            )
        elif old:
            last = old["name"]
            found[last] = _old(last, dict(_PAIR.findall(old["rest"])))
        elif last:
            found[last] = _detail(found[last], line)
        if len(found) >= _MOST:
            break
    yield from found.values()


def _old(name: str, pairs: dict[str, str]) -> DiskState:
    return DiskState(
        disk=name,
        file=pairs.get("file", ""),
        driver=pairs.get("drv", ""),
        io_status=pairs.get("io-status", ""),
        read_only=pairs.get("ro") == "1",
        throttled=any(
            pairs.get(limit, "0") not in ("0", "")
            for limit in ("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr")
        ),
    )


def _detail(disk: DiskState, line: str) -> DiskState:
    status, cache, attached = _IO_STATUS.match(line), _CACHE.match(line), _ATTACHED.match(line)
    values = {
        "io_status": status[1] if status else disk.io_status,
        "direct": "direct" in cache[1] if cache else disk.direct,
        "frontend": attached[1] if attached else disk.frontend,
        "throttled": disk.throttled or bool(_THROTTLED.match(line)),
    }
    return DiskState(
        disk=disk.disk, file=disk.file, driver=disk.driver, read_only=disk.read_only,
        io_status=str(values["io_status"]), direct=bool(values["direct"]),
        frontend=str(values["frontend"]), throttled=bool(values["throttled"]),
    )  # fmt: skip


def _readings(lines: Sequence[str], evidence: Evidence) -> Iterator[BlockReading]:
    """When they were printed is not known: two of them give no rate."""
    together: dict[str, DiskReading] = {}
    first = 1
    for number, raw in enumerate(lines, 1):
        said = _STATS.match(raw[:2400].strip())
        if said is None:
            continue
        if said["name"] in together:
            yield BlockReading(mono_ns=evidence.mono_ns, disks=tuple(together.values()), ref=evidence.ref(first))
            together = {}
        first = first if together else number
        together[said["name"]] = _counters(
            said["name"], {k: int(v) for k, v in _PAIR.findall(said["pairs"]) if v.isdecimal() and len(v) <= _DIGITS}
        )
    if together:
        yield BlockReading(mono_ns=evidence.mono_ns, disks=tuple(together.values()), ref=evidence.ref(first))


def _counters(name: str, pairs: dict[str, int]) -> DiskReading:
    return DiskReading(
        disk=name,
        reads=pairs.get("rd_operations", 0),
        writes=pairs.get("wr_operations", 0),
        flushes=pairs.get("flush_operations", 0),
        read_bytes=pairs.get("rd_bytes", 0),
        written_bytes=pairs.get("wr_bytes", 0),
        read_time_ns=pairs.get("rd_total_time_ns", 0),
        write_time_ns=pairs.get("wr_total_time_ns", 0),
        flush_time_ns=pairs.get("flush_total_time_ns", 0),
    )


def _jobs(lines: Sequence[str], evidence: Evidence) -> Iterator[BlockJobs]:
    jobs: dict[str, BlockJob] = {}
    at = 0
    for number, raw in enumerate(lines, 1):
        said = _JOB.match(raw[:600].strip())
        if said and len(jobs) < _MOST:
            name = said["device"] or said["old"]
            at = at or number
            jobs[name] = BlockJob(
                id=name, kind=said["type"] or "stream", done=int(said["done"]), total=int(said["total"])
            )
        elif raw.strip() == "No active jobs":
            at, jobs = number, {}
    if at:
        yield BlockJobs(mono_ns=evidence.mono_ns, jobs=tuple(jobs.values()), ref=evidence.ref(at))
