"""STORAGE: a bundle of links, fdinfo, mountinfo, statvfs and /sys/dev/block of open files, and of tasks in state D."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from crazytrain.decode.blocked import blocked_tasks
from crazytrain.decode.proc_text import keyed, keyed_number, number, text
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.storage import DeviceReading, ImageReading, StorageReading
from crazytrain.model.mounts import Mount, device_name, mount_id, mounts

_LINK = re.compile(r"/proc/\d{1,10}/fd/(\d{1,9})")
_DEVICE = re.compile(r"/sys/(?P<name>(?:dev|class)/block/[^/]{1,60})/(?P<file>.{1,200})")
_SLAVE = re.compile(r"slaves/[^/]{1,60}/dm/name")
_CHOSEN = re.compile(r"\[([\w-]{1,40})\]")
_SECTOR_BYTES = 512
_ACCESS_MODE, _READ_ONLY = 0o3, 0o0
_MOST_SPACE = 1 << 62  # some file systems answer with no number at all


def decode_storage(evidence: Evidence) -> Iterable[object]:
    """Yield one ``StorageReading``.

    Source: proc_pid_mountinfo(5), proc_pid_fdinfo(5), statvfs(3), Documentation/block/stat.rst,
    Documentation/ABI/stable/sysfs-block.
    """
    parts = {part.name: part for part in unpack(evidence.data)}
    read = {name: part.data for name, part in parts.items() if part.outcome is Outcome.OK}
    if not read:
        return
    devices = tuple(_devices(read))
    numbers = {name: text(data).strip() for name, data in read.items() if name.endswith("/dev")}
    yield StorageReading(
        mono_ns=evidence.mono_ns,
        images=tuple(_images(parts, read, numbers)),
        devices=devices,
        blocked=tuple(blocked_tasks(read)),
        tasks_seen=number(read.get("tasks_seen", b"")) or 0,
        ref=evidence.ref(),
    )


def _images(parts: Mapping[str, Part], read: Mapping[str, bytes], numbers: Mapping[str, str]) -> Iterator[ImageReading]:
    info = next((text(data) for name, data in read.items() if name.endswith("/mountinfo")), "")
    known = mounts(info)
    open_files: dict[tuple[str, int | None], list[tuple[int, str]]] = defaultdict(list)
    for name, data in read.items():
        found = _LINK.fullmatch(name)
        if found:
            fdinfo = text(read.get(name.replace("/fd/", "/fdinfo/"), b""))
            target = text(data).removesuffix("\n")
            open_files[target, mount_id(fdinfo)].append((int(found[1]), fdinfo))
    spaces = _spaces(parts, read)
    for (target, mount), descriptors in open_files.items():
        here = known.get(mount) if mount is not None else None
        yield _image(target, descriptors, here, spaces.get(mount), numbers)


def _spaces(parts: Mapping[str, Part], read: Mapping[str, bytes]) -> dict[int | None, Part]:
    """What each file system answered, by the number of its mount."""
    found: dict[int | None, Part] = {}
    for name, part in parts.items():
        if name.startswith("statvfs "):
            path = name.removeprefix("statvfs ").replace("/fd/", "/fdinfo/")
            found[mount_id(text(read.get(path, b"")))] = part
    return found


def _image(
    target: str,
    descriptors: list[tuple[int, str]],
    mount: Mount | None,
    space: Part | None,
    numbers: Mapping[str, str],
) -> ImageReading:
    device = device_name(mount, target)
    is_device = device.startswith("class/block/") and target.startswith("/dev/")
    given = keyed(space.data) if space and space.outcome is Outcome.OK and not is_device else {}
    unit = keyed_number(given, "f_frsize") or 0
    inodes = keyed_number(given, "f_files")
    modes = [mode for _, fdinfo in descriptors if (mode := _mode(fdinfo)) is not None]
    return ImageReading(
        path=target,
        fds=tuple(sorted(fd for fd, _ in descriptors)),
        writable=any(mode & _ACCESS_MODE != _READ_ONLY for mode in modes) if modes else None,
        mount_point="" if is_device else (mount.point if mount else ""),
        fs_type="" if is_device else (mount.fs_type if mount else ""),
        source=mount.source if mount and not is_device else "",
        network=bool(mount and mount.network),
        mounted_read_only=mount.read_only if mount and not is_device else None,
        device=numbers.get(f"/sys/{device}/dev", "") if device else "",
        answers=_answers(space),
        total_bytes=_bytes(given, "f_blocks", unit),
        free_bytes=_bytes(given, "f_bavail", unit),
        free_inodes=keyed_number(given, "f_favail") if inodes else None,
        total_inodes=inodes,
    )


def _answers(space: Part | None) -> bool | None:
    if space is None or space.outcome not in (Outcome.OK, Outcome.TIMED_OUT):
        return None
    return space.outcome is Outcome.OK


def _bytes(given: dict[str, str], key: str, unit: int) -> int | None:
    blocks = keyed_number(given, key)
    return blocks * unit if blocks is not None and unit and blocks * unit < _MOST_SPACE else None


def _mode(fdinfo: str) -> int | None:
    """The flags of open(2), which fdinfo shows in octal."""
    digits = keyed(fdinfo.encode()).get("flags", "")
    return int(digits, 8) if digits and len(digits) < 12 and set(digits) <= set("01234567") else None


def _devices(read: Mapping[str, bytes]) -> Iterator[DeviceReading]:
    folders: dict[str, dict[str, str]] = defaultdict(dict)
    for name, data in read.items():
        found = _DEVICE.fullmatch(name)
        if found:
            folders[found["name"]][found["file"]] = text(data).strip()
    seen: set[str] = set()
    for name, files in folders.items():
        if "dev" in files and files["dev"] not in seen:
            seen.add(files["dev"])
            yield _device(files, text(read.get(f"/sys/{name}", b"")).strip(), name)


def _device(files: Mapping[str, str], link: str, name: str) -> DeviceReading:
    stat = [int(word) if word.isdecimal() and len(word) < 21 else None for word in files.get("stat", "").split()[:17]]
    stat += [None] * (17 - len(stat))
    flight = [
        int(word) if word.isdecimal() and len(word) < 12 else None for word in files.get("inflight", "").split()[:2]
    ]
    flight += [None] * (2 - len(flight))
    pools = [value for file, value in files.items() if _SLAVE.fullmatch(file) and value.endswith(("-tpool", "_tdata"))]
    spins = files.get("queue/rotational", files.get("../queue/rotational", ""))
    chosen = _CHOSEN.search(files.get("queue/scheduler", files.get("../queue/scheduler", "")))
    return DeviceReading(
        number=files["dev"],
        name=(link or name).rpartition("/")[2],
        size_bytes=_times(_number(files.get("size")), _SECTOR_BYTES),
        read_only={"0": False, "1": True}.get(files.get("ro", "")),
        rotational={"0": False, "1": True}.get(spins),
        scheduler=chosen[1] if chosen else "",
        mapper_name=files.get("dm/name", "")[:128],
        thin_pool=pools[0][:128] if pools else "",
        reads=stat[0],
        read_bytes=_times(stat[2], _SECTOR_BYTES),
        writes=stat[4],
        written_bytes=_times(stat[6], _SECTOR_BYTES),
        busy_ms=stat[9],
        reads_in_flight=flight[0],
        writes_in_flight=flight[1],
    )


def _number(word: str | None) -> int | None:
    return number(word.encode()) if word else None


def _times(value: int | None, unit: int) -> int | None:
    return None if value is None else value * unit
