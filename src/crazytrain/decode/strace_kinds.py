"""Counts a block by kinds of lines: those whose numbers are the same (see `strace_columns`) say the same."""

from collections import Counter
from collections.abc import Iterable
from operator import add, itemgetter

from crazytrain.decode.strace_clock import times_in
from crazytrain.decode.strace_columns import CUT, EVENT_STEP, THREAD_STEP, TOOK_WIDTH, Columns, Event, Tooks
from crazytrain.decode.strace_memory import Call, Memory
from crazytrain.decode.strace_notes import Notes
from crazytrain.decode.strace_rows import careful_row
from crazytrain.decode.strace_story import LOOKS, TELLING
from crazytrain.decode.strace_tally import NO_OUTCOME, Half, Tally, heads_fit
from crazytrain.decode.strace_wait import NO_TURN, NOT_TOLD, WAITS

_MOST_BROKEN = 255  # kinds of broken calls in one block: each is a byte


class SomethingNew(Exception):
    """Something in a block must be looked at line by line."""


class Known:
    """What is known of a trace: its events by number, and which calls need not be looked at any more."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._tooks = Tooks()
        self.events: list[Event] = []
        self._settled: set[Call] = set()
        self._settled_for = 0

    def tooks(self, lines: list[bytes]) -> Iterable[int]:
        """The µs at the lines' ends."""
        return map(self._tooks.__getitem__, map(itemgetter(slice(-TOOK_WIDTH, None)), lines))

    def name_of(self, call: Call) -> str:
        """A call's name."""
        return self._memory.name_of(call[1])

    def is_settled(self, call: Call) -> bool:
        """Whether all is known of a call but how often it comes."""
        memory = self._memory
        if self._settled_for != memory.traces:
            self._settled.clear()
            self._settled_for = memory.traces
        if call in self._settled:
            return True
        wanted = memory.name_of(call[1]) in TELLING and memory.looked[call] < LOOKS
        settled = call in memory.known and not wanted
        if settled:
            self._settled.add(call)
        return settled


