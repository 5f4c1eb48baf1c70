"""What one block of a trace holds, counted: by thread, call, descriptor and outcome, in one pass.

A tally knows nothing of the blocks before it: calls that were broken off earlier and came back here, and those that are still
away at its end, are kept for whoever puts tallies together (`strace_trace`). So blocks can be counted side by side.
The work in Python is for distinct rows, for calls that were broken in two, and for lines that tell something new.
"""

import msgspec

from crazytrain.decode.strace_clock import Times, times_in
from crazytrain.decode.strace_line import join_resumed
from crazytrain.decode.strace_memory import Call, Memory
from crazytrain.decode.strace_notes import Notes, notes_in
from crazytrain.decode.strace_rows import NOTHING, RESUMED, Row, Sheet
from crazytrain.decode.strace_story import LOOKS, TELLING
from crazytrain.decode.strace_wait import NO_TURN, NOT_TOLD, WAITS, Waiter, asked_in

NO_OUTCOME = b"?"
_FIRST_OF_RESUMED = RESUMED[0]
_RESUMED_BEGINS, _RESUMED_ENDS = len(b"<... "), len(b" r")


class Half(msgspec.Struct, frozen=True):
    """One line of a call that was broken in two: its row, its text, and where it stands."""

    row: Row
    text: bytes
    index: int


class Tally(msgspec.Struct):
    """What a block holds. Every ``index`` is a line of it, counted from 0."""

    lines: int
    calls: dict[Call, int]
    first: dict[Call, int]  # where a call stands first, if it is not known from an earlier block
    spent_ns: dict[tuple[bytes, bytes], int]
    turns: dict[Waiter, int]
    asked: dict[Waiter, dict[int, int]]
    times: Times
    notes: Notes
    telling: list[tuple[int, Call, bytes]]
    came_back: list[Half]
    begun: set[bytes]  # threads that began a call that was broken off
    away: dict[bytes, Half]
    lost: dict[Call, tuple[int, int]]  # calls that never came back: how many, where the first one stands


def tally(sheet: Sheet, memory: Memory) -> Tally:
    """Count what stands on a sheet; ``memory`` is that of the sheets before it of the same trace, read in order."""
    return _Counting(sheet, memory).all()


def heads_fit(begun: bytes, resumed: bytes) -> bool:
    """Whether a call that came back is the one that was broken off, by the heads of both."""
    return begun.startswith(_head_of(resumed))


def alone(ended: Row) -> Row:
    """The row of a call whose beginning is not in the text: its first argument is not known."""
    return ended[0], _head_of(ended[1]), b"", ended[3]


def _head_of(resumed: bytes) -> bytes:
    return resumed[_RESUMED_BEGINS:-_RESUMED_ENDS] + b"("


class _Kind:
    """Calls of one thread with one head and outcome: how many, and what is wanted of each."""

    __slots__ = ("call", "closer", "count", "fits", "spent_ns", "waiter", "written")

    def __init__(self, call: Call, *, closer: bool, waiter: Waiter | None, fits: bool = True) -> None:
        self.call = call
        self.closer = closer  # whether their lines are to be looked at one by one
        self.waiter = waiter
        self.fits = fits
        self.count = 0
        self.spent_ns = 0
        self.written: list[tuple[bytes, int]] = []  # the timeouts of waits


