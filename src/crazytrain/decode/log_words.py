"""A log line's words with all that varies masked: numbers, addresses, identifiers, devices. One pass of one expression."""

import re

MOST_WORDS = 48
LONGEST_WORD = 120
ANY = "<*>"
_MOST_WORDS_KNOWN = 50_000

_HEX = rb"[0-9a-fA-F]"
_MASKS = re.compile(
    rb"(?<![0-9A-Za-z])(?:"
    rb"(?P<uuid>" + _HEX + rb"{8}-(?:" + _HEX + rb"{4}-){3}" + _HEX + rb"{12})"
    rb"|(?P<mac>" + _HEX + rb"{2}(?::" + _HEX + rb"{2}){5,31})"
    rb"|(?P<ip>\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?|(?=[0-9a-fA-F:]{0,39}::|(?:"
    + _HEX
    + rb"{1,4}:){7})"
    + _HEX
    + rb"{0,4}(?::{1,2}"
    + _HEX
    + rb"{1,4}){1,7}(?:::)?(?:/\d{1,3})?)"
    rb"|(?P<dev>(?:[shv]d[a-z]{1,2}\d{0,3}|nvme\d+n\d+(?:p\d+)?|dm-\d+|loop\d+|sr\d+))"
    rb"|(?P<hex>0[xX]" + _HEX + rb"{1,64}|(?=[0-9]{0,63}[a-fA-F])(?=[a-fA-F]{0,63}[0-9])" + _HEX + rb"{6,128})"
    rb")(?![0-9A-Za-z])"
    rb"|(?P<n>\d+(?:\.\d+)*)"
)
_NAMES = {name: b"<%b>" % name.encode() for name in ("uuid", "mac", "ip", "dev", "hex", "n")}
# What a terminal obeys and nobody reads; NULs are what a crash leaves in a log.
_CONTROLS = re.compile(
    rb"\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f]+"
)
_PLAIN_BYTES = bytes(range(32, 127)) + b"\t\r\n\x1b"
_BINARY_SHARE = 0.3
# `host program[pid]: `, `program[pid]: `, `program: `; busybox's syslogd names facility and priority before; RFC 5424 has `host program pid id - `.
_PRIORITY = (
    rb"(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|security|local[0-7])"
    rb"\.(?:emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug)"
)
_SPOKEN = re.compile(
    rb"(?:(?P<host>[A-Za-z\d_][\w.:-]{0,254}) )?(?:"
    + _PRIORITY
    + rb" )?(?P<program>[A-Za-z_(][\w./@()+-]{0,63}?)(?:\[(?P<pid>\d{1,10})\])?:(?: |$)"
)
# Behind a stamp of the boot stands the message itself, seldom a host: the names of the kernel's parts are part of the message.
_SPOKEN_AFTER_BOOT = re.compile(
    rb"(?:[\w.-]{1,255} )?(?:(?=kernel: )|(?=[\w./@()-]{1,64}\[\d{1,10}\]: ))(?P<program>[\w./@()+-]{1,64})(?:\[\d{1,10}\])?:(?: |$)"
)
_RFC5424 = re.compile(
    rb"\S{1,255} (?P<program>\S{1,48}) (?P<pid>\S{1,128}) \S{1,32} (?:-|\[(?:[^\]\\]|\\.){0,2000}\]) ?"
)


def _masked(found: re.Match[bytes]) -> bytes:
    return _NAMES[found.lastgroup or "n"]


class Words:
    """Masks messages word by word, and remembers words: most lines are made of the same ones."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def of(self, message: bytes) -> tuple[str, ...]:
        """The words of a message, masked; of a long one the first 48, then ``...``. Lines that differ in digits alone have the same words.

        >>> Words().of(b"DHCPACK(virbr0) 192.168.122.45 52:54:00:a1:b2:c3 web01")
        ('DHCPACK(virbr<n>)', '<ip>', '<mac>', 'web<n>')
        """
        words = message.split(None, MOST_WORDS)
        if len(words) > MOST_WORDS:
            words[MOST_WORDS:] = [b"..."]
        known = self._known
        if len(known) > _MOST_WORDS_KNOWN:
            known.clear()
        return tuple([known.get(word) or self._meet(word) for word in words])

    def _meet(self, word: bytes) -> str:
        masked = _MASKS.sub(_masked, word[: 2 * LONGEST_WORD])[:LONGEST_WORD].decode("utf-8", "backslashreplace")
        if len(word) <= LONGEST_WORD:
            self._known[word] = masked
        return masked


def shown_part(line: bytes) -> int:
    """Where that part of a line begins which a terminal shows last: behind the last carriage return that overwrites."""
    end = len(line.rstrip(b"\r"))
    return line.rfind(b"\r", 0, end) + 1


def without_controls(text: bytes) -> bytes:
    """Text without terminal sequences and control characters."""
    return _CONTROLS.sub(b"", text)


def is_binary(text: bytes) -> bool:
    """Whether this is no text: too many bytes that none has. UTF-8 is text."""
    odd = text.translate(None, _PLAIN_BYTES)
    if len(odd) <= _BINARY_SHARE * len(text):
        return False
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(text) - 4:  # not merely cut within a character
            return True
    return sum(byte < 32 for byte in odd) > _BINARY_SHARE * len(text)


def spoken(rest: bytes, *, boot: bool = False) -> tuple[str, int]:
    """The program that a line names behind its stamp, and where its message begins; an empty name: none. ``boot``: the stamp counts from
    the boot.
    """
    found = _SPOKEN_AFTER_BOOT.match(rest) if boot else _SPOKEN.match(rest) or _RFC5424.match(rest)
    if found is None:
        return "", 0
    return found["program"].decode("ascii", "backslashreplace"), found.end()
