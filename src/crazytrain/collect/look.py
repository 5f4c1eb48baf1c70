"""What a collector is and what it gets: one guest, one window, a place to keep what it sees."""

from collections.abc import Awaitable, Callable

import msgspec

from crazytrain.host.door import Host
from crazytrain.model.evidence import Cost, Evidence
from crazytrain.model.guest import Guest


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one guest over ``[start_ns, end_ns]`` (monotonic).

    A collector hands each evidence to ``keep`` as soon as it has it, so that a capture that is cut off loses only
    what was under way. ``light`` asks for less: this guest is only looked at to compare with (no stops, no strace
    burst). ``sibling`` is that look, for collectors that can see both guests at the price of one.
    """

    host: Host
    guest: Guest
    start_ns: int
    end_ns: int
    keep: Callable[[Evidence], None]
    light: bool = False
    sibling: "Look | None" = None

    @property
    def window_s(self) -> float:
        """The window's length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


class Collector(msgspec.Struct, frozen=True, kw_only=True):
    """A way to see something: what it may do to the guest, how long and how much at most.

    ``timeout_s`` counts beyond the window's end. ``run`` raises nothing that is expected: a denied file is evidence
    with an outcome.
    """

    name: str
    cost: Cost
    timeout_s: float
    limit_bytes: int
    run: Callable[[Look], Awaitable[None]]
