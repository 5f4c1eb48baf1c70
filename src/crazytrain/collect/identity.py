"""Who the process is: command line, program, control group, limits, memory, start time."""

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, link_part, read_part, ticks_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Kind

# cmdline takes the lock of the process's memory, which a hung process may hold for ever: it is read last, and alone.
_FILES = ("stat", "status", "comm", "cgroup", "limits", "io")
_COMMAND_LINE_BYTES = 1 << 20
_READ_TIMEOUT_S = 2.0


async def collect_identity(look: Look) -> None:
    """Keep ``identity.0`` (stat, status, comm, cgroup, limits, io, exe, uptime) and ``identity.1`` (cmdline)."""
    host, folder = look.host, f"/proc/{look.guest.pid}"
    if not still_same(host, look.guest.process):
        look.keep(gone(look, "identity.0", Kind.IDENTITY))
        return
    look.keep(await bundle(host, ("identity.0", Kind.IDENTITY, folder), lambda: _quick(host, folder), _READ_TIMEOUT_S))
    path = f"{folder}/cmdline"
    label = ("identity.1", Kind.IDENTITY, path)
    look.keep(await bundle(host, label, lambda: (read_part(host, path, _COMMAND_LINE_BYTES),), _READ_TIMEOUT_S))


def _quick(host: Host, folder: str) -> tuple[Part, ...]:
    own = (read_part(host, f"{folder}/{name}") for name in _FILES)
    boot = read_part(host, "/proc/sys/kernel/random/boot_id")
    return (*own, link_part(host, f"{folder}/exe"), read_part(host, "/proc/uptime"), boot, ticks_part(host))


COLLECTOR = Collector(name="identity", cost=Cost.READS, timeout_s=5.0, limit_bytes=2 << 20, run=collect_identity)
