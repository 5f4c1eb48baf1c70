"""The guest's control groups and all their ancestors, versions 1 and 2: limits, throttling, pressure, freezing."""

import re
from collections.abc import Iterator

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part
from crazytrain.model.cgroup_paths import places
from crazytrain.model.evidence import Cost, Kind, Outcome

_FILES = {
    2: (
        "cgroup.events",
        "cpu.max",
        "cpu.weight",
        "cpu.stat",
        "cpu.pressure",
        "cpuset.cpus.effective",
        "memory.current",
        "memory.high",
        "memory.max",
        "memory.events",
        "memory.pressure",
        "io.pressure",
    ),
    1: (
        "cpu.cfs_quota_us",
        "cpu.cfs_period_us",
        "cpu.shares",
        "cpu.stat",
        "cpuset.effective_cpus",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "memory.failcnt",
        "memory.oom_control",
        "freezer.state",
    ),
}
_MOST_THREADS = 128
_MOST_FOLDERS = 64
_READ_TIMEOUT_S = 2.0
_MOUNTS_BYTES = 1 << 20
_AFFINITY = re.compile(rb"^Cpus_allowed_list:[^\n]*\n", re.MULTILINE)


async def collect_cgroup(look: Look) -> None:
    """Keep ``cgroup.0`` and ``cgroup.1``, at the window's start and end: a bundle of the groups' files.

    Threads may be in groups of their own (libvirt puts each vCPU into one), so each thread's group counts.
    """
    for number, moment in enumerate((look.start_ns, look.end_ns)):
        await look.host.sleep_until(moment)
        if not still_same(look.host, look.guest.process):
            look.keep(gone(look, f"cgroup.{number}", Kind.CGROUP))
            return
        label = (f"cgroup.{number}", Kind.CGROUP, f"/proc/{look.guest.pid}/cgroup and its groups")
        look.keep(await bundle(look.host, label, lambda: tuple(_parts(look.host, look.guest.pid)), _READ_TIMEOUT_S))


def _parts(host: Host, pid: int) -> Iterator[Part]:
    mounts = _mounts(host)
    own = list(_of_threads(host, pid))
    yield from own
    yield mounts
    versions: dict[str, int] = {}
    for cgroup in dict.fromkeys(part.data for part in own if part.name.endswith("/cgroup")):
        for place in places(Part("", cgroup).text, mounts.text):
            versions |= dict.fromkeys(place.folders(), place.version)
    for folder in list(versions)[:_MOST_FOLDERS]:
        yield from _there(host, folder, versions[folder])


def _mounts(host: Host) -> Part:
    """Lines of control groups only: hosts with many containers have thousands of others."""
    whole = read_part(host, "/proc/self/mountinfo", _MOUNTS_BYTES)
    lines = [line for line in whole.data.splitlines(keepends=True) if b" - cgroup" in line]
    return Part(whole.name, b"".join(lines), whole.outcome)


def _of_threads(host: Host, pid: int) -> Iterator[Part]:
    yield read_part(host, f"/proc/{pid}/cgroup", 8192)
    folder = f"/proc/{pid}/task"
    for tid in host.names(folder)[:_MOST_THREADS]:
        yield read_part(host, f"{folder}/{tid}/cgroup", 8192)
        status = read_part(host, f"{folder}/{tid}/status", 8192)
        found = _AFFINITY.search(status.data)
        yield Part(status.name, found[0] if found else b"", status.outcome)


def _there(host: Host, folder: str, version: int) -> Iterator[Part]:
    """The files of one group; a controller that is not on there has none, which is no loss to speak of."""
    read = [read_part(host, f"{folder}/{name}", 8192) for name in _FILES[version]]
    yield from (part for part in read if part.outcome is not Outcome.ABSENT)


COLLECTOR = Collector(name="cgroup", cost=Cost.READS, timeout_s=4.0, limit_bytes=2 << 20, run=collect_cgroup)
