"""Resets: QEMU's RESET events of all conversations together (qapi/run-state.json)."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.model.facts import Facts
from crazytrain.model.facts.resets import Resets
from crazytrain.model.facts.services import QemuEvent

_BITE_NS = 10**9
_ONE_NS = 50_000_000  # QEMU may tell of one reset twice, and two of our connections may hear of it


class _Told(msgspec.Struct):
    guest: bool | None = None


def derive_resets(facts: Facts) -> Resets | None:
    """Count the events; ``None`` where none was heard, for few are: we are connected for moments only."""
    heard = tuple(_apart([event for event in facts.all(QemuEvent) if event.name == "RESET"]))
    if not heard:
        return None
    bites = [event.wall_ns for event in facts.all(QemuEvent) if event.name == "WATCHDOG"]
    whose = [True if _bitten(event, bites) else _by_guest(event) for event in heard]
    return Resets(
        by_guest=whose.count(True),
        by_host=whose.count(False),
        untold=whose.count(None),
        shortest_ns=min((later.wall_ns - now.wall_ns for now, later in itertools.pairwise(heard)), default=None),
        refs=tuple(event.ref for event in heard),
    )


def _apart(events: Iterable[QemuEvent]) -> Iterator[QemuEvent]:
    """In order of time, each reset once."""
    before_ns = None
    for event in sorted(events, key=lambda event: event.wall_ns):
        if before_ns is None or event.wall_ns - before_ns > _ONE_NS:
            yield event
        before_ns = event.wall_ns


def _bitten(event: QemuEvent, bites: Sequence[int]) -> bool:
    """Whether the watchdog device did it: QEMU calls that no doing of the guest, and yet the guest did not feed it."""
    return any(0 <= event.wall_ns - bite <= _BITE_NS for bite in bites)


def _by_guest(event: QemuEvent) -> bool | None:
    try:
        return msgspec.json.decode(event.says, type=_Told).guest
    except (msgspec.DecodeError, RecursionError):
        return None
