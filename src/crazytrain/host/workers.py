"""Other processes that work on blocks of bytes, so that more than one core is used; results come in order.

Blocks are handed over in memory that is shared, a slot each. Workers are forked and end by themselves when we are gone: then
their pipe is closed. One that dies (out of memory) is no error: its blocks come back without a result.
"""

import contextlib
import gc
import mmap
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Generic, TypeVar

T = TypeVar("T")
Work = Callable[[bytes, int], T]
_AHEAD = 3  # blocks that each worker may have: one in work, one waiting, one being filled


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


class Workers(Generic[T]):
    """Some processes. `start` them, fill `slot`, `give` it, `take` results in the order of giving; `close` at the end."""

    def __init__(self, make: Callable[[], Work[T]], count: int, slot_bytes: int) -> None:
        self._make = make
        self._count = count
        self._slot_bytes = slot_bytes
        self._slots = count * _AHEAD
        self._shared = mmap.mmap(-1, self._slots * slot_bytes)
        self._given: deque[tuple[int, int, int, int]] = deque()  # worker, slot, bytes, note
        self._next = 0
        self._pipes: list[Connection] = []
        self._processes: list[ForkProcess] = []

    def start(self) -> None:
        """Fork them. Ctrl-C waits until that is done (while Python forks it can get lost), and is not for them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(self._count):
                self._fork()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _fork(self) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        self._pipes.append(ours)
        arguments = (self._make, theirs, tuple(self._pipes), self._shared, self._slot_bytes)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        self._processes.append(process)
        theirs.close()

    @property
    def waiting(self) -> int:
        """How many blocks were given and not taken."""
        return len(self._given)

    @property
    def full(self) -> bool:
        """Whether a result must be taken before the next block is filled."""
        return len(self._given) >= self._slots

    def slot(self) -> memoryview:
        """The memory of the next block."""
        begin = self._next % self._slots * self._slot_bytes
        return memoryview(self._shared)[begin : begin + self._slot_bytes]

    def give(self, size: int, note: int) -> None:
        """Let the next block be worked on, so many bytes of it; ``note`` goes to the work as it is."""
        slot, worker = self._next % self._slots, self._next % len(self._pipes)
        with contextlib.suppress(OSError):  # a worker that died is noticed when its result is taken
            self._pipes[worker].send((slot, size, note))
        self._given.append((worker, slot, size, note))
        self._next += 1

    def take(self) -> tuple[memoryview, int, T | None]:
        """The oldest block that was given (it stays as it is until the next slot is filled), its note and its result, ``None``
        where its worker died.
        """
        worker, slot, size, note = self._given.popleft()
        begin = slot * self._slot_bytes
        block = memoryview(self._shared)[begin : begin + size]
        try:
            return block, note, self._pipes[worker].recv()
        except (EOFError, OSError):
            return block, note, None

    def close(self) -> None:
        """End all of them."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.terminate()
            process.join()


def _work(
    make: Callable[[], Work[T]], pipe: Connection, gone: tuple[Connection, ...], shared: mmap.mmap, slot_bytes: int
) -> None:
    """What a worker does until nobody gives it work any more."""
    for end in gone:  # ours, and those of workers that were started before: else nobody would see that we are gone
        end.close()
    gc.freeze()
    gc.disable()  # what blocks leave behind holds no cycles
    work = make()
    with contextlib.suppress(EOFError, OSError):
        while True:
            slot, size, note = pipe.recv()
            begin = slot * slot_bytes
            pipe.send(work(shared[begin : begin + size], note))
