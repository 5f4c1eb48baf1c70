"""Facts about orderly restarts that the guest's kernel told of on its console."""

import msgspec

from crazytrain.model.evidence import Ref


class Restart(msgspec.Struct, frozen=True):
    """A kernel said that it restarts the machine, when it had run for ``uptime_ns``."""

    uptime_ns: int
    ref: Ref


class ConsoleRestarts(msgspec.Struct, frozen=True, kw_only=True):
    """All of them that the end of the console still shows, in order; at least one."""

    restarts: tuple[Restart, ...]
    refs: tuple[Ref, ...]
