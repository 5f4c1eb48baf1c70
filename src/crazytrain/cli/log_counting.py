"""Counting a log from its sources, with progress; Ctrl-C leaves what was counted until then."""

import datetime as dt
import gc
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Self

import msgspec

from crazytrain.cli.log_sources import Block, LogInput, LogReader, Spool, spool_of
from crazytrain.decode.log_mining import Miner, Wanted
from crazytrain.model.log_view import LogSourceView

_QUIET_S = 2.0
_TICK_S = 0.25

Each = Callable[[Block, Sequence[int]], None]


class Interrupts:
    """Ctrl-C between blocks, and while we wait for more; never in the middle of counting."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False
        self._before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> Self:
        signal.signal(signal.SIGINT, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if self._waiting or again:
            raise KeyboardInterrupt

    def wait(self, more: Callable[[], Block | None]) -> Block | None:
        """The next block; ``None`` at the end, and after Ctrl-C."""
        if self.asked:
            return None
        self._waiting = True
        try:
            return more()
        except KeyboardInterrupt:
            return None
        finally:
            self._waiting = False


class Counted(msgspec.Struct, frozen=True):
    """A log that was counted: the miner, and of each source what it was."""

    miner: Miner
    sources: tuple[LogSourceView, ...]
    complete: bool


class Counting:
    """Counts the same sources as often as needed; at its end what was kept of them is gone."""

    def __init__(self, inputs: Sequence[LogInput], zone: dt.tzinfo | None, tell: Callable[[str], None]) -> None:
        self._inputs = inputs
        self._zone = zone
        self._tell = tell
        self._spools: dict[int, Spool] = {}
        self._told_s = time.monotonic() + _QUIET_S - _TICK_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self._spools.values():
            spool.close()

    def keep_input(self) -> None:
        """Standard input, and pipes, will be read more than once."""
        for place, one in enumerate(self._inputs):
            if place not in self._spools and (spool := spool_of(one)):
                self._spools[place] = spool

    def count(self, wanted: Wanted | None = None, each: Each | None = None) -> Counted:
        """Read all sources. ``each`` hears of every block, with the template of each line in it; -1: a line that does not count."""
        numbers: dict[int, int] = {}
        miner = Miner(wanted, zone=self._zone, sink=numbers.__setitem__ if each else None)
        gc.disable()  # what is counted holds no cycles, and looking for them costs a tenth of the time
        sources: list[LogSourceView] = []
        with Interrupts() as interrupts:
            for place, one in enumerate(self._inputs):
                reader = LogReader(one, self._spools.get(place))
                before = miner.lines, miner.bytes
                try:
                    miner.begin(one.until_s)
                    self._read(reader, miner, interrupts, _Told(numbers, each))
                finally:
                    reader.close()
                sources.append(_seen(reader, miner, before))
                if interrupts.asked:
                    break
        gc.enable()
        kept = all(one.complete for one in self._spools.values())
        return Counted(miner, tuple(sources), complete=not interrupts.asked and kept)

    def _read(self, reader: LogReader, miner: Miner, interrupts: Interrupts, told: "_Told") -> None:
        blocks = reader.blocks()
        while (block := interrupts.wait(lambda: next(blocks, None))) is not None:
            _feed(miner, block)
            told.block(block)
            if time.monotonic() - self._told_s > _TICK_S:
                self._told_s = time.monotonic()
                self._tell(f"{reader.progress()}, {miner.lines:,} lines")


class _Told:
    """Hands each block on with the templates of its lines."""

    def __init__(self, numbers: dict[int, int], each: Each | None) -> None:
        self._numbers = numbers
        self._each = each
        self._last = -1

    def block(self, block: Block) -> None:
        if self._each is None:
            return
        if block.goes_on:
            self._each(block, (self._last,))
            return
        if block.pairs is not None:
            size = len(block.pairs)
        else:
            size = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
        found = [self._numbers.get(place, -1) for place in range(size)]
        self._numbers.clear()
        self._last = found[-1] if found else -1
        self._each(block, found)


def _feed(miner: Miner, block: Block) -> None:
    if block.goes_on:
        miner.go_on(len(block.data))
    elif block.pairs is not None:
        miner.feed_lines([line for line, _ in block.pairs], len(block.data))
    else:
        miner.feed(block.data)
        miner.long_lines += block.begins


def _seen(reader: LogReader, miner: Miner, before: tuple[int, int]) -> LogSourceView:
    return LogSourceView(
        name=reader.name,
        form=reader.form.value,
        bytes=miner.bytes - before[1],
        lines=miner.lines - before[0],
        problem=reader.problem,
    )
