"""Facts about what the lab did to a guest of its own."""

import msgspec

from crazytrain.model.evidence import Ref


class LabDeed(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that was made on purpose, in sentences. The diagnosis never uses it: it is told beside it, as the proof."""

    says: tuple[str, ...]
    refs: tuple[Ref, ...]
