"""Puts an object of JSON together that a mailer or a terminal has broken: it ends where its brackets are closed."""

import re
from collections.abc import Sequence

import msgspec

from crazytrain.decode.paste import without_margin

_BEGINS = re.compile(rb'(?:[<>]-? ?|\(QEMU\) )?(?=(\[?\{ ?"[\w-]{1,60}": ?[^\n]))')
_NEXT = re.compile(rb'(?:[<>]-? ?|\(QEMU\) )?\{ ?"(?:return|execute|timestamp|QMP|error|event)": ?[{\["]')
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}\[\]]', re.DOTALL)
_LONGEST = 256 * 1024
_MOST_LINES = 400
_MOST_FAILURES = 16
_TERMINALS = frozenset((80, 100, 120, 132, 160, 200))


def whole_json(lines: Sequence[bytes]) -> list[bytes]:
    """The lines, with broken objects as one; each leaves empty lines behind, so that numbers stay."""
    found, at, failed = list(lines), 0, 0
    while at < len(found) and failed < _MOST_FAILURES:
        bare = without_margin(found[at]) if b'{"' in found[at] or b'{ "' in found[at] else b""
        begins = _BEGINS.match(bare)
        whole, count = _whole(found, at, bare, begins) if begins else (b"", 1)
        failed += bool(begins) and count == 1 and _is_open(bare)
        if count > 1:
            found[at : at + count] = [whole, *[b""] * (count - 1)]
        at += count
    return found


def _whole(lines: Sequence[bytes], at: int, bare: bytes, begins: re.Match[bytes]) -> tuple[bytes, int]:
    """The object that begins in a line and how many lines it takes; one line where it is whole, or never is."""
    pieces = [bare[begins.start(1) :]]
    if not _is_open(pieces[0]):
        return b"", 1
    for number in range(at + 1, min(len(lines), at + _MOST_LINES)):
        rest = without_margin(lines[number])
        if not rest or _NEXT.match(rest):
            break
        pieces.append(rest)
        if rest.rstrip().endswith((b"}", b"]")):
            cut = len({len(line) for line in lines[at:number]}) == 1  # by a terminal: anywhere, and all alike
            for text in (
                glue.join(pieces)
                for glue in ((b"", b" ") if cut and (number - at > 1 or len(lines[at]) in _TERMINALS) else (b" ", b""))
            ):
                if not _is_open(text) and _is_json(text):
                    return bare[: begins.start(1)] + text, len(pieces)
    return b"", 1


def _is_open(text: bytes) -> bool:
    """Whether more brackets are opened than closed."""
    marks = _BRACKETS.findall(text[:_LONGEST])
    return sum(mark in (b"{", b"[") for mark in marks) > sum(mark in (b"}", b"]") for mark in marks)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
