"""How much went over a network interface, as a tool printed it."""

import msgspec

from crazytrain.model.evidence import Ref


class NicRate(msgspec.Struct, frozen=True, kw_only=True):
    """One interface, of the host or of the guest, over the tool's own interval; both ways together."""

    name: str
    packets_per_s: float
    bytes_per_s: float
    ref: Ref
