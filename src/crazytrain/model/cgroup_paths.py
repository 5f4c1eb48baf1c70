"""Where a process's control groups are: from what ``/proc/PID/cgroup`` and ``mountinfo`` say to folders on the host."""

import re
from collections.abc import Iterator

import msgspec

_MOUNT = re.compile(
    r"^\d+ \d+ \d+:\d+ (?P<root>\S+) (?P<point>\S+) \S+ (?:.*? )?- cgroup(?P<two>2?) \S+ (?P<options>\S+)", re.MULTILINE
)
_LINE = re.compile(r"^\d{1,6}:(?P<names>[^:\n]{0,200}):(?P<path>/[^\n]{0,4000})$", re.MULTILINE)
CONTROLLERS = ("cpu", "memory", "cpuset", "freezer")  # those of version 1 that say something here
MOST_DEPTH = 24


class Place(msgspec.Struct, frozen=True):
    """The group of a process in one hierarchy: ``version``, where that is mounted, and the path below it (``/`` is the top)."""

    version: int
    mount_point: str
    path: str

    @property
    def folder(self) -> str:
        """The group's folder."""
        return self.mount_point if self.path == "/" else f"{self.mount_point}{self.path}"

    def folders(self) -> Iterator[str]:
        """The group's folder and those of its ancestors, the nearest first, the top last."""
        path = self.path.rstrip("/")
        for _ in range(MOST_DEPTH):
            if not path:
                break
            yield f"{self.mount_point}{path}"
            path = path.rpartition("/")[0]
        yield self.mount_point


def places(cgroup: str, mountinfo: str) -> tuple[Place, ...]:
    """Give the groups of a process, one for each hierarchy that is mounted here and that matters.

    >>> mounts = "31 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
    >>> places("0::/machine.slice/x.scope", mounts)[0].folder
    '/sys/fs/cgroup/machine.slice/x.scope'
    """
    mounts = [
        (m["two"] == "2", m["root"], m["point"], set(m["options"].split(","))) for m in _MOUNT.finditer(mountinfo)
    ]
    found: dict[str, Place] = {}
    for line in _LINE.finditer(cgroup):
        names = set(line["names"].split(",")) & set(CONTROLLERS)
        if line["names"] and not names:
            continue
        for two, root, point, options in mounts:
            fits = two if not line["names"] else (not two and bool(names & options))
            below = _below(line["path"], root)
            if fits and below is not None:
                place = Place(2 if two else 1, point, below)
                found.setdefault(place.folder, place)
                break
    return tuple(found.values())


def mount_points(mountinfo: str) -> tuple[str, ...]:
    """Where whole hierarchies are mounted: the groups there hold the whole host."""
    return tuple(mount["point"] for mount in _MOUNT.finditer(mountinfo) if mount["root"] == "/")


def _below(path: str, root: str) -> str | None:
    """The path below what is mounted: in a container only a part of the tree is. ``None``: it is not in that part."""
    if ".." in path.split("/"):
        return None
    if root == "/":
        return path
    if path == root or path.startswith(root + "/"):
        return path[len(root) :] or "/"
    return None
