"""How finely calls were told apart: what names no threads or descriptors can only be compared with totals of the other side."""

import msgspec

from crazytrain.model.facts import Coverage, Facts, SyscallUse

# Their first argument is a descriptor: where it is not told, the table holds none.
_ON_DESCRIPTORS = frozenset(
    ("read", "write", "readv", "writev", "pread64", "pwrite64", "ioctl", "recvmsg", "sendmsg", "close")
)


class Grain(msgspec.Struct, frozen=True):
    """Whether calls are told apart by thread, and by descriptor."""

    threads: bool = True
    descriptors: bool = True

    def with_(self, other: "Grain") -> "Grain":
        """What both have."""
        return Grain(self.threads and other.threads, self.descriptors and other.descriptors)


def grain_of(facts: Facts) -> Grain:
    """The grain of what was seen; the finest where no calls were."""
    use = facts.get(SyscallUse)
    if use is None or not use.calls:
        return Grain()
    return Grain(
        threads=use.coverage is Coverage.ONE_THREAD or any(c.tid is not None for c in use.calls),
        descriptors=not any(c.fd is None and c.call in _ON_DESCRIPTORS for c in use.calls),
    )
