"""Cause qemu-blocked/storage-stall."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.wait_signs import is_long, lasted_ns, longest, none_waits, wait_point
from crazytrain.model.facts import ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.figures import count, span
from crazytrain.model.finding import Claim, Family, Point

# Calls that only files and disks know. A plain read may wait for a pipe or a socket, and rightly: it counts in state D alone.
_DISK_CALLS = ("pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "fsync", "fdatasync", "fallocate")
_PLAIN_CALLS = ("read", "write", "readv", "writev", "copy_file_range", "lseek", "")
_FLUSHES = ("fsync", "fdatasync", "fallocate")
_NOT_WORKERS = (ThreadRole.MAIN_LOOP, ThreadRole.VCPU, ThreadRole.IOTHREAD, ThreadRole.RCU)
LONG_FROM_NS, VERY_LONG_FROM_NS = 1_000_000_000, 5_000_000_000
_ONE_MOMENT = 5
# Where the kernel sleeps for a storage that is not in this machine, by the beginnings of its functions.
_REMOTE = {
    "NFS": ("nfs*", "rpc_*", "__rpc_*"),
    "FUSE": ("fuse_*", "request_wait_answer", "__fuse_*"),
    "Ceph": ("ceph_*", "rbd_*"),
    "DRBD": ("drbd_*",),
    "CIFS": ("cifs_*", "smb*"),
    "NBD": ("nbd_*",),
}


def storage_stall(waits: Waits) -> Claim:
    """Does the storage under a disk of the guest not answer?"""
    stalled = [wait for wait in waits.threads if at_the_disk(wait) and is_long(wait, _long_for(wait))]
    worst = longest(stalled)
    if worst is None:
        against = none_waits(waits, "worker of QEMU is stuck in disk I/O")
        return Claim(says="the storage does not answer", prior=0.02, points=(against,))
    ratio = 150 if lasted_ns(worst) >= VERY_LONG_FROM_NS else 60
    if not lasted_ns(worst):
        ratio = _ONE_MOMENT  # a guest that uses its disks is often caught so
    points = [wait_point(worst, ratio), *_kernel_points(worst)]
    if len(stalled) > 1:
        points.append(Point(f"{count(len(stalled), 'thread')} of QEMU's workers are stuck so", waits.refs, 2))
    on = f" of {worst.on}" if worst.on else ""
    lasted = f" for {span(lasted_ns(worst))}" if lasted_ns(worst) else ""
    says = f"the storage does not answer: a worker of QEMU has been inside {worst.call or 'the kernel'}{on}{lasted}"
    return Claim(says=says, prior=0.02, points=tuple(points))


def at_the_disk(wait: Waiting) -> bool:
    """Whether a thread of QEMU's that is neither loop nor vCPU moves data, or sleeps in the kernel for it."""
    return wait.role not in _NOT_WORKERS and (
        wait.call in _DISK_CALLS or (wait.state == "D" and wait.call in _PLAIN_CALLS)
    )


def _long_for(wait: Waiting) -> int:
    """A flush may take seconds on a disk that is only slow."""
    return 3 * LONG_FROM_NS if wait.call in _FLUSHES else LONG_FROM_NS


def _kernel_points(wait: Waiting) -> tuple[Point, ...]:
    for name, functions in _REMOTE.items():
        if wait.in_kernel(*functions):
            return (Point(f"it sleeps in the kernel's {wait.wchan}: it waits for {name}", wait.refs, 3),)
    return (Point("it cannot be interrupted (state D)", wait.refs, 2),) if wait.state == "D" else ()


CAUSE = Cause(
    slug="storage-stall",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=storage_stall,
    absorbs=("guest-hung-io",),
)
