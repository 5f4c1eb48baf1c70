"""Names and addresses for others to read: each original has one placeholder, the same everywhere in a case.

What is replaced: uuids, MAC and IP addresses, guest names, host names, names of disk images, users under /home.
Addresses that tell nothing (loopback, any, netmasks) stay. A guest or host whose name is a common word (idle, test,
kvm), a number, or shorter than three letters keeps it where it may be something else: such a name tells nothing, and
the text must stay readable.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from urllib.parse import quote

from crazytrain.store.commonwords import COMMON_WORDS
from crazytrain.store.names import plain

_DASH = rb"(?:-|_|\\+x2d)"
_H = rb"[0-9a-fA-F]"
_UUID = re.compile(rb"(?<!%b)%b{8}(%b)%b{4}\1%b{4}\1%b{4}\1%b{12}(?!%b)" % (_H, _H, _DASH, _H, _H, _H, _H, _H))
_BARE = re.compile(rb"(?<!%b)(?:%b{32}|%b{12})(?!%b)" % (_H, _H, _H, _H))
_MAC = re.compile(rb"(?<![0-9a-fA-F:])%b{2}(?:([:-])%b{2})(?:\1%b{2}){4}(?![0-9a-fA-F]|[:-]%b)" % (_H, _H, _H, _H))
_IPV4 = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
_IPV6 = re.compile(rb"(?<![0-9a-zA-Z:.])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![0-9a-zA-Z:]|\.\d)")
_IMAGE = re.compile(rb"[^\0\s\"'=,/<>\\:]{1,200}(?=\.(?:qcow2|raw|img|iso|vmdk|vdi|vhdx|qed)(?![\w-]))")
_USER = re.compile(rb"(?<=/home/)[^/\s\0\"',:<>\\]{1,64}")
_GUEST = (
    re.compile(rb"(?<![\w-])-name(?:[\0 =]|\\*\",\s?\\*\")(?:guest=)?((?:[^,\0\s\"'\\]|,,){1,255})"),
    re.compile(rb"/domain-\d+-([^/\0\s\"']{1,64})"),
    re.compile(rb"machine-qemu(?:-|\\+x2d)\d+(?:-|\\+x2d)([^/\0\s\"']{1,255}?)\.scope"),
)
_TOP = rb"com|net|org|edu|gov|mil|io|eu|cloud|local|lan|internal|intranet|corp|private|localdomain|arpa|example"
_HOST = (
    re.compile(rb"(?i)(?<![\w.-])((?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}(?:" + _TOP + rb"))(?![\w-]|\.\w)"),
    re.compile(
        rb"(?i)(?:[a-z]{2,12}://(?:[^@/\s\0\"']{0,200}@)?|\b(?:host|server)=)([a-z0-9][a-z0-9.-]{1,200}[a-z0-9])"
    ),
)
_WELL_KNOWN = re.compile(
    rb"(?i)(?:^|\.)(?:(?:debian|kernel|qemu|proxmox|redhat|freedesktop|localhost)\.?\w*|ubuntu\.com)$"
)
_ESCAPED = re.compile(rb"\\+x([0-9a-f]{2})")
_NUMBERED = re.compile(rb"(?i)(?:guest|host|image|user)\d+")
_KEPT_MACS = (b"0" * 12, b"f" * 12)
_KEPT_V4 = ("0.0.0.0", "127.", "255.")  # noqa: S104 - addresses to look for, nothing is bound
_KEPT_V6 = (ipaddress.ip_address("::"), ipaddress.ip_address("::1"))  # /proc/PID/cgroup says 0::/path
_SHORTEST, _DISTINCT, _CUT_FROM, _CUT_TO = 3, 5, 15, 64
_MAX_FORMS = 400


class Aliases:
    """Placeholders for what ``corpus`` holds; none of them is a text that stands in ``corpus`` or ``elsewhere``.

    ``guests`` and ``hosts`` are names that are known; others are found in ``corpus``.
    """

    def __init__(
        self, corpus: Sequence[bytes], guests: Iterable[str], hosts: Iterable[str], elsewhere: Sequence[bytes] = ()
    ) -> None:
        self._in_use = {found for data in (*corpus, *elsewhere) for found in _placeholders_in(data)}
        self._given: dict[tuple[str, bytes], bytes] = {}
        self._aliases: set[bytes] = set()
        self._numbers = {kind: count(1) for kind in _PLACEHOLDERS}
        self._bare = {_bare(found[0]): "uuid" for data in corpus for found in _UUID.finditer(data)}
        self._bare |= {_bare(found[0]): "mac" for data in corpus for found in _MAC.finditer(data)}
        self._names: dict[bytes, bytes] = {}
        self._cut: dict[bytes, tuple[bytes, bytes]] = {}
        self._learn(guests, "guest", cut=True)
        self._learn((part for host in hosts for part in _host_parts(host)), "host", cut=False)
        self._learn(_found(_GUEST, corpus), "guest", cut=False)
        self._learn(
            (host for host in _found(_HOST, corpus) if not _WELL_KNOWN.search(host.encode())), "host", cut=False
        )
        self._pattern = _alternatives(self._names, self._cut)

    def _learn(self, names: Iterable[str], kind: str, *, cut: bool) -> None:
        for name in dict.fromkeys(names):
            if _tells_nothing(name) or len(self._names) > _MAX_FORMS:
                continue
            alias = self._alias(kind, _key(name))
            for form in _forms(name):
                self._names.setdefault(form.lower(), alias)
                if cut and len(form) > _CUT_FROM:
                    self._cut.setdefault(form[:_CUT_FROM].lower(), (form[_CUT_FROM:_CUT_TO], alias))

    def guest(self, name: str) -> str:
        """The placeholder of a guest's name, common word or not."""
        return self._alias("guest", _key(name)).decode()

    def apply(self, data: bytes) -> bytes:
        """The text with placeholders. Lines and NULs stay where they are."""
        data = _UUID.sub(lambda m: self._alias("uuid", _bare(m[0])).replace(b"-", m[1]), data)
        data = _MAC.sub(self._mac, data)
        data = _BARE.sub(self._of_bare, data)
        data = _IPV6.sub(self._ipv6, data)
        data = _IPV4.sub(self._ipv4, data)
        data = self._pattern.sub(self._name, data)
        data = _IMAGE.sub(lambda m: self._alias("image", m[0]), data)
        return _USER.sub(lambda m: self._alias("user", m[0]), data)

    def _name(self, found: re.Match[bytes]) -> bytes:
        name = found[0].lower()
        whole = self._names.get(name)
        return whole if whole is not None else self._cut[name[:_CUT_FROM]][1]

    def _mac(self, found: re.Match[bytes]) -> bytes:
        bare = _bare(found[0])
        return found[0] if bare in _KEPT_MACS else self._alias("mac", bare).replace(b":", found[1])

    def _of_bare(self, found: re.Match[bytes]) -> bytes:
        bare = found[0].lower()
        kind = None if bare in _KEPT_MACS else self._bare.get(bare)
        return found[0] if kind is None else _bare(self._alias(kind, bare))

    def _ipv4(self, found: re.Match[bytes]) -> bytes:
        text = found[0].decode()
        return found[0] if text.startswith(_KEPT_V4) or not _is_address(text) else self._alias("ipv4", found[0])

    def _ipv6(self, found: re.Match[bytes]) -> bytes:
        text = found[0].decode()
        if not _is_address(text) or ipaddress.ip_address(text) in _KEPT_V6:
            return found[0]
        return self._alias("ipv6", ipaddress.ip_address(text).exploded.encode())

    def _alias(self, kind: str, original: bytes) -> bytes:
        known = self._given.get((kind, original))
        if known is not None:
            return known
        if original in self._aliases:  # one that an earlier pass has put there
            return original
        free = (_PLACEHOLDERS[kind](number) for number in self._numbers[kind])
        new = next(alias for alias in free if alias not in self._in_use)
        self._given[kind, original] = new
        self._aliases.add(new)
        return new


