"""What a look itself cost: one line of JSON, written by ourselves."""

from collections.abc import Iterable

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.spent import Spent


def decode_spent(evidence: Evidence) -> Iterable[Spent]:
    """Read the one line.

    Raises:
        msgspec.DecodeError: the line is not ours.
    """
    yield msgspec.structs.replace(msgspec.json.decode(evidence.data, type=Spent), refs=(evidence.ref(),))
