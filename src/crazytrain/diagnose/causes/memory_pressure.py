"""Cause host-pressure/memory-pressure."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts.cgroup import CgroupLimits
from crazytrain.model.facts.memory import FaultRates, MemoryUse
from crazytrain.model.figures import rate, share, size
from crazytrain.model.finding import Claim, Family, Point

STALLED_FROM = 0.10  # of the window: someone on the host waited for memory a tenth of the time
OWN_STALLED_FROM = 0.05
FAULTS_FROM_PER_S = 50.0


def memory_pressure(memory: MemoryUse, limits: CgroupLimits | None, faults: FaultRates | None) -> Claim:
    """Is the host, or the guest's share of it, so short of memory that the guest waits for it?"""
    says = "the host is short of memory: tasks wait until it has made some free"
    own = [*_own(limits, faults)]
    points = [*_host(memory), *own, *_group(limits)]
    # That the host is short of memory says nothing of this guest, unless the guest is seen to wait for some.
    return Claim(says=says, prior=0.04, points=tuple(points), at_most=0.95 if any(p.ratio > 1 for p in own) else 0.4)


def _host(memory: MemoryUse) -> Iterator[Point]:
    some = memory.memory_some_ratio
    if some is not None:
        says = f"tasks of the host waited for memory {share(some)} of the time"
        yield Point(says, memory.refs, 100 if some >= STALLED_FROM else 0.05 if some < 0.02 else 1)
    stalls = sum(found.per_s for found in memory.rates if found.name.startswith("allocstall"))
    if memory.rates:
        told = f"allocations had to make memory free themselves {rate(stalls)}"
        yield Point(told, memory.refs, 3 if stalls >= 20 else 0.8)
    last = memory.last
    if last.host_available_bytes is not None and last.host_total_bytes:
        left = last.host_available_bytes / last.host_total_bytes
        says = (
            f"{size(last.host_available_bytes)} of {size(last.host_total_bytes)} memory are available ({share(left)})"
        )
        yield Point(says, memory.refs, 2 if left < 0.05 else 0.6 if left > 0.2 else 1)


def _own(limits: CgroupLimits | None, faults: FaultRates | None) -> Iterator[Point]:
    """Whether the guest itself waits for memory."""
    group = limits.own if limits else None
    if limits and group and group.memory_stalled_ratio is not None:
        stalled = group.memory_stalled_ratio
        says = f"tasks of its own control group waited for memory {share(stalled)} of the time"
        yield Point(says, limits.refs, 6 if stalled >= OWN_STALLED_FROM else 0.1)
    elif faults and faults.per_s >= FAULTS_FROM_PER_S:
        yield Point(f"its threads waited for memory to come from disk {rate(faults.per_s)}", faults.refs, 3)


def _group(limits: CgroupLimits | None) -> Iterator[Point]:
    """A group that is at its limit is short of memory on a host that has plenty."""
    for group in limits.groups if limits else ():
        stalled = group.memory_stalled_ratio or 0.0
        hit = (group.memory_high_per_s or 0.0) + (group.memory_max_per_s or 0.0)
        narrow = group.memory_max_bytes or group.memory_high_bytes
        if narrow and hit and stalled >= OWN_STALLED_FROM and limits:
            says = (
                f"its control group {group.path} hit its limit of {size(narrow)} {rate(hit)}, and its tasks waited for memory "
                f"{share(stalled)} of the time"
            )
            yield Point(says, limits.refs, 5000)
            return


CAUSE = Cause(slug="memory-pressure", family=Family.HOST_PRESSURE, rank=Rank.PRESSURE, judge=memory_pressure)
