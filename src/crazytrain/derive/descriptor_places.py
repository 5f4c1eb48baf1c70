"""What a descriptor is for by where it leads: the command line names paths, addresses and descriptor numbers."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.model import fdrole
from crazytrain.model.facts import Descriptor, DescriptorTable, QemuConfig

_FD = re.compile(r"(?:^|,)(vhost)?fds?=([\d:]{1,200})")
_SETTING = re.compile(r"(?:^|,)(id|path|port|addr|tls-port)=([^,]*)")
_VNC_DISPLAY = re.compile(r"[^,]*:(\d{1,5})(?:,|$)")
_TCP_PORT = re.compile(r"(?:tcp|telnet|websocket):.*?:(\d{1,5})$")
_VNC_FIRST_PORT = 5900
# Paths of libvirt, Proxmox and guest agents, where the command line is not known.
_KNOWN_PATHS = (
    (re.compile(r"/monitor\.sock$|\.qmp$|qmp[^/]*\.sock(?:et)?$"), fdrole.QMP),
    (re.compile(r"guest_agent|\.qga$|/qga[^/]*\.sock$"), fdrole.AGENT),
    (re.compile(r"\.vnc$|/vnc[^/]*\.sock$"), fdrole.VNC),
    (re.compile(r"/spice[^/]*\.sock$"), fdrole.SPICE),
    (re.compile(r"\.serial\d+$"), fdrole.CONSOLE),
)
_RAM = re.compile(r"^/memfd:.*(?:ram|memory)|^/dev/hugepages|/hugepages|^/dev/shm/.*(?:ram|mem|qemu)", re.IGNORECASE)


class Place(msgspec.Struct, frozen=True):
    """Where something leads that QEMU was told of, in the words of its command line, and what it is for."""

    leads_to: str
    role: str


class Meaning(msgspec.Struct, frozen=True):
    """What a descriptor is used for, and why we think so."""

    role: str
    why: str


def places_of(config: QemuConfig | None, table: DescriptorTable) -> tuple[Place, ...]:
    """All places of a command line; descriptors that were handed over by number count with their socket's name, too."""
    if config is None:
        return ()
    told = tuple(_told(config))
    by_number = {f"fd:{d.fd}": d for d in table.descriptors if d.name.startswith(("/", "@"))}
    named = (Place(f"unix:{by_number[p.leads_to].name}", p.role) for p in told if p.leads_to in by_number)
    return (*told, *named)


def _told(config: QemuConfig) -> Iterator[Place]:
    for monitor in config.monitors:
        protocol, _, place = monitor.partition(" ")
        yield Place(_without_log(place), fdrole.QMP if protocol == "qmp" else fdrole.HMP)
    for console in config.consoles:
        yield Place(_without_log(console), fdrole.CONSOLE)
        if "logfile=" in console:
            yield Place(f"file:{console.partition('logfile=')[2]}", f"log of the {fdrole.CONSOLE}")
    for display in config.displays:
        yield from _display(display)
    for chardev in config.chardevs:
        yield from _chardev(chardev)
    for nic in config.nics:
        yield from _nic(nic)


def _without_log(place: str) -> str:
    return place.partition(",logfile=")[0]


def _display(display: str) -> Iterator[Place]:
    kind, _, value = display.partition(" ")
    settings = dict(_SETTING.findall(value))
    if kind == "vnc" and value.startswith("unix:"):
        yield Place(value.partition(",")[0], fdrole.VNC)
    elif kind == "vnc" and (number := _VNC_DISPLAY.match(value)):
        yield Place(f"tcp::{_VNC_FIRST_PORT + int(number[1])}", fdrole.VNC)
    elif kind == "spice":
        yield from (Place(f"tcp::{settings[key]}", fdrole.SPICE) for key in ("port", "tls-port") if key in settings)
        if "addr" in settings:
            yield Place(f"unix:{settings['addr']}", fdrole.SPICE)


