"""Facts about event loops: the main loop and iothreads over the window, and what woke them."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.syscalls import TimeoutBucket

HUNG_UP = frozenset(("POLLHUP", "POLLERR", "POLLNVAL", "POLLRDHUP"))


class ReadyCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often a wait came back with these bits of one descriptor.

    A poll names the descriptor (``fd``). An epoll set ``epoll_fd`` gives back only the ``data`` that were stored with it.
    """

    events: int
    count: int
    fd: int | None = None
    epoll_fd: int | None = None
    data: int | None = None


class LoopReading(msgspec.Struct, frozen=True, kw_only=True):
    """What one thread's waits in one call left behind, as counted in the kernel.

    ``waited`` are the times really waited, of waits that came back, ``waited_ns`` all of them together. ``ready_turns`` is
    how often a wait came back with something ready, ``ready_sum`` with how many descriptors in all; ``ready`` may hold
    fewer than that, for only the first descriptors of a wait are looked at. ``looked`` is false where readiness was not
    looked at, or cannot be seen (io_uring keeps it in memory that it shares with QEMU).
    """

    tid: int
    call: str
    waited: tuple[TimeoutBucket, ...] = ()
    waited_ns: int = 0
    ready_turns: int = 0
    ready_sum: int = 0
    ready: tuple[ReadyCount, ...] = ()
    looked: bool = False


class EmptyRead(msgspec.Struct, frozen=True, kw_only=True):
    """Reads of one descriptor by one thread that gave 0 bytes: the end of the stream, or a peer that is gone."""

    tid: int
    call: str
    fd: int
    count: int


class LoopReadings(msgspec.Struct, frozen=True, kw_only=True):
    """All waits' readings, and the reads that gave nothing."""

    readings: tuple[LoopReading, ...]
    empty: tuple[EmptyRead, ...] = ()
    refs: tuple[Ref, ...] = ()


class EpollWatch(msgspec.Struct, frozen=True, kw_only=True):
    """One descriptor in an epoll set: the events asked for, and the data stored with it."""

    fd: int
    events: int
    data: int


class EpollSet(msgspec.Struct, frozen=True, kw_only=True):
    """An epoll set and what it watches, as fdinfo tells."""

    fd: int
    watches: tuple[EpollWatch, ...]
    ref: Ref


class ReadyUse(msgspec.Struct, frozen=True, kw_only=True):
    """One descriptor that woke a loop, and what was done with it in the window.

    ``turns`` is how often it was ready, with ``events`` (POLLIN, POLLHUP, ...). ``taken`` counts calls that took something
    from it (reads with data, accepted clients, ioctl), ``sent`` those that wrote, ``empty`` reads that gave 0 bytes,
    ``refused`` calls that failed, ``closed`` that it was closed. ``served`` are those of them that make it stop being
    ready; ``None`` where that cannot be seen (an io_uring is emptied without a system call). ``fd`` is ``None`` where an
    epoll set named it by data that fdinfo does not know.
    """

    fd: int | None
    events: tuple[str, ...]
    turns: int
    label: str
    kind: str = ""
    role: str = ""
    taken: int = 0
    sent: int = 0
    empty: int = 0
    refused: int = 0
    closed: int = 0
    served: int | None = None

    @property
    def hung_up(self) -> bool:
        """Whether its peer is gone, or it is no descriptor at all."""
        return any(event in HUNG_UP for event in self.events)

    @property
    def never_served(self) -> bool:
        """Whether it was ready again and again, and next to nothing was done about it."""
        return self.served is not None and self.turns >= 20 and self.served < 0.02 * self.turns


class LoopActivity(msgspec.Struct, frozen=True, kw_only=True):
    """One event loop over the window.

    ``turns`` are returns from its wait call; ``turns_per_s`` is ``None`` where the text held no times.
    ``buckets``, ``zero``, ``infinite``: timeouts that it asked for. ``select`` tells a select() loop (QEMU before
    about 1.5). ``waited`` are the times really waited, ``waited_ns`` their sum, ``None`` where that was not measured.
    ``ready`` are the descriptors that woke it, most often first; ``unseen`` says what of that could not be seen.
    """

    tid: int | None
    label: str
    call: str
    turns: int
    turns_per_s: float | None
    buckets: tuple[TimeoutBucket, ...] = ()
    zero: int = 0
    infinite: int = 0
    waited: tuple[TimeoutBucket, ...] = ()
    waited_ns: int | None = None
    ready: tuple[ReadyUse, ...] = ()
    ready_turns: int | None = None
    unseen: str = ""
    refs: tuple[Ref, ...] = ()

    def share_below(self, limit_ns: int) -> float:
        """Share of all turns that asked for a timeout below ``limit_ns`` (zero included)."""
        short = self.zero + sum(b.count for b in self.buckets if b.high_ns <= limit_ns)
        return short / self.turns if self.turns else 0.0

    def ready_share(self, use: ReadyUse) -> float:
        """In which share of its turns a descriptor was ready."""
        return min(1.0, use.turns / self.turns) if self.turns else 0.0

    @property
    def spins_on(self) -> tuple[ReadyUse, ...]:
        """Descriptors that were ready in most turns and that nothing was done about."""
        return tuple(use for use in self.ready if use.never_served and self.ready_share(use) >= 0.5)


class Loops(msgspec.Struct, frozen=True, kw_only=True):
    """All event loops seen; the main loop first where it is among them."""

    loops: tuple[LoopActivity, ...]
    refs: tuple[Ref, ...] = ()

    @property
    def main(self) -> LoopActivity | None:
        """The main loop's activity, where it was seen."""
        return next((x for x in self.loops if x.label == "main loop"), None)


class EventfdCount(msgspec.Struct, frozen=True):
    """One eventfd's counter, and the kernel's number of the object (two descriptors may be one object)."""

    fd: int
    count: int
    object_id: int | None = None


class EventfdCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of all eventfds of a process at one instant."""

    mono_ns: int
    counts: tuple[EventfdCount, ...]
    ref: Ref


class EventfdUse(msgspec.Struct, frozen=True, kw_only=True):
    """One eventfd over the window: writes and reads by threads of QEMU, and its counter at both ends.

    KVM writes and reads eventfds, too, which no system call shows; a counter that grows says that nobody reads it.
    ``fds`` are the descriptors of this one object.
    """

    fds: tuple[int, ...]
    label: str
    writes: int = 0
    reads: int = 0
    count_before: int | None = None
    count_after: int | None = None


class Eventfds(msgspec.Struct, frozen=True, kw_only=True):
    """All eventfds that were used, or whose counter is not 0, the busiest first."""

    uses: tuple[EventfdUse, ...]
    window_ns: int | None = None
    refs: tuple[Ref, ...] = ()
