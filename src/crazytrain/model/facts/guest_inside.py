"""The guest from inside, as diagnosis asks for it: the last reading of its kernel, and what lies between the readings."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.inside import ClockReading, InsideReading, Mode
from crazytrain.model.facts.inside_view import FunctionShare, InsideView, TaskShare


class GuestInside(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of the guest's own kernel. Only there where a kernel was found; each part of it may still be missing.

    ``first_uptime_ns``: for how long the kernel ran that was there at the first reading, ``None`` where that was not read.
    """

    last: InsideReading
    view: InsideView
    refs: tuple[Ref, ...]
    first_uptime_ns: int | None = None

    @property
    def clock(self) -> ClockReading | None:
        """The guest's clocks at the last reading."""
        return self.last.clock

    @property
    def busiest(self) -> TaskShare | None:
        """The thread that was seen on a CPU most often, idle ones left out; ``None`` where nobody looked."""
        seen = [task for task in self.view.tasks if task.pid != 0 and task.seen and task.seen.samples]
        return max(seen, key=lambda task: task.seen.ratio if task.seen else 0.0, default=None)

    @property
    def kernel_functions(self) -> tuple[FunctionShare, ...]:
        """Where the vCPUs were in the kernel, hottest first."""
        return tuple(one for one in self.view.functions if one.mode is Mode.KERNEL and one.name)
