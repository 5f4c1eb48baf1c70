"""Counts a block of a trace in which nothing is new, without looking at each line: what most blocks of a long trace are.

Lines of a trace are alike but for their times. What stands in the place of the call is looked up among those seen before; all
that follows is done for kinds of lines. Where a line does not fit (another prefix, a signal), is the first of its kind or is wanted
for the story, the block is left to `strace_tally`, which says the same.
"""

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import cast

from crazytrain.decode.paste import needs_cleaning
from crazytrain.decode.strace_columns import (
    CUT_BODY,
    CUT_MARK,
    MOST_EVENTS,
    TOOK_WIDTH,
    Columns,
    Event,
    SomethingNew,
    columns_of,
)
from crazytrain.decode.strace_kinds import KindCount, Known, Pieces
from crazytrain.decode.strace_memory import Memory
from crazytrain.decode.strace_rows import Prefix
from crazytrain.decode.strace_squash import Squash
from crazytrain.decode.strace_tally import Tally
from crazytrain.decode.strace_wait import IN_NS, NOT_TOLD, WAITS

_MOST_BODIES = 16_000
_FEWEST_BLOCKS = 32  # after which what was learnt is forgotten
_PAUSE = 32  # blocks that are left to the other way where lines are not alike
_ALL = slice(0, None)
_SAMPLE_LINES = 24
_SAMPLE_STEP = 1 << 15

# What `call_pattern` finds, and the same with a timeout's size in bits in place of its ns.
_Found = tuple[bytes, bytes, bytes, bytes, bytes]
_Sized = tuple[bytes, bytes, bytes | int, bytes, bytes]
_tail = itemgetter(slice(-TOOK_WIDTH, None))


class _Numbers(dict[_Sized, int]):
    """Numbers of events by what a line holds."""

    def __init__(self, quick: "Quick") -> None:
        self._quick = quick

    def __missing__(self, found: _Sized) -> int:
        number = self[found] = self._quick.number_of(found)
        return number


class _Bodies(dict[bytes, dict[bytes, int]]):
    """By the thread's part of a line (empty where it has no column) what stands in the place of the call, and its event."""

    def __init__(self) -> None:
        self.held = 0

    def __missing__(self, thread: bytes) -> dict[bytes, int]:
        bodies: dict[bytes, int] = {}
        if self.held < _MOST_BODIES:
            self[thread] = bodies
            self.held += 1
        return bodies

    def learn(self, thread: bytes, body: bytes, event: int) -> None:
        if self.held < _MOST_BODIES:
            self[thread][body] = event
            self.held += 1


