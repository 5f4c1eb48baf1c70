"""What a look itself cost: one line of JSON, written by ourselves."""

from collections.abc import Iterable

import msgspec

from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.spent import Spent


def decode_spent(evidence: Evidence) -> Iterable[Spent]:
    """Read the one line.

    Raises:
        BadInput: the line is not ours.
    """
    try:
        spent = msgspec.json.decode(evidence.data, type=Spent)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"{evidence.id}: not what a look writes of its own cost: {error}") from error
    yield msgspec.structs.replace(spent, refs=(evidence.ref(),))
