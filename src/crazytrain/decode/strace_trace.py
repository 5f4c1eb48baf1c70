"""A whole trace, put together from the tallies of its blocks, in order and in bounded memory."""

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from crazytrain.decode.strace_calls import call_uses, descriptors_that_gave
from crazytrain.decode.strace_clock import Clock
from crazytrain.decode.strace_line import end_of, join_resumed
from crazytrain.decode.strace_memory import Call, Memory
from crazytrain.decode.strace_notes import Notes
from crazytrain.decode.strace_rows import Row
from crazytrain.decode.strace_story import TELLING, Storyteller
from crazytrain.decode.strace_tally import NO_OUTCOME, Half, Tally, alone, heads_fit
from crazytrain.decode.strace_wait import NO_TURN, NOT_TOLD, WAITS, Waiter, WaitTally, asked_in
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import Coverage, SyscallUse, TraceStory

MOST_CALLS = (
    20_000  # calls by thread, descriptor and outcome that are counted each for itself; no real trace comes near it
)


class Trace:
    """Everything that is gathered of one trace. ``evidence`` is where its lines stand; its data is not read here."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._memory = Memory()
        self._calls: dict[Call, tuple[int, int]] = {}  # how many, the first one's line
        self._left_out = 0
        self._spent_ns: Counter[tuple[bytes, bytes]] = Counter()
        self._waits = WaitTally()
        self._clock = Clock()
        self._teller = Storyteller(evidence)
        self._notes = Notes()
        self._away: dict[bytes, Half] = {}  # calls that were broken off, by thread; the index is the line
        self._lost: dict[Call, tuple[int, int]] = {}
        self.lines = 0

    def add(self, tally: Tally) -> None:
        """Add the next block's."""
        before = self.lines + 1
        telling = [(index + before, call, text) for index, call, text in tally.telling]
        telling += [told for half in tally.came_back if (told := self._came_back(half, before))]
        for thread in tally.begun & self._away.keys():
            self._lose(self._away.pop(thread))
        for call, count in tally.calls.items():
            self._count(call, count, tally.first.get(call, tally.lines) + before)
        for call, (count, first) in tally.lost.items():
            self._count_lost(call, count, first + before)
        for thread, half in tally.away.items():
            if len(self._away) < MOST_CALLS:
                self._away[thread] = Half(half.row, half.text, half.index + before)
        self._spend(tally.spent_ns)
        self._waits.add(tally.turns, tally.asked)
        self._clock.add(tally.times)
        self._notes.add(tally.notes, before)
        # Of what is not counted each for itself nothing is told, so that memory has an end.
        for line, call, text in sorted(told for told in telling if told[1] in self._calls):
            self._teller.add(call, text, line)
        self.lines += tally.lines

    def _spend(self, spent_ns: Mapping[tuple[bytes, bytes], int]) -> None:
        for caller, took_ns in spent_ns.items():
            if caller in self._spent_ns or len(self._spent_ns) < MOST_CALLS:
                self._spent_ns[caller] += took_ns

    def _count(self, call: Call, count: int, line: int) -> None:
        known = self._calls.get(call)
        if known:
            self._calls[call] = (known[0] + count, min(known[1], line))
        elif len(self._calls) < MOST_CALLS:
            self._calls[call] = (count, line)
        else:
            self._left_out += count

    def _came_back(self, half: Half, before: int) -> tuple[int, Call, bytes] | None:
        """Put the two halves of a call together that stand in two blocks, or count the second alone."""
        begun, text, row = self._away.get(half.row[0]), half.text, alone(half.row)
        if begun and heads_fit(begun.row[1], half.row[1]):
            del self._away[half.row[0]]
            text, row = join_resumed(begun.text, half.text), begun.row
        return self._one(row, half.row, text, half.index + before)

    def _one(self, begun: Row, ended: Row, text: bytes, line: int) -> tuple[int, Call, bytes] | None:
        end = end_of(ended[3])
        outcome, took_ns = end.outcome or NO_OUTCOME, end.took_ns
        call, name = (begun[0], begun[1], outcome), self._memory.name_of(begun[1])
        self._count(call, 1, line)
        if took_ns:
            self._spend({(begun[0], begun[1]): took_ns})
        if name in WAITS and outcome != NO_OUTCOME and (asked := asked_in(name, text)) != NO_TURN:
            waiter = (begun[0], name)
            self._waits.add({waiter: 1}, {waiter: {asked: 1}} if asked != NOT_TOLD else {})
        return (line, call, text) if name in TELLING else None

    def _lose(self, half: Half) -> None:
        self._count_lost((half.row[0], half.row[1], NO_OUTCOME), 1, half.index)

    def _count_lost(self, call: Call, count: int, line: int) -> None:
        before, first = self._lost.get(call, (0, line))
        if before or len(self._lost) < MOST_CALLS:
            self._lost[call] = (before + count, first)

    @property
    def has_strace(self) -> bool:
        """Whether a call or a note of strace was read."""
        notes = self._notes
        return bool(self._calls or self._lost or self._away) or notes.unread + notes.blank != self.lines

    def facts(self) -> Iterator[object]:
        """A `SyscallUse` and a `TraceStory`; nothing can be added afterwards."""
        for half in self._away.values():
            self._lose(half)
        self._away = {}
        for call, (count, line) in self._lost.items():
            self._count(call, count, line)
        self._calls = dict(sorted(self._calls.items(), key=lambda item: item[1][1]))
        yield self._use()
        yield self._story()

    def _use(self) -> SyscallUse:
        return SyscallUse(
            method="strace",
            coverage=self._coverage(),
            window_ns=self._clock.window_ns,
            calls=call_uses(self._calls, self._spent_ns, self._evidence),
            waits=self._waits.facts(self._first_waits(), self._evidence),
            refs=(self._evidence.ref(1, self.lines),),
        )

    def _first_waits(self) -> dict[Waiter, int]:
        first: dict[Waiter, int] = {}
        for call, (_, line) in self._calls.items():
            if call[2] != NO_OUTCOME:
                first.setdefault((call[0], self._memory.name_of(call[1])), line)
        return first

    def _coverage(self) -> Coverage:
        threads = {thread for thread, _, _ in self._calls}
        if threads <= {b""}:
            return Coverage.ONE_THREAD
        told = max(self._notes.attached.values(), default=0)
        return Coverage.ALL_THREADS if told or self._notes.follows else Coverage.SOME_THREADS

    def _story(self) -> TraceStory:
        notes, ref = self._notes, self._evidence.ref
        return replace(
            self._teller.story(descriptors_that_gave(self._calls)),
            deliveries=notes.deliveries(self._evidence),
            attached=tuple(notes.attached),
            lines=self.lines - notes.blank,
            calls=sum(count for count, _ in self._calls.values()),
            unread=notes.unread + self._left_out,
            first_ref=ref(1),
            last_ref=ref(self.lines),
        )
