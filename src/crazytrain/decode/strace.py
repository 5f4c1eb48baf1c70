r"""Lines of strace, pasted or taken: who called what, how often, with what outcome, and what single lines tell.

    rt_sigaction(SIGALRM, NULL, {0x7f8c00851300, ~[KILL STOP RTMIN RT_1], SA_RESTORER, 0x7f8bffee9060}, 8) = 0
    read(17, 0x7fffe6b5b1b0, 128) = -1 EAGAIN (Resource temporarily unavailable)
    timer_settime(0, 0, {it_interval={0, 0}, it_value={0, 250000}}, NULL) = 0
    select(20, [7 10 16 17 18 19], [], [], {1, 0}) = 1 (in [7], left {0, 999997})

Read with and without -f, -t, -tt, -ttt, -r, -T, -y, -n, -i; see strace_line for a line, strace_count for the counting,
strace_story for the single lines. Manual: strace(1).
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from crazytrain.decode.strace_calls import call_uses, descriptors_that_gave
from crazytrain.decode.strace_clock import Clock, Stopwatch
from crazytrain.decode.strace_count import NO_RESULT, Block, CallTally, Reader, Row
from crazytrain.decode.strace_notes import Notes
from crazytrain.decode.strace_story import Storyteller
from crazytrain.decode.strace_wait import WAITS, Waiter, WaitTally
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import Coverage, SyscallUse, TraceStory


class _Trace:
    """Everything that is gathered in the one pass over a trace."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._calls = CallTally()
        self._waits = WaitTally()
        self._clock = Clock()
        self._stopwatch = Stopwatch()
        self._teller = Storyteller(evidence)
        self.notes = Notes()

    def read(self) -> None:
        """Go through the text once."""
        reader = Reader(self._evidence.data)
        for block in reader.blocks():
            self._calls.add(block)
            self._add_waits(block)
            self._clock.add(block)
            self._stopwatch.add(block)
            self._teller.add(block)
            self.notes.add(block)
        for row, (count, line) in reader.lost.items():
            self._calls.add_row(row, count, line)

    def _add_waits(self, block: Block) -> None:
        waiters = {row: waiter for row in block.counts if (waiter := _waiter(row))}
        if not waiters:
            return
        places: dict[Waiter, list[int]] = {waiter: [] for waiter in waiters.values()}
        of_row = {row: places[waiter] for row, waiter in waiters.items()}
        for index, row in enumerate(block.rows):
            if row in of_row:
                of_row[row].append(index)
        for waiter, indexes in places.items():
            self._waits.add(waiter, [block.text(index) for index in indexes], block.first + indexes[0])

    @property
    def count(self) -> int:
        """How many calls were read."""
        return sum(count for count, _ in self._calls.rows.values())

    def use(self) -> SyscallUse:
        """The counts as a fact."""
        return SyscallUse(
            method="strace",
            coverage=self._coverage(),
            window_ns=self._clock.window_ns,
            calls=call_uses(self._calls, self._stopwatch.spent_ns, self._evidence),
            waits=self._waits.facts(self._evidence),
            refs=(self._evidence.ref(1, self.notes.lines),),
        )

    def _coverage(self) -> Coverage:
        threads = {tid for tid, _, _ in self._calls.rows}
        if threads <= {b""}:
            return Coverage.ONE_THREAD
        told = max(self.notes.attached.values(), default=0)
        return Coverage.ALL_THREADS if told or self.notes.follows else Coverage.SOME_THREADS

    def story(self) -> TraceStory:
        """What single lines tell."""
        notes, ref = self.notes, self._evidence.ref
        return replace(
            self._teller.story(descriptors_that_gave(self._calls.rows)),
            deliveries=notes.deliveries(self._evidence),
            attached=tuple(notes.attached),
            lines=notes.lines - notes.blank,
            calls=self.count,
            unread=notes.unread + self._calls.left_out,
            first_ref=ref(1),
            last_ref=ref(notes.lines),
        )


def _waiter(row: Row) -> Waiter | None:
    tid, head, result = row
    name = head.partition(b"(")[0].decode("ascii", "replace")
    return (tid, name) if name in WAITS and result not in (b"", NO_RESULT) else None


def decode_strace(evidence: Evidence) -> Iterable[object]:
    """Yield a `SyscallUse` and a `TraceStory`.

    Coverage: ``ONE_THREAD`` where no line names a thread (no -f); ``ALL_THREADS`` where strace says that it attached to
    all threads, or its command with -f stands in the text; else ``SOME_THREADS``. ``window_ns`` comes from the lines'
    times. Of each kind of story item the first few are kept (`strace_story.MOST_OF_A_KIND`); everything is counted.

    Raises:
        BadInput: no call and no note of strace stands in the text.
    """
    trace = _Trace(evidence)
    trace.read()
    if not trace.count and trace.notes.unread + trace.notes.blank == trace.notes.lines:
        raise BadInput(f"{evidence.source}: no line of strace in it", "Give the output of `strace -f -tt -T -p PID`.")
    return _facts(trace)


def _facts(trace: _Trace) -> Iterator[object]:
    yield trace.use()
    yield trace.story()
