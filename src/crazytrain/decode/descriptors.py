"""DESCRIPTORS: a bundle of /proc/PID/fd links, /proc/PID/fdinfo, and lines of /proc/PID/net that name sockets."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from crazytrain.decode.proc_text import keyed, number, text
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.descriptors import Descriptor, DescriptorTable
from crazytrain.model.fdkind import kind_of, vcpu_index

_LINK = re.compile(r"(?:/?proc/\d{1,10}/)?fd/(\d{1,9})")
_INFO = re.compile(r"(?:/?proc/\d{1,10}/)?fdinfo/(\d{1,9})")
_TABLE = re.compile(r"(?:/?proc/(?:\d{1,10}|self)/)?net/(unix|tcp6?)")
_SOCKET = re.compile(r"socket:\[(\d{1,20})\]")
_WATCHED = re.compile(r"^tfd:\s*(\d{1,9})\s", re.MULTILINE)
# libvirt and QEMU itself lock bytes from 100 (in use) and from 200 (not to be shared): block/file-posix.c.
_IMAGE_LOCK = re.compile(r"^lock:\s*\d+: OFDLCK .* (?:1\d\d|2\d\d) (?:1\d\d|2\d\d)$", re.MULTILINE)
_MASK = re.compile(r"[0-9a-fA-F]{1,16}")
_SIGNALS = 64
_UNIX_LISTENS = 0x10000  # __SO_ACCEPTCON
_TCP_LISTENS = b"0A"


class _Socket(msgspec.Struct, frozen=True):
    """What a socket table says of one socket: a path or an address, and whether it waits for clients."""

    name: str
    listening: bool


def decode_descriptors(evidence: Evidence) -> Iterable[object]:
    """Yield one ``DescriptorTable``; nothing where no link could be read. Roles are derived later.

    Source: proc_pid_fd(5), proc_pid_fdinfo(5), the show_fdinfo functions of the kernel, unix(7).
    """
    links: dict[int, Part] = {}
    infos: dict[int, Part] = {}
    sockets: dict[str, _Socket] = {}
    for part in unpack(evidence.data):
        if part.outcome is not Outcome.OK:
            continue
        if found := _LINK.fullmatch(part.name):
            links[int(found[1])] = part
        elif found := _INFO.fullmatch(part.name):
            infos[int(found[1])] = part
        elif found := _TABLE.fullmatch(part.name):
            sockets.update(_unix(part.data) if found[1] == "unix" else _tcp(part.data))
    if links:
        yield DescriptorTable(
            descriptors=tuple(_descriptor(fd, links[fd], infos.get(fd), sockets, evidence) for fd in sorted(links)),
            complete=evidence.outcome is Outcome.OK,
            refs=(evidence.ref(),),
        )


def _hexadecimal(word: str) -> int | None:
    return int(word, 16) if _MASK.fullmatch(word) else None


def _descriptor(
    fd: int, link: Part, info: Part | None, sockets: Mapping[str, _Socket], evidence: Evidence
) -> Descriptor:
    target = text(link.data).removesuffix("\n")
    words = text(info.data) if info else ""
    fields = keyed(info.data) if info else {}
    count = _hexadecimal(fields.get("eventfd-count", ""))  # so written by eventfd_show_fdinfo in fs/eventfd.c
    object_id = number(fields.get("eventfd-id", "").encode())
    signals = tuple(_signals(fields.get("sigmask", "")))
    watches = tuple(sorted({int(found) for found in _WATCHED.findall(words)}))
    bound = sockets.get(found[1]) if (found := _SOCKET.fullmatch(target)) else None
    return Descriptor(
        fd=fd,
        target=target,
        kind=kind_of(target),
        detail=_detail(count, signals, watches),
        vcpu=vcpu_index(target),
        name=bound.name if bound else _name(fields),
        object_id=object_id,
        count=count,
        signals=signals,
        watches=watches,
        listening=bound.listening if bound else None,
        locked=_IMAGE_LOCK.search(words) is not None,
        refs=(evidence.ref(link.line), *((evidence.ref(info.line),) if info else ())),
    )


def _name(fields: Mapping[str, str]) -> str:
    """The interface of a tap, or the other side of a pseudo-terminal."""
    if fields.get("tty-index"):
        return f"/dev/pts/{fields['tty-index']}"
    return fields.get("iff", "")


def _detail(count: int | None, signals: tuple[int, ...], watches: tuple[int, ...]) -> str:
    if count is not None:
        return f"count {count}"
    if signals:
        return "signals " + ", ".join(str(number) for number in signals)
    return "watches " + ", ".join(f"fd {fd}" for fd in watches) if watches else ""


def _signals(mask: str) -> Iterator[int]:
    """Numbers of the signals in a mask: bit 0 is signal 1."""
    bits = int(mask, 16) if _MASK.fullmatch(mask) else 0
    return (bit + 1 for bit in range(_SIGNALS) if bits >> bit & 1)


def _unix(table: bytes) -> Iterator[tuple[str, _Socket]]:
    """Lines of ``net/unix``: Num, RefCount, Protocol, Flags, Type, St, Inode, Path. Abstract ones begin with ``@``."""
    for line in table.split(b"\n"):
        columns = line.split(None, 7)
        if len(columns) < 7 or number(columns[6]) is None or not _MASK.fullmatch(text(columns[3])):
            continue
        path = text(columns[7]) if len(columns) > 7 else ""
        yield text(columns[6]), _Socket(path, bool(int(columns[3], 16) & _UNIX_LISTENS))


def _tcp(table: bytes) -> Iterator[tuple[str, _Socket]]:
    """Lines of ``net/tcp`` and ``net/tcp6``: sl, local_address, rem_address, st, ..., inode in column 9."""
    for line in table.split(b"\n"):
        columns = line.split()
        address = _address(text(columns[1])) if len(columns) > 9 and number(columns[9]) is not None else ""
        if address:
            yield text(columns[9]), _Socket(address, columns[3] == _TCP_LISTENS)


def _address(hexadecimal: str) -> str:
    """``0100007F:170C`` as ``tcp:127.0.0.1:5900``; each 4 bytes of an address stand in little-endian order."""
    host, _, port = hexadecimal.partition(":")
    if len(host) not in (8, 32) or not re.fullmatch(r"[0-9A-Fa-f]{4}", port):
        return ""
    try:
        raw = bytes.fromhex(host)
    except ValueError:
        return ""
    groups = [raw[i : i + 4][::-1] for i in range(0, len(raw), 4)]
    if len(groups) == 1:
        return f"tcp:{'.'.join(str(byte) for byte in groups[0])}:{int(port, 16)}"
    return f"tcp:[{b''.join(groups).hex(':', 2)}]:{int(port, 16)}"
