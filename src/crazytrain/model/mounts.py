"""Mounts and the block devices behind them, from the text of ``/proc/PID/mountinfo`` and ``fdinfo`` (proc(5))."""

import re
from collections.abc import Iterable, Sequence

import msgspec

_LINE = re.compile(
    r"^(?P<id>\d{1,9}) \d+ (?P<device>\d{1,6}:\d{1,8}) \S+ (?P<point>\S+) (?P<options>\S+) (?:.*? )?- "
    r"(?P<type>\S+) (?P<source>\S+) (?P<super>\S+)",
    re.MULTILINE,
)
_MOUNT_ID = re.compile(r"^mnt_id:\s*(\d{1,9})$", re.MULTILINE)
_OCTAL = re.compile(r"\\([0-7]{3})")
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb3|smbfs|ceph|glusterfs|9p|virtiofs|afs|ocfs2|gfs2|lustre|beegfs|orangefs|moosefs|pvfs2|fuse\..*"
)
_LOCAL_FUSE = ("fuse.lxcfs", "fuse.portal", "fuse.gvfsd-fuse")


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``mountinfo``. ``device`` is ``MAJOR:MINOR``; major 0 stands for no block device of its own."""

    number: int
    device: str
    point: str
    fs_type: str
    source: str
    read_only: bool

    @property
    def network(self) -> bool:
        """Whether it is reached over a network, or through another program (FUSE)."""
        return _NETWORK.fullmatch(self.fs_type) is not None and self.fs_type not in _LOCAL_FUSE


def mounts(text: str) -> dict[int, Mount]:
    """Read the lines, by the mount's number."""
    found = (_mount(line) for line in _LINE.finditer(text))
    return {mount.number: mount for mount in found}


def _mount(line: re.Match[str]) -> Mount:
    read_only = "ro" in line["options"].split(",") or "ro" in line["super"].split(",")
    return Mount(
        number=int(line["id"]),
        device=line["device"],
        point=_plain(line["point"]),
        fs_type=line["type"],
        source=_plain(line["source"]),
        read_only=read_only,
    )


def _plain(word: str) -> str:
    r"""Blanks and the like stand there as ``\040``."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), word)


def mount_id(fdinfo: str) -> int | None:
    """The number of the mount that a descriptor is on; ``None`` where the kernel does not tell."""
    found = _MOUNT_ID.search(fdinfo)
    return int(found[1]) if found else None


def device_name(mount: Mount | None, link: str) -> str:
    """Where below /sys the block device behind an open file is; empty where there is none.

    A file that is itself a block device counts before the file system it lies on.

    >>> device_name(None, "/dev/dm-3")
    'class/block/dm-3'
    """
    if link.startswith("/dev/") and "/" not in link[5:]:
        return f"class/block/{link[5:]}"
    if mount is None:
        return ""
    if not mount.device.startswith("0:"):
        return f"dev/block/{mount.device}"
    # btrfs and the like number their mounts themselves; the source names one of their devices
    name = mount.source.removeprefix("/dev/")
    return f"class/block/{name}" if mount.source.startswith("/dev/") and "/" not in name else ""


def device_names(known: dict[int, Mount], links: Iterable[str]) -> tuple[str, ...]:
    """All devices of these mounts and links, each once."""
    found: Sequence[str] = [device_name(mount, "") for mount in known.values()]
    own = [device_name(None, link) for link in links]
    return tuple(dict.fromkeys(name for name in (*found, *own) if name))
