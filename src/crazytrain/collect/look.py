"""What a collector is and what it gets: one guest, one window, a place to keep what it sees."""

from collections.abc import Callable, Coroutine, Sequence

import msgspec

from crazytrain.collect.purse import Purse
from crazytrain.collect.register_news import RegisterNews
from crazytrain.host.door import Host
from crazytrain.model.evidence import Cost, Evidence
from crazytrain.model.guest import Guest


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one guest over ``[start_ns, end_ns]`` (monotonic).

    A collector hands each evidence to ``keep`` as soon as it has it, so that a capture that is cut off loses only
    what was under way. ``light`` asks for less: this guest is only looked at to compare with (no stops, no strace
    burst). ``sibling`` is that look, for collectors that can see both guests at the price of one. ``others`` are looks at
    other guests over the same window, for collectors that see all of them at that price. Without a ``purse`` all is allowed.
    ``ceiling`` is the highest rung that was asked for: a collector that can do with less looks at it.
    ``registers`` hands samples of this guest's registers on to whom else they serve.
    """

    host: Host
    guest: Guest
    start_ns: int
    end_ns: int
    keep: Callable[[Evidence], None]
    light: bool = False
    sibling: "Look | None" = None
    others: "tuple[Look, ...]" = ()
    purse: Purse | None = None
    ceiling: Cost = Cost.STOPS
    registers: RegisterNews = msgspec.field(default_factory=RegisterNews)

    @property
    def window_s(self) -> float:
        """The window's length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9

    def may_stop(self, tids: Sequence[int], longest_ns: int) -> str:
        """Claim that these threads may each be stopped for so long at most, before the first of them is; or say why not."""
        return self.purse.claim_stall(tids, longest_ns) if self.purse else ""

    def stopped(self, tids: Sequence[int], claimed_ns: int, really_ns: int) -> None:
        """Say for how long each of these threads was stopped, in the place of what was claimed."""
        if self.purse:
            self.purse.stalled(tids, claimed_ns, really_ns)


class Collector(msgspec.Struct, frozen=True, kw_only=True):
    """A way to see something: what it may do to the guest, how long and how much at most.

    ``timeout_s`` counts beyond the window's end. ``cpu_ns`` is about what it takes of CPU time, commands included: with less
    than that left in the budget it is not begun. One that ``sees_all`` runs once for all guests that are looked at together
    and keeps its evidence in ``look.others``, too. ``run`` raises nothing that is expected: a denied file is evidence
    with an outcome.
    """

    name: str
    cost: Cost
    timeout_s: float
    limit_bytes: int
    run: Callable[[Look], Coroutine[object, object, None]]
    cpu_ns: int = 0
    sees_all: bool = False