class _Counting:
    """One pass over a sheet."""

    def __init__(self, sheet: Sheet, memory: Memory) -> None:
        self._sheet = sheet
        self._memory = memory
        self._looked: dict[Call, int] = {}
        self._away: dict[bytes, int] = {}
        self._tally = Tally(
            lines=len(sheet.rows),
            calls={},
            first={},
            spent_ns={},
            turns={},
            asked={},
            times=times_in(sheet.timed_text),
            notes=notes_in(sheet),
            telling=[],
            came_back=[],
            begun=set(),
            away={},
            lost={},
        )

    def all(self) -> Tally:
        """Count everything."""
        sheet, tally, memory = self._sheet, self._tally, self._memory
        broken = self._count_whole()
        looked, self._looked = self._looked, {}
        if broken:
            self._put_together(sheet.where(broken))
        tally.telling.sort(key=lambda told: told[0])
        memory.remember(tally.calls, looked)
        memory.remember(tally.calls, self._looked)
        return tally

    def _count_whole(self) -> set[Row]:
        """Count the calls that stand in one line; the rows of the others are returned."""
        rows, kinds, broken, closer = self._memory.rows, _Kinds(self), set(), set()
        for row, count in self._sheet.counts.items():
            thread, head, written, returned = row
            if not returned or head[0] == _FIRST_OF_RESUMED:
                broken.add(row)
                continue
            end = rows.ends.get(returned) or rows.end_of(returned)
            kind = kinds[thread, head, head, end.outcome]
            kind.count += count
            kind.spent_ns += end.took_ns * count
            if kind.waiter:
                kind.written.append((written, count))
            if kind.closer or (kind.waiter and not written):
                closer.add(row)
        for kind in kinds.values():
            self._add_kind(kind)
        for index in self._sheet.where(closer) if closer else ():
            self._look_at_one(self._sheet.rows[index], index)
        broken.discard(NOTHING)
        return broken

    def _look_at_one(self, row: Row, index: int) -> None:
        self._look(row, self._memory.rows.end_of(row[3]).outcome or NO_OUTCOME, self._sheet.lines[index], index)

    def _add_kind(self, kind: _Kind) -> None:
        if kind.count:
            self._add(kind.call, kind.count, kind.spent_ns)
        for written, count in kind.written:
            if kind.waiter and written:
                self._wait(kind.waiter, self._memory.asked_for(kind.waiter[1], written), count)

    def _add(self, call: Call, count: int, spent_ns: int) -> None:
        calls = self._tally.calls
        calls[call] = calls.get(call, 0) + count
        if spent_ns:
            spent = self._tally.spent_ns
            spent[call[0], call[1]] = spent.get((call[0], call[1]), 0) + spent_ns

    def _wait(self, waiter: Waiter, asked: int, count: int) -> None:
        if asked == NO_TURN:
            return
        tally = self._tally
        tally.turns[waiter] = tally.turns.get(waiter, 0) + count
        if asked != NOT_TOLD:
            by_size = tally.asked.setdefault(waiter, {})
            by_size[asked] = by_size.get(asked, 0) + count

    def _look(self, row: Row, outcome: bytes, text: bytes, index: int) -> None:
        """Look at one line: whether it is the first of its kind, tells a story, and how long it was to wait."""
        memory, tally = self._memory, self._tally
        call = (row[0], row[1], outcome)
        if call not in memory.known and tally.first.get(call, index) >= index:
            tally.first[call] = index
        name = memory.name_of(row[1])
        if name not in TELLING:
            return
        seen = self._looked.get(call, 0)
        if seen + memory.looked[call] < LOOKS:
            self._looked[call] = seen + 1
            tally.telling.append((index, call, text))
        if name in WAITS and outcome != NO_OUTCOME and not row[2]:
            self._wait((row[0], name), asked_in(name, text), 1)
            memory.rows.expect(name, text)

    def _put_together(self, indexes: list[int]) -> None:  # noqa: C901 - a hot loop: calls would halve its speed
        """Go through the calls that were broken in two, in order."""
        rows, away, kinds = self._sheet.rows, self._away, _Kinds(self)
        reader, begun_here = self._memory.rows, self._tally.begun
        for index in indexes:
            row = rows[index]
            thread, head = row[0], row[1]
            at = away.get(thread)
            if head[0] != _FIRST_OF_RESUMED:
                if at is not None:
                    self._lose(rows[at], at)
                begun_here.add(thread)
                away[thread] = index
                continue
            if at is None:
                self._come_back(row, index)
                continue
            begun, end = rows[at], reader.ends.get(row[3]) or reader.end_of(row[3])
            kind = kinds[thread, begun[1], head, end.outcome]
            if not kind.fits:
                self._count_alone(row, index)
                continue
            del away[thread]
            kind.count += 1
            kind.spent_ns += end.took_ns
            if kind.waiter:
                kind.written.append((begun[2], 1))
            if kind.closer or (kind.waiter and not begun[2]):
                self._look_at_both(kind, at, index)
        for kind in kinds.values():
            self._add_kind(kind)
        self._tally.away = {thread: self._half(index) for thread, index in away.items()}

    def kind_of(self, key: tuple[bytes, bytes, bytes, bytes]) -> _Kind:
        """What is to be done with calls of a thread, head (for broken ones: both heads) and outcome."""
        thread, head, back, outcome = key
        outcome = outcome or NO_OUTCOME
        call, name = (thread, head, outcome), self._memory.name_of(head)
        waits = name in WAITS and outcome != NO_OUTCOME
        fits = back == head or heads_fit(head, back)
        closer = call not in self._memory.known or (name in TELLING and self._memory.looked[call] < LOOKS)
        return _Kind(call, fits=fits, closer=closer, waiter=(thread, name) if waits else None)

    def _look_at_both(self, kind: _Kind, at: int, index: int) -> None:
        lines, call = self._sheet.lines, kind.call
        self._look(self._sheet.rows[at], call[2], join_resumed(lines[at], lines[index]), index)
        kind.closer = self._looked.get(call, LOOKS) + self._memory.looked[call] < LOOKS

    def _half(self, index: int) -> Half:
        return Half(self._sheet.rows[index], self._sheet.lines[index], index)

    def _lose(self, begun: Row, index: int) -> None:
        lost = (begun[0], begun[1], NO_OUTCOME)
        count, first = self._tally.lost.get(lost, (0, index))
        self._tally.lost[lost] = (count + 1, first)

    def _come_back(self, row: Row, index: int) -> None:
        """A call came back that was not broken off here."""
        if row[0] in self._tally.begun:
            self._count_alone(row, index)
        else:
            self._tally.came_back.append(self._half(index))

    def _count_alone(self, row: Row, index: int) -> None:
        row = alone(row)
        end = self._memory.rows.end_of(row[3])
        kind = self.kind_of((row[0], row[1], row[1], end.outcome))
        self._add(kind.call, 1, end.took_ns)
        self._look_at_one(row, index)


class _Kinds(dict[tuple[bytes, bytes, bytes, bytes], _Kind]):
    def __init__(self, counting: _Counting) -> None:
        self._counting = counting

    def __missing__(self, key: tuple[bytes, bytes, bytes, bytes]) -> _Kind:
        kind = self[key] = self._counting.kind_of(key)
        return kind
