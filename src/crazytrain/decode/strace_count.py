"""Counts the calls of a strace: by thread, call, descriptor and outcome, in one pass and in bounded memory.

The text is read in blocks of lines. In each block one regular expression turns every line into a row; rows are counted
as they are, so the work in Python is for distinct rows and for calls that were broken in two ("unfinished", "resumed").
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from crazytrain.decode.strace_line import ANY_LINE, BARE_LINE, join_resumed

Row = tuple[bytes, bytes, bytes]  # thread, head (`read(17`), result (`8`, `-1 EAGAIN`): see ANY_LINE in strace_line
NOTHING: Row = (b"", b"", b"")
NO_RESULT = b"?"
_RESUMED = b"<"
_BLOCK_BYTES = 256 * 1024
MOST_ROWS = 20_000  # distinct rows that are counted each for itself; no real trace comes near it


class Block(msgspec.Struct):
    """Some lines of a trace and what each is. ``first`` is the number of the first line, counted from 1.

    ``begun`` holds, for a line where a broken call came back, the line where it began.
    """

    first: int
    lines: list[bytes]
    rows: list[Row]
    counts: Counter[Row]
    begun: dict[int, bytes]

    def text(self, index: int) -> bytes:
        """A line; a broken call in one piece."""
        begun = self.begun.get(index)
        return self.lines[index] if begun is None else join_resumed(begun, self.lines[index])


class Reader:
    """Goes through a trace block by block and puts broken calls together."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._waiting: dict[bytes, tuple[Row, bytes, int]] = {}
        self.lost: dict[Row, tuple[int, int]] = {}  # calls that never came back: how many, the first one's line

    def blocks(self) -> Iterator[Block]:
        """The trace's lines in blocks."""
        position, line = 0, 1
        while position < len(self._data):
            end = self._end_of_block(position)
            block = self._read(position, end, line)
            yield block
            position, line = end, line + len(block.lines)
        for row, _, begun in self._waiting.values():
            self._lose(row, begun)

    def _end_of_block(self, position: int) -> int:
        end = self._data.find(b"\n", position + _BLOCK_BYTES)
        return len(self._data) if end < 0 else end + 1

    def _read(self, position: int, end: int, line: int) -> Block:
        lines = self._data[position:end].split(b"\n")
        if not lines[-1]:
            lines.pop()
        rows, counts = _rows(self._data, position, end, len(lines))
        block = Block(line, lines, rows, counts, {})
        if any(head and (not result or head.startswith(_RESUMED)) for _, head, result in counts):
            self._put_together(block)
        return block

    def _put_together(self, block: Block) -> None:
        """Count a broken call at the line where it came back; the line where it began counts as no call."""
        for index, row in enumerate(block.rows):
            tid, head, result = row
            if head.startswith(_RESUMED):
                self._resume(block, index, row)
            elif head and not result:
                self._break(row, block.lines[index], block.first + index)
                block.rows[index] = (tid, b"", b"...")
        block.counts = Counter(block.rows)

    def _break(self, row: Row, text: bytes, line: int) -> None:
        before = self._waiting.pop(row[0], None)
        if before:
            self._lose(before[0], before[2])
        if len(self._waiting) < MOST_ROWS:
            self._waiting[row[0]] = (row, text, line)

    def _resume(self, block: Block, index: int, row: Row) -> None:
        tid, head, result = row
        name = head[5:-2] + b"("
        begun = self._waiting.get(tid)
        if begun and begun[0][1].startswith(name):
            del self._waiting[tid]
            block.begun[index] = begun[1]
            name = begun[0][1]
        block.rows[index] = (tid, name, result or NO_RESULT)

    def _lose(self, row: Row, line: int) -> None:
        row = (row[0], row[1], NO_RESULT)
        count, first = self.lost.get(row, (0, line))
        if count or len(self.lost) < MOST_ROWS:
            self.lost[row] = (count + 1, first)


def _rows(data: bytes, start: int, end: int, count: int) -> tuple[list[Row], Counter[Row]]:
    bare = BARE_LINE.match(data, start, end)
    rows: list[Row] = BARE_LINE.findall(data, start, end)[:count] if bare and bare[2] else [NOTHING]
    counts = Counter(rows)
    if NOTHING in counts:  # lines with a thread or a time, notes of strace, blank lines
        rows = ANY_LINE.findall(data, start, end)[:count]
        counts = Counter(rows)
    return rows, counts


class CallTally:
    """Counts rows and remembers where each came first."""

    def __init__(self) -> None:
        self.rows: dict[Row, tuple[int, int]] = {}  # how many, the first one's line
        self.left_out = 0

    def add(self, block: Block) -> None:
        """Count a block's rows."""
        for row, count in block.counts.items():
            known = self.rows.get(row)
            if known:
                self.rows[row] = (known[0] + count, known[1])
            elif row[1]:
                self.add_row(row, count, block.first + block.rows.index(row))

    def add_row(self, row: Row, count: int, line: int) -> None:
        """Count a row that came ``count`` times, in ``line`` for the first time."""
        before, first = self.rows.get(row, (0, line))
        if before or len(self.rows) < MOST_ROWS:
            self.rows[row] = (before + count, first)
        else:
            self.left_out += count
