"""What was told, put together: each topic once for each way in which it was spoken of."""

from crazytrain.model.facts import Facts
from crazytrain.model.facts.told import Prose, Stance, Telling, Told, Topic

MOST = 64
# What a console looks like to which the guest does not write: as if it hung where it last wrote something.
_OF_A_SILENT_CONSOLE = frozenset({Topic.GUEST_HUNG, Topic.QEMU_HUNG, Topic.FIRMWARE, Topic.NO_SCREEN, Topic.AT_START})


def derive_telling(facts: Facts) -> Telling | None:
    """One ``Telling`` of all that was told; of statements on the same topic the first one, or the first with a figure."""
    kept: dict[tuple[Topic, Stance], Told] = {}
    for one in facts.all(Told):
        key = (one.topic, one.stance)
        before = kept.get(key)
        if before is None or (before.value is None and one.value is not None):
            kept[key] = one
    if not kept:
        return None
    silent = (Topic.SILENT_CONSOLE, Stance.SEEN) in kept
    told = tuple(one for one in kept.values() if not silent or one.topic not in _OF_A_SILENT_CONSOLE)[:MOST]
    prose = facts.all(Prose)
    return Telling(
        told=told,
        refs=tuple(dict.fromkeys(one.ref for one in told)),
        clauses=sum(one.clauses for one in prose),
        of_guests=any(one.of_guests for one in prose) or not prose,
    )
