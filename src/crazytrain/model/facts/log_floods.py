"""Facts about floods in logs: what fills them."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.log_view import FloodView


class LogFlood(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of line that fills a log of ``lines`` lines; ``flood`` is it, as ``crazytrain logs`` shows it. Its texts are hostile."""

    lines: int
    flood: FloodView
    pasted: bool
    refs: tuple[Ref, ...]


class LogFloods(msgspec.Struct, frozen=True, kw_only=True):
    """Every log of the look that is flooded, the worst kind of each. ``read`` lines of logs were read in all."""

    floods: tuple[LogFlood, ...]
    read: int
    refs: tuple[Ref, ...]
