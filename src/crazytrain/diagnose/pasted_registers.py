"""What tables of ports, pages and registers say that hold no window: which of them has nearly all of the accesses.

``perf kvm stat report --event=ioport`` tells which port a guest uses, and not how often in a second.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.diagnose.signs import PIT_PORTS, PM_TIMER_PORTS, RTC_PORTS
from crazytrain.model.facts import KvmExits
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Point

_DOMINATES_FROM, _MANY_FROM = 0.6, 1000
_APIC_TIMER = (0x6E0, 0x838, 0x839)  # TSC_DEADLINE, and the timer's registers of x2APIC
_PORTS: dict[str, tuple[int, ...]] = {
    "slow-clocksource": PM_TIMER_PORTS,
    "rtc-periodic-storm": RTC_PORTS,
    "pit-hpet-storm": PIT_PORTS,
}
_KNOWN = tuple(port for ports in _PORTS.values() for port in ports)
_RATIO, _OTHER = 20.0, 0.3


def register_points(cause: str, every: Iterable[KvmExits]) -> Iterator[Point]:
    """Points of one cause from such tables; those with a window are the causes' own."""
    for exits in (one for one in every if not one.window_ns):
        ports = [(use.port, use.count) for use in exits.ports]
        if cause in _PORTS:
            yield from _told("port", ports, _PORTS[cause], exits)
        elif cause == "pio-poll":
            yield from _others("port", ports, _KNOWN, exits)
        elif cause == "mmio-poll":
            yield from _others("page", [(use.page, use.count) for use in exits.mmio], (), exits)
        elif cause == "apic-timer-storm":
            yield from _told("MSR", [(use.index, use.count) for use in exits.msrs], _APIC_TIMER, exits)
        elif cause == "msr-storm":
            yield from _others("MSR", [(use.index, use.count) for use in exits.msrs], _APIC_TIMER, exits)


def _told(what: str, uses: Sequence[tuple[int, int]], own: Sequence[int], exits: KvmExits) -> Iterator[Point]:
    """Whether a cause's own ports or registers have most of the accesses."""
    total = sum(number for _, number in uses)
    mine = sum(number for index, number in uses if index in own)
    if total >= _MANY_FROM:
        says = f"{share(mine / total)} of {count(total, 'access', 'accesses')} were to {what}s {_named(own)}"
        yield Point(says, exits.refs, _RATIO if mine >= _DOMINATES_FROM * total else _OTHER)


def _others(what: str, uses: Sequence[tuple[int, int]], not_own: Sequence[int], exits: KvmExits) -> Iterator[Point]:
    """Whether one port or page that no other cause owns has most of them."""
    counted = Counter[int]()
    for index, number in uses:  # what is read and what is written are one thing that is used
        counted[index] += number
    total = counted.total()
    index, most = next(iter(counted.most_common(1)), (0, 0))
    if total >= _MANY_FROM and most >= _DOMINATES_FROM * total:
        says = f"{share(most / total)} of {count(total, 'access', 'accesses')} were to {what} {index:#x}"
        yield Point(says, exits.refs, _OTHER if index in not_own else _RATIO)


def _named(own: Sequence[int]) -> str:
    return ", ".join(f"{index:#x}" for index in own)
