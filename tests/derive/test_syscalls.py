"""Counts of the kernel go before those of a burst, in whatever order they came."""

from crazytrain.derive.syscalls import derive_syscalls
from crazytrain.model.facts import Coverage, Facts, SyscallUse

COUNTED = SyscallUse(method="bpftrace", coverage=Coverage.ALL_THREADS, window_ns=10**9, calls=())
BURST = SyscallUse(method="strace", coverage=Coverage.SOME_THREADS, window_ns=10**8, calls=())


def test_the_kernels_counts_come_last() -> None:
    assert derive_syscalls(Facts((COUNTED, BURST))) is COUNTED
    assert derive_syscalls(Facts((BURST, COUNTED))) is None


def test_a_burst_alone_stays() -> None:
    assert derive_syscalls(Facts((BURST,))) is None
    assert derive_syscalls(Facts()) is None
