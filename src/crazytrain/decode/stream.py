"""Reads pasted text of any size, block by block: what is strace is counted at once, the rest is split as usual.

Blocks of strace can be counted elsewhere (`Counter.count`, in other processes) and handed in, in order; a block in which a line
is doubtful is taken in line by line from there on. Both ways give the same facts. Memory does not grow with the text.
"""

from bisect import bisect_left
from itertools import chain

import msgspec

from crazytrain.decode.paste import cleaned, needs_cleaning
from crazytrain.decode.recognise import name_of, named
from crazytrain.decode.region import Region, TraceRegion
from crazytrain.decode.shapes import Shape
from crazytrain.decode.splitter import Splitter
from crazytrain.decode.strace_kinds import in_pieces
from crazytrain.decode.strace_memory import Memory
from crazytrain.decode.strace_quick import Quick
from crazytrain.decode.strace_rows import Sheet
from crazytrain.decode.strace_tally import Tally, tally
from crazytrain.model.evidence import Evidence, Kind

LIMIT_BYTES = 32 << 20  # of text that is kept of a region that is no strace
_PART_BYTES = 1 << 16  # of a block in which something is new: only a part of it need be looked at line by line


class Counted(msgspec.Struct):
    """A block of a trace: what its first lines hold, with how many bytes they are, and from the first doubtful line on the text
    itself.
    """

    tallies: list[tuple[Tally, int]] = []
    rest: bytes = b""


def quickly(quick: Quick, block: bytes) -> tuple[bytes, Tally | None]:
    """Count a block by kinds of lines, cleaned where it has to be; it is returned as it was counted, or clean."""
    found = quick.count(block)
    if found is None and needs_cleaning(block):
        block = cleaned(block)
        found = quick.count(block, is_clean=True)
    return block, found


def _has_parts(block: bytes) -> bool:
    """Whether a block is larger than a part, and more than one line: a line is not taken apart, however long."""
    return len(block) > _PART_BYTES and 0 < block.find(b"\n") + 1 < len(block)


class BlockCounter:
    """Counts blocks of one trace; those that it gets must come in order, but need not be all."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._quick = Quick(self._memory)
        self._region = 0

    def count(self, block: bytes, region: int) -> Counted:
        """Count whole lines as those of strace. ``region`` is a number that changes when another trace begins."""
        if region != self._region:
            self._memory.forget()
            self._region = region
        counted = Counted()
        self._count(block, counted)
        return counted

    def _count(self, block: bytes, counted: Counted) -> None:
        """Count lines, or add them to the rest where one before them is doubtful."""
        if counted.rest:
            counted.rest += block
            return
        block, quick = quickly(self._quick, block)
        if quick:
            counted.tallies.append((quick, len(block)))
        elif _has_parts(block):
            for part in in_pieces(block, _PART_BYTES):
                self._count(part, counted)
        else:
            self._count_lines(block, counted)

    def _count_lines(self, block: bytes, counted: Counted) -> None:
        sheet = self._memory.rows.read(block)
        good = sheet.doubtful[0] if sheet.doubtful else len(sheet.rows)
        counted.rest = b"".join(line + b"\n" for line in sheet.lines[good:])
        if good:
            counted.tallies.append((tally(sheet.part(0, good), self._memory), len(block) - len(counted.rest)))


class Stream:
    """One file that is read as a stream."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.region = 0  # changes whenever what was counted elsewhere cannot be used any more
        self._memory = Memory()
        self._quick = Quick(self._memory)
        self._splitter = Splitter(self._begin)
        self._recognised = 0

    def _begin(self, shape: Shape, first_line: int) -> Region:
        self.region += 1
        self._recognised += shape.kind is not Kind.TEXT
        if shape.kind is not Kind.STRACE:
            return Region(shape, first_line, LIMIT_BYTES)
        return TraceRegion(shape, first_line, name_of(self.name, self._recognised), self.name, self._memory)

    @property
    def line(self) -> int:
        """The number of the next line."""
        return self._splitter.line

    @property
    def in_trace(self) -> bool:
        """Whether the next block can be counted elsewhere."""
        return self._splitter.in_trace

    def take(self, block: bytes) -> None:
        """Take in whole lines (the last one of the text may lack its end)."""
        block, quick = quickly(self._quick, block) if self._ready() else (block, None)
        if quick:
            self._add(quick, len(block))
        elif _has_parts(block):
            for part in in_pieces(block, _PART_BYTES):
                self.take(part)
        else:
            self._take_lines(block)

    def _take_lines(self, block: bytes) -> None:
        sheet = self._memory.rows.read(cleaned(block))
        line, last = 0, len(sheet.rows)
        while line < last:
            good = self._good(sheet, line) if self._ready() else line
            if good > line:
                part = sheet.part(line, good)
                self._add(tally(part, self._memory), len(part.text))
                line = good
            else:
                self._splitter.take(sheet.lines[line])
                line += 1

    def _ready(self) -> bool:
        """Whether lines can be counted as the trace's; those before them are, so that what is first is known to be."""
        if not self.in_trace:
            return False
        region = self._splitter.regions[-1]
        if isinstance(region, TraceRegion):
            region.count_waiting()
        return True

    def _good(self, sheet: Sheet, line: int) -> int:
        at = bisect_left(sheet.doubtful, line)
        return sheet.doubtful[at] if at < len(sheet.doubtful) else len(sheet.rows)

    def take_counted(self, counted: Counted) -> None:
        """Take in a block that was counted elsewhere for this ``region``, while ``in_trace``."""
        for tallied, size in counted.tallies:
            self._add(tallied, size)
        if counted.rest:
            self.take(counted.rest)

    def _add(self, counted: Tally, size: int) -> None:
        region = self._splitter.regions[-1]
        if isinstance(region, TraceRegion):
            region.add(counted, size)
        self._splitter.skip(counted.lines)

    def end(self) -> tuple[tuple[Evidence, ...], tuple[object, ...]]:
        """What was found, and the facts of what was counted.

        Raises:
            BadInput: there was nothing.
        """
        self._splitter.end()
        regions = self._splitter.regions
        evidence = named(self.name, regions)
        return evidence, tuple(chain.from_iterable(r.facts() for r in regions if isinstance(r, TraceRegion)))
