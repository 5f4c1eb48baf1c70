"""Facts about resets of the guest, as QEMU told of them while somebody was connected to its monitor."""

import msgspec

from crazytrain.model.evidence import Ref


class Resets(msgspec.Struct, frozen=True, kw_only=True):
    """How often the guest was reset while we listened, which is a part of the window: there may have been more.

    ``by_guest`` asked the guest itself (its firmware, its kernel, a triple fault), ``by_host`` somebody outside, ``untold``:
    QEMU did not say who (before 2.12). ``shortest_ns`` is the least time between two of them, ``None`` for fewer than two.
    """

    by_guest: int
    by_host: int
    untold: int
    shortest_ns: int | None
    refs: tuple[Ref, ...]
