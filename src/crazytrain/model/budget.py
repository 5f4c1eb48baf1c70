"""Budget: what a look may cost in all."""

import msgspec

from crazytrain.model.evidence import Cost

_CPU_ANYWAY_NS = 1_000_000_000
_CPU_PART = 0.25  # of one CPU, while the window lasts
_STALL_NS = 250_000_000


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """``cpu_ns`` is CPU time of ours and of the commands that we start; ``stall_ns`` is for how long each thread of QEMU may be stopped."""

    cpu_ns: int
    stall_ns: int


def default_budget(window_s: float, ceiling: Cost, guests: int = 1) -> Budget:
    """Give the budget of who asks for none: CPU time in proportion to the window and to the guests, no stall below ``stops``."""
    return Budget(
        cpu_ns=guests * (_CPU_ANYWAY_NS + int(window_s * _CPU_PART * 1e9)),
        stall_ns=_STALL_NS if ceiling is Cost.STOPS else 0,
    )
