"""Facts about restarts of the guest's kernel that its console shows."""

import msgspec

from crazytrain.model.evidence import Ref


class Restart(msgspec.Struct, frozen=True):
    """A kernel said that it restarts the machine, or another one began behind it, when it had run for ``uptime_ns``."""

    uptime_ns: int
    ref: Ref


class ConsoleRestarts(msgspec.Struct, frozen=True, kw_only=True):
    """All of them that the end of the console still shows, in order; at least one.

    ``waits_s``: the last kernel has panicked and said that it waits so long before it restarts; no other has begun since.
    """

    restarts: tuple[Restart, ...]
    waits_s: int | None = None
    refs: tuple[Ref, ...]