def _placeholders_in(data: bytes) -> Iterator[bytes]:
    for pattern in (_UUID, _MAC, _IPV4, _IPV6, _NUMBERED):
        yield from (found[0].lower() for found in pattern.finditer(data))


def _ipv4_placeholder(number: int) -> bytes:
    """From the networks that are set aside for examples (RFC 5737), for benchmarks (RFC 2544), and for nothing."""
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"):
        size = ipaddress.ip_network(network).num_addresses - 2
        if number <= size:
            return str(ipaddress.ip_network(network)[number]).encode()
        number -= size
    return str(ipaddress.ip_address("240.0.0.0") + number).encode()


_PLACEHOLDERS: dict[str, Callable[[int], bytes]] = {
    "uuid": lambda number: b"00000000-0000-4000-8000-%012d" % number,
    "mac": lambda number: b"02:00:00:%02x:%02x:%02x" % (number >> 16 & 255, number >> 8 & 255, number & 255),
    "ipv4": _ipv4_placeholder,
    "ipv6": lambda number: b"2001:db8::%x" % number,
    "guest": lambda number: b"guest%d" % number,
    "host": lambda number: b"host%d" % number,
    "image": lambda number: b"image%d" % number,
    "user": lambda number: b"user%d" % number,
}


def _bare(text: bytes) -> bytes:
    return re.sub(rb"\\+x2d|[:_-]", b"", text).lower()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _key(name: str) -> bytes:
    return name.lower().encode("utf-8", "backslashreplace")


