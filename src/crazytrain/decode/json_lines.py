r"""Lines of logs that somebody pasted as JSON, as the plain lines that they stand for: journald's entries and those of container engines.

    {"__REALTIME_TIMESTAMP":"1653901199118273","_HOSTNAME":"cmp012","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"INFO: task kvm:318 blocked ..."}
    {"log":"INFO: task kvm:318 blocked for more than 120 seconds.\n","stream":"stderr","time":"2023-05-04T03:12:07.118273Z"}

Each line stays one line, so that numbers of lines hold. Sources: journalctl(1) (``-o json``, ``-o json-pretty``), Docker's json-file logs.
"""

import datetime as dt
import re

import msgspec

_LONGEST = 64 * 1024
_LAST_US = 253_000_000_000_000_000
_PRETTY = re.compile(rb'\s{0,8}"MESSAGE" : ("(?:[^"\\\n]|\\.){0,60000}"),?\s*$')


class _Entry(msgspec.Struct):
    message: str = msgspec.field(name="MESSAGE", default="")
    time: str = msgspec.field(name="__REALTIME_TIMESTAMP", default="")
    host: str = msgspec.field(name="_HOSTNAME", default="host")
    program: str = msgspec.field(name="SYSLOG_IDENTIFIER", default="")
    pid: str = msgspec.field(name="_PID", default="")
    log: str = ""


def unwrapped(block: bytes) -> bytes:
    """Text with such lines made plain; other lines, and what cannot be read as JSON, are as they were."""
    if b'"MESSAGE"' not in block and b'{"log":' not in block:
        return block
    return b"\n".join(map(_plain, block.split(b"\n")))


def _plain(line: bytes) -> bytes:
    pretty = _PRETTY.match(line[:_LONGEST])
    if pretty:
        return _one_line(_text(pretty[1]))
    bare = line.strip()
    if not bare.startswith(b"{") or not bare.endswith(b"}") or len(bare) > _LONGEST:
        return line
    try:
        entry = msgspec.json.decode(bare, type=_Entry)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return line
    if entry.log:
        return _one_line(entry.log)
    return _as_journal(entry) if entry.message else line


def _text(raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeError):
        return raw.decode("utf-8", "replace")


def _as_journal(entry: _Entry) -> bytes:
    """As ``journalctl -o short-iso`` writes it; without a time the message alone."""
    time = entry.time
    if not (time.isascii() and time.isdecimal() and 0 < int(time[:19]) < _LAST_US):
        return _one_line(entry.message)
    stamp = dt.datetime.fromtimestamp(int(time) // 10**6, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    program = (entry.program or "unknown")[:64]
    pid = f"[{entry.pid[:10]}]" if entry.pid and program != "kernel" else ""
    return _one_line(f"{stamp} {entry.host[:64]} {program}{pid}: {entry.message}")


def _one_line(text: str) -> bytes:
    return " ".join(text.rstrip("\r\n").splitlines()).encode("utf-8", "replace")
