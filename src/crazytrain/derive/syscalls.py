"""Which of several counts of system calls the rest goes by."""

from crazytrain.model.facts import Facts, SyscallUse

COUNTED_IN_THE_KERNEL = "bpftrace"


def derive_syscalls(facts: Facts) -> SyscallUse | None:
    """Put the kernel's own counts of all threads behind those of a strace burst: the last one is the one that counts.

    ``None`` where there is one at most, or none from the kernel.
    """
    uses = facts.all(SyscallUse)
    counted = [use for use in uses if use.method == COUNTED_IN_THE_KERNEL]
    return counted[-1] if counted and uses[-1].method != COUNTED_IN_THE_KERNEL else None
