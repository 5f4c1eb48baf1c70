"""Puts together what mailers and terminals have broken at one width, before it is split into kinds.

A mailer breaks at a blank, which it takes away; a terminal (or ``screen``, a serial console) breaks anywhere, at its width. Of a text
that was broken at a width no piece is longer, and one that was broken had no room for the first word of the next. Where that holds,
and the pieces together are a record of some kind (or stay one) and the next is none by itself, they are put together.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from crazytrain.decode.json_pieces import whole_json
from crazytrain.decode.shapes import SHAPES, Shape
from crazytrain.model.evidence import Kind

MOST_BYTES = 1 << 19  # what is larger is a file, not what somebody pasted
_MOST_TRIES = 20_000  # to put two lines together: the time is bounded for any text
_MOST_PIECES = 24
_MOST_UNKNOWN = 4  # of a line that looks like nothing by itself
_LONGEST_RECORD = 16 * 1024
_NARROWEST, _WIDEST = 60, 260
_USUAL = (72, 76, 78, 80, 100, 120, 132)
_TERMINALS = frozenset((80, 100, 120, 128, 132, 160, 180, 200, 240))
_NEAR = 12
_BLANKS_OF_COLUMNS = 6  # that a mailer takes away where it breaks a table
_MARGIN = re.compile(rb"(?:[>|][>| ]*+)?[ \t]*+")
_QUOTE = re.compile(rb"(?:[>|] ?)*")
_DECIMAL = re.compile(rb"[.,]\d\d?%?$")
_ENOUGH = 2  # of lines that say the same
_SEVERAL = 3
_ODDS = 2

_STAMP = re.compile(rb"(?:<\d{1,3}>)?\[ {0,8}\d{1,9}\.\d{6}\]|\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:")
_UNEVEN = frozenset(
    (Kind.STRACE, Kind.LOG_TEXT, Kind.COMMAND_LINE, Kind.QMP_TEXT, Kind.BACKTRACE, Kind.FD_LISTING)
)  # whose lines are of any length
_READ_IN_PIECES = frozenset((Kind.COMMAND_LINE, Kind.BACKTRACE))  # by their decoders, where they were broken at blanks
_ROW_OF_PS = (Kind.PS, Kind.COMMAND_LINE)  # before, and with the rest of its command

Break = Callable[[int], bool]


class _Line(msgspec.Struct, frozen=True):
    """What a line is by itself: of which kind, as far as it can be told, and whether nothing of it is missing for that."""

    shape: Shape | None
    done: bool


class _Join(msgspec.Struct, frozen=True):
    """Lines from ``first`` on that are one. ``sure``: they were no record without each other; ``whole``: the first was one by itself."""

    first: int
    count: int
    text: bytes
    sure: bool
    whole: bool


def rejoined(lines: Sequence[bytes]) -> list[bytes]:
    """The lines, with those put together that were broken; each of these leaves empty lines behind, so that numbers stay."""
    text = _Text(whole_json(lines))
    best: Sequence[_Join] = ()
    for soft, width in text.widths():
        joins = text.joins(soft, width)
        if _weight(joins) > _weight(best):
            best = joins
    whole = list(text.lines)
    for join in best:
        whole[join.first : join.first + join.count] = [join.text, *[b""] * (join.count - 1)]
    return _stripped(whole)


def _stripped(lines: list[bytes]) -> list[bytes]:
    """The lines without the blanks that fill them up; but a blank at a terminal's last column may be what it cut at."""
    filled = sum(line.endswith((b"  ", b"\t")) for line in lines)
    every = 2 * filled > sum(bool(line) for line in lines)
    return [
        line.rstrip(b" \t") if every or (line.endswith((b"  ", b"\t")) and len(line) not in _TERMINALS) else line
        for line in lines
    ]


def _weight(joins: Sequence[_Join]) -> int:
    return sum(join.count + join.sure for join in joins)


