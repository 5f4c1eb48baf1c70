"""The host's CPUs over the window: busy, idle, waiting for disks, taken by a hypervisor below."""

from crazytrain.model.facts import Facts, HostFacts
from crazytrain.model.facts.host import HostCpu


def derive_host_cpu(facts: Facts) -> HostCpu | None:
    """Compare the first and the last instant; ``None`` with fewer than two, or where no tick passed between."""
    seen = [one for one in facts.all(HostFacts) if one.ticks is not None]
    if len(seen) < 2 or seen[0].ticks is None or seen[-1].ticks is None:
        return None
    first, last = seen[0].ticks, seen[-1].ticks
    parts = (last.busy - first.busy, last.idle - first.idle, last.iowait - first.iowait, last.steal - first.steal)
    busy, idle, iowait, steal = (max(0, part) for part in parts)  # iowait and idle may fall a little
    total = busy + idle + iowait + steal
    if not total:
        return None
    return HostCpu(
        window_ns=seen[-1].mono_ns - seen[0].mono_ns,
        busy_ratio=busy / total,
        idle_ratio=idle / total,
        iowait_ratio=iowait / total,
        steal_ratio=steal / total,
        refs=(*seen[0].refs, *seen[-1].refs),
    )