class KindCount:
    """One block."""

    def __init__(self, known: Known, columns: Columns, lines: list[bytes], kinds: list[int], block: bytes) -> None:
        self._known = known
        self._names = columns.threads.names
        self.lines = lines
        self._kinds = kinds
        self._has_tooks = columns.took
        self._counts: dict[int, int] = {}
        self.took_us: dict[int, int] = {}
        self.tally = Tally(
            lines=len(lines),
            calls={},
            first={},
            spent_ns={},
            turns={},
            asked={},
            times=times_in(block, lambda: lines),
            notes=Notes(),
            telling=[],
            came_back=[],
            begun=set(),
            away={},
            lost={},
        )

    def all(self) -> Tally:
        """Count everything; `SomethingNew` where that cannot be done."""
        self._count()
        broken: dict[bytes, list[int]] = {}
        for kind, count in self._counts.items():
            thread, event = self.told(kind)
            if not event.outcome or event.is_resumed:
                broken.setdefault(thread, []).append(kind)
            else:
                self.add((thread, event.head, event.outcome), count, event.asked)
                self.spend(thread, event.head, self.took_us[kind])
        if broken:
            self._add_broken(broken)
        return self.tally

    def told(self, kind: int) -> tuple[bytes, Event]:
        event = self._known.events[kind % THREAD_STEP // EVENT_STEP]
        return (self._names[kind // THREAD_STEP] if self._names else event.thread), event

    def _count(self) -> None:
        """Count the lines of each kind, and add up their times."""
        if not self._has_tooks:
            self._counts = Counter(self._kinds)
            self.took_us = dict.fromkeys(self._counts, 0)
            if min(self._counts) < 0:
                raise SomethingNew
            return
        numbers = Counter(map(add, self._kinds, self._known.tooks(self.lines)))
        if min(numbers) < 0:
            raise SomethingNew
        counts, took_us, cut = self._counts, self.took_us, set()
        for number, count in numbers.items():
            us = number % EVENT_STEP
            kind = number - us
            if us == CUT:
                cut.add(kind)
            counts[kind] = counts.get(kind, 0) + count
            took_us[kind] = took_us.get(kind, 0) + us * count
        self._check_cut(cut)

    def _check_cut(self, cut: set[int]) -> None:
        """A line that was broken off has a mark in the place of its time, others must not have it."""
        for kind, count in self._counts.items():
            begun = not self.told(kind)[1].outcome
            if begun != (kind in cut) or (begun and self.took_us[kind] != count * CUT):
                raise SomethingNew

    def took_of(self, index: int) -> int:
        """The µs at a line's end."""
        return next(iter(self._known.tooks(self.lines[index : index + 1]))) if self._has_tooks else 0

    def add(self, call: Call, count: int, asked: int) -> None:
        if not self._known.is_settled(call):
            raise SomethingNew
        tally, name = self.tally, self._known.name_of(call)
        tally.calls[call] = tally.calls.get(call, 0) + count
        if name in WAITS and call[2] != NO_OUTCOME and asked != NO_TURN:
            waiter = (call[0], name)
            tally.turns[waiter] = tally.turns.get(waiter, 0) + count
            if asked != NOT_TOLD:
                by_size = tally.asked.setdefault(waiter, {})
                by_size[asked] = by_size.get(asked, 0) + count

    def spend(self, thread: bytes, head: bytes, took_us: int) -> None:
        if took_us:
            spent = self.tally.spent_ns
            spent[thread, head] = spent.get((thread, head), 0) + took_us * 1000

    def _add_broken(self, broken: dict[bytes, list[int]]) -> None:
        """Put halves together: a byte stands for each line, other threads' are taken out, and what is left are pairs."""
        kinds = [kind for own in broken.values() for kind in own]
        if len(kinds) > _MOST_BROKEN:
            raise SomethingNew
        codes = dict.fromkeys(self._counts, 0)
        codes.update(zip(kinds, range(1, len(kinds) + 1), strict=True))
        line_codes = bytes(map(codes.__getitem__, self._kinds))
        for thread, own in broken.items():
            _Halves(self, thread, {codes[kind]: kind for kind in own}, line_codes).add()
        self.tally.came_back.sort(key=lambda half: half.index)


class _Halves:
    """The halves of one thread's calls; ``kinds`` by the code that stands for them."""

    def __init__(self, count: KindCount, thread: bytes, kinds: dict[int, int], line_codes: bytes) -> None:
        self._count = count
        self._thread = thread
        self._line_codes = line_codes
        self._events = {code: count.told(kind)[1] for code, kind in kinds.items()}
        self._took = {code: count.took_us[kind] for code, kind in kinds.items()}
        self._own = line_codes.translate(None, bytes(set(range(256)) - kinds.keys()))
        self._resumed = bytes(code for code, event in self._events.items() if event.is_resumed)
        self._begun = bytes(code for code, event in self._events.items() if not event.is_resumed)

    def add(self) -> None:
        tally, own = self._count.tally, self._own
        inner = own.lstrip(self._resumed)
        index = -1
        for code in own[: len(own) - len(inner)]:
            index = self._line_codes.index(code, index + 1)
            tally.came_back.append(self._half(index))
            self._took[code] -= self._count.took_of(index)
        if inner:
            tally.begun.add(self._thread)
        if len(inner) % 2:
            tally.away[self._thread] = self._half(self._line_codes.rindex(inner[-1:]))
            inner = inner[:-1]
        firsts, seconds = inner[::2], inner[1::2]
        if firsts.translate(None, self._begun) or seconds.translate(None, self._resumed):
            raise SomethingNew
        self._add_pairs(Counter(zip(firsts, seconds, strict=True)))

    def _half(self, index: int) -> Half:
        line = self._count.lines[index]
        return Half(careful_row(line), line, index)

    def _add_pairs(self, pairs: Counter[tuple[int, int]]) -> None:
        heads: dict[int, bytes] = {}
        for (first, second), count in pairs.items():
            begun, resumed = self._events[first], self._events[second]
            if heads.setdefault(second, begun.head) != begun.head or not heads_fit(begun.head, resumed.head):
                raise SomethingNew
            self._count.add((self._thread, begun.head, resumed.outcome), count, begun.asked)
        for second, head in heads.items():
            self._count.spend(self._thread, head, self._took[second])
