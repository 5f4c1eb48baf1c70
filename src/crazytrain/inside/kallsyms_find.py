"""Where a kernel's symbol table lies in its image: by what the table looks like, for every order of its parts since Linux 4.20.

``scripts/kallsyms.c`` of the kernel writes it into read-only data. Names are compressed: each is a length and that many bytes,
each byte one of 256 tokens. ``markers`` holds where every 256th name begins. The order of the parts, and what lies between them::

    to 6.3     offsets, relative_base, count, names, markers, [seqs], tokens, token index
    6.4 on     count, names, markers, tokens, token index, offsets, relative_base, [seqs]
    7.0 on     count, names, markers, tokens, token index, offsets, [seqs]

Nothing here is believed before all of it agrees: each marker with the names that it points at.
"""

import re
import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from crazytrain.model.guest_memory import Unreadable

MOST_SYMBOLS = 2_000_000
MOST_NAME_BYTES = 512  # KSYM_NAME_LEN
TOKENS = 256
INDEX_BYTES = 2 * TOKENS
_GROUP = 256  # names a marker
DIGITS = b"".join(b"%d\0" % digit for digit in range(10))  # each digit stands for itself
_FIRST_DIGIT = ord("0")
_MOST_TOKEN_BYTES = 128
_MOST_PADDING = 64
_MOST_TRIES = 64
_MOST_STEPS = 3 * MOST_SYMBOLS
_LEAST_MARKERS = 3
_MOST_MARKERS = (MOST_SYMBOLS + _GROUP - 1) // _GROUP
_LEAST_STEP, _MOST_STEP = _GROUP, _GROUP * (MOST_NAME_BYTES + 2)
_BEHIND_MARKERS = (
    1 << 20,
    3 * MOST_SYMBOLS + 4 * _MOST_MARKERS,
)  # how far before the tokens they are looked for: near, then far
_ZEROS = re.compile(rb"\0{4,}")


class Tables(NamedTuple):
    """Where the parts lie in the image, as offsets, for ``total`` symbols. ``starts`` has each name's offset from ``names``."""

    total: int
    head: int  # of the count
    names: int
    starts: "array[int]"
    markers_end: int
    tokens: tuple[bytes, ...]
    token_table: int
    token_index: int


class _Purse:
    """How much may be looked at in one image: hostile data may look like a symbol table in very many places."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Raise ``Unreadable`` when there is nothing left."""
        self.left -= steps
        if self.left < 0:
            raise Unreadable("too much in the kernel's image looks like a symbol table")