class Quick:
    """Counts blocks of one trace as long as they hold nothing new; ``memory`` is shared with `strace_tally`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known = Known(memory)
        self._squash = Squash()
        self._bodies = _Bodies()
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
        self._forget_much()
        prefix = self._memory.rows.prefix(block)
        columns = self._columns_of(prefix, block)
        if columns is None:
            self._pause = _PAUSE
            return None
        self._is_clean = is_clean
        pieces = Pieces(block)
        count = KindCount(self._known, pieces)
        try:
            for piece in pieces:
                lines = self._squash(piece).split(b"\n")
                del lines[-1]
                count.take(self._kinds_of(lines, columns), map(_tail, lines) if columns.took else None)
            return count.all(timed=bool(prefix.time))
        except SomethingNew:
            return None

    def _kinds_of(self, lines: list[bytes], columns: Columns) -> list[int]:
        """The numbers of the lines' events."""
        bodies: Iterable[bytes] = lines if columns.call == _ALL else map(itemgetter(columns.call), lines)
        if columns.thread:
            threads = map(itemgetter(slice(columns.thread)), lines)
            events: list[int | None] = list(map(dict.get, map(self._bodies.__getitem__, threads), bodies))
        else:
            events = list(map(self._bodies[b""].get, bodies))
        if None in events:
            new = [line for line, event in zip(lines, events, strict=True) if event is None]
            learnt = iter(self._learn(new, columns))
            return [next(learnt) if event is None else event for event in events]
        return cast("list[int]", events)

    def _forget_much(self) -> None:
        """Begin anew where so much was learnt that nothing more can be."""
        self._blocks += 1
        if len(self._numbers) > MOST_EVENTS:
            self._numbers.clear()
        full = self._bodies.held >= _MOST_BODIES or len(self._known.events) > MOST_EVENTS // 2
        if full and self._blocks >= _FEWEST_BLOCKS:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._blocks = 0
        self._squash = Squash()
        self._bodies = _Bodies()
        self._numbers.clear()
        self._event_numbers.clear()
        self._known.events.clear()

    def _columns_of(self, prefix: Prefix, block: bytes) -> Columns | None:
        """Where the parts stand; looked at anew when lines are not alike to those before."""
        if self._columns and self._waits == self._memory.rows.waits and self._fits(prefix, block):
            return self._columns
        self._waits = self._memory.rows.waits
        self._begin_anew()
        self._columns = columns_of(self._waits, prefix, block.split(b"\n", _SAMPLE_LINES)[:_SAMPLE_LINES])
        return self._columns if self._columns and self._fits(prefix, block) else None

    def _fits(self, prefix: Prefix, block: bytes) -> bool:
        columns = self._columns
        if columns is None or not columns.call.start:
            return columns is not None and not prefix.time
        wanted = (columns.thread, columns.call.start + 1)
        found = map(prefix.pattern.match, _samples(block))
        return all(one and (one.end(1), one.end()) == wanted for one in found)

    def _learn(self, lines: list[bytes], columns: Columns) -> list[int]:
        """The events of lines that are not known, all at once; the first of them are remembered."""
        bodies = list(map(itemgetter(columns.call), lines))
        text = b"\n".join(bodies) + b"\n"
        if not self._is_clean and needs_cleaning(text):
            raise SomethingNew
        if columns.took:
            text = text.replace(CUT_BODY + b"\n", CUT_MARK + b"\n")
        found: list[_Found] = columns.pattern.findall(text)
        if len(found) != len(bodies):
            found = columns.strict.findall(text)
        threads = list(map(itemgetter(slice(columns.thread)), lines))
        if columns.thread:
            names = map(columns.threads.__getitem__, threads)
            found = [(name, *one[1:]) for name, one in zip(names, found, strict=True)]
        sized: Iterable[_Sized] = found
        if b"tv_nsec=" in text:  # nearly each timeout is another one; its size is all that is told of it
            sized = [one if not one[2] else (one[0], one[1], int(one[2]).bit_length(), one[3], one[4]) for one in found]
        events = list(map(self._numbers.__getitem__, sized))
        for thread, body, event in zip(threads, bodies, events, strict=True):
            self._bodies.learn(thread, body, event)
        self._squash.watch(text, len(lines))
        return events

    def number_of(self, found: _Sized) -> int:
        """The number of an event; `SomethingNew` for what must be looked at."""
        thread, head, bits, written, returned = found
        if not head or not self._memory.rows.is_plain((thread, head, b"", returned)):
            raise SomethingNew
        asked, name = NOT_TOLD, self._memory.name_of(head)
        if name in WAITS:
            if isinstance(bits, int) and name in IN_NS:
                asked = bits
            elif written:
                asked = self._memory.asked_for(name, written)
            else:
                raise SomethingNew
        event = Event(thread, head, self._memory.rows.end_of(returned).outcome if returned else b"", asked)
        if event.outcome and not event.is_resumed and not self._known.is_known(event[:3]):
            raise SomethingNew
        return self._number(event)

    def _number(self, event: Event) -> int:
        number = self._event_numbers.get(event)
        if number is None:
            if len(self._known.events) >= MOST_EVENTS:
                raise SomethingNew
            number = self._event_numbers[event] = len(self._known.events)
            self._known.events.append(event)
        return number


def _samples(block: bytes) -> Iterator[bytes]:
    """A line here and there."""
    for begin in range(0, len(block), _SAMPLE_STEP):
        start = block.find(b"\n", begin) + 1 if begin else 0
        if start < len(block):
            yield block[start : block.find(b"\n", start)]
