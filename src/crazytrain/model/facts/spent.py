"""What a look itself cost, as it was measured."""

import msgspec

from crazytrain.model.evidence import Ref


class CollectorSpent(msgspec.Struct, frozen=True, kw_only=True):
    """CPU time of one collector: in our own process, and of the commands that it ran and that have ended."""

    name: str
    rung: str
    own_cpu_ns: int
    commands_cpu_ns: int
    took_ns: int

    @property
    def cpu_ns(self) -> int:
        """Both."""
        return self.own_cpu_ns + self.commands_cpu_ns


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it against the budget.

    ``cpu_ns`` is all CPU time of our process and of its ended commands while it looked, at ``guests`` guests together.
    ``longest_stall_ns`` is how long the one thread was stopped that was stopped longest. ``collectors`` are those of this
    guest and of its sibling, the dearest first; they do not add up to the whole, for the loop itself and what is shared is no collector's.
    """

    cpu_ns: int
    cpu_budget_ns: int
    longest_stall_ns: int
    stall_budget_ns: int
    guests: int = 1
    collectors: tuple[CollectorSpent, ...] = ()
    refs: tuple[Ref, ...] = ()
