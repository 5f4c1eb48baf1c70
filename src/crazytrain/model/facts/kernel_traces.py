"""Facts about call traces in a kernel's log, of the guest or of the host: where a CPU was when the kernel complained."""

import msgspec

from crazytrain.model.evidence import Ref


class KernelTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One call trace as a kernel printed it, the innermost function first.

    ``host`` tells whose kernel it is: the host's, else the guest's (``sure`` tells that the log itself shows it). ``complaint`` is
    the line that it came with (``BUG: soft lockup ...``), empty where none stands before it. ``place`` is the function of the
    instruction pointer, ``functions`` are those of the trace without the doubtful ones (``?``), which stand in ``doubtful``. ``hardware``
    is what the kernel calls the machine. All names are the log's own: escape before showing.
    """

    host: bool
    sure: bool
    functions: tuple[str, ...]
    place: str = ""
    complaint: str = ""
    cpu: int | None = None
    pid: int | None = None
    comm: str = ""
    kernel: str = ""
    hardware: str = ""
    doubtful: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Where it was, and through which functions it came there."""
        return (self.place, *self.functions) if self.place else self.functions

    def has(self, *names: str) -> bool:
        """Whether one of these functions is in it, as a whole name or by a beginning that ends in ``*``."""
        return any(_fits(own, name) for own in self.names for name in names)


class LogClock(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel's log whose stamps are mad: ``stamp_ns`` since boot is more than a century. ``before_ns`` is the last one that is none.

    9223372036.85 s are 2^63 ns: what a clock shows that was stepped below zero.
    """

    host: bool
    stamp_ns: int
    before_ns: int | None
    refs: tuple[Ref, ...] = ()


def _fits(own: str, name: str) -> bool:
    return own.startswith(name[:-1]) if name.endswith("*") else own == name
