"""Whether QEMU could answer at all, and whether asking about disks would make it wait: as /proc tells, without a question."""

from collections.abc import Iterator

from crazytrain.collect.look import Look
from crazytrain.collect.same import stat_fields

_MOST_THREADS = 512
_TIMEOUT_S = 0.5
_UNINTERRUPTIBLE = b"D"
_STOPPED = {(b"T",), (b"t",)}
_NAME_BYTES = 64
_APART_NS = 40_000_000  # a disk that is well has answered by then
# pread64, pwrite64, fsync, fdatasync, fallocate, preadv(2), pwritev(2): x86-64's numbers, then those of AArch64.
_DISK_CALLS = frozenset(b"17 18 74 75 285 295 296 327 328".split()) | frozenset(b"67 68 82 83 47 69 70 286 287".split())
PAGES_WAITED_FOR = "waits for a page of the guest's memory from another host, and QEMU's monitor would wait with it"
_PAGE_WAIT = b"handle_userfault"
# Kernel functions in which a thread waits for a file system's server, where signals may still reach it (state S).
_SERVERS = (b"request_wait_answer", b"fuse_", b"rpc_wait", b"nfs", b"ceph_", b"rbd_")


async def waits_for_storage(look: Look) -> str:
    """Name a thread of QEMU that waits for storage; empty where none does.

    ``query-block`` calls ``fstat()`` on each image in the main loop. Where a file system does not answer, that call does not
    come back, and a guest that only missed a disk would stand still. So a thread counts that is in state D, that waits
    for a file system's server (NFS, FUSE, ...), or that reads or writes a file, and that is in that very call twice, 40 ms
    apart. It may be on its way out; then the question is left out without need, which costs little.
    """
    try:
        before = await look.host.patiently(lambda: dict(_waiting(look)), _TIMEOUT_S)
        if not before:
            return ""
        await look.host.sleep_until(look.host.mono_ns() + _APART_NS)
        after = await look.host.patiently(lambda: dict(_waiting(look)), _TIMEOUT_S)
    except OSError:
        return ""  # nobody can tell: the process has gone, or is denied to us
    return next((name for name, call in before.items() if after.get(name) == call), "")


async def waits_for_pages(look: Look) -> str:
    """Name a thread of QEMU that waits for a page of the guest's memory from another host; empty where none does.

    A vCPU that waits so (userfaultfd, a postcopy migration) cannot be asked for its registers: QEMU's main loop would wait with it, and
    the monitor would be silent until the page comes, perhaps for ever.
    """
    try:
        return await look.host.patiently(lambda: _page_waiter(look), _TIMEOUT_S)
    except OSError:
        return ""


def _page_waiter(look: Look) -> str:
    waiters = (name for name, _, folder in _threads(look) if _read(look, f"{folder}/wchan").startswith(_PAGE_WAIT))
    return next(waiters, "")


def _waiting(look: Look) -> Iterator[tuple[str, bytes]]:
    """Threads that may wait for storage just now, each with the line that tells its call."""
    for name, state, folder in _threads(look):
        call = _read(look, f"{folder}/syscall")
        at_disk = state == _UNINTERRUPTIBLE or call.partition(b" ")[0] in _DISK_CALLS
        if at_disk or _read(look, f"{folder}/wchan").startswith(_SERVERS):
            yield name, call


def _threads(look: Look) -> Iterator[tuple[str, bytes, str]]:
    """Each thread of QEMU: what to call it, its state, its folder."""
    folder = f"/proc/{look.guest.pid}/task"
    for tid in look.host.names(folder)[:_MOST_THREADS]:
        stat = _read(look, f"{folder}/{tid}/stat")
        name, _, fields = stat.partition(b"(")[2].rpartition(b")")
        shown = name[:_NAME_BYTES].decode("utf-8", "backslashreplace")
        yield f"thread {tid} ({shown})", b"".join(fields.split()[:1]), f"{folder}/{tid}"


def _read(look: Look, path: str) -> bytes:
    try:
        return look.host.read(path, 4096)
    except OSError:
        return b""  # the thread has ended, or we may not


def is_stopped(look: Look) -> bool:
    """Whether the process is stopped (SIGSTOP, a debugger): then no question would be answered, and libvirt, which waits
    for the answer without end, would keep its lock on the domain.
    """
    return stat_fields(look.host, look.guest.pid)[:1] in _STOPPED
