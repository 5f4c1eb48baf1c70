"""Cleans pasted text before it is matched: line ends, colours, mail quoting, wraps. Lines keep their numbers."""

import re

from crazytrain.decode.command_words import is_argv
from crazytrain.model.errors import BadInput

NEXT_STEP = "Give text: lines of strace, `ls -l /proc/PID/fd`, `top -H` or a QEMU command line."
_SAMPLE_BYTES = 16 * 1024
_LOOKS_LIKE = (
    (b"\x7fELF", "a program or core dump (ELF)"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"BZh", "bzip2 data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"%PDF", "a PDF document"),
    (b"QFI\xfb", "a disk image (qcow2)"),
    (b"PERFILE2", "perf.data"),
    (b"\x17\x08Dtracing", "a trace-cmd file"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture"),
    (b"SQLite format 3", "an SQLite database"),
)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\x1b\x08\f")) + b"\x7f"
_DIRT = _CONTROL + b"\r\x1b\x08\f"
_MOST_CONTROL = 0.05  # of the bytes: text with a few strays is text, random bytes hold 0.1
_MOST_BROKEN = 0.3  # of the bytes above 127 that are no UTF-8: latin-1 text holds few

_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]{0,1024}(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cDEHM])"
)
_RUBBED_OUT = re.compile(rb"[^\n\x08]\x08")
_MOST_RUBBED_OUT = 8  # backspaces in a row
_TYPOGRAPHY = (
    (b"\xc2\xa0", b" "),  # no-break space
    (b"\xe2\x80\x8b", b""),  # zero-width space
    (b"\xe2\x80\x9c", b'"'),
    (b"\xe2\x80\x9d", b'"'),
    (b"\xe2\x80\x93", b"-"),
    (b"\xe2\x88\x92", b"-"),
    (b"\xe2\x80\x94", b"--"),
    (b"\xe2\x80\x98", b"'"),
    (b"\xe2\x80\x99", b"'"),
    (b"\xe2\x80\xa6", b"..."),
    (b"&lt;", b"<"),
    (b"&gt;", b">"),
    (b"&quot;", b'"'),
    (b"&#39;", b"'"),
    (b"&#x27;", b"'"),
    (b"&#34;", b'"'),
    (b"&nbsp;", b" "),
    (b"&amp;", b"&"),
)
# A reply's quoting, the numbers of cat -n and grep -n, and indentation.
_MARGIN = re.compile(rb"(?:[>|][>| ]*+)?[ \t]*+(?:\d{1,8}(?:\t|:(?=[a-z\[<])))?[ \t]*+")
_PROMPT = re.compile(rb"(?:\[?[\w.-]{1,40}@[\w.-]{1,60}[: \w~/.-]{0,120}\]?)?[$#] ++")

# What stands around code in forums, trackers and on pages.
_FRAMES = re.compile(
    rb"</?(?:pre|code|tt|samp|kbd)(?: [^<>\n]{0,200})?>|\[/?(?:code|quote|pre|tt)(?:=[^\]\n]{0,80})?\]|\{code(?::\w{1,20})?\}",
    re.IGNORECASE,
)
_TAB = 8

_WIDTHS = frozenset((72, 76, 78, 79, 80, 100, 120, 132, 160, 200))


def decoded(name: str, data: bytes) -> bytes:
    """The text of a file as UTF-8 or at least ASCII with strays.

    Raises:
        BadInput: it is empty or no text; says what it looks like.
    """
    if not data.strip(b" \t\r\n\0"):
        raise BadInput(f"{name} is empty", NEXT_STEP)
    wide = _wide_encoding(data)
    if wide:
        data = data.decode(wide, "replace").encode("utf-8", "replace")
    elif not is_argv(data):
        _refuse_binary(name, data)
    data = data.removeprefix(b"\xef\xbb\xbf")
    return data.replace(b"\r", b"\n") if b"\r" in data and b"\n" not in data else data


