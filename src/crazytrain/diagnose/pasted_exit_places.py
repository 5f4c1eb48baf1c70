"""Where a guest was whenever something from outside interrupted it, as points of causes.

An interrupt of the host meets a guest wherever it is. A kernel that is met at the same few addresses each time runs in one small loop.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts import KvmExits
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Point

_FROM_OUTSIDE = frozenset(
    {"EXTERNAL_INTERRUPT", "EXCEPTION_NMI", "PREEMPTION_TIMER", "INTERRUPT_WINDOW", "intr", "nmi", "interrupt"}
)
_LEAST, _OUTSIDE_FROM, _MOST_PLACES, _LOOP_BYTES = 6, 0.9, 4, 256
_KERNEL_FROM = 0xFFFF_8000_0000_0000  # the half of the addresses that Linux and Windows keep for themselves
_RATIOS = {
    "guest-hard-lockup": 12.0,
    "guest-soft-lockup": 8.0,
    "guest-spinlock": 3.0,
    "guest-kernel-busy": 0.3,
    "guest-user-busy": 0.1,
}


def exit_place_points(cause: str, seen: Iterable[KvmExits]) -> Iterator[Point]:
    """A point where a guest's kernel stands in one small loop."""
    ratio = _RATIOS.get(cause)
    for exits in seen if ratio else ():
        total = sum(e.count for e in exits.exits)
        outside = sum(e.count for e in exits.exits if e.reason in _FROM_OUTSIDE)
        at = [place.address for place in exits.places]
        if total < _LEAST or outside < _OUTSIDE_FROM * total or not 0 < len(at) <= _MOST_PLACES:
            continue
        if min(at) >= _KERNEL_FROM and max(at) - min(at) <= _LOOP_BYTES:
            says = f"{share(outside / total)} of {count(total, 'exit')} are interrupts of the host, and each met the guest's kernel in one small loop"
            yield Point(f"{says} at {min(at):#x}", exits.refs, ratio or 1.0)
            return
