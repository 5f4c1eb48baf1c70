"""Facts from a cgroup's ``cpu.stat`` as somebody printed it once: how often its limit held it back since it was made."""

import msgspec

from crazytrain.model.evidence import Ref


class ThrottleCount(msgspec.Struct, frozen=True, kw_only=True):
    """Periods in which the group wanted CPU time, and in how many of them it had used up its quota. Counts, no rates."""

    periods: int
    throttled: int
    ref: Ref
