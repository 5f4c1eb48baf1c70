"""Control groups of a guest's own, version 1 or 2: noted in its folder before they are made."""

import contextlib
import os
from pathlib import Path

import msgspec

from crazytrain.lab.errors import LabError
from crazytrain.lab.process import myself
from crazytrain.lab.wait import wait_until
from crazytrain.model.guest import ProcessId

NOTE = "cgroup"
_PREFIX = "crazytrain-lab-"
_PERIOD_US = 100_000
_EMPTY_WITHIN_S = 10.0


class CpuRoot(msgspec.Struct, frozen=True, kw_only=True):
    """Where the CPU controller's root group is mounted, and by which version."""

    path: Path
    version: int


def find_cpu_root() -> CpuRoot:
    """Return the CPU controller of this host; ``LabError`` where it is not to be had without changing the host."""
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split()[:3]
        path = Path(before.split()[4])
        if kind == "cgroup" and "cpu" in options.split(","):
            return CpuRoot(path=path, version=1)
        if kind == "cgroup2" and "cpu" in _words(path / "cgroup.subtree_control"):
            return CpuRoot(path=path, version=2)
    raise LabError("no control group limits CPU time here", "a host with systemd and its cpu controller does")


def find_unified_root() -> Path:
    """Return where control groups of version 2 are mounted; ``LabError`` where they are not."""
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split()[4])
    raise LabError("no control groups of version 2 are mounted here", "a host with systemd has them")


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("ascii").split()
    except OSError:
        return []


def limit_cpu(process: ProcessId, folder: Path, percent: int) -> Path:
    """Put a process into a new group that may use ``percent`` of one CPU, noted in ``folder``; return the group.

    The quota is over periods of 100 ms (Documentation/scheduler/sched-bwc.rst, admin-guide/cgroup-v2.rst).
    """
    root = find_cpu_root()
    group = _made(root.path, folder)
    quota_us = _PERIOD_US * percent // 100
    if root.version == 1:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US), "ascii")
        (group / "cpu.cfs_quota_us").write_text(str(quota_us), "ascii")
    else:
        (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}", "ascii")
    (group / "cgroup.procs").write_text(str(process.pid), "ascii")
    return group


def freeze(process: ProcessId, folder: Path) -> Path:
    """Put a process into a new group that is frozen, noted in ``folder``; return the group (admin-guide/cgroup-v2.rst)."""
    group = _made(find_unified_root(), folder)
    (group / "cgroup.procs").write_text(str(process.pid), "ascii")
    (group / "cgroup.freeze").write_text("1", "ascii")
    return group


def _made(root: Path, folder: Path) -> Path:
    """A new group, noted before it is made."""
    me = myself()
    group = root / f"{_PREFIX}{folder.name}-{me.pid}-{me.start_ticks}"
    (folder / NOTE).write_text(str(group), "utf-8")
    group.mkdir()
    return group


def throttled_times(group: Path) -> int:
    """How often the group was held back so far."""
    stat = dict(line.split() for line in (group / "cpu.stat").read_text("ascii").splitlines())
    return int(stat.get("nr_throttled", 0))


def remove_group(folder: Path) -> None:
    """Remove the group that is noted in a guest's folder; its processes have ended."""
    try:
        group = Path((folder / NOTE).read_text("utf-8"))
    except FileNotFoundError:
        return
    if group.name.startswith(_PREFIX) and not wait_until(lambda: _removed(group), _EMPTY_WITHIN_S):
        raise LabError(f"the control group {group} is still in use", f"rmdir {group}")


def _removed(group: Path) -> bool:
    with contextlib.suppress(OSError):
        os.rmdir(group)  # noqa: PTH106 - the kernel's files in it go with it
    return not group.exists()
