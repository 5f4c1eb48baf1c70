"""Monitors and serial consoles on a QEMU command line: which socket, which file, and how they are reached from here."""

import itertools
import json
import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.host.door import Host

_CONSOLE_DEVICE = re.compile(r"isa-serial|pci-serial\S*|usb-serial|virtconsole|sclp(?:lm)?console|spapr-vty|serial\S*")

_AGENT = "org.qemu.guest_agent."


class Chardev(msgspec.Struct, frozen=True, kw_only=True):
    """One character device: ``backend`` (socket, file, pty, stdio, ...), its path, its log file. ``server``: it listens."""

    id: str = ""
    backend: str = ""
    path: str = ""
    server: bool = False
    log: str = ""

    @property
    def libvirts(self) -> bool:
        """Whether it is libvirt's own monitor, which libvirt alone may speak to."""
        return self.id == "charmonitor" or "/libvirt/qemu/" in self.path

    @property
    def label(self) -> str:
        """A short name for people."""
        return f"{self.backend}:{self.path}" if self.path else self.backend


class Monitor(msgspec.Struct, frozen=True):
    """A monitor of QEMU: where it leads, and whether it speaks QMP (else HMP, for people)."""

    chardev: Chardev
    qmp: bool

    @property
    def askable(self) -> bool:
        """Whether we may connect and ask: a QMP socket on which QEMU listens, and which is not libvirt's."""
        here = self.chardev
        return self.qmp and here.backend == "socket" and bool(here.path) and here.server and not here.libvirts


def monitors(argv: Sequence[str]) -> tuple[Monitor, ...]:
    """Every monitor on the command line, in order."""
    known = _known(argv)
    found = []
    for name, value in _options(argv):
        if name in ("qmp", "qmp-pretty", "monitor"):
            found.append(Monitor(_short(value, known), name != "monitor"))
        elif name == "mon":
            pairs = _pairs(value, "chardev")
            found.append(Monitor(known.get(pairs.get("chardev", ""), Chardev()), pairs.get("mode") == "control"))
    return tuple(found)


def consoles(argv: Sequence[str]) -> tuple[Chardev, ...]:
    """Where every serial port (and virtio console) of the guest leads, in order."""
    known = _known(argv)
    found = []
    for name, value in _options(argv):
        if name == "serial":
            found.append(_short(value.removeprefix("mon:"), known))
        elif name == "device":
            pairs = _json_words(value) if value.startswith("{") else _pairs(value, "driver")
            if _CONSOLE_DEVICE.fullmatch(pairs.get("driver", "")) and pairs.get("chardev"):
                found.append(known.get(pairs["chardev"], Chardev(id=pairs["chardev"])))
    return tuple(found)


def agents(argv: Sequence[str]) -> tuple[Chardev, ...]:
    """Where the channels of guest agents (qemu-ga) lead, in order."""
    known = _known(argv)
    found = []
    for name, value in _options(argv):
        if name == "device":
            pairs = _json_words(value) if value.startswith("{") else _pairs(value, "driver")
            if pairs.get("driver") in ("virtserialport", "isa-serial") and pairs.get("name", "").startswith(_AGENT):
                found.append(known.get(pairs.get("chardev", ""), Chardev()))
    return tuple(found)


def reachable(host: Host, pid: int, path: str) -> str:
    """The path under which we find what QEMU calls ``path``: it may have another root, mount namespace or folder."""
    if not path.startswith("/"):
        return f"/proc/{pid}/cwd/{path}"
    return f"/proc/{pid}/root{path}" if _lives_elsewhere(host, pid) else path


def _lives_elsewhere(host: Host, pid: int) -> bool:
    try:
        other_root = host.link(f"/proc/{pid}/root") != "/"
        return other_root or host.link(f"/proc/{pid}/ns/mnt") != host.link("/proc/self/ns/mnt")
    except OSError:
        return False


def _options(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    for option, value in itertools.pairwise(argv):
        if option.startswith("-"):
            yield option.lstrip("-"), value


def _known(argv: Sequence[str]) -> dict[str, Chardev]:
    read = (_chardev(_pairs(value, "backend")) for name, value in _options(argv) if name == "chardev")
    return {chardev.id: chardev for chardev in read if chardev.id}


def _chardev(pairs: dict[str, str]) -> Chardev:
    return Chardev(
        id=pairs.get("id", ""),
        backend=pairs.get("backend", ""),
        path=pairs.get("path", ""),
        server=pairs.get("server") in ("on", "yes"),
        log=pairs.get("logfile", ""),
    )


def _short(value: str, known: dict[str, Chardev]) -> Chardev:
    """The words of -serial, -monitor and -qmp: ``unix:PATH,server,nowait``, ``file:PATH``, ``chardev:ID``, ``pty``."""
    kind, _, rest = value.partition(":")
    if kind == "chardev":
        return known.get(rest, Chardev(id=rest))
    if kind == "file":  # the rest is the path, commas and all
        return Chardev(backend="file", path=rest)
    if kind == "unix":
        return _chardev({**_pairs(rest, "path"), "backend": "socket"})
    return _chardev({**_pairs(rest, "where"), "backend": value.split(",", maxsplit=1)[0].partition(":")[0]})


def _pairs(value: str, first: str) -> dict[str, str]:
    """``a,b=c,,d,e`` with ``first`` as the key of a leading word: a doubled comma is one of the text."""
    pieces = [piece.replace("\0", ",") for piece in value.replace(",,", "\0").split(",")]
    pairs: dict[str, str] = {}
    for position, piece in enumerate(pieces):
        key, equals, text = piece.partition("=")
        if equals:
            pairs[key] = text
        elif position == 0:
            pairs[first] = piece
        else:
            pairs[key] = "on"
    return pairs


def _json_words(value: str) -> dict[str, str]:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return {key: text for key, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}
