"""A comparison that is harmless to show: names of devices and descriptors come from the guest's owner, or from the guest."""

import msgspec

from crazytrain.model.difference import Comparison, Difference, Unseen
from crazytrain.report.escape import plain

_LONGEST = 120


def harmless(comparison: Comparison) -> Comparison:
    """The same with every text escaped and bounded."""
    return msgspec.structs.replace(
        comparison,
        differences=tuple(_difference(d) for d in comparison.differences),
        unseen=tuple(_unseen(u) for u in comparison.unseen),
    )


def _difference(d: Difference) -> Difference:
    return msgspec.structs.replace(
        d,
        measure=plain(d.measure, _LONGEST),
        here_name=plain(d.here_name, _LONGEST),
        there_name=plain(d.there_name, _LONGEST),
        source=plain(d.source, _LONGEST),
        by=plain(d.by, 2 * _LONGEST),
        nothing=plain(d.nothing, _LONGEST),
        evidence_here=tuple(plain(ref, _LONGEST) for ref in d.evidence_here),
        evidence_there=tuple(plain(ref, _LONGEST) for ref in d.evidence_there),
    )


def _unseen(u: Unseen) -> Unseen:
    return msgspec.structs.replace(
        u, source=plain(u.source, _LONGEST), measures=tuple(plain(m, _LONGEST) for m in u.measures)
    )
