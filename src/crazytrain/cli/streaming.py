"""Text of any size, from a file or standard input, block by block: strace is counted by other processes where there are cores."""

import gc
import time
from collections.abc import Callable
from contextlib import closing

import msgspec

from crazytrain.cli.sources import Source
from crazytrain.decode.stream import BlockCounter, Counted, Stream
from crazytrain.host.workers import Workers, cores
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence

BLOCK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 1 << 20
_MOST_WORKERS = 2  # each takes about 20 MiB of its own
_QUIET_S = 2.0
_TICK_S = 0.25

Tell = Callable[[str], None]


class Streamed(msgspec.Struct, frozen=True):
    """What stands in a text that was not kept: evidence, and the facts of what was counted."""

    evidence: tuple[Evidence, ...]
    facts: tuple[object, ...]


def read_stream(source: Source, tell: Tell, workers: int | None = None) -> Streamed:
    """Read a source to its end. ``tell`` hears how far it is when that takes long; ``workers`` are as many as there are cores,
    0 for none.

    Raises:
        BadInput: nothing stands in it, or a line of more than a MiB; names the file and the line.
    """
    reading = _Reading(source, tell)
    count = min(cores(), _MOST_WORKERS) if workers is None else workers
    gc.freeze()  # what was imported stays; it need not be looked at again and again
    if count > 1:
        with closing(Workers(_counter, count, _Reading.SLOT_BYTES)) as pool:
            pool.start()
            reading.read_with(pool)
    else:
        reading.read_alone()
    return Streamed(*reading.stream.end())


def _counter() -> Callable[[bytes, int], Counted]:
    return BlockCounter().count


class _Reading:
    SLOT_BYTES = LONGEST_LINE_BYTES + 1

    def __init__(self, source: Source, tell: Tell) -> None:
        self.stream = Stream(source.name)
        self._source = source
        self._rest = b""  # of a line whose end was not read yet
        self._tell = tell
        self._told_s = time.monotonic() + _QUIET_S - _TICK_S

    def read_alone(self) -> None:
        buffer = memoryview(bytearray(self.SLOT_BYTES))
        while size := self._fill(buffer):
            self.stream.take(bytes(buffer[:size]))
            self._progress()

    def read_with(self, pool: Workers[Counted]) -> None:
        more = True
        while more or pool.waiting:
            if not (pool.waiting or self.stream.in_trace):
                more = self._take_one(pool.slot())
            while more and self.stream.in_trace and not pool.full:
                size = self._fill(pool.slot())
                more = size > 0
                if more:
                    pool.give(size, self.stream.region)
            if pool.waiting:
                self._take_result(pool)
            self._progress()

    def _take_one(self, slot: memoryview) -> bool:
        size = self._fill(slot)
        if size:
            self.stream.take(bytes(slot[:size]))
        return size > 0

    def _take_result(self, pool: Workers[Counted]) -> None:
        block, region, counted = pool.take()
        if counted and region == self.stream.region and self.stream.in_trace:
            self.stream.take_counted(counted)
        else:  # something else than strace stood before it
            self.stream.take(bytes(block))

    def _fill(self, slot: memoryview) -> int:
        """Put the next whole lines there; how many bytes they are, 0 at the end."""
        held = len(self._rest)
        slot[:held] = self._rest
        wanted = BLOCK_BYTES
        while True:
            wanted = max(wanted, held + 1)
            while held < wanted and (more := self._source.readinto(slot[held:wanted])):
                held += more
            if held < wanted:
                self._rest = b""
                return held
            size = _whole_lines(slot[:held])
            if size:
                self._rest = bytes(slot[size:held])
                return size
            if held == len(slot):
                line = f"{self._source.name}: a line after line {max(self.stream.line - 1, 0)} is longer than a MiB"
                raise BadInput(line, "Give the text as it was printed, line by line.")
            wanted = len(slot)

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self._told_s > _TICK_S:
            self._told_s = now
            self._tell(self._source.progress())


def _whole_lines(text: memoryview) -> int:
    """How many bytes of it are whole lines."""
    size, step = len(text), 1 << 12
    while size > 0:
        begin = max(size - step, 0)
        found = bytes(text[begin:size]).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        size = begin
    return 0
