"""Finds the guests that run on this host, by /proc alone. Processes that hang cost one second, once for all."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from crazytrain.collect.qemu_process import accelerator_of, is_emulator, is_guest, looks_alike, manager_of, vcpus_of
from crazytrain.collect.same import boot_id, start_ticks
from crazytrain.host.door import Host
from crazytrain.model.facts.qemu import QemuConfig
from crazytrain.model.guest import Guest, Manager, ProcessId

# Reads a command line: decode's `config_of`, handed in because collectors do not import decoders.
ReadConfig = Callable[[Sequence[str]], QemuConfig]

_SCAN_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 1.0
_COMMAND_LINE_BYTES = 1 << 20
_THREADS_LOOKED_AT = 256
_LINKS_LOOKED_AT = 4096


class _Candidate(msgspec.Struct, frozen=True):
    """A process worth a second look; ``program`` is empty where its link may not be read."""

    pid: int
    comm: str
    program: str


class _Place(msgspec.Struct, frozen=True):
    """This host and this boot."""

    boot_id: str
    hostname: str


class _Held(msgspec.Struct, frozen=True):
    """What a process has: names of threads, targets of descriptors (``None``: not allowed), control groups."""

    threads: tuple[str, ...] = ()
    links: tuple[str, ...] | None = None
    cgroup: str = ""


async def guests(host: Host, read_config: ReadConfig) -> tuple[Guest, ...]:
    """Find every running guest, by pid. What a process does not tell stays empty or unknown; it is listed all the same.

    Args:
        host: the machine.
        read_config: what reads a QEMU command line (``crazytrain.decode.command_line.config_of``).
    """
    candidates = await _candidates(host)
    where = _Place(boot_id(host), _text(host, "/proc/sys/kernel/hostname").strip())
    found = await asyncio.gather(*(_guest(host, candidate, where, read_config) for candidate in candidates))
    named = [guest for guest in found if guest is not None]
    if any(not guest.name for guest in named):
        names = await _names_on_file(host)
        named = [msgspec.structs.replace(guest, name=guest.name or names.get(guest.pid, "")) for guest in named]
    return tuple(named)


async def _candidates(host: Host) -> list[_Candidate]:
    """Processes worth a second look. For those that we may not ask for their program, the command line is asked."""
    found: list[_Candidate] = []
    hidden: list[_Candidate] = []
    for scan, timeout_s in ((_scan, _SCAN_TIMEOUT_S), (_scan_hidden, _READ_TIMEOUT_S)):
        try:
            await host.patiently(partial(scan, host, found, hidden), timeout_s)
        except OSError:  # one of them hangs: those found until then count
            continue
    return sorted(found.copy(), key=lambda candidate: candidate.pid)


def _scan(host: Host, found: list[_Candidate], hidden: list[_Candidate]) -> None:
    """Look once at every process: its name, and its program, since ``-name process=...`` changes the name."""
    for name in host.names("/proc"):
        if not name.isdigit():
            continue
        comm = _text(host, f"/proc/{name}/comm").removesuffix("\n")
        try:
            program = host.link(f"/proc/{name}/exe")
        except PermissionError:
            (found if looks_alike(comm) else hidden).append(_Candidate(int(name), comm, ""))
            continue
        except OSError:  # a kernel thread, or gone
            program = ""
        if is_emulator(program) or looks_alike(comm):
            found.append(_Candidate(int(name), comm, program))


def _scan_hidden(host: Host, found: list[_Candidate], hidden: list[_Candidate]) -> None:
    found.extend(c for c in hidden if is_emulator(_text(host, f"/proc/{c.pid}/cmdline").split("\0")[0]))


async def _guest(host: Host, candidate: _Candidate, where: _Place, read_config: ReadConfig) -> Guest | None:
    pid = candidate.pid
    started = start_ticks(host, pid)
    argv, held = await asyncio.gather(_argv(host, pid), _held(host, pid))
    if started is None or started != start_ticks(host, pid) or not is_guest(candidate.comm, candidate.program, argv):
        return None
    config = read_config(argv) if argv else None
    return Guest(
        process=ProcessId(pid=pid, start_ticks=started, boot_id=where.boot_id),
        name=config.name if config else "",
        uuid=config.uuid if config else "",
        manager=manager_of(argv, held.cgroup),
        accelerator=accelerator_of(config, held.links, held.threads),
        vcpus=vcpus_of(config, held.links, held.threads),
        memory_bytes=config.memory_bytes if config else None,
        machine=config.machine if config else "",
        host=where.hostname,
        command_line=argv,
    )


async def _argv(host: Host, pid: int) -> tuple[str, ...]:
    """Read the command line. The kernel takes the lock of the process's memory for it: one that hangs never answers."""
    try:
        data = await host.patiently(lambda: host.read(f"/proc/{pid}/cmdline", _COMMAND_LINE_BYTES), _READ_TIMEOUT_S)
    except OSError:
        return ()
    return tuple(data.rstrip(b"\0").decode("utf-8", "backslashreplace").split("\0")) if data else ()


async def _held(host: Host, pid: int) -> _Held:
    try:
        return await host.patiently(lambda: _held_now(host, pid), _READ_TIMEOUT_S)
    except OSError:
        return _Held()


def _held_now(host: Host, pid: int) -> _Held:
    tids = _names(host, f"/proc/{pid}/task") or ()
    threads = tuple(_text(host, f"/proc/{pid}/task/{tid}/comm").rstrip("\n") for tid in tids[:_THREADS_LOOKED_AT])
    fds = _names(host, f"/proc/{pid}/fd")
    links = None if fds is None else tuple(_link(host, f"/proc/{pid}/fd/{fd}") for fd in fds[:_LINKS_LOOKED_AT])
    return _Held(threads, links, _text(host, f"/proc/{pid}/cgroup"))


async def _names_on_file(host: Host) -> dict[int, str]:
    """Names of guests by pid, as libvirt and Proxmox note them; for guests whose command line does not answer."""
    try:
        return await host.patiently(lambda: dict(_noted(host)), _READ_TIMEOUT_S)
    except OSError:
        return {}


def _noted(host: Host) -> Iterable[tuple[int, str]]:
    for folder in ("/run/libvirt/qemu", "/run/qemu-server"):
        for name in _names(host, folder) or ():
            pid = _text(host, f"{folder}/{name}").strip() if name.endswith(".pid") else ""
            if pid.isdecimal() and len(pid) < 11:
                yield int(pid), name.removesuffix(".pid")


def proxmox_id(guest: Guest) -> str:
    """The number by which Proxmox knows a guest (``-id 100``); empty for others."""
    if guest.manager is not Manager.PROXMOX:
        return ""
    pairs = itertools.pairwise(guest.command_line)
    return next((value for option, value in pairs if option == "-id"), "")


def _text(host: Host, path: str) -> str:
    try:
        return host.read(path, 4096).decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def _link(host: Host, path: str) -> str:
    try:
        return host.link(path)
    except OSError:
        return ""


def _names(host: Host, path: str) -> tuple[str, ...] | None:
    try:
        return host.names(path)
    except OSError:
        return None
