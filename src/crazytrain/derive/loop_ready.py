"""Which descriptors woke a loop, and whether anything was done that makes them stop being ready."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from crazytrain.model.facts import (
    CallUse,
    Descriptor,
    DescriptorTable,
    EmptyRead,
    EpollSet,
    Facts,
    LoopReading,
    ReadyCount,
    ReadyUse,
    SyscallUse,
)

# poll(2) and epoll_ctl(2) give these the same bits.
_EVENTS = (
    (0x0001, "POLLIN"),
    (0x0002, "POLLPRI"),
    (0x0004, "POLLOUT"),
    (0x0008, "POLLERR"),
    (0x0010, "POLLHUP"),
    (0x0020, "POLLNVAL"),
    (0x0040, "POLLRDNORM"),
    (0x0080, "POLLRDBAND"),
    (0x0100, "POLLWRNORM"),
    (0x0200, "POLLWRBAND"),
    (0x0400, "POLLMSG"),
    (0x2000, "POLLRDHUP"),
)
_WRITABLE = 0x0004 | 0x0100 | 0x0200
_TAKES = frozenset(
    "read readv pread64 preadv preadv2 recvfrom recvmsg recvmmsg splice accept accept4 ioctl waitid getsockopt".split()  # noqa: SIM905
)
_SENDS = frozenset("write writev pwrite64 pwritev sendto sendmsg sendmmsg sendfile splice connect".split())  # noqa: SIM905
_SETS = frozenset("epoll_wait epoll_pwait epoll_pwait2 io_uring_enter".split())  # noqa: SIM905
_UNSEEN_KINDS = frozenset(("io_uring",))  # emptied in memory that QEMU shares with the kernel

_Found = dict[tuple[int | None, int | None], Counter[int]]  # descriptor, or data that no descriptor is known for


def ready_uses(
    readings: Sequence[LoopReading], facts: Facts, use: SyscallUse, empty: Sequence[EmptyRead]
) -> tuple[ReadyUse, ...]:
    """Give the descriptors that were ready for one loop, most often first."""
    table = facts.get(DescriptorTable)
    found: _Found = defaultdict(Counter)
    sets = facts.all(EpollSet)
    for reading in readings:
        for one in reading.ready:
            fd = one.fd if one.epoll_fd is None else _watched(one, sets)
            found[fd, None if fd is not None else one.data][one.events] += one.count
    uses = (_use(fd, data, counts, table, use, empty) for (fd, data), counts in found.items())
    return tuple(sorted(uses, key=lambda one: -one.turns))


def _watched(one: ReadyCount, sets: Sequence[EpollSet]) -> int | None:
    """The descriptor that was put into an epoll set with these data."""
    for known in reversed(sets):
        if known.fd == one.epoll_fd:
            same = [watch.fd for watch in known.watches if watch.data == (one.data or 0) & (1 << 64) - 1]
            if same:
                return same[0]
    return None


def _use(
    fd: int | None,
    data: int | None,
    counts: Counter[int],
    table: DescriptorTable | None,
    use: SyscallUse,
    empty: Sequence[EmptyRead],
) -> ReadyUse:
    known = table.get(fd) if table and fd is not None else None
    calls = [call for call in use.calls if fd is not None and call.fd == fd]
    vain = sum(one.count for one in empty if fd is not None and one.fd == fd)
    taken = max(0, _succeeded(calls, _TAKES | _SETS) - vain)
    sent, closed = _succeeded(calls, _SENDS), _succeeded(calls, frozenset(("close",)))
    bits = 0
    for events in counts:
        bits |= events
    return ReadyUse(
        fd=fd,
        events=tuple(_names(bits)),
        turns=counts.total(),
        label=_label(fd, data, known),
        kind=known.kind if known else "",
        role=known.role if known else "",
        taken=taken,
        sent=sent,
        empty=vain,
        refused=sum(call.failed for call in calls),
        closed=closed,
        served=_served(bits, known, fd, taken + closed, sent + closed),
    )


def _served(bits: int, known: Descriptor | None, fd: int | None, taken: int, sent: int) -> int | None:
    """How many calls answered what it was ready for: one that is only writable is served by writing."""
    if fd is None or (known is not None and known.kind in _UNSEEN_KINDS):
        return None
    only_writable = bits & _WRITABLE and not bits & ~_WRITABLE
    return sent if only_writable else taken + (sent if bits & _WRITABLE else 0)


def _succeeded(calls: Sequence[CallUse], names: frozenset[str]) -> int:
    return sum(call.count - call.failed for call in calls if call.call in names)


def _names(bits: int) -> Iterator[str]:
    yield from (name for bit, name in _EVENTS if bits & bit)


def _label(fd: int | None, data: int | None, known: Descriptor | None) -> str:
    if known is not None:
        return known.label
    return f"fd {fd}" if fd is not None else f"a descriptor that an epoll set knows as {data or 0:#x}"