def _chardev(value: str) -> Iterator[Place]:
    settings = dict(_SETTING.findall(value))
    name, path = settings.get("id", ""), settings.get("path", "")
    role = fdrole.AGENT if "guest_agent" in path or "qga" in name + path else f"{fdrole.CHARDEV} {name}".rstrip()
    if path:
        yield Place(f"unix:{path}", role)
        yield Place(f"file:{path}", role)
    for _, numbers in _FD.findall(value):
        yield Place(f"fd:{numbers}", role)


def _nic(value: str) -> Iterator[Place]:
    name = dict(_SETTING.findall(value)).get("id", "")
    for vhost, numbers in _FD.findall(value):
        kind = fdrole.VHOST if vhost else fdrole.TAP
        yield from (Place(f"fd:{number}", f"{kind} {name}".rstrip()) for number in numbers.split(":") if number)


def role_by_place(descriptor: Descriptor, places: Sequence[Place], config: QemuConfig | None) -> Meaning | None:
    """What a descriptor is for, judged by where it leads; ``None`` where that does not tell."""
    for place in places:
        if place.leads_to == f"fd:{descriptor.fd}" and not descriptor.name.startswith("tcp:"):
            # A tap or a socket keeps what it is; which one the command line means is in the role.
            return Meaning(_with_client(descriptor, place.role), "the command line names this descriptor")
    match descriptor.kind:
        case "socket":
            return _socket(descriptor, places)
        case "pty":
            return _pty(descriptor, places)
        case "memfd" | "hugepages" | "file" | "device" | "null" | "pipe" | "tty":
            return _file(descriptor, places, config)
    return None


def _socket(descriptor: Descriptor, places: Sequence[Place]) -> Meaning | None:
    name = descriptor.name.partition(" type=")[0]  # lsof adds the type behind a path
    for place in places:
        if _same_socket(name, place.leads_to):
            return Meaning(_with_client(descriptor, place.role), f"the command line names {name}")
    for pattern, role in _KNOWN_PATHS:
        if pattern.search(name):
            return Meaning(_with_client(descriptor, role), f"its path is {name}")
    return None


def _with_client(descriptor: Descriptor, role: str) -> str:
    return f"{role}, client connected" if descriptor.kind == "socket" and descriptor.listening is False else role


def _same_socket(name: str, leads_to: str) -> bool:
    if name.startswith("tcp:"):
        port = _TCP_PORT.match(leads_to)
        return port is not None and name.endswith(f":{port[1]}")
    kind, _, path = leads_to.partition(":")
    return kind == "unix" and bool(path) and _same_path(name, path)


def _same_path(absolute: str, told: str) -> bool:
    """Whether a path is the one that was told; one that was told relative to QEMU's folder matches by its end."""
    told = told.removeprefix("./")
    return absolute == told or (not told.startswith("/") and absolute.endswith(f"/{told}"))


def _pty(descriptor: Descriptor, places: Sequence[Place]) -> Meaning:
    told = {place.role for place in places if place.leads_to.partition(":")[0] == "pty"}
    where = f" on {descriptor.name}" if descriptor.name else ""
    if len(told) == 1:
        return Meaning(f"{told.pop()}{where}", "the command line asks for a pty for nothing else")
    return Meaning(f"{fdrole.CHARDEV}{where}", "a pseudo-terminal")


def _file(descriptor: Descriptor, places: Sequence[Place], config: QemuConfig | None) -> Meaning | None:
    path = descriptor.target.removesuffix(" (deleted)")
    if any(_same_path(path, image.removeprefix("file:")) for image in (config.images if config else ()) if image):
        return Meaning(f"{fdrole.DISK} {_base(path)}", "the command line names it")
    told = next((p.role for p in places if p.leads_to.startswith("file:") and _same_path(path, p.leads_to[5:])), "")
    if told:
        return Meaning(told, f"the command line names {path}")
    if descriptor.locked:
        return Meaning(f"{fdrole.DISK} {_base(path)}", "QEMU holds its image locks on it")
    if _RAM.search(path):
        return Meaning(fdrole.RAM, "its name")
    if descriptor.fd < len(fdrole.STANDARD):
        return Meaning(fdrole.STANDARD[descriptor.fd], "its number")
    return None


def _base(path: str) -> str:
    return path.rpartition("/")[2]
