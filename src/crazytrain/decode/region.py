"""Regions of lines of one kind, as they grow: kept as text, or counted at once where the text is too large to keep."""

from collections.abc import Iterator
from io import BytesIO

from msgspec.structs import replace

from crazytrain.decode.shapes import Shape
from crazytrain.decode.strace_memory import Memory
from crazytrain.decode.strace_tally import Tally, tally
from crazytrain.decode.strace_trace import Trace
from crazytrain.model.evidence import Evidence, Outcome

_BUFFER_BYTES = 1 << 16


class Region:
    """Lines of one kind that stand together. What is more than the limit is counted and not kept."""

    def __init__(self, shape: Shape, first_line: int, limit_bytes: int | None = None) -> None:
        self.shape = shape
        self.first_line = first_line
        self.last = b""
        self.blank = True
        self.lines = 0
        self._text = BytesIO()
        self._limit_bytes = limit_bytes
        self._cut = False

    def write(self, line: bytes) -> None:
        """Add one line."""
        self.lines += 1
        self.last = line
        self.blank = self.blank and not line.strip()
        self._keep(line)

    def _keep(self, line: bytes) -> None:
        self._cut = self._cut or (self._limit_bytes is not None and self._text.tell() > self._limit_bytes)
        if not self._cut:
            self._text.write(line)
            self._text.write(b"\n")

    def write_bulk(self, block: bytes) -> None:
        """Add whole lines of which none is doubtful."""
        self._text.write(block)
        self.lines += block.count(b"\n")
        self.last, self.blank = b"", False

    def evidence(self, ident: str, source: str) -> Evidence:
        """The region as evidence."""
        # getvalue() hands over the buffer itself, without a copy.
        data = self._text.getvalue()
        found = Evidence(id=ident, kind=self.shape.kind, source=source, data=data, first_line=self.first_line)
        cut = f"the first {len(data)} bytes were kept"
        return replace(found, outcome=Outcome.TRUNCATED, detail=cut) if self._cut else found


class TraceRegion(Region):
    """Lines of strace, counted while they come; none is kept. ``ident`` is what refs to them name."""

    def __init__(self, shape: Shape, first_line: int, ident: str, source: str, memory: Memory) -> None:
        super().__init__(shape, first_line)
        self.bytes = 0
        self._evidence = Evidence(id=ident, kind=shape.kind, source=source, first_line=first_line)
        self._trace = Trace(self._evidence)
        self._memory = memory
        self._memory.forget()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def _keep(self, line: bytes) -> None:
        self.bytes += len(line) + 1
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes > _BUFFER_BYTES:
            self.count_waiting()

    def count_waiting(self) -> None:
        """Count the lines that came one by one."""
        if self._waiting:
            text = b"\n".join(self._waiting) + b"\n"
            self._waiting, self._waiting_bytes = [], 0
            self._trace.add(tally(self._memory.rows.read(text), self._memory))

    def write_bulk(self, block: bytes) -> None:
        """Add whole lines of which none is doubtful."""
        self.add(tally(self._memory.rows.read(block), self._memory), len(block))

    def add(self, counted: Tally, size: int) -> None:
        """Add lines that were counted already."""
        self.count_waiting()
        self._trace.add(counted)
        self.lines += counted.lines
        self.bytes += size
        self.last, self.blank = b"", False

    def evidence(self, ident: str, source: str) -> Evidence:
        """The region as evidence without data: its lines stand in the file."""
        last = self.first_line + self.lines - 1
        said = f"lines {self.first_line} to {last} ({self.bytes / 1e6:.0f} MB) were counted while they were read and not kept"
        return replace(self._evidence, id=ident, source=source, detail=said)

    def facts(self) -> Iterator[object]:
        """What they tell; nothing can be added afterwards."""
        self.count_waiting()
        return self._trace.facts()
