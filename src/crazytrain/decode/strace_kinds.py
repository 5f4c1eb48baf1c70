"""Counts a block by kinds of lines: those of which the same is said (see `strace_columns`)."""

import sys
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from crazytrain.decode.strace_clock import Times, times_in
from crazytrain.decode.strace_columns import CUT_TAIL, TOOK_WIDTH, Event, SomethingNew, Tooks
from crazytrain.decode.strace_memory import Call, Memory
from crazytrain.decode.strace_notes import Notes
from crazytrain.decode.strace_rows import careful_row
from crazytrain.decode.strace_story import LOOKS, TELLING
from crazytrain.decode.strace_tally import NO_OUTCOME, Half, Tally, heads_fit
from crazytrain.decode.strace_wait import NO_TURN, NOT_TOLD, WAITS

_MOST_BROKEN = 255  # kinds of broken calls in one block: each is a byte
_PIECE_BYTES = 1 << 16  # so much at once stays in a core's cache


class Known:
    """What is known of a trace: its events by number, and which calls need not be looked at any more."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.tooks = Tooks()
        self.events: list[Event] = []
        self._settled: set[Call] = set()
        self._settled_for = 0

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
        settled = self.is_known(call) and not self.wanted(call)
        if settled:
            self._settled.add(call)
        return settled

    def is_known(self, call: Call) -> bool:
        """Whether a call need not be noted as the first of its kind."""
        return call in self._memory.known

    def wanted(self, call: Call) -> int:
        """How many more of its lines are to be looked at for the story."""
        memory = self._memory
        return max(LOOKS - memory.looked[call], 0) if memory.name_of(call[1]) in TELLING else 0

    def remember(self, looked: dict[Call, int]) -> None:
        """Note how many lines were looked at."""
        self._memory.remember((), looked)


def in_pieces(block: bytes, size: int = _PIECE_BYTES) -> Iterator[bytes]:
    """Whole lines, about so many bytes of them at once."""
    begin = 0
    while begin < len(block):
        end = (block.rfind(b"\n", begin, begin + size) + 1) or (block.find(b"\n", begin) + 1) or len(block)
        yield block[begin:end]
        begin = end


class Pieces:
    """A block in pieces of whole lines."""

    def __init__(self, block: bytes) -> None:
        self.block = block
        self._begins: list[int] = []
        self._first_lines: list[int] = []
        self.lines = 0

    def __iter__(self) -> Iterator[bytes]:
        begin = 0
        for piece in in_pieces(self.block):
            self._begins.append(begin)
            yield piece
            begin += len(piece)

    def counted(self, lines: int) -> None:
        """Note how many lines the last piece had."""
        self._first_lines.append(self.lines)
        self.lines += lines

    def line(self, index: int) -> bytes:
        """One line, without its end."""
        piece = bisect_right(self._first_lines, index) - 1
        before = index - self._first_lines[piece]
        behind = [*self._first_lines, self.lines][piece + 1] - 1 - index
        begins = [*self._begins, len(self.block)]
        if before <= behind:
            begin = _after_lines(self.block, begins[piece], before)
            return self.block[begin : self.block.index(b"\n", begin)]
        end = begins[piece + 1] - 1
        for _ in range(behind):
            end = self.block.rindex(b"\n", 0, end)
        return self.block[self.block.rfind(b"\n", 0, end) + 1 : end]


def _after_lines(block: bytes, begin: int, lines: int) -> int:
    for _ in range(lines):
        begin = block.index(b"\n", begin) + 1
    return begin


class _Tails(dict[int, list[bytes]]):
    """The last characters of each kind's lines."""

    def __missing__(self, kind: int) -> list[bytes]:
        tails: list[bytes] = []
        self[kind] = tails
        return tails


