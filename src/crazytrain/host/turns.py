"""Turns: how many threads of ours may compute at once.

Python runs one thread at a time. With dozens of them the event loop itself waits so long for its turn that it takes an answer
for late that came in time. So calls take turns, but a call that blocks (a file of a process that hangs) takes none from others:
a turn ends after a moment, whether the call is back or not.
"""

import asyncio
from collections.abc import Callable

_AT_ONCE = 3
_LONGEST_S = 0.05


class Turns:
    """Makes calls wait until few others compute."""

    def __init__(self, at_once: int = _AT_ONCE, longest_s: float = _LONGEST_S) -> None:
        self._at_once = at_once
        self._longest_s = longest_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free = asyncio.Semaphore(at_once)

    async def begin(self) -> Callable[[], None]:
        """Wait for a turn; gives what ends it, which may be called more than once."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the host outlived a loop: what waited there is gone
            self._loop, self._free = loop, asyncio.Semaphore(self._at_once)
        free, over = self._free, False
        await free.acquire()

        def end() -> None:
            nonlocal over
            if not over:
                over = True
                free.release()

        loop.call_later(self._longest_s, end)
        return end
