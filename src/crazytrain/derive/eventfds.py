"""Eventfds over the window: who writes and reads them how often, and whether a counter only grows."""

from collections import defaultdict
from collections.abc import Sequence

from crazytrain.model.facts import (
    CallUse,
    Descriptor,
    DescriptorTable,
    EventfdCounts,
    Eventfds,
    EventfdUse,
    Facts,
    SyscallUse,
)

_READS = frozenset(("read", "readv"))
_WRITES = frozenset(("write", "writev"))


def derive_eventfds(facts: Facts) -> Eventfds | None:
    """Gather them by object; ``None`` where no descriptors of a running process were seen."""
    table, use = facts.get(DescriptorTable), facts.get(SyscallUse)
    if table is None or not table.of("eventfd"):
        return None
    readings = sorted(facts.all(EventfdCounts), key=lambda reading: reading.mono_ns)
    calls = use.calls if use else ()
    objects: defaultdict[int, list[Descriptor]] = defaultdict(list)
    for one in table.of("eventfd"):
        objects[one.object_id if one.object_id is not None else -one.fd].append(one)
    uses = [_use(same, readings, calls) for same in objects.values()]
    busy = [one for one in uses if one.writes or one.reads or one.count_after]
    return Eventfds(
        uses=tuple(sorted(busy, key=lambda one: (-one.writes - one.reads, one.fds))),
        window_ns=use.window_ns if use else None,
        refs=tuple(dict.fromkeys((*(reading.ref for reading in readings), *table.refs, *(use.refs if use else ())))),
    )


def _use(same: Sequence[Descriptor], readings: Sequence[EventfdCounts], calls: Sequence[CallUse]) -> EventfdUse:
    fds = tuple(one.fd for one in same)
    named = next((one for one in same if one.role), same[0])
    return EventfdUse(
        fds=fds,
        label=named.label,
        writes=_done(calls, fds, _WRITES),
        reads=_done(calls, fds, _READS),
        count_before=_count(readings[0], named) if len(readings) > 1 else None,
        count_after=_count(readings[-1], named) if readings else None,
    )


def _count(reading: EventfdCounts, wanted: Descriptor) -> int | None:
    """Its counter in one reading, if it is the same object there."""
    same = (one.count for one in reading.counts if (one.fd, one.object_id) == (wanted.fd, wanted.object_id))
    return next(same, None)


def _done(calls: Sequence[CallUse], fds: Sequence[int], names: frozenset[str]) -> int:
    return sum(call.count - call.failed for call in calls if call.fd in fds and call.call in names)
