"""Guest memory that may be looked through for a while only: a search of all RAM ends in time, whatever the guest's size."""

import time
from collections.abc import Iterator

from crazytrain.inside.memory import Memory
from crazytrain.model.guest_memory import Unreadable

_MUCH = 64 << 10  # small reads do not ask for the time: they are not what takes long


class Hurried:
    """A ``Memory`` whose large reads are ``Unreadable`` once ``until_ns`` (monotonic) is over."""

    def __init__(self, memory: Memory, until_ns: int) -> None:
        self._memory = memory
        self._until_ns = until_ns

    def read(self, address: int, length: int) -> bytes:
        """See ``inside.memory.Memory``."""
        if length >= _MUCH:
            self._hurry()
        return self._memory.read(address, length)

    def present(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        """See ``inside.memory.Memory``."""
        for run in self._memory.present(address, length):
            self._hurry()
            yield run

    def _hurry(self) -> None:
        if time.monotonic_ns() > self._until_ns:
            raise Unreadable("the time for looking through the guest's memory is over")
