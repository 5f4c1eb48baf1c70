"""What a target's process counts, in memory that whoever started it reads at any time, even when it was killed."""

import mmap
import struct

_FIELDS = ("executions", "findings", "largest_rss_kib", "slowest_us", "ran_ms")
_FORMAT = struct.Struct(f"<{len(_FIELDS)}Q")


_INPUT_AT = 64
_LONGEST_INPUT = 64 * 1024


class Counts:
    """Named counters, 0 at first, and the input that is being fed, shared with processes that are forked later."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _INPUT_AT + 8 + _LONGEST_INPUT)

    @property
    def input(self) -> bytes:
        """What was fed last."""
        (size,) = struct.unpack_from("<Q", self._memory, _INPUT_AT)
        return self._memory[_INPUT_AT + 8 : _INPUT_AT + 8 + size]

    def feed(self, data: bytes) -> None:
        """Keep what is fed now."""
        size = min(len(data), _LONGEST_INPUT)
        struct.pack_into("<Q", self._memory, _INPUT_AT, size)
        self._memory[_INPUT_AT + 8 : _INPUT_AT + 8 + size] = data[:size]

    def add(self, name: str, count: int) -> None:
        """Add to a counter."""
        self._put(name, self.get(name) + count)

    def most(self, name: str, value: int) -> None:
        """Keep the larger one."""
        self._put(name, max(self.get(name), value))

    def get(self, name: str) -> int:
        """How much it is now."""
        return int(_FORMAT.unpack_from(self._memory)[_FIELDS.index(name)])

    def _put(self, name: str, value: int) -> None:
        struct.pack_into("<Q", self._memory, 8 * _FIELDS.index(name), value)
