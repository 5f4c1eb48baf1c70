"""Facts about system calls: who called what on which descriptor, how often, with what outcome."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref


class Coverage(StrEnum):
    """Which threads a trace covers: what it cannot show it must not be asked."""

    ALL_THREADS = "all threads"
    SOME_THREADS = "some threads"
    ONE_THREAD = "one thread"


class ErrorCount(msgspec.Struct, frozen=True):
    """How often a call ended in this errno (by name)."""

    errno: str
    count: int


class CallUse(msgspec.Struct, frozen=True, kw_only=True):
    """One call of one thread on one descriptor.

    ``tid`` is ``None`` where the trace names no thread; ``fd`` where the first argument is no descriptor.
    ``time_ns`` is the time inside the call, ``None`` where it was not measured.
    """

    tid: int | None
    call: str
    fd: int | None
    count: int
    errors: tuple[ErrorCount, ...] = ()
    time_ns: int | None = None
    refs: tuple[Ref, ...] = ()

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(e.count for e in self.errors)


class TimeoutBucket(msgspec.Struct, frozen=True):
    """Timeouts asked for in ``[low_ns, high_ns)`` and how many."""

    low_ns: int
    high_ns: int
    count: int


class WaitUse(msgspec.Struct, frozen=True, kw_only=True):
    """How one thread waited in its event loop (ppoll, poll, select, epoll_wait, epoll_pwait2, io_uring_enter).

    ``buckets`` are the timeouts asked for; ``zero`` asked for none (return at once), ``infinite`` for no limit.
    """

    tid: int | None
    call: str
    count: int
    buckets: tuple[TimeoutBucket, ...] = ()
    zero: int = 0
    infinite: int = 0
    refs: tuple[Ref, ...] = ()


class SyscallUse(msgspec.Struct, frozen=True, kw_only=True):
    """All calls seen. ``window_ns`` is ``None`` where the text holds no times, so that counts are no rates."""

    method: str
    coverage: Coverage
    window_ns: int | None
    calls: tuple[CallUse, ...]
    waits: tuple[WaitUse, ...] = ()
    refs: tuple[Ref, ...] = ()


class SignalRead(msgspec.Struct, frozen=True, kw_only=True):
    """One ``struct signalfd_siginfo`` read from a signalfd: ``number`` (14 = SIGALRM), ``code`` (-2 = SI_TIMER)."""

    fd: int
    number: int
    code: int | None
    ref: Ref
    tid: int | None = None


class SignalDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of signal that interrupted a thread (``--- SIGALRM {...} ---``): how often, and where first."""

    signal: str
    code: str
    count: int
    ref: Ref


class TimerArm(msgspec.Struct, frozen=True, kw_only=True):
    """One ``timer_settime``: a POSIX timer armed for ``value_ns`` from now (0 disarms)."""

    timer: int
    value_ns: int
    interval_ns: int
    ref: Ref
    tid: int | None = None


class HandlerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One ``rt_sigaction(SIG, NULL, ...)``: asks for the handler, changes nothing."""

    signal: str
    ref: Ref


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One read or write of a small message worth naming (an eventfd's 8 bytes): ``value`` where it is one number."""

    call: str
    fd: int
    value: int | None
    result: int
    ref: Ref
    tid: int | None = None


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """One EAGAIN or EWOULDBLOCK on a read: the queue is empty.

    ``after_data``: the same descriptor gave data elsewhere in the trace, earlier or later (a loop has no beginning).
    """

    call: str
    fd: int
    after_data: bool
    ref: Ref
    tid: int | None = None


class LoopWait(msgspec.Struct, frozen=True, kw_only=True):
    """One wait of an event loop. ``timeout_ns`` ``None`` = no limit; ``waited_ns`` from the time left or from -T."""

    call: str
    timeout_ns: int | None
    waited_ns: int | None
    watched: tuple[int, ...]
    ready: tuple[int, ...]
    ref: Ref
    tid: int | None = None


class TraceStory(msgspec.Struct, frozen=True, kw_only=True):
    """What single lines of a strace tell, beyond counts. Bounded: the first few of each kind, counts in
    ``SyscallUse``.
    """

    signals: tuple[SignalRead, ...] = ()
    arms: tuple[TimerArm, ...] = ()
    queries: tuple[HandlerQuery, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    drained: tuple[Drained, ...] = ()
    waits: tuple[LoopWait, ...] = ()
    deliveries: tuple[SignalDelivery, ...] = ()
    attached: tuple[int, ...] = ()
    lines: int = 0
    calls: int = 0
    unread: int = 0
    first_ref: Ref | None = None
    last_ref: Ref | None = None
