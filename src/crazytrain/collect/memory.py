"""Memory at the window's start and end: what the guest's process holds, and how the host fares.

``smaps_rollup`` and ``numa_maps`` would say more, but walk all page tables of the guest under the lock of its memory: a large
guest feels that, so they are left alone.
"""

from collections.abc import Iterator

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Kind

_OWN = ("stat", "status", "ksm_stat", "oom_score_adj")
_HOSTS = (
    "/proc/meminfo",
    "/proc/vmstat",
    "/proc/pressure/memory",
    "/proc/pressure/io",
    "/sys/kernel/mm/ksm/run",
    "/sys/kernel/mm/ksm/pages_sharing",
)
_READ_TIMEOUT_S = 2.0


async def collect_memory(look: Look) -> None:
    """Keep ``memory.0`` and ``memory.1``."""
    for number, moment in enumerate((look.start_ns, look.end_ns)):
        await look.host.sleep_until(moment)
        if not still_same(look.host, look.guest.process):
            look.keep(gone(look, f"memory.{number}", Kind.MEMORY))
            return
        label = (f"memory.{number}", Kind.MEMORY, f"/proc/{look.guest.pid}/status, /proc/vmstat, /proc/meminfo")
        look.keep(await bundle(look.host, label, lambda: tuple(_parts(look.host, look.guest.pid)), _READ_TIMEOUT_S))


def _parts(host: Host, pid: int) -> Iterator[Part]:
    yield from (read_part(host, f"/proc/{pid}/{name}", 16384) for name in _OWN)
    yield from (read_part(host, path, 32768) for path in _HOSTS)


COLLECTOR = Collector(name="memory", cost=Cost.READS, timeout_s=4.0, limit_bytes=256 << 10, run=collect_memory)
