"""CGROUP: a bundle of the files of control groups, with which thread is in which."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from crazytrain.decode.host import cpu_count
from crazytrain.decode.proc_text import keyed, number, text
from crazytrain.model.bundle import unpack
from crazytrain.model.cgroup_paths import mount_points, places
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.cgroup import CgroupReading, GroupReading, ThreadPlace

_THREAD = re.compile(r"/proc/\d{1,10}/task/(?P<tid>\d{1,10})/(?P<file>cgroup|status)")
_GROUP_FILE = re.compile(r"(?P<folder>/.{0,4000})/(?P<file>(?:cgroup|cpu|cpuset|memory|io|freezer)\.[\w.]{2,40})")
_SOME_TOTAL = re.compile(rb"^some [^\n]{0,120}\btotal=(\d{1,20})", re.MULTILINE)
_UNLIMITED_BYTES = 1 << 62  # version 1 says the largest multiple of a page
_ONLY_2 = frozenset(("cgroup.events", "cpu.max", "cpu.weight", "cpu.pressure", "memory.current", "memory.events"))


def decode_cgroup(evidence: Evidence) -> Iterable[object]:
    """Yield one ``CgroupReading``; nothing where no group could be read.

    Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{cpuacct,cpusets,memory,freezer-subsystem}.rst,
    Documentation/scheduler/sched-bwc.rst.
    """
    parts = {part.name: part.data for part in unpack(evidence.data) if part.outcome is Outcome.OK}
    folders: dict[str, dict[str, bytes]] = defaultdict(dict)
    for name, data in parts.items():
        found = _GROUP_FILE.fullmatch(name)
        if found:
            folders[found["folder"]][found["file"]] = data
    tops = set(mount_points(text(parts.get("/proc/self/mountinfo", b""))))
    groups = tuple(_group(folder, files, top=folder in tops) for folder, files in folders.items())
    threads = tuple(_threads(parts))
    if groups or threads:
        yield CgroupReading(mono_ns=evidence.mono_ns, groups=groups, threads=threads, ref=evidence.ref())


def _threads(parts: Mapping[str, bytes]) -> Iterator[ThreadPlace]:
    mounts = text(parts.get("/proc/self/mountinfo", b""))
    own: dict[int, dict[str, bytes]] = defaultdict(dict)
    for name, data in parts.items():
        found = _THREAD.fullmatch(name)
        if found:
            own[int(found["tid"])][found["file"]] = data
    known: dict[bytes, tuple[str, ...]] = {}
    for tid, files in own.items():
        cgroup = files.get("cgroup", b"")
        if cgroup not in known:
            known[cgroup] = tuple(place.folder for place in places(text(cgroup), mounts))
        cpus = keyed(files.get("status", b"")).get("Cpus_allowed_list", "")
        yield ThreadPlace(tid=tid, groups=known[cgroup], cpu_list=cpus[:400], cpus=cpu_count(cpus))


def _group(folder: str, files: Mapping[str, bytes], *, top: bool) -> GroupReading:
    two = not _ONLY_2.isdisjoint(files)
    stat = _pairs(files.get("cpu.stat", b""))
    throttled_us = stat.get("throttled_usec")
    quota, unlimited = _quota(files)
    cpus = text(files.get("cpuset.cpus.effective", files.get("cpuset.effective_cpus", b""))).strip()
    events = _pairs(files.get("memory.events", b""))
    return GroupReading(
        path=folder,
        version=2 if two else 1,
        top=top,
        quota_cpus=quota,
        unlimited_cpu=unlimited,
        weight=number(files.get("cpu.weight", files.get("cpu.shares", b""))),
        periods=stat.get("nr_periods"),
        throttled_periods=stat.get("nr_throttled"),
        throttled_ns=throttled_us * 1000 if throttled_us is not None else stat.get("throttled_time"),
        cpus=cpu_count(cpus),
        cpu_list=cpus[:400],
        memory_bytes=number(files.get("memory.current", files.get("memory.usage_in_bytes", b""))),
        memory_max_bytes=_limit(files.get("memory.max", files.get("memory.limit_in_bytes", b""))),
        memory_high_bytes=_limit(files.get("memory.high", b"")),
        memory_high_events=events.get("high"),
        memory_max_events=events.get("max", number(files.get("memory.failcnt", b""))),
        oom_kills=events.get("oom_kill", _pairs(files.get("memory.oom_control", b"")).get("oom_kill")),
        frozen=_frozen(files),
        cpu_stalled_ns=_stalled(files, "cpu"),
        memory_stalled_ns=_stalled(files, "memory"),
        io_stalled_ns=_stalled(files, "io"),
    )


def _quota(files: Mapping[str, bytes]) -> tuple[float | None, bool]:
    """The quota in CPUs, and whether there is none: ``max 100000`` (version 2), -1 (version 1)."""
    if "cpu.max" in files:
        words = files["cpu.max"].split()
        quota, period = (words[0], words[1]) if len(words) == 2 else (b"", b"")
    else:
        quota, period = (files.get(f"cpu.cfs_{name}_us", b"").strip() for name in ("quota", "period"))
    if quota in (b"max", b"-1"):
        return None, True
    us, of_us = number(quota), number(period)
    return (us / of_us if us is not None and of_us else None), False


def _frozen(files: Mapping[str, bytes]) -> bool | None:
    if "cgroup.events" in files:
        state = _pairs(files["cgroup.events"]).get("frozen")
        return None if state is None else bool(state)
    state_1 = files.get("freezer.state", b"").strip()
    return {b"FROZEN": True, b"FREEZING": True, b"THAWED": False}.get(state_1)


def _pairs(data: bytes) -> dict[str, int]:
    """Lines ``name number``."""
    words = [line.split() for line in data.splitlines()[:200]]
    read = {text(pair[0]): number(pair[1]) for pair in words if len(pair) == 2}
    return {name: value for name, value in read.items() if value is not None}


def _limit(data: bytes) -> int | None:
    """A limit in bytes; ``None`` where there is none."""
    found = number(data)
    return found if found is not None and found < _UNLIMITED_BYTES else None


def _stalled(files: Mapping[str, bytes], resource: str) -> int | None:
    found = _SOME_TOTAL.search(files.get(f"{resource}.pressure", b""))
    us = number(found[1]) if found else None
    return None if us is None else us * 1000
