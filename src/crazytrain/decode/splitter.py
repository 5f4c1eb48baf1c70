"""Puts lines into regions of one kind, in order; what no kind claims is kept as text."""

import re
from collections.abc import Callable

from crazytrain.decode.paste import glued, without_frame, without_margin, without_prompt
from crazytrain.decode.region import Region
from crazytrain.decode.shapes import SHAPES, TEXT, Shape
from crazytrain.model.evidence import Kind

_MOST_LOOSE = 64  # lines that are kept to see to which region they belong
_KEPT_LOOSE = 8
_MOST_PIECES = 16
_SHORT_END = 60
_LONGEST_RECORD = 16 * 1024
_NEUTRAL = re.compile(rb"\s*$|`{3,}\w*\s*$|~~~+\s*$|[\w.@:~/\[\]-]{0,80}[#$] ?$")
_HEADING = re.compile(rb"[#=*]|.*[:;]\s*$|--+ \w")


class Splitter:
    """Takes lines in order; each ends up in one region, or in the text that nothing recognised.

    In order of the file: the regions, then ``_loose`` lines that no kind has claimed yet, then the pieces of a record
    that was broken in two or more.
    """

    def __init__(self, begin: Callable[[Shape, int], Region] = Region) -> None:
        self.regions: list[Region] = []
        self._begin = begin
        self._loose: list[bytes] = []
        self._pieces: list[bytes] = []
        self._joined = b""
        self._broken: Shape = TEXT
        self._next = 1  # the number of the line after the last region's

    @property
    def _last(self) -> Region | None:
        return self.regions[-1] if self.regions else None

    @property
    def line(self) -> int:
        """The number of the next line."""
        return self._next + len(self._loose) + len(self._pieces)

    @property
    def in_trace(self) -> bool:
        """Whether a block of strace lines can be taken as it is."""
        last = self._last
        return last is not None and last.shape.kind is Kind.STRACE and not self._loose and not self._pieces

    def take_bulk(self, block: bytes) -> None:
        """Add whole lines of strace to the trace that is being read."""
        self.regions[-1].write_bulk(block)
        self.skip(block.count(b"\n"))

    def skip(self, lines: int) -> None:
        """Go on behind lines that were added to the last region."""
        self._next += lines

    def take(self, line: bytes) -> None:
        """Add one line."""
        line = without_margin(line)
        if b"\t" in line and self._shape_of(spaced := line.expandtabs()):
            line = spaced
        shape = self._shape_of(line)
        if shape is None and (bare := without_prompt(line)) is not line and (under := self._shape_of(bare)):
            line, shape = bare, under
        if shape is None and (bare := without_frame(line)) is not line:
            shape = self._shape_of(bare)
            line = bare if shape or not self._pieces else line
        begun = shape or next((s for s in SHAPES if s.begun(line)), None)
        if self._pieces and line.strip() and (not begun or self._completes(line)) and self._goes_on(line):
            return
        self._end_record()
        if begun and (not shape or shape.unended(line)):
            self._pieces, self._broken, self._joined = [line], begun, line
        elif shape:
            self._claim(shape, [line])
        else:
            self._leave(line)

    def _shape_of(self, line: bytes) -> Shape | None:
        found = next((shape for shape in SHAPES if shape.whole(line)), None)
        last = self._last
        if (
            found is None
            and last
            and last.shape.continues
            and not self._loose
            and last.shape.continues(last.last, line)
        ):
            return last.shape
        return found

    def _goes_on(self, line: bytes) -> bool:
        """Put a line to the record that is being put together; false where that leads nowhere."""
        joined = self._joined_with(line)
        if len(self._pieces) >= _MOST_PIECES or len(joined) > _LONGEST_RECORD:
            return False
        self._pieces.append(line)
        self._joined = joined
        if self._is_whole(joined):
            blanks = [b""] * (len(self._pieces) - 1)
            self._pieces = []
            self._claim(self._broken, [joined, *blanks])
        return True

    def _joined_with(self, line: bytes) -> bytes:
        """The record and its next piece. Where it was broken at a usual width, a blank may or may not have stood there."""
        joined = glued(self._joined, line, self._pieces[-1])
        if not self._is_whole(joined):
            spaced = self._joined + b" " + line
            return spaced if self._is_whole(spaced) else joined
        return joined

    def _is_whole(self, joined: bytes) -> bool:
        return bool(self._broken.whole(joined) and not self._broken.unended(joined))

    def _completes(self, line: bytes) -> bool:
        """Whether a few words, which may be a kind of their own, are just the end that the record lacks."""
        return (
            len(line) < _SHORT_END and self._broken.kind is not Kind.STRACE and self._is_whole(self._joined_with(line))
        )

    def _end_record(self) -> None:
        """Give up putting a record together: its first line may still be one that was cut off."""
        pieces, self._pieces = self._pieces, []
        if not pieces:
            return
        last, shape = self._last, self._broken
        beside = last is not None and last.shape is shape and not self._loose
        if beside or shape.whole(pieces[0]) or shape.alone(pieces[0]):
            self._claim(shape, pieces[:1])
        else:
            self._leave(pieces[0])
        for piece in pieces[1:]:
            self._leave(piece)

    def _claim(self, shape: Shape, lines: list[bytes]) -> None:
        last = self._last
        if last is None or last.shape is not shape or not self._is_one(shape):
            self._settle(shape)
            self._open(shape, self._loose)
        else:
            self._write(self._loose)
        self._loose = []
        self._write(lines)

    def _is_one(self, shape: Shape) -> bool:
        """Whether the loose lines are only noise within a region; a heading or a command begins another one."""
        noise = [line for line in self._loose if not _NEUTRAL.match(line) and not shape.beside(line)]
        return len(noise) <= shape.gap and not any(shape.command(line) or _HEADING.match(line) for line in noise)

    def _leave(self, line: bytes) -> None:
        self._loose.append(line)
        if len(self._loose) > _MOST_LOOSE:
            ahead = self._loose[-_KEPT_LOOSE:]
            self._loose = self._loose[:-_KEPT_LOOSE]
            self._settle(TEXT)
            self._write_text(self._loose)
            self._loose = ahead

    def _settle(self, following: Shape) -> None:
        """Give loose lines to the region before them or to the text; those left belong to the ``following`` region."""
        last = self._last
        head = 0
        while last and head < len(self._loose) and _belongs(self._loose[head], last.shape):
            head += 1
        self._write(self._loose[:head])
        rest = self._loose[head:]
        tail = len(rest)
        while tail and (_belongs(rest[tail - 1], following) or following.command(rest[tail - 1])):
            tail -= 1
        self._write_text(rest[:tail])
        self._loose = rest[tail:]

    def _write_text(self, lines: list[bytes]) -> None:
        if not lines:
            return
        last = self._last
        self._open(TEXT, lines) if last is None or last.shape is not TEXT else self._write(lines)

    def _open(self, shape: Shape, lines: list[bytes]) -> None:
        self.regions.append(self._begin(shape, self._next))
        self._write(lines)

    def _write(self, lines: list[bytes]) -> None:
        for line in lines:
            self.regions[-1].write(line)
        self._next += len(lines)

    def end(self) -> None:
        """Place what is still in hand."""
        self._end_record()
        self._settle(TEXT)
        self._write_text(self._loose)
        self._loose = []


def _belongs(line: bytes, shape: Shape) -> bool:
    return bool(_NEUTRAL.match(line) or shape.beside(line))