class KindCount:
    """One block. Its lines are taken as the numbers of their events."""

    def __init__(self, known: Known, pieces: Pieces) -> None:
        self._known = known
        self._pieces = pieces
        self._kinds: list[int] = []
        self._counts: Counter[int] = Counter()
        self._tails = _Tails()
        self._took_us: dict[int, int] = {}
        self._wanted: dict[Call, list[int]] = {}
        self.tally = Tally(
            lines=0,
            calls={},
            first={},
            spent_ns={},
            turns={},
            asked={},
            times=Times(),
            notes=Notes(),
            telling=[],
            came_back=[],
            begun=set(),
            away={},
            lost={},
        )

    def take(self, kinds: list[int], tails: Iterable[bytes] | None) -> None:
        """Take the lines of the next piece; ``tails`` are their last characters where times in the calls stand there."""
        self._pieces.counted(len(kinds))
        self._kinds += kinds
        if tails is None:
            self._counts.update(kinds)
        else:
            deque(map(list.append, map(self._tails.__getitem__, kinds), tails), maxlen=0)

    def all(self, *, timed: bool) -> Tally:
        """Count everything; `SomethingNew` where that cannot be done. ``timed``: whether lines say when they were."""
        self._add_up()
        broken: dict[bytes, list[int]] = {}
        for kind, count in self._counts.items():
            event = self._known.events[kind]
            if not event.outcome or event.is_resumed:
                broken.setdefault(event.thread, []).append(kind)
            else:
                call = (event.thread, event.head, event.outcome)
                if not self._known.is_settled(call):
                    self._want(call, kind)
                self._add(call, count, event.asked)
                self.spend(event.thread, event.head, self._took_us.get(kind, 0))
        if broken:
            self._add_broken(broken)
        self._tell()
        self.tally.lines = self._pieces.lines
        if timed:
            self.tally.times = times_in(self._pieces.block)
        return self.tally

    def _add_up(self) -> None:
        """Count the lines of each kind, and add up their times."""
        for kind, tails in self._tails.items():
            self._counts[kind] = len(tails)
            if not self._known.events[kind].outcome:
                if tails.count(CUT_TAIL) != len(tails):  # a mark stands there in the place of the time
                    raise SomethingNew
                continue
            self._took_us[kind] = took_us = sum(map(self._known.tooks.__getitem__, tails))
            if took_us < 0:
                raise SomethingNew

    def _want(self, call: Call, kind: int) -> None:
        if not self._known.is_known(call):
            raise SomethingNew
        self._wanted.setdefault(call, []).append(kind)

    def _tell(self) -> None:
        """Keep the lines that are wanted for the story."""
        looked = {}
        for call, kinds in self._wanted.items():
            most = self._known.wanted(call)
            found = sorted(chain.from_iterable(islice(self._where(kind), most) for kind in kinds))[:most]
            self.tally.telling += [(index, call, self._pieces.line(index)) for index in found]
            looked[call] = len(found)
        self.tally.telling.sort(key=lambda told: told[0])
        self._known.remember(looked)

    def _where(self, kind: int) -> Iterator[int]:
        """The lines of a kind."""
        index = -1
        for _ in range(self._counts[kind]):
            yield (index := self._kinds.index(kind, index + 1))

    def add_broken(self, call: Call, count: int, asked: int) -> None:
        """Count calls of which both halves were found."""
        if not self._known.is_settled(call):
            raise SomethingNew
        self._add(call, count, asked)

    def _add(self, call: Call, count: int, asked: int) -> None:
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
        codes = [0] * len(self._known.events)
        for code, kind in enumerate(kinds, 1):
            codes[kind] = code
        line_codes = bytes(map(codes.__getitem__, self._kinds))
        for own in broken.values():
            _Halves(self, {codes[kind]: kind for kind in own}, line_codes).add()
        self.tally.came_back.sort(key=lambda half: half.index)

    def event(self, kind: int) -> tuple[Event, int]:
        """What a kind's lines say, and how many µs they took."""
        return self._known.events[kind], self._took_us.get(kind, 0)

    def half(self, index: int) -> tuple[Half, int]:
        """A line of a broken call, and how many µs it took."""
        line = self._pieces.line(index)
        took_us = self._known.tooks[line[-TOOK_WIDTH:]] if self._tails else 0
        return Half(careful_row(line), line, index), took_us


class _Halves:
    """The halves of one thread's calls; ``kinds`` by the code that stands for them."""

    def __init__(self, count: KindCount, kinds: dict[int, int], line_codes: bytes) -> None:
        self._count = count
        self._line_codes = line_codes
        found = {code: count.event(kind) for code, kind in kinds.items()}
        self._events = {code: event for code, (event, _) in found.items()}
        self._took = {code: took_us for code, (_, took_us) in found.items()}
        self._thread = next(iter(self._events.values())).thread
        self._own = line_codes.translate(None, bytes(set(range(256)) - kinds.keys()))
        self._resumed = bytes(code for code, event in self._events.items() if event.is_resumed)

    def add(self) -> None:
        tally, own = self._count.tally, self._own
        inner = own.lstrip(self._resumed)
        index = -1
        for code in own[: len(own) - len(inner)]:
            index = self._line_codes.index(code, index + 1)
            half, took_us = self._count.half(index)
            tally.came_back.append(half)
            self._took[code] -= took_us
        if inner:
            tally.begun.add(self._thread)
        if len(inner) % 2:
            if inner[-1] in self._resumed:
                raise SomethingNew
            tally.away[self._thread] = self._count.half(self._line_codes.rindex(inner[-1:]))[0]
            inner = inner[:-1]
        self._add_pairs(Counter(memoryview(inner).cast("H")))

    def _add_pairs(self, pairs: Counter[int]) -> None:
        heads: dict[int, bytes] = {}
        for pair, count in pairs.items():
            first, second = pair.to_bytes(2, sys.byteorder)
            begun, resumed = self._events[first], self._events[second]
            if begun.is_resumed or not resumed.is_resumed:
                raise SomethingNew
            if heads.setdefault(second, begun.head) != begun.head or not heads_fit(begun.head, resumed.head):
                raise SomethingNew
            self._count.add_broken((self._thread, begun.head, resumed.outcome), count, begun.asked)
        for second, head in heads.items():
            self._count.spend(self._thread, head, self._took[second])
