"""What control groups did to the guest over the window: throttling, freezing, memory limits, pressure."""

from collections.abc import Iterable

from crazytrain.model.facts import Facts, ThreadActivity, ThreadRole
from crazytrain.model.facts.cgroup import CgroupLimits, CgroupReading, GroupReading, GroupUse, ThreadPlace

_RANGES = 200


def derive_cgroup(facts: Facts) -> CgroupLimits | None:
    """Compare the first and the last reading; with one alone limits and freezing are known, rates are not."""
    readings = sorted(facts.all(CgroupReading), key=lambda reading: reading.mono_ns)
    if not readings:
        return None
    first, last = readings[0], readings[-1]
    window_ns = last.mono_ns - first.mono_ns
    before = {group.path: group for group in first.groups} if window_ns > 0 else {}
    activity = facts.get(ThreadActivity)
    vcpus = {thread.tid for thread in activity.of(ThreadRole.VCPU)} if activity else set()
    uses = [_use(before.get(group.path), group, last.threads, window_ns) for group in last.groups]
    return CgroupLimits(
        window_ns=max(0, window_ns),
        groups=tuple(sorted(uses, key=lambda use: -len(use.path))),
        vcpu_threads=len(vcpus),
        allowed_cpus=_allowed(last.threads, vcpus),
        refs=tuple(dict.fromkeys((first.ref, last.ref))),
    )


def _use(before: GroupReading | None, now: GroupReading, threads: Iterable[ThreadPlace], window_ns: int) -> GroupUse:
    was = before or GroupReading(path=now.path, version=now.version)
    tids = tuple(sorted(thread.tid for thread in threads if _holds(now.path, thread)))
    return GroupUse(
        path=now.path,
        version=now.version,
        top=now.top,
        tids=tids,
        whole=len(tids) == sum(1 for _ in threads),
        quota_cpus=now.quota_cpus,
        throttled_periods_ratio=_of(
            _grown(was.throttled_periods, now.throttled_periods),
            _grown(was.periods, now.periods),
        ),
        throttled_ratio=_of(_grown(was.throttled_ns, now.throttled_ns), window_ns),
        weight=now.weight,
        cpus=now.cpus,
        memory_bytes=now.memory_bytes,
        memory_max_bytes=now.memory_max_bytes,
        memory_high_bytes=now.memory_high_bytes,
        memory_high_per_s=_per_s(was.memory_high_events, now.memory_high_events, window_ns),
        memory_max_per_s=_per_s(was.memory_max_events, now.memory_max_events, window_ns),
        oom_kills=now.oom_kills,
        frozen=now.frozen,
        cpu_stalled_ratio=_of(_grown(was.cpu_stalled_ns, now.cpu_stalled_ns), window_ns),
        memory_stalled_ratio=_of(_grown(was.memory_stalled_ns, now.memory_stalled_ns), window_ns),
        io_stalled_ratio=_of(_grown(was.io_stalled_ns, now.io_stalled_ns), window_ns),
    )


def _holds(path: str, thread: ThreadPlace) -> bool:
    return any(group == path or group.startswith(path + "/") for group in thread.groups)


def _grown(before: int | None, now: int | None) -> int | None:
    """By how much a counter grew; ``None`` where one end is missing, or the group was made anew between."""
    return None if before is None or now is None or now < before else now - before


def _of(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole


def _per_s(before: int | None, now: int | None, window_ns: int) -> float | None:
    grown = _grown(before, now)
    return None if grown is None or not window_ns else grown * 1e9 / window_ns


def _allowed(threads: Iterable[ThreadPlace], vcpus: set[int]) -> int | None:
    """How many CPUs the vCPU threads may use together."""
    lists = [thread.cpu_list for thread in threads if thread.tid in vcpus and thread.cpu_list]
    cpus: set[int] = set()
    for piece in ",".join(lists).split(",")[:_RANGES]:
        low, _, high = piece.partition("-")
        if low.isdecimal() and (high or low).isdecimal() and len(low) < 7 and len(high) < 7:
            cpus.update(range(int(low), int(high or low) + 1))
    return len(cpus) or None
