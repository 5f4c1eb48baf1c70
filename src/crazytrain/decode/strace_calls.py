"""Counted rows of a strace as facts: one ``CallUse`` for each thread, call and descriptor."""

from collections import Counter
from collections.abc import Iterable, Mapping

from crazytrain.decode.strace_line import number_of
from crazytrain.decode.strace_memory import Call
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import CallUse, ErrorCount

_MOST_REFS = 4
# Calls whose first argument is a descriptor (strace -e trace=desc, less those that begin with a path or a size).
_ON_DESCRIPTORS = frozenset(
    """
    accept accept4 bind close connect dup dup2 dup3 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait fadvise64 fallocate
    fchmod fchown fcntl fcntl64 fdatasync fgetxattr flock fstat fstat64 fstatfs fsync ftruncate ftruncate64 getdents
    getdents64 getpeername getsockname getsockopt inotify_add_watch inotify_rm_watch io_uring_enter io_uring_register
    ioctl _llseek listen lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv recv recvfrom
    recvmmsg recvmsg send sendfile sendfile64 sendmmsg sendmsg sendto setsockopt shutdown signalfd signalfd4 splice
    sync_file_range syncfs tee timerfd_gettime timerfd_settime vmsplice write writev
    """.split()  # noqa: SIM905 - ninety quotes would hide the words
)
READS = frozenset(("read", "readv", "preadv", "recv", "recvfrom", "recvmsg", "recvmmsg", "accept", "accept4"))


def split_head(head: bytes) -> tuple[str, int | None]:
    """The call's name, and its first argument where that is a descriptor.

    >>> split_head(b"read(17"), split_head(b"timer_settime(0")
    (('read', 17), ('timer_settime', None))
    """
    name, _, first = head.decode("ascii", "replace").partition("(")
    return name, number_of(first.encode()) if name in _ON_DESCRIPTORS else None


class _Use:
    """What is known of one thread's use of one call on one descriptor while it is gathered."""

    def __init__(self) -> None:
        self.count = 0
        self.errors: Counter[str] = Counter()
        self.lines: list[int] = []

    def add(self, result: bytes, count: int, line: int) -> None:
        self.count += count
        self.lines.append(line)
        _, _, errno = result.partition(b" ")
        if errno:
            self.errors[errno.decode("ascii", "replace")] += count


def call_uses(
    calls: Mapping[Call, tuple[int, int]], times_ns: Mapping[tuple[bytes, bytes], int], evidence: Evidence
) -> tuple[CallUse, ...]:
    """All calls, the most frequent first; each cites its first line and the first line of each error.

    ``calls`` holds how often each came and its first line; ``times_ns`` the time in the calls by thread and head (strace -T),
    empty where it was not measured.
    """
    uses: dict[tuple[int | None, str, int | None], _Use] = {}
    spent: Counter[tuple[int | None, str, int | None]] = Counter()
    for (tid, head, result), (count, line) in calls.items():
        uses.setdefault((number_of(tid), *split_head(head)), _Use()).add(result, count, line)
    for (tid, head), time_ns in times_ns.items():
        spent[(number_of(tid), *split_head(head))] += time_ns
    facts = [_fact(key, use, spent.get(key), evidence) for key, use in uses.items()]
    return tuple(sorted(facts, key=lambda fact: -fact.count))


def _fact(key: tuple[int | None, str, int | None], use: _Use, time_ns: int | None, evidence: Evidence) -> CallUse:
    return CallUse(
        tid=key[0],
        call=key[1],
        fd=key[2],
        count=use.count,
        errors=tuple(ErrorCount(errno, count) for errno, count in use.errors.most_common()),
        time_ns=time_ns,
        refs=tuple(evidence.ref(line) for line in sorted(set(use.lines))[:_MOST_REFS]),
    )


def descriptors_that_gave(calls: Iterable[Call]) -> frozenset[int]:
    """Descriptors from which a read, receive or accept brought something."""
    found = (split_head(head) for _, head, result in calls if result[:1] in b"123456789" and result)
    return frozenset(fd for name, fd in found if fd is not None and name in READS)
