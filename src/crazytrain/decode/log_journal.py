"""journald's own formats as lines: ``journalctl -o export`` and ``-o json``. Each entry becomes ``TIME HOST PROGRAM[PID]: MESSAGE``.

Source: systemd's Journal Export Formats: fields ``NAME=VALUE``, or ``NAME``, 64 bits of size (little endian) and the bytes; an empty line ends
an entry.
"""

import datetime as dt
import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

_WANTED = re.compile(
    rb"^(__REALTIME_TIMESTAMP|MESSAGE|_HOSTNAME|SYSLOG_IDENTIFIER|_COMM|SYSLOG_PID|_PID)=(.*)$", re.MULTILINE
)
_BINARY_FIELD = re.compile(rb"^[A-Z_][A-Z0-9_]{0,63}$", re.MULTILINE)
_NEXT = re.compile(rb"\n\n(?=__CURSOR=)")
_LARGEST_ENTRY = 8 << 20
_MOST_MINUTES = 5_000
_LONGEST_TIME = 20
_LAST_US = 253_000_000_000_000_000
LONGEST_MESSAGE = 64 << 10

Pair = tuple[bytes, bytes]  # the line, and the entry as it was


class Form(StrEnum):
    """What a log is written in."""

    TEXT = "text"
    EXPORT = "journal export"
    JSON = "journal JSON"


def form_of(head: bytes) -> Form:
    """What a log that begins so is written in."""
    if re.match(rb"__CURSOR=|(?:[A-Z_]{3,64}=[^\n]*\n){1,40}?__REALTIME_TIMESTAMP=", head):
        return Form.EXPORT
    first = head.lstrip(b"\x1e\r\n ").partition(b"\n")[0]
    return Form.JSON if first.startswith(b"{") and b'"__REALTIME_TIMESTAMP"' in first else Form.TEXT


class _Entry(msgspec.Struct):
    time: str | int | None = msgspec.field(name="__REALTIME_TIMESTAMP", default=None)
    message: str | list[int] | None = msgspec.field(name="MESSAGE", default=None)
    host: str | list[str] | None = msgspec.field(name="_HOSTNAME", default=None)
    identifier: str | list[str] | None = msgspec.field(name="SYSLOG_IDENTIFIER", default=None)
    comm: str | list[str] | None = msgspec.field(name="_COMM", default=None)
    syslog_pid: str | list[str] | None = msgspec.field(name="SYSLOG_PID", default=None)
    pid: str | list[str] | None = msgspec.field(name="_PID", default=None)


_JSON = msgspec.json.Decoder(_Entry)


class Journal:
    """Makes lines of blocks of a journal. ``damaged``: entries that could not be read."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._rest = b""
        self._minutes: dict[int, bytes] = {}
        self.damaged = 0

    def take(self, data: bytes, *, last: bool = False) -> list[Pair]:
        """The entries that are whole now; with ``last`` what is left, too."""
        self._rest += data
        read = self._json() if self._form is Form.JSON else self._export()
        pairs = list(read)
        if last and self._rest.strip():
            self._rest += b"\n" if self._form is Form.JSON else b"\n\n"
            pairs += list(self._json() if self._form is Form.JSON else self._export())
        return pairs

    def _json(self) -> Iterator[Pair]:
        end = self._rest.rfind(b"\n") + 1
        whole, self._rest = self._rest[:end], self._rest[end:]
        for row in whole.splitlines(keepends=True):
            try:
                entry = _JSON.decode(row.lstrip(b"\x1e"))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.damaged += bool(row.strip())
                yield row.rstrip(b"\r\n"), row
                continue
            message = (
                bytes(byte & 255 for byte in entry.message)
                if isinstance(entry.message, list)
                else _bytes(entry.message)
            )
            pid = _bytes(entry.pid) or _bytes(entry.syslog_pid)
            program = _bytes(entry.identifier) or _bytes(entry.comm)
            yield self._line(_bytes(entry.time), _bytes(entry.host), program, pid, message), row

    def _export(self) -> Iterator[Pair]:
        data, at = self._rest, 0
        while True:
            while data[at : at + 1] == b"\n":
                at += 1
            end = data.find(b"\n\n", at)
            if end < 0:
                break
            found = self._entry(data, at, end)
            if found is None and len(data) - at <= _LARGEST_ENTRY:
                break
            if found is None:
                next_one = _NEXT.search(data, at)
                found = {}, (next_one.end() if next_one else len(data))
                self.damaged += 1
            fields, after = found
            yield self._of_fields(fields), data[at:after]
            at = after
        self._rest = data[at:]

    def _entry(self, data: bytes, at: int, end: int) -> tuple[dict[bytes, bytes], int] | None:
        """The fields of an entry and where the next begins; ``None`` where it is not whole yet."""
        text = data[at:end]
        if not _BINARY_FIELD.search(text):
            return dict(_WANTED.findall(text)), end + 2
        fields: dict[bytes, bytes] = {}
        while True:
            line_end = data.find(b"\n", at)
            if line_end < 0:
                return None
            name, equals, value = data[at:line_end].partition(b"=")
            if not name and not equals:
                return fields, line_end + 1
            at = line_end + 1
            if not equals:
                size = int.from_bytes(data[at : at + 8], "little")
                if size > _LARGEST_ENTRY or len(data) < at + 8 + size + 1:
                    return None
                value, at = data[at + 8 : at + 8 + size], at + 8 + size + 1
            fields[name] = value

    def _of_fields(self, fields: dict[bytes, bytes]) -> bytes:
        program = fields.get(b"SYSLOG_IDENTIFIER") or fields.get(b"_COMM", b"")
        pid = fields.get(b"_PID") or fields.get(b"SYSLOG_PID", b"")
        time, host = fields.get(b"__REALTIME_TIMESTAMP", b""), fields.get(b"_HOSTNAME", b"")
        return self._line(time, host, program, pid, fields.get(b"MESSAGE", b""))

    def _line(self, time: bytes, host: bytes, program: bytes, pid: bytes, message: bytes) -> bytes:
        said = message[:LONGEST_MESSAGE].replace(b"\n", b" ")
        number = b"[%b]" % pid if pid else b""
        return b"%b%b %b%b: %b" % (self._time(time), host or b"-", program or b"-", number, said)

    def _time(self, text: bytes) -> bytes:
        if not text.isdigit() or len(text) > _LONGEST_TIME or not 0 < int(text) < _LAST_US:
            return b""
        seconds, micros = divmod(int(text), 1_000_000)
        minute = self._minutes.get(seconds // 60)
        if minute is None:
            if len(self._minutes) >= _MOST_MINUTES:
                self._minutes.clear()
            minute = dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M").encode()
            self._minutes[seconds // 60] = minute
        return b"%b:%02d.%06d+00:00 " % (minute, seconds % 60, micros)


def _bytes(value: str | list[str] | list[int] | int | None) -> bytes:
    if isinstance(value, list):
        value = str(value[0]) if value else ""
    return str(value).encode("utf-8", "surrogateescape") if value is not None else b""