class _Text:
    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines
        self._bare = [_unquoted(line) for line in lines]
        self._sizes = [len(line.rstrip()) for line in lines]
        self._raw = [len(line) for line in lines]
        self._known: dict[bytes, _Line] = {}
        self._tries = 0

    def widths(self) -> Iterator[tuple[bool, int]]:
        """At which widths it may have been broken, and whether at blanks."""
        longest = max(self._raw, default=0)
        if self._looks_cut(longest):
            yield False, longest
        several = max(
            (size for size, bare in zip(self._sizes, self._bare, strict=True) if b" " in bare.strip()), default=0
        )
        if _NARROWEST <= several <= _WIDEST:
            yield True, several
        for width in _USUAL:
            if width < several and sum(width - _NEAR < size <= width for size in self._sizes) >= _ENOUGH:
                yield True, width

    def _looks_cut(self, width: int) -> bool:
        """Whether a terminal may have cut lines at this width: blanks stand where it cut, or there are few lines to tell it by."""
        seams = [n for n, size in enumerate(self._raw[:-1]) if size == width and self._bare[n + 1]]
        blank = sum(self.lines[n + 1].startswith(b" ") or self.lines[n].endswith(b" ") for n in seams)
        padded = sum(self.lines[n].endswith(b"  ") for n in seams)
        if not _ENOUGH <= len(seams) > 2 * padded or not _NARROWEST <= width <= _WIDEST:
            return False
        decimals = sum(bool(_DECIMAL.search(self.lines[n]) and self._bare[n + 1][:1].isdigit()) for n in seams)
        of_tables = sum((one.kind if (one := self._of(n).shape) else None) not in _UNEVEN for n in seams)
        return blank > 0 or (width in _TERMINALS and 2 * decimals < len(seams)) or len(seams) > 2 * of_tables

    def joins(self, soft: bool, width: int) -> Sequence[_Join]:
        """What is put together where the text was broken at a width; nothing where too much speaks against that."""
        full = self._full_softly(width) if soft else (lambda number: self._raw[number] == width)
        found, against, at = [], 0, 0
        near = next(
            (
                one.shape
                for one in map(self._of, range(len(self.lines)))
                if one.shape and one.shape.kind is not Kind.COMMAND_LINE
            ),
            None,
        )
        while at < len(self.lines) - 1:
            here = self._of(at)
            near = here.shape or near
            join = self._joined(at, full, near, soft) if self._bare[at] else None
            if join:
                found.append(join)
            else:
                against += (
                    self._strays(at, near)
                    if soft
                    else full(at) and not self.lines[at].endswith(b" ") and self._is_record(at + 1, near)
                )
            at += join.count if join else 1
        return found if self._is_believed(found, against, soft) else ()

    def _is_believed(self, found: Sequence[_Join], against: int, soft: bool) -> bool:
        """Whether the text was broken so: by records that were none without each other, or by many that had something below them."""
        sure, whole = any(join.sure for join in found), sum(join.whole for join in found)
        if soft and sure:
            return True
        enough = sure or whole >= _SEVERAL or len(found) > _SEVERAL
        return enough and sum(join.count - 1 for join in found) >= _ODDS * against

    def _full_softly(self, width: int) -> Break:
        def full(number: int) -> bool:
            line, size = self.lines[number], self._sizes[number]
            first = self._bare[number + 1].split(b" ", 1)[0]
            flowed = line.endswith(b" ") and not line.endswith(b"  ") and size > width // 2
            if size > width:
                return b" " not in self._bare[number].strip()
            blanks = _BLANKS_OF_COLUMNS if b"   " in self._bare[number] else 1
            return size + blanks + len(first) > width or flowed

        return full

    def _strays(self, at: int, near: Shape | None) -> bool:
        """Whether something that is no record stands right below a whole one: that is so in any text that was not broken."""
        rest = self._bare[at + 1]
        return bool(self._of(at).done and rest and not self._is_record(at + 1, near))

    def _is_record(self, number: int, near: Shape | None) -> bool:
        return self._of(number).shape is not None or bool(near and near.beside(self._bare[number]))

    def _joined(self, at: int, full: Break, near: Shape | None, soft: bool) -> _Join | None:
        raw, here = self.lines[at], self._of(at)
        if here.shape is None and near and near.beside(self._bare[at]):
            here = _Line(near, done=True)
        first, best, whole = here, None, self._of(at).done
        if soft and whole and here.shape is not None and here.shape.kind in _READ_IN_PIECES:
            return None
        for number in range(at + 1, min(len(self.lines), at + (_MOST_PIECES if first.shape else _MOST_UNKNOWN))):
            if not self._bare[number] or not full(number - 1) or self._tries > _MOST_TRIES:
                break
            raw = _glued(raw, self.lines[number], soft)
            self._tries += 1
            both = _look(_unquoted(raw), near)
            if len(raw) > _LONGEST_RECORD or not self._may_join(here, number, both):
                break
            here = both
            if both.done:
                best = _Join(at, number - at + 1, raw, not first.done, whole)
        return best

    def _may_join(self, here: _Line, number: int, both: _Line) -> bool:
        rest = self._of(number)
        own = None if self._is_rest_all_the_same(here, rest, number) else rest.shape
        if own is not None:  # the command at the end of a row of ps or lsof
            ends = own.kind is Kind.COMMAND_LINE and (here.shape is None or here.shape.kind is not Kind.COMMAND_LINE)
            return ends and both.done and not (here.done and here.shape is None)
        if here.done:
            beside = here.shape is not None and here.shape.beside(self._bare[number])
            return both.done and (both.shape is here.shape or _kinds(here, both) == _ROW_OF_PS) and not beside
        return True

    def _is_rest_all_the_same(self, here: _Line, rest: _Line, number: int) -> bool:
        """What looks like a record, and is none below one: a log's line without a stamp, numbers."""
        if here.shape is None or rest.shape is None:
            return False
        kinds = (here.shape.kind, rest.shape.kind)
        if kinds == (Kind.LOG_TEXT, Kind.LOG_TEXT):
            return bool(_STAMP.match(self._bare[number - 1]) and not _STAMP.match(self._bare[number]))
        return kinds[0] is not kinds[1] and kinds[1] is Kind.SYSSTAT and not rest.done

    def _of(self, number: int) -> _Line:
        line = self._bare[number]
        found = self._known.get(line)
        if found is None:
            found = self._known[line] = _look(line)
        return found


def _look(line: bytes, near: Shape | None = None) -> _Line:
    shape = next((one for one in SHAPES if one.whole(line)), None)
    if shape is not None:
        return _Line(shape, not shape.unended(line))
    if near is not None and near.beside(line):
        return _Line(near, done=True)
    return _Line(next((one for one in SHAPES if one.begun(line)), None), done=False)


def _kinds(here: _Line, both: _Line) -> tuple[Kind, Kind] | None:
    return (here.shape.kind, both.shape.kind) if here.shape and both.shape else None


def _unquoted(line: bytes) -> bytes:
    """A line without mail quoting and indentation; numbers before a colon may be its own."""
    found = _MARGIN.match(line)
    return line[found.end() :] if found else line


def _glued(before: bytes, rest: bytes, soft: bool) -> bytes:
    if soft:
        return before.rstrip() + b" " + _unquoted(rest).rstrip()
    found = _QUOTE.match(rest)
    return before + rest[found.end() if found else 0 :]
