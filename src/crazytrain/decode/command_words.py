"""Finds QEMU command lines in text and splits them into words as a shell (or /proc, or ps) has them."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

import msgspec

_BINARY = re.compile(r"(?:[^\s=]*/)?(?:qemu-system-[\w.-]+|qemu-kvm(?:-[\w.-]+)?|kvm|qemu)(?:\.real)?")
_FOLLOWED = r"['\"]?(?=\s+--?[A-Za-z]|\s*\\?\s*$|\s+['\"]?[^\s:]+\.(?:img|iso|raw|qcow2?)\b)"
# A command starts where a word is a QEMU program and an option, a continuation, nothing or an image follows.
_START = re.compile(
    r"(?:^|(?<=[\s'\"`(=\[]))(?:[^\s=]*/(?:kvm|qemu)|(?:[^\s=]*/)?(?:qemu-system-[\w.-]+|qemu-kvm(?:-[\w.-]+)?))"
    + _FOLLOWED
)
# Bare "kvm" is also a value (-accel kvm): a command only where a shell's or a ps's line lets one begin.
_BARE_NAME = re.compile(r"(?:^|[#$%>]\s*|\b(?:sudo|exec)\s+|\d:\d\d\s+)(?:kvm|qemu)" + _FOLLOWED)
_OTHER_TEXT = re.compile(r"\b(?:qemu version:|Threads:|Tasks:)|%\s?CPU| -> |^==> ")
_BARE_START = re.compile(r"/?(?:[\w.-]+/)*(?:qemu-system-[\w.-]+|qemu-kvm)(?:\s*\\)?")
_OPTION = re.compile(r"(?:^|\s)--?[A-Za-z][\w-]*(?:[\s=]|$)")
_AWAITS_VALUE = re.compile(r"\s--?[A-Za-z][\w-]*\s*$|^--?[A-Za-z][\w-]*\s*$")
_PS_ROW = re.compile(r"\s*(?:[\w+.-]+\s+\d+\s+\d|\d+\s+\S+\s+(?:\S+\s+)?\d+:\d\d)")
_TERMINAL_WIDTHS = frozenset((80, 100, 120, 132, 160, 200))
_UNQUOTED_JSON = re.compile(r"(?:^|\s)\{\"")
_LONGEST_LOOK = 4096
_LONGEST = 128 * 1024  # shlex takes a time like the square of a quoted word
_LONGEST_ARGV = 4 * 1024 * 1024


class Command(msgspec.Struct, frozen=True):
    """Words of one command line and the lines that it stands on, counted from 1. ``whole`` is false for pasted text."""

    argv: tuple[str, ...]
    line: int
    last_line: int
    whole: bool


def is_argv(data: bytes) -> bool:
    """Whether this is /proc/PID/cmdline of a QEMU: words that end in a NUL byte."""
    program, nul, _ = data[:4096].partition(b"\0")
    return bool(nul) and bool(_BINARY.fullmatch(program.decode("utf-8", "replace"))) and len(data) <= _LONGEST_ARGV


def starts_command(line: str) -> bool:
    """Whether a QEMU command line begins in this line of text."""
    line = line[:_LONGEST_LOOK]
    found = _START.search(line) or _BARE_NAME.search(line)
    if not found or _OTHER_TEXT.search(line):
        return False
    return bool(line[found.end() :].strip(" \\")) or bool(_BARE_START.fullmatch(line.strip(" '\"")))


def continues_command(previous: str, line: str) -> bool:
    """Whether a line goes on with the command line before it: continued, or broken by a mailer or a terminal."""
    if previous.rstrip().endswith("\\"):
        return True
    if not line.strip() or _PS_ROW.match(line):
        return False
    line = line[:_LONGEST_LOOK]
    awaits_value = bool(_AWAITS_VALUE.search(previous[-64:]))
    optional = bool(_OPTION.search(line)) or line.lstrip().startswith("\\")
    return awaits_value or optional or len(previous) in _TERMINAL_WIDTHS


def commands_in(text: str) -> Iterator[Command]:
    """Every QEMU command line in a text: shell lines, libvirt's logs, rows of ps, /proc/PID/cmdline."""
    if "\0" in text:
        if text[0] != "\0":
            yield Command(tuple(text.rstrip("\0\n").split("\0")), 1, 1, whole=True)
        return
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if starts_command(line) and not _is_value(lines, number)]
    for start, limit in pairwise([*starts, len(lines)]):
        end = _end_of(lines, start, limit)
        yield Command(_words(lines[start:end]), start + 1, end, whole=False)


def _is_value(lines: list[str], number: int) -> bool:
    """Whether a line that looks like a command goes on with the one before: ``-accel``, and then ``kvm -cpu host``."""
    return number > 0 and not _START.search(lines[number]) and continues_command(lines[number - 1], lines[number])


def _end_of(lines: list[str], start: int, limit: int) -> int:
    end = start + 1
    while end < limit and continues_command(lines[end - 1], lines[end]):
        end += 1
    return end


def _words(lines: list[str]) -> tuple[str, ...]:
    words = _split(_joined(lines)[:_LONGEST])
    first = next((i for i, word in enumerate(words) if _BINARY.fullmatch(word)), 0)
    return tuple(word for word in words[first:] if word != "\\")


def _joined(lines: list[str]) -> str:
    """One line of several. A terminal breaks lines in the middle of a word: all but the last then have its width."""
    widths = {len(line) for line in lines[:-1]}
    broken_anywhere = len(widths) == 1 and widths <= _TERMINAL_WIDTHS and not lines[0].endswith("\\")
    return ("" if broken_anywhere else " ").join(line if broken_anywhere else _uncontinued(line) for line in lines)


def _uncontinued(line: str) -> str:
    return line.strip().removesuffix("\\")


def _split(text: str) -> list[str]:
    """Split as a shell does; text that ps printed has lost its quoting and is split at blanks alone."""
    if _UNQUOTED_JSON.search(text):
        return text.split()
    try:
        return shlex.split(text, comments=False)
    except ValueError:  # a quote without its partner: cut off, or an apostrophe
        return [word.strip("'\"") for word in text.split()]
