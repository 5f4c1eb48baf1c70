"""Counts a block of a trace in which nothing is new, without looking at each line: what most blocks of a long trace are.

Lines of a trace are alike but for their times. What stands in the place of the call is looked up among those seen before; all
that follows is done for kinds of lines. Where a line does not fit (another prefix, a signal), is the first of its kind or is wanted
for the story, the block is left to `strace_tally`, which says the same.
"""

from collections.abc import Iterable
from operator import add, itemgetter

from crazytrain.decode.paste import needs_cleaning
from crazytrain.decode.strace_columns import (
    BAD,
    CUT_BODY,
    CUT_MARK,
    EVENT_STEP,
    MOST_EVENTS,
    Columns,
    Event,
    columns_of,
)
from crazytrain.decode.strace_kinds import KindCount, Known, SomethingNew
from crazytrain.decode.strace_memory import Memory
from crazytrain.decode.strace_rows import Prefix
from crazytrain.decode.strace_tally import Tally
from crazytrain.decode.strace_wait import IN_NS, NOT_TOLD, WAITS

_MOST_BODIES = 10_000
_BLOCKS_REMEMBERED = 64
_PAUSE = 32  # blocks that are left to the other way where lines are not alike
_ALL = slice(0, None)
_SAMPLE_LINES = 24
_SAMPLE_STEP = 512

# What `call_pattern` finds, and the same with a timeout's size in bits in place of its ns.
_Found = tuple[bytes, bytes, bytes, bytes, bytes]
_Sized = tuple[bytes, bytes, bytes | int, bytes, bytes]


class _Numbers(dict[_Sized, int]):
    """Numbers of events by what a line holds."""

    def __init__(self, quick: "Quick") -> None:
        self._quick = quick

    def __missing__(self, found: _Sized) -> int:
        number = self[found] = self._quick.number_of(found)
        return number


class Quick:
    """Counts blocks of one trace as long as they hold nothing new; ``memory`` is shared with `strace_tally`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known = Known(memory)
        self._bodies: dict[bytes, int] = {}  # what stands in the place of the call, by the number of its event
        self._numbers = _Numbers(self)
        self._event_numbers: dict[Event, int] = {}
        self._columns: Columns | None = None
        self._waits: frozenset[str] = frozenset()
        self._pause = 0
        self._blocks = 0
        self._is_clean = False

    def count(self, block: bytes, *, is_clean: bool = False) -> Tally | None:
        """Count whole lines, each with its end; ``None`` where they must be looked at. ``is_clean``: nothing can be cleaned."""
        if self._pause or not block.endswith(b"\n"):
            self._pause = max(self._pause - 1, 0)
            return None
        lines = block.split(b"\n")
        del lines[-1]
        self._blocks += 1
        if self._blocks % _BLOCKS_REMEMBERED == 0 or len(self._numbers) > MOST_EVENTS // 2:
            self._begin_anew()
        columns = self._columns_of(lines, block)
        if columns is None:
            self._pause = _PAUSE
            return None
        self._is_clean = is_clean
        try:
            return KindCount(self._known, columns, lines, self._kinds_of(lines, columns), block).all()
        except SomethingNew:
            return None

    def _kinds_of(self, lines: list[bytes], columns: Columns) -> list[int]:
        """Each line as a number, without its µs."""
        bodies = list(map(itemgetter(columns.call), lines)) if columns.call != _ALL else lines
        events = list(map(self._bodies.get, bodies))
        new = [body for body, event in zip(bodies, events, strict=True) if event is None]
        learnt = iter(self._learn(new, columns) if new else ())
        kinds = [next(learnt) if event is None else event for event in events]
        if not columns.thread:
            return kinds
        return list(map(add, kinds, map(columns.threads.__getitem__, map(itemgetter(slice(0, columns.thread)), lines))))

    def _begin_anew(self) -> None:
        self._bodies.clear()
        self._numbers.clear()
        self._event_numbers.clear()
        self._known.events.clear()

    def _columns_of(self, lines: list[bytes], block: bytes) -> Columns | None:
        """Where the parts stand; looked at anew when lines are not alike to those before."""
        rows = self._memory.rows
        prefix = rows.prefix(block)
        if self._columns and self._waits == rows.waits and self._fits(prefix, lines[::_SAMPLE_STEP]):
            return self._columns
        self._waits = rows.waits
        self._begin_anew()
        self._columns = columns_of(self._waits, prefix, lines[:_SAMPLE_LINES])
        return self._columns if self._columns and self._fits(prefix, lines[::_SAMPLE_STEP]) else None

    def _fits(self, prefix: Prefix, lines: list[bytes]) -> bool:
        columns = self._columns
        if columns is None or not columns.call.start:
            return columns is not None and not prefix.time
        wanted = (columns.thread, columns.call.start + 1)
        return all((found := prefix.pattern.match(line)) and (found.end(1), found.end()) == wanted for line in lines)

    def _learn(self, bodies: list[bytes], columns: Columns) -> list[int]:
        """The events of bodies that are not known, all at once; the first of them are remembered."""
        text = b"\n".join(bodies) + b"\n"
        if not self._is_clean and needs_cleaning(text):
            raise SomethingNew
        if columns.took:
            text = text.replace(CUT_BODY + b"\n", CUT_MARK + b"\n")
        found: list[_Found] = columns.pattern.findall(text)
        if len(found) != len(bodies):
            found = columns.strict.findall(text)
        sized: Iterable[_Sized] = found
        if b"tv_nsec=" in text:  # nearly each timeout is another one; its size is all that is told of it
            sized = [one if not one[2] else (one[0], one[1], int(one[2]).bit_length(), one[3], one[4]) for one in found]
        events = list(map(self._numbers.__getitem__, sized))
        if len(self._bodies) < _MOST_BODIES:
            self._bodies.update(zip(bodies, events, strict=True))
        return events

    def number_of(self, found: _Sized) -> int:
        """The number of an event, `BAD` for what must be looked at."""
        thread, head, bits, written, returned = found
        if not head or not self._memory.rows.is_plain((thread, head, b"", returned)):
            return BAD
        asked, name = NOT_TOLD, self._memory.name_of(head)
        if name in WAITS:
            if isinstance(bits, int) and name in IN_NS:
                asked = bits
            elif written:
                asked = self._memory.asked_for(name, written)
            else:
                return BAD
        outcome = self._memory.rows.end_of(returned).outcome if returned else b""
        return self._number(Event(thread, head, outcome, asked))

    def _number(self, event: Event) -> int:
        number = self._event_numbers.get(event)
        if number is None:
            if len(self._known.events) >= MOST_EVENTS:
                return BAD
            number = self._event_numbers[event] = len(self._known.events) * EVENT_STEP
            self._known.events.append(event)
        return number
