"""Threads of QEMU that the host's kernel keeps asleep, as points of causes by what it lets them wait for.

The hung-task watch tells of sleeps of minutes: no healthy guest has such.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for
from crazytrain.model.waiting import described

LONG_FROM_NS = 10_000_000_000
_RATIOS: dict[str, tuple[WaitsFor, float]] = {
    "memory-pressure": (WaitsFor.MEMORY, 60),
    "host-kernel-regression": (WaitsFor.GRACE, 15),  # somebody on this host never lets go: no fault of the guest
}


def kernel_wait_points(cause: str, every: Iterable[Waits]) -> Iterator[Point]:
    """The first thread that has slept for long for what the cause is about."""
    if cause not in _RATIOS:
        return
    what, ratio = _RATIOS[cause]
    for wait in (wait for waits in every for wait in waits.threads):
        if _long(wait) and waits_for(wait.kernel) is what:
            yield Point(f"{described(wait)}: it waits for {what.value}", wait.refs, ratio)
            return


def _long(wait: Waiting) -> bool:
    return wait.state == "D" and (wait.at_least_ns or 0) >= LONG_FROM_NS