def _tells_nothing(name: str) -> bool:
    return len(name) < _SHORTEST or name.isdigit() or name.lower() in COMMON_WORDS or _is_address(name)


def _host_parts(host: str) -> Iterator[str]:
    """A host's whole name, then its short name and its domain."""
    yield host
    short, _, domain = host.partition(".")
    yield short
    if "." in domain:
        yield domain


def _found(patterns: Iterable[re.Pattern[bytes]], corpus: Sequence[bytes]) -> Iterator[str]:
    for pattern in patterns:
        for data in corpus:
            for found in pattern.finditer(data):
                raw = _ESCAPED.sub(lambda m: bytes([int(m[1], 16)]), found[1]).replace(b",,", b",")
                yield raw.decode("utf-8", "backslashreplace")


def _forms(name: str) -> Iterator[bytes]:
    """How a name may stand in a text: escaped for JSON, systemd, QEMU, URLs, strace; made harmless for a file."""
    raw = name.encode("utf-8", "backslashreplace")
    yield raw
    yield json.dumps(name)[1:-1].encode()
    yield json.dumps(name, ensure_ascii=False)[1:-1].encode("utf-8", "backslashreplace")
    yield raw.replace(b"-", rb"\x2d")
    yield raw.replace(b"-", rb"\\x2d")
    yield raw.replace(b",", b",,")
    yield quote(name, safe="", errors="replace").encode()
    yield b"".join(b"\\%03o" % byte if byte <= 0x20 or byte >= 0x7F else bytes([byte]) for byte in raw)
    harmless = plain(name, "")
    if not _tells_nothing(harmless):
        yield harmless.encode()


def _alternatives(names: Iterable[bytes], cut: Mapping[bytes, tuple[bytes, bytes]]) -> re.Pattern[bytes]:
    """Any of the names, the longest first, in any case; a short one only as a word of its own; then names that were cut."""
    whole = [_whole(name) for name in sorted(names, key=lambda name: (-len(name), name))]
    begun = [_cut_off(begin, rest) for begin, (rest, _) in sorted(cut.items())]
    return re.compile(b"|".join((*whole, *begun)) or rb"(?!)", re.IGNORECASE)


def _whole(name: bytes) -> bytes:
    word = re.escape(name)
    return word if len(name) >= _DISTINCT else rb"(?<![A-Za-z0-9])" + word + rb"(?![A-Za-z0-9])"


def _cut_off(begin: bytes, rest: bytes) -> bytes:
    """The kernel cuts a thread's name at 15, libvirt a guest's at 20: what begins like a name and goes on like it."""
    tail = b""
    for byte in reversed(rest):
        tail = b"(?:" + re.escape(bytes([byte])) + tail + b")?"
    return re.escape(begin) + tail