def find_tables(image: bytes) -> Iterator[Tables]:
    """Yield each symbol table in an image; as a rule there is one. Raises ``Unreadable`` where too much looks like one."""
    purse = _Purse(_MOST_STEPS)
    for tokens in token_tables(image):
        for markers, steps in _marker_tables(image, tokens.table, purse):
            found = _names(image, markers, steps, purse)
            if found:
                total, head, names, starts = found
                end = markers + 4 * ((total + _GROUP - 1) // _GROUP)
                yield Tables(total, head, names, starts, end, tokens.tokens, tokens.table, tokens.index_at)
                break


class Tokens(NamedTuple):
    """Where tokens lie, where their index lies, and what they stand for."""

    table: int
    index_at: int
    tokens: tuple[bytes, ...]


def token_tables(image: bytes) -> Iterator[Tokens]:
    """Yield each table of tokens."""
    digits = -1
    for _ in range(_MOST_TRIES):
        digits = image.find(DIGITS, digits + 1)
        if digits < 0:
            return
        found = tokens_at(image, digits)
        if found:
            yield found


def tokens_at(image: bytes, digits: int) -> Tokens | None:
    """Read the tokens whose digits lie at a place.

    What follows the digits up to the 256th token says where the index must be, and that says where the first token is.
    """
    known = _ends(image, digits, TOKENS - _FIRST_DIGIT)
    if known:
        end = digits + known.pop()
        for index in range(end + end % 2, end + _MOST_PADDING, 2):
            table = _indexed(image, digits, known, index)
            if table is not None:
                return Tokens(table, index, _read_tokens(image, table, index))
    return None


def _ends(image: bytes, at: int, count: int) -> list[int]:
    """Where ``count`` strings begin and the last one ends, as offsets from ``at``; nothing where one is too long."""
    offsets, here = [0], at
    for _ in range(count):
        end = image.find(b"\0", here, here + _MOST_TOKEN_BYTES)
        if end < 0:
            return []
        here = end + 1
        offsets.append(here - at)
    return offsets


def _indexed(image: bytes, digits: int, known: list[int], index: int) -> int | None:
    """The start of the tokens by an index that agrees with all of ``known``, from the first digit on."""
    if index + INDEX_BYTES > len(image):
        return None
    offsets = struct.unpack_from("<256H", image, index)
    base = offsets[_FIRST_DIGIT]
    if offsets[0] or any(offset - base != want for offset, want in zip(offsets[_FIRST_DIGIT:], known, strict=True)):
        return None
    table = digits - int(base)
    if table < 0 or list(offsets) != sorted(offsets) or table + offsets[-1] > len(image):
        return None
    return None if any(image[table + offset - 1] for offset in offsets[1:]) else table


def _read_tokens(image: bytes, table: int, index: int) -> tuple[bytes, ...]:
    offsets = struct.unpack_from("<256H", image, index)
    return tuple(image[table + o : image.find(b"\0", table + o, table + o + _MOST_TOKEN_BYTES)] for o in offsets)


def _marker_tables(image: bytes, tokens: int, purse: _Purse) -> Iterator[tuple[int, "array[int]"]]:
    """Tables of growing numbers that begin with 0, the one nearest to the tokens first."""
    for reach in _BEHIND_MARKERS:
        low = max(0, tokens - reach) & ~3
        ends = [found.end() for found in _ZEROS.finditer(image, low, tokens)]
        for end in reversed(ends[-1024:]):
            # The first number is 0. The zeros may go on into the second's low bytes.
            for first in range((end & ~3) - 4, (end & ~3) - 9, -4):
                steps = _growing(image, first, tokens) if first >= low else array("I")
                purse.spend(64 + len(steps))
                if len(steps) >= _LEAST_MARKERS:
                    yield first, steps


def _growing(image: bytes, first: int, limit: int) -> "array[int]":
    """Numbers from ``first`` on for as long as each grows as names can."""
    stop = min(limit, first + 4 * (_MOST_MARKERS + 1))
    numbers = array("I", image[first : first + (stop - first) // 4 * 4])
    if not numbers or numbers[0]:
        return array("I")
    for at in range(1, len(numbers)):
        if not _LEAST_STEP <= numbers[at] - numbers[at - 1] <= _MOST_STEP:
            return numbers[:at]
    return numbers


def _names(image: bytes, markers: int, steps: "array[int]", purse: _Purse) -> tuple[int, int, int, "array[int]"] | None:
    """The names that end at the markers, with their total before them: (total, where it is, names, starts)."""
    for used in (len(steps), len(steps) - 1):  # the last number may be of what follows
        last = markers - steps[used - 1]  # names begin before this, their total 4 or 8 bytes before them
        first = max(8, last - _MOST_STEP - _MOST_PADDING) - 8 & ~3
        numbers = array("I", image[first : max(first, last & ~3)])
        low, high = _GROUP * (used - 1), _GROUP * used
        for at in [at for at, total in enumerate(numbers) if low < total <= high]:
            for names in (first + 4 * at + 8, first + 4 * at + 4):
                starts = _walk(image, (names, markers), steps[:used], numbers[at], purse)
                if starts:
                    return numbers[at], first + 4 * at, names, starts
    return None


def _walk(image: bytes, span: tuple[int, int], markers: "array[int]", total: int, purse: _Purse) -> "array[int] | None":
    """Where each name begins; ``None`` as soon as a marker does not agree, or the names do not end near the markers."""
    starts: list[int] = []
    names, limit = span
    at = names
    for marker in markers:
        if at - names != marker or at >= limit:
            return None
        purse.spend(_GROUP)
        try:
            at = _group(image, at, min(_GROUP, total - len(starts)), starts)
        except IndexError:
            return None
    return array("I", [start - names for start in starts]) if 0 <= limit - at <= _MOST_PADDING else None


def _group(image: bytes, at: int, count: int, starts: list[int]) -> int:
    """Walk ``count`` names from ``at``: where each begins goes to ``starts``; where the last one ends."""
    add = starts.append
    for _ in range(count):
        add(at)
        length = image[at]
        if length & 0x80:  # two bytes from 6.1 on
            at += 1
            length = length & 0x7F | image[at] << 7
        at += length + 1
    return at
