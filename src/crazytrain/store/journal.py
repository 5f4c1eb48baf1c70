"""The journal of a case: one JSON line for each thing that was kept, each line with a checksum of its own. No I/O here.

A line is JSON whose last field is the CRC-32 of the line as it is without that field::

    {"line":"case","format":1,"id":"web01-20261123T064500Z-1f2e3d",...,"crc32":"7a1c09fe"}
    {"line":"evidence","evidence":{"id":"tasks.0",...},"file":"evidence/tasks.0.txt","bytes":812,...,"crc32":"..."}
    {"line":"baseline","choice":"db02: same machine type, ...","crc32":"..."}
    {"line":"window","window":{...},"crc32":"..."}
    {"line":"seal","count":1,"journal_sha256":"...","files":{"report.json":"..."},"crc32":"..."}

A case is complete when its last line is a seal that fits all lines before it. ``format`` is raised when an older
reader would misread a newer case; fields may be added at any time.
"""

import hashlib
import re
import zlib

import msgspec

from crazytrain.model.case import Window
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence
from crazytrain.model.guest import Guest
from crazytrain.store.limits import READ_LINES
from crazytrain.store.names import JOURNAL
from crazytrain.store.texts import numbers

FORMAT = 1
_CHECKSUM = re.compile(rb',"crc32":"([0-9a-f]{8})"}')
_CHECKSUM_LENGTH = len(b',"crc32":"00000000"}')
_NUMBER_LIMIT = 1 << 63


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="case"):
    """The first line: whose case it is, and when it was meant to look."""

    format: int
    tool: str
    id: str
    guest: Guest | None
    window: Window | None
    note: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="evidence"):
    """One evidence. ``evidence`` is without its data, which are in ``file`` (empty: there are none).

    ``bytes`` is the size of the data; ``sha256`` is that of the file as it lies there, compressed or not.
    """

    evidence: Evidence
    file: str = ""
    bytes: int = 0
    sha256: str = ""


class Compared(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="baseline"):
    """Why this healthy guest was chosen, or why there is none; its evidence is in ``baseline/``."""

    choice: str


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="window"):
    """The window as it really was."""

    window: Window


class Sealed(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="seal"):
    """The last line.

    How many pieces of evidence, sha256 of the journal before this line and of files that it does not name.
    """

    count: int
    journal_sha256: str
    files: dict[str, str]


Line = Opened | Kept | Compared | Ended | Sealed


class BadLine(msgspec.Struct, frozen=True):
    """A line that cannot be used, and why."""

    number: int
    why: str


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal says. ``sealed`` is only there where the seal fits.

    ``lines`` are those that fit their checksum.
    """

    opened: Opened | None
    kept: tuple[Kept, ...]
    compared: Compared | None
    window: Window | None
    sealed: Sealed | None
    bad: tuple[BadLine, ...]
    torn: bool
    lines: int


class _Version(msgspec.Struct, frozen=True):
    format: int = 0


def encode(line: Line) -> bytes:
    """One line with its checksum and line feed."""
    body = msgspec.json.encode(line)
    return b'%b,"crc32":"%08x"}\n' % (body[:-1], zlib.crc32(body))


def decode(line: bytes) -> Line:
    """One line (without its line feed); ``ValueError`` says in a sentence why it cannot be used."""
    body = line[:-_CHECKSUM_LENGTH] + b"}"
    found = _CHECKSUM.fullmatch(line[-_CHECKSUM_LENGTH:])
    if found is None or int(found[1], 16) != zlib.crc32(body):
        raise ValueError("does not fit its checksum")
    try:
        value: Line = msgspec.json.decode(body, type=Line)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"is not understood ({error}); a newer crazytrain may have written it") from error
    if any(not -_NUMBER_LIMIT <= number < _NUMBER_LIMIT for number in numbers(value)):
        raise ValueError("holds a number that is out of range")
    return value


def scan(data: bytes) -> Scan:
    """Read a journal. A last line without line feed was cut off and is passed over.

    Raises:
        BadInput: it was written in a newer format.
    """
    *whole, tail = data.split(b"\n")
    _refuse_newer(whole[0] if whole else tail)
    lines: list[Line] = []
    bad: list[BadLine] = []
    for number, text in enumerate(whole[:READ_LINES], start=1):
        try:
            lines.append(decode(text))
        except ValueError as error:
            bad.append(BadLine(number, str(error)))
    if len(whole) > READ_LINES:
        bad.append(BadLine(READ_LINES + 1, f"and all that follow were not read: more than {READ_LINES} lines"))
    return _told(lines, bad, data, len(whole[-1]) + 1 if whole else 0, tail)


def _told(lines: list[Line], bad: list[BadLine], data: bytes, last_bytes: int, tail: bytes) -> Scan:
    kept = tuple(line for line in lines if isinstance(line, Kept))
    seals = [line for line in lines if isinstance(line, Sealed)]
    before = data[: len(data) - len(tail) - last_bytes]
    fits = (
        not (bad or tail)
        and len(seals) == 1
        and lines[-1] is seals[0]
        and (seals[0].count, seals[0].journal_sha256) == (len(kept), hashlib.sha256(before).hexdigest())
    )
    if seals and not fits:
        bad.append(BadLine(len(lines) + len(bad), "the seal does not fit the lines before it"))
    if lines and not isinstance(lines[0], Opened) and not bad:
        bad.append(BadLine(1, "does not open a case"))
    windows = [line.window for line in lines if isinstance(line, Ended)]
    opened = lines[0] if lines and isinstance(lines[0], Opened) else None
    return Scan(
        opened=opened,
        kept=kept,
        compared=next((line for line in lines if isinstance(line, Compared)), None),
        window=windows[-1] if windows else opened.window if opened else None,
        sealed=seals[0] if fits else None,
        bad=tuple(bad),
        torn=bool(tail),
        lines=len(lines),
    )


def _refuse_newer(first: bytes) -> None:
    try:
        version = msgspec.json.decode(first, type=_Version)
    except (msgspec.MsgspecError, RecursionError):
        return
    if version.format > FORMAT:
        raise BadInput(
            f"{JOURNAL}:1: the case is in format {version.format}; this crazytrain reads up to format {FORMAT}",
            "open it with a newer crazytrain",
        )
