"""Finds out what was pasted: text is split into regions of one kind, line by line, by its content alone.

How lines of a kind look stands in `shapes`. Memory: the text once more, cleaned, beside the text itself; nothing else grows
with it. A line of more than a MiB is refused.
"""

import re
from collections.abc import Iterator
from io import BytesIO

from crazytrain.decode.command_words import is_argv
from crazytrain.decode.paste import NEXT_STEP, cleaned, decoded, glued, without_margin, without_prompt
from crazytrain.decode.shapes import SHAPES, TEXT, Shape
from crazytrain.decode.strace_line import CLOSED_LINE, NEXT_LINE_NOT_CLOSED
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind

_BLOCK_BYTES = 1 << 20
_LONGEST_LINE = 1 << 20
_MOST_LOOSE = 64  # lines that are kept to see to which region they belong
_KEPT_LOOSE = 8
_MOST_PIECES = 16
_LONGEST_RECORD = 16 * 1024
_NEUTRAL = re.compile(rb"\s*$|`{3,}\w*\s*$|~~~+\s*$|[\w.@:~/\[\]-]{0,80}[#$] ?$")
_HEADING = re.compile(rb"[#=*]|.*[:;]\s*$|--+ \w")


class _Region:
    """Lines of one kind that stand together, as they grow."""

    def __init__(self, shape: Shape, first_line: int) -> None:
        self.shape = shape
        self.first_line = first_line
        self.last = b""
        self.blank = True
        self._text = BytesIO()

    def write(self, line: bytes) -> None:
        self._text.write(line)
        self._text.write(b"\n")
        self.last = line
        self.blank = self.blank and not line.strip()

    def write_bulk(self, block: bytes) -> None:
        self._text.write(block)
        self.last, self.blank = b"", False

    def evidence(self, ident: str, source: str) -> Evidence:
        # getvalue() hands over the buffer itself, without a copy.
        return Evidence(
            id=ident, kind=self.shape.kind, source=source, data=self._text.getvalue(), first_line=self.first_line
        )


class _Splitter:
    """Takes lines in order; each ends up in one region, or in the text that nothing recognised.

    In order of the file: the regions, then ``_loose`` lines that no kind has claimed yet, then the pieces of a record
    that was broken in two or more.
    """

    def __init__(self) -> None:
        self.regions: list[_Region] = []
        self._loose: list[bytes] = []
        self._pieces: list[bytes] = []
        self._joined = b""
        self._broken: Shape = TEXT
        self._next = 1  # the number of the line after the last region's

    @property
    def _last(self) -> _Region | None:
        return self.regions[-1] if self.regions else None

    @property
    def in_trace(self) -> bool:
        """Whether a block of strace lines can be taken as it is."""
        last = self._last
        return last is not None and last.shape.kind is Kind.STRACE and not self._loose and not self._pieces

    def take_bulk(self, block: bytes) -> None:
        """Add whole lines of strace to the trace that is being read."""
        self.regions[-1].write_bulk(block)
        self._next += block.count(b"\n")

    def take(self, line: bytes) -> None:
        """Add one line."""
        line = without_margin(line)
        shape = self._shape_of(line)
        if shape is None and (bare := without_prompt(line)) is not line and (under := self._shape_of(bare)):
            line, shape = bare, under
        begun = shape or next((s for s in SHAPES if s.begun(line)), None)
        if self._pieces and not begun and line.strip() and self._goes_on(line):
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
        joined = glued(self._joined, line, self._pieces[-1])
        if len(self._pieces) >= _MOST_PIECES or len(joined) > _LONGEST_RECORD:
            return False
        self._pieces.append(line)
        self._joined = joined
        if self._broken.whole(joined) and not self._broken.unended(joined):
            blanks = [b""] * (len(self._pieces) - 1)
            self._pieces = []
            self._claim(self._broken, [joined, *blanks])
        return True

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
        self.regions.append(_Region(shape, self._next))
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


def split(name: str, data: bytes) -> tuple[Evidence, ...]:
    """Recognise what was pasted or saved, by content: one evidence for each region of lines of one kind.

    Several kinds may stand in one file. Lines that nothing recognised are kept as ``Kind.TEXT``. The first region that
    was recognised is named ``name``, others ``name#2`` and so on, the unrecognised text last. Line numbers of refs are
    the file's own: lines that were broken are put together in the first one's place and leave empty lines behind.

    Raises:
        BadInput: empty, binary, or a line of more than a MiB; names the file and, where it can, the line.
    """
    data = decoded(name, data)
    if is_argv(data):
        return (Evidence(id=name, kind=Kind.COMMAND_LINE, source=name, data=data),)
    splitter = _Splitter()
    for block in _blocks(name, data):
        _take_block(splitter, cleaned(block))
    splitter.end()
    regions = [region for region in splitter.regions if not region.blank]
    if not regions:
        raise BadInput(f"{name} is empty", NEXT_STEP)
    regions.sort(key=lambda region: region.shape is TEXT)
    ids = [name, *(f"{name}#{number}" for number in range(2, len(regions) + 1))]
    found = [region.evidence(ident, name) for ident, region in zip(ids, regions, strict=True)]
    return tuple(sorted(found, key=lambda evidence: evidence.first_line))


def _blocks(name: str, data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        end = data.rfind(b"\n", position, position + _BLOCK_BYTES) + 1
        if not end:
            end = data.find(b"\n", position, position + _LONGEST_LINE + 1) + 1 or len(data)
        if end - position > max(_BLOCK_BYTES, _LONGEST_LINE):
            line = data.count(b"\n", 0, position) + 1
            raise BadInput(f"{name}, line {line}: longer than a MiB", "Give the text as it was printed, line by line.")
        yield data[position:end]
        position = end


def _take_block(splitter: _Splitter, block: bytes) -> None:
    position = 0
    while position < len(block):
        end = _end_of_trace(block, position) if splitter.in_trace else position
        if end > position:
            splitter.take_bulk(block[position:end])
        else:
            end = block.find(b"\n", position) + 1 or len(block) + 1
            splitter.take(block[position : end - 1])
        position = end


def _end_of_trace(block: bytes, position: int) -> int:
    """Where the lines of strace end that are whole beyond doubt; ``position`` itself where the first one is not."""
    if not CLOSED_LINE.match(block, position):
        return position
    found = NEXT_LINE_NOT_CLOSED.search(block, position)
    return found.end() if found else len(block)
