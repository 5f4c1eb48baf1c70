"""What was told, put together: each topic once for each way in which it was spoken of."""

from crazytrain.model.facts import Facts
from crazytrain.model.facts.told import Prose, Stance, Telling, Told, Topic

MOST = 64


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
    told = tuple(kept.values())[:MOST]
    prose = facts.all(Prose)
    return Telling(
        told=told,
        refs=tuple(dict.fromkeys(one.ref for one in told)),
        clauses=sum(one.clauses for one in prose),
        of_guests=any(one.of_guests for one in prose) or not prose,
    )
