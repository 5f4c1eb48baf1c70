"""Whose turn it is at a monitor: QEMU serves one client at a time, so those of one process do not queue at its door."""

import asyncio
from weakref import WeakKeyDictionary, WeakValueDictionary

from crazytrain.model.facts.qemu import MONITOR_BUSY, OWN_TURN


class Turn:
    """Whose turn it is, how long (s) those waited who found that it hangs, and whether the last of them saw another client there."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.hung: list[float] = []
        self.busy = False

    def found_hanging(self, waited_s: float, detail: str) -> None:
        """Somebody waited so long for nothing; ``detail`` is what he says of it."""
        self.hung.append(waited_s)
        self.busy = MONITOR_BUSY in detail

    @property
    def why_not(self) -> str:
        """What those hear who do not get their turn."""
        return f"{OWN_TURN}; {MONITOR_BUSY}" if self.busy else OWN_TURN


# As long as somebody waits or asks.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[str, Turn]] = WeakKeyDictionary()


def turn_at(path: str) -> Turn:
    """The turn at the monitor behind ``path``, of this event loop."""
    turns = _turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    return turns.setdefault(path, Turn())
