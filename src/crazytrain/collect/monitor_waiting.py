"""Whether QEMU could answer at all, and whether asking about disks would make it wait: as /proc tells, without a question."""

from collections.abc import Iterator

from crazytrain.collect.look import Look
from crazytrain.collect.same import stat_fields

_MOST_THREADS = 512
_TIMEOUT_S = 0.5
_UNINTERRUPTIBLE = b"D"
_STOPPED = {(b"T",), (b"t",)}
_NAME_BYTES = 64


async def waits_for_storage(look: Look) -> str:
    """Name a thread of QEMU that waits uninterruptibly (state D); empty where none does.

    ``query-block`` calls ``fstat()`` on each image in the main loop. Where a file system does not answer that call does not
    come back, and a guest that only missed a disk would stand still. A thread in D may be on its way out of a short read;
    then the question is left out without need, which costs little.
    """
    try:
        return await look.host.patiently(lambda: next(_waiting(look), ""), _TIMEOUT_S)
    except OSError:
        return ""  # nobody can tell: the process has gone, or is denied to us


def _waiting(look: Look) -> Iterator[str]:
    folder = f"/proc/{look.guest.pid}/task"
    for tid in look.host.names(folder)[:_MOST_THREADS]:
        stat = look.host.read(f"{folder}/{tid}/stat", 4096)
        name, _, fields = stat.partition(b"(")[2].rpartition(b")")
        if fields.split()[:1] == [_UNINTERRUPTIBLE]:
            yield f"thread {tid} ({name[:_NAME_BYTES].decode('utf-8', 'backslashreplace')})"


def is_stopped(look: Look) -> bool:
    """Whether the process is stopped (SIGSTOP, a debugger): then no question would be answered, and libvirt, which waits
    for the answer without end, would keep its lock on the domain.
    """
    return stat_fields(look.host, look.guest.pid)[:1] in _STOPPED
