"""The host at the window's start and end: kernel, clocksource, load, pressure, CPUs and what they did."""

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, read_part, ticks_part
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Kind

_FILES = (
    "/proc/sys/kernel/osrelease",
    "/proc/loadavg",
    "/proc/uptime",
    "/proc/pressure/cpu",
    "/proc/pressure/memory",
    "/proc/pressure/io",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    "/sys/devices/system/clocksource/clocksource0/available_clocksource",
    "/sys/devices/system/cpu/online",
    "/sys/class/dmi/id/product_name",
)
_STAT = "/proc/stat"
_STAT_BYTES = 256  # the first line: all CPUs together
_CPUINFO = "/proc/cpuinfo"
_CPUINFO_BYTES = 16 << 10  # the first CPU's paragraph; its flags are the long line
_READ_TIMEOUT_S = 3.0


async def collect_host(look: Look) -> None:
    """Keep ``host.0`` at the start, and ``host.1`` at the end, when load and pressure have seen the window."""
    await _keep_host(look, "host.0")
    await look.host.sleep_until(look.end_ns)
    await _keep_host(look, "host.1")


async def _keep_host(look: Look, name: str) -> None:
    host = look.host
    look.keep(await bundle(host, (name, Kind.HOST, "/proc and /sys"), lambda: _parts(host), _READ_TIMEOUT_S))


def _parts(host: Host) -> tuple[Part, ...]:
    return (ticks_part(host), *(read_part(host, path) for path in _FILES), _all_cpus(host), _first_cpu(host))


def _all_cpus(host: Host) -> Part:
    """The first line: the rest, one line a CPU and one long line of interrupts, is much to read on a large host."""
    whole = read_part(host, _STAT, _STAT_BYTES)
    return Part(_STAT, whole.data.partition(b"\n")[0], whole.outcome)


def _first_cpu(host: Host) -> Part:
    """The paragraph of the first CPU: on a host with hundreds, all of them are a megabyte."""
    whole = read_part(host, _CPUINFO, _CPUINFO_BYTES)
    return Part(_CPUINFO, whole.data.partition(b"\n\n")[0], whole.outcome)


COLLECTOR = Collector(name="host", cost=Cost.READS, timeout_s=5.0, limit_bytes=256 << 10, run=collect_host)