def is_lined(sample: bytes) -> bool:
    """Whether lines can be taken out of a text as it is: it is not UTF-16, and a line feed ends them."""
    return not _wide_encoding(sample) and not (b"\r" in sample and b"\n" not in sample)


def _wide_encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    sample = data[:512]
    if len(sample) >= 8 and not any(sample[1::2]) and all(sample[::2]):
        return "utf-16-le"
    return "utf-16-be" if len(sample) >= 8 and not any(sample[::2]) and all(sample[1::2]) else ""


def _refuse_binary(name: str, data: bytes) -> None:
    looks = next((what for magic, what in _LOOKS_LIKE if data.startswith(magic)), "")
    middle, size = len(data) // 2, _SAMPLE_BYTES
    samples = (data[:size], data[middle : middle + size], data[-size:])
    if not looks and not any(_is_binary(sample) for sample in samples):
        return
    raise BadInput(f"{name} is no text: it looks like {looks or 'binary or random data'}", NEXT_STEP)


def _is_binary(sample: bytes) -> bool:
    if not sample:
        return False
    control = len(sample) - len(sample.translate(None, _CONTROL))
    text = sample.decode("utf-8", "ignore").encode()
    broken = len(sample) - len(text) - 6  # a sample may begin and end within a character
    return control > max(1, _MOST_CONTROL * len(sample)) or broken > _MOST_BROKEN * len(sample)


def needs_cleaning(block: bytes) -> bool:
    """Whether characters stand in a block that change what its lines say. Stray control characters do not: they are taken
    away where a line is read with care.
    """
    return not block.isascii() or any(byte in block for byte in (b"&", b"\r", b"\x1b", b"\b", b"\0"))


def cleaned(block: bytes) -> bytes:
    """Whole lines without colours, typography and control characters; each line is still its own."""
    if block.isascii() and b"&" not in block and len(block.translate(None, _DIRT)) == len(block):
        return block
    block = block.replace(b"\r\n", b"\n")
    if b"\x1b" in block:
        block = _ESCAPES.sub(b"", block)
    for _ in range(_MOST_RUBBED_OUT if b"\b" in block else 0):
        block = _RUBBED_OUT.sub(b"", block)
    for written, meant in _TYPOGRAPHY:
        block = block.replace(written, meant)
    if b"\r" in block:  # a line that was written over on a terminal: what stood there last counts
        block = b"\n".join(line.rstrip(b"\r").rpartition(b"\r")[2] for line in block.split(b"\n"))
    return block.translate(None, _DIRT)


def without_margin(line: bytes) -> bytes:
    """A line without mail quoting, line numbers and indentation."""
    found = _MARGIN.match(line)
    return line[found.end() :] if found else line


def without_prompt(line: bytes) -> bytes:
    """A line without a shell's prompt before it; the very same line where it has none."""
    found = _PROMPT.match(line)
    return line[found.end() :] if found else line


def without_frame(line: bytes) -> bytes:
    """A line without the marks of a forum around code, with blanks for tabs and none at its end; the very same line where it has none."""
    bare = _FRAMES.sub(b"", line) if any(mark in line for mark in (b"<", b"[", b"{")) else line
    if (
        bare is not line or b"\t" in bare or (len(bare) > 1 and bare[-2:].isspace())
    ):  # one blank at the end: a mailer's wrap
        bare = bare.strip().expandtabs(_TAB)
    return line if bare == line else bare


def glued(joined: bytes, after: bytes, before: bytes) -> bytes:
    """Put the next piece of a broken line to what was joined of it; ``before`` is the piece before it.

    A mailer breaks at a blank and takes it away, a terminal breaks anywhere, at its width.
    """
    blank = before.endswith((b",", b"=", b">")) or len(before) not in _WIDTHS
    return joined + (b" " if blank and not before.endswith(b" ") else b"") + after
