"""Facts about event loops: the main loop and iothreads over the window."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.syscalls import TimeoutBucket


class LoopActivity(msgspec.Struct, frozen=True, kw_only=True):
    """One event loop over the window.

    ``turns`` are returns from its wait call; ``turns_per_s`` is ``None`` where the text held no times.
    ``buckets``, ``zero``, ``infinite``: timeouts that it asked for. ``select`` tells a select() loop (QEMU before
    about 1.5).
    """

    tid: int | None
    label: str
    call: str
    turns: int
    turns_per_s: float | None
    buckets: tuple[TimeoutBucket, ...] = ()
    zero: int = 0
    infinite: int = 0
    refs: tuple[Ref, ...] = ()

    def share_below(self, limit_ns: int) -> float:
        """Share of all turns that asked for a timeout below ``limit_ns`` (zero included)."""
        short = self.zero + sum(b.count for b in self.buckets if b.high_ns <= limit_ns)
        return short / self.turns if self.turns else 0.0


class Loops(msgspec.Struct, frozen=True, kw_only=True):
    """All event loops seen; the main loop first where it is among them."""

    loops: tuple[LoopActivity, ...]
    refs: tuple[Ref, ...] = ()

    @property
    def main(self) -> LoopActivity | None:
        """The main loop's activity, where it was seen."""
        return next((x for x in self.loops if x.label == "main loop"), None)
