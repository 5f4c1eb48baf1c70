"""Secrets out of texts: what stands behind a key such as ``password``, and what looks like a secret by itself.

A mask never takes a line feed or a NUL away, so lines and arguments keep their numbers.
"""

import re

MASK = b"***"
_WORDS = (
    rb"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|"
    rb"credentials?|cookie|(?<![a-z])psk)"
)
_HARMLESS = rb"(?!(?:on|off|yes|no|true|false|null|none)(?![\w.-]))"
# One value of a QEMU option (",," is a comma in it), in a text whose words end at white space, or at NUL.
_WORD = rb"(?:[^,\s\0;&\"'\])}\\]|,,|\\(?![\"'])[^\0\n])+"
_ARGUMENT = rb"(?:[^,\0\n]|,,)+"
_QUOTED = rb"(?P<quote>\\*[\"'])[^\0\n]*?(?<!\\)(?P=quote)"

_KEY = re.compile(rb"(?i)" + _WORDS)
_ALONE = re.compile(
    rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{0,16384}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    rb"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
    rb"|(?<=[Bb]earer )[\w.~+/=-]{8,}|(?<=://)[^/\s@:\0\"']{0,200}:[^@/\s\0\"']{1,200}(?=@)",
    re.DOTALL,
)
_OBJECT = re.compile(rb"\{[^{}]{0,4096}\"qom-type\\*\"\s*:\s*\\*\"secret[^{}]{0,4096}\}")
_OBJECT_DATA = re.compile(rb"(\"data\\*\"\s*:\s*)\\*\"[^\"]*\"")
_CALLS = rb"p?(?:read|write)(?:v2?|64)?|(?:send|recv)(?:to|from|msg|mmsg)?"
_PAYLOAD_LINE = re.compile(rb"(?:\b(?:" + _CALLS + rb")\(|<\.\.\. (?:" + _CALLS + rb") resumed>)[^\n]*")
_STRING = re.compile(rb"\"((?:[^\"\\\n]|\\[^\n])*)\"")
_CHARACTER = re.compile(rb"\\x[0-9a-fA-F]{2}|\\[0-7]{1,3}|\\[^\n]|[^\\]")
_RUN = 4  # so many readable characters in a row are text; fewer turn up in numbers, too


def _keyed(value: bytes) -> re.Pattern[bytes]:
    """What stands behind a secret's key: in quotes, or up to the value's end."""
    key = _WORDS + rb"[\w.-]{0,40}\\*[\"']?[ \t]{0,4}[=:][ \t]{0,4}"
    options = (
        rb"secret,(?:[^\0\n]{0,4096}?,)?data="
        rb"|fw_cfg[\0 ][^\0\n]{0,4096}?,string="
        rb"|\btype=11,(?:[^\0\n]{0,4096}?,)?value="
        rb"|\bserial="
        rb"|:key=(?=[A-Za-z0-9+/]{20})"
    )
    flag = rb"--?[\w-]{0,30}" + _WORDS + rb"[\0 ](?!-)"
    return re.compile(
        rb"(?i)(" + key + rb"|" + options + rb"|" + flag + rb")(?:" + _QUOTED + rb"|" + _HARMLESS + value + rb")"
    )


_IN_TEXT = _keyed(_WORD)
_IN_ARGUMENTS = _keyed(_ARGUMENT)


def mask_secrets(data: bytes) -> bytes:
    """A text, or a command line with NUL between its arguments, without secrets."""
    data = _OBJECT.sub(lambda found: _OBJECT_DATA.sub(rb'\1"***"', found[0]), data)
    data = _ALONE.sub(lambda found: MASK + b"\n" * found[0].count(b"\n"), data)
    return (_IN_ARGUMENTS if b"\0" in data else _IN_TEXT).sub(_masked, data)


def _masked(found: re.Match[bytes]) -> bytes:
    quote = found["quote"] or b""
    return found[1] + quote + MASK + quote


def is_secret_key(key: str) -> bool:
    """Whether what stands behind this key (of JSON) is a secret."""
    return _KEY.search(key.encode("utf-8", "replace")) is not None


def mask_payloads(trace: bytes) -> bytes:
    """Lines of strace without the texts that were read and written. Numbers in them (eventfd, siginfo) stay."""
    return _PAYLOAD_LINE.sub(lambda line: _STRING.sub(_without_text, line[0]), trace)


def _without_text(found: re.Match[bytes]) -> bytes:
    characters = _CHARACTER.findall(found[1])
    out: list[bytes] = []
    run: list[bytes] = []
    for character in (*characters, b""):
        if character and _is_readable(character):
            run.append(character)
            continue
        out += [b"x"] * len(run) if len(run) >= _RUN else run
        out.append(character)
        run = []
    return b'"' + b"".join(out) + b'"'


def _is_readable(character: bytes) -> bool:
    if not character.startswith(b"\\"):
        return True
    if character[1:2] == b"x" and len(character) == 4:
        return 0x20 <= int(b"0" + character[1:], 0) <= 0x7E
    if character[1:].isdigit():
        return 0x20 <= int(character[1:], 8) <= 0x7E
    return character[1:] in (b'"', b"\\")
