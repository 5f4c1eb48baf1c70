"""The storage behind each file that QEMU holds open: mount, file system, device; and tasks of the host that a disk holds up.

A file system that is gone may keep whoever asks it for ever, so each is asked in a thread of its own, once, and not waited for
long. What QEMU reaches by itself over the network (rbd, nbd, iscsi URLs) has no file and is not seen here.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, link_part, read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host, outcome_of
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Kind
from crazytrain.model.fdkind import kind_of
from crazytrain.model.mounts import device_names, mount_id, mounts

_MOST_FILES = 32
_MOST_TASKS = 4096
_MOST_BLOCKED = 24
_MOST_THREADS = 256
_READ_TIMEOUT_S = 2.0
_SPACE_TIMEOUT_S = 0.8
_MOUNTS_BYTES = 2 << 20
_DEVICE_FILES = (
    "stat",
    "inflight",
    "size",
    "ro",
    "queue/rotational",
    "../queue/rotational",
    "queue/scheduler",
    "../queue/scheduler",
    "dm/name",
)
_TASK_FILES = ("stat", "comm", "wchan", "status", "sched", "stack")


async def collect_storage(look: Look) -> None:
    """Keep ``storage.0`` (all of it) and, at the window's end, ``storage.1`` (devices, and tasks that were blocked)."""
    if look.light:
        return
    host, pid = look.host, look.guest.pid
    if not still_same(host, look.guest.process):
        look.keep(gone(look, "storage.0", Kind.STORAGE))
        return
    source = f"/proc/{pid}/fd, /proc/{pid}/mountinfo, statvfs, /sys/dev/block"
    files = await host.patiently(lambda: tuple(_files(host, pid)), _READ_TIMEOUT_S)
    asked = await _spaces(look, files)
    devices = _devices(files)
    first = await host.patiently(lambda: tuple(_tasks(host, pid)), _READ_TIMEOUT_S)
    read = lambda: (*files, *asked, *_of_devices(host, devices), *first)  # noqa: E731 - what a bundle is read by
    look.keep(await bundle(host, ("storage.0", Kind.STORAGE, source), read, _READ_TIMEOUT_S))
    await host.sleep_until(look.end_ns)
    if not still_same(host, look.guest.process):
        look.keep(gone(look, "storage.1", Kind.STORAGE))
        return
    again = lambda: (*_of_devices(host, devices), *_tasks(host, pid, _blocked(first)))  # noqa: E731 - same
    look.keep(await bundle(host, ("storage.1", Kind.STORAGE, source), again, _READ_TIMEOUT_S))


def _files(host: Host, pid: int) -> Iterator[Part]:
    """Links and ``fdinfo`` of open files and block devices, each file once or more, and the lines of their mounts."""
    wanted: set[int] = set()
    taken = 0
    for number in host.names(f"/proc/{pid}/fd"):
        link = link_part(host, f"/proc/{pid}/fd/{number}")
        if taken >= _MOST_FILES or not _is_stored(link.text):
            continue
        taken += 1
        info = read_part(host, f"/proc/{pid}/fdinfo/{number}", 4096)
        found = mount_id(info.text)
        wanted |= {found} if found is not None else set()
        yield from (link, info)
    whole = read_part(host, f"/proc/{pid}/mountinfo", _MOUNTS_BYTES)
    lines = [line for line in whole.data.splitlines(keepends=True) if _first_number(line) in wanted]
    yield Part(whole.name, b"".join(lines), whole.outcome)


def _is_stored(target: str) -> bool:
    kind = kind_of(target)
    if kind == "device":
        return True
    return kind == "file" and not target.startswith(("/proc/", "/sys/"))


def _first_number(line: bytes) -> int:
    first = line.partition(b" ")[0]
    return int(first) if first.isdigit() and len(first) < 10 else -1


async def _spaces(look: Look, files: Sequence[Part]) -> tuple[Part, ...]:
    """Ask each file system once, all at the same time."""
    asked: dict[int, str] = {}
    for info in files:
        found = mount_id(info.text) if "/fdinfo/" in info.name else None
        if found is not None:
            asked.setdefault(found, info.name.replace("/fdinfo/", "/fd/"))
    return tuple(await asyncio.gather(*(_space(look, path) for path in asked.values())))


async def _space(look: Look, path: str) -> Part:
    """Lines ``f_bavail: 123``, as statvfs(3) names them."""
    name = f"statvfs {path}"
    try:
        found = await look.host.patiently(lambda: look.host.space(path), _SPACE_TIMEOUT_S)
    except OSError as error:  # TimeoutError is one
        return Part(name, outcome=outcome_of(error)[0])
    return Part(
        name, "".join(f"{field}: {number}\n" for field, number in msgspec.structs.asdict(found).items()).encode()
    )


def _devices(files: Iterable[Part]) -> tuple[str, ...]:
    """Names below /sys of the block devices behind the files: ``dev/block/254:0`` or ``class/block/dm-3``."""
    known = list(files)
    info = next((part.text for part in known if part.name.endswith("/mountinfo")), "")
    links = [part.text for part in known if "/fd/" in part.name]
    return device_names(mounts(info), links)


def _of_devices(host: Host, names: Sequence[str]) -> Iterator[Part]:
    for name in names:
        folder = f"/sys/{name}"
        number = read_part(host, f"{folder}/dev", 32)
        if not number.data:
            continue
        yield number
        read = [read_part(host, f"{folder}/{file}", 1024) for file in _DEVICE_FILES]
        yield from (part for part in read if part.data)
        yield link_part(host, folder)
        yield from _slaves(host, folder)


def _slaves(host: Host, folder: str) -> Iterator[Part]:
    """The names of the device-mapper volumes below one: a thin volume stands on ``...-tpool``."""
    try:
        below = host.names(f"{folder}/slaves")[:8]
    except OSError:
        return
    parts = (read_part(host, f"{folder}/slaves/{slave}/dm/name", 256) for slave in below)
    yield from (part for part in parts if part.data)


def _tasks(host: Host, pid: int, only: Sequence[int] | None = None) -> Iterator[Part]:
    """Tasks in state D: the guest's threads, and the host's processes (all, or ``only`` those that were blocked before)."""
    folder = f"/proc/{pid}/task"
    own = [f"{folder}/{tid}" for tid in host.names(folder)[:_MOST_THREADS]]
    numbers = [name for name in host.names("/proc") if name.isdigit()] if only is None else [str(tid) for tid in only]
    folders = (*own, *(f"/proc/{number}" for number in numbers[:_MOST_TASKS] if number != str(pid)))
    blocked = [folder for folder in folders if _is_blocked(host, folder)][:_MOST_BLOCKED]
    yield Part("tasks_seen", b"%d\n" % len(folders))
    yield read_part(host, "/proc/self/sched", 4096)
    for folder in blocked:
        yield from (read_part(host, f"{folder}/{name}", 4096) for name in _TASK_FILES)


def _is_blocked(host: Host, folder: str) -> bool:
    return read_part(host, f"{folder}/stat", 512).data.rpartition(b") ")[2][:1] == b"D"


def _blocked(parts: Iterable[Part]) -> tuple[int, ...]:
    """The host's tasks among those that were blocked, to look at once more."""
    found = (part.name.split("/") for part in parts if part.name.endswith("/stat") and "/task/" not in part.name)
    return tuple(int(pieces[2]) for pieces in found if pieces[2].isdigit())


COLLECTOR = Collector(
    name="storage", cost=Cost.READS, timeout_s=5.0, limit_bytes=2 << 20, run=collect_storage, cpu_ns=30_000_000
)
