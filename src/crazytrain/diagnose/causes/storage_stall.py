"""Cause qemu-blocked/storage-stall."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.disk_signs import nothing_ended, of_a_disk, remote_image
from crazytrain.diagnose.signs import storms, top_port
from crazytrain.diagnose.wait_signs import is_long, lasted_ns, longest, none_waits, wait_point
from crazytrain.model.facts import KvmExits, ThreadRole
from crazytrain.model.facts.block import BlockUse, DiskStates
from crazytrain.model.facts.devices import VirtQueues
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.figures import count, rate, span
from crazytrain.model.finding import Claim, Family, Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for

# Calls that only files and disks know. A plain read may wait for a pipe or a socket, and rightly: it counts in state D alone.
_DISK_CALLS = ("pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "fsync", "fdatasync", "fallocate")
_PLAIN_CALLS = ("read", "write", "readv", "writev", "copy_file_range", "lseek", "")
_FLUSHES = ("fsync", "fdatasync", "fallocate")
_NOT_WORKERS = (ThreadRole.MAIN_LOOP, ThreadRole.VCPU, ThreadRole.IOTHREAD, ThreadRole.RCU)
LONG_FROM_NS, VERY_LONG_FROM_NS = 1_000_000_000, 5_000_000_000
_ONE_MOMENT, _WHOEVER = 5.0, 2.5
_FROZEN = ("__refrigerator",)  # by its control group, or because the host is going to sleep
# Where the kernel sleeps for a storage that is not in this machine, by the beginnings of its functions.
_REMOTE = {
    "NFS": ("nfs*", "rpc_*", "__rpc_*"),
    "FUSE": ("fuse_*", "request_wait_answer", "__fuse_*"),
    "Ceph": ("ceph_*", "rbd_*"),
    "DRBD": ("drbd_*",),
    "CIFS": ("cifs_*", "smb*"),
    "NBD": ("nbd_*",),
    "a file system that is frozen (fsfreeze, or a snapshot being taken)": ("percpu_rwsem_wait", "__sb_start_write"),
}


def storage_stall(
    waits: Waits,
    exits: KvmExits | None,
    block: BlockUse | None,
    disks: DiskStates | None,
    queues: VirtQueues | None,
) -> Claim:
    """Does the storage under a disk of the guest not answer?"""
    stalled = stalled_workers(waits)
    worst = longest(stalled)
    if worst is None:
        waited = (*_kept_requests(queues, block), *_polled(exits, block, disks))[:1]
        return _without_a_worker(waits, waited, remote_image(disks))
    ratio = 150.0 if lasted_ns(worst) >= VERY_LONG_FROM_NS else 60.0
    if not lasted_ns(worst):
        sure = worst.role is ThreadRole.WORKER or worst.state == "D"
        ratio = _ONE_MOMENT if sure else _WHOEVER  # a guest that uses its disks is often caught so
    points = [wait_point(worst, ratio), *_kernel_points(worst)]
    if len(stalled) > 1:
        points.append(Point(f"{count(len(stalled), 'thread')} of QEMU's workers are stuck so", waits.refs, 2))
    on = f" of {worst.on}" if worst.on else ""
    lasted = f" for {span(lasted_ns(worst))}" if lasted_ns(worst) else ""
    says = f"the storage does not answer: a worker of QEMU has been inside {worst.call or 'the kernel'}{on}{lasted}"
    return Claim(says=says, prior=0.02, points=tuple(points))


def stalled_workers(waits: Waits | None) -> list[Waiting]:
    """The threads that have moved data of a disk for longer than a disk that works takes."""
    return [wait for wait in (waits.threads if waits else ()) if at_the_disk(wait) and is_long(wait, _long_for(wait))]


def _without_a_worker(waits: Waits, waited: tuple[Point, ...], remote: str) -> Claim:
    """An image on a server, and one that is read by io_uring or native AIO, has no worker that could be seen to hang."""
    if not waited:
        against = none_waits(waits, "worker of QEMU is stuck in disk I/O")
        return Claim(says="the storage does not answer", prior=0.02, points=(against,))
    if remote:
        says = f"the storage may not answer: the guest waits for a disk, and {remote} is on a server"
        return Claim(says=says, prior=0.02, points=waited)
    none = Point("no worker of QEMU is stuck in disk I/O; io_uring and native AIO need none", waits.refs, 0.3)
    return Claim(says="the storage may not answer: the guest waits for a disk", prior=0.02, points=(*waited, none))


def _kept_requests(queues: VirtQueues | None, block: BlockUse | None) -> tuple[Point, ...]:
    """Requests that the guest handed to its disk, and that did not come back."""
    kept = sum(queue.in_use for queue in queues.queues if queue.stuck) if queues else 0
    if not kept or queues is None or block is None or not nothing_ended(block):
        return ()
    says = f"{count(kept, 'request')} of the guest stayed with its disk for {span(queues.window_ns)}, and none of any disk ended"
    return (Point(says, (*queues.refs, *block.refs), 90 if queues.window_ns >= LONG_FROM_NS else 40),)


def _polled(exits: KvmExits | None, block: BlockUse | None, disks: DiskStates | None) -> tuple[Point, ...]:
    """That the guest polls the controller, and nothing ends, where no worker would be seen."""
    remote, port = remote_image(disks), top_port(exits) if exits else None
    if not remote or not exits or not port or not block or not nothing_ended(block):
        return ()
    if not of_a_disk(port.owner) or not storms(exits, port.count):
        return ()
    says = f"the guest polls {port.owner} {rate(exits.per_s(port.count))}, no request of its disks ended, and {remote} is on a server"
    return (Point(says, (*exits.refs, *block.refs), 60),)


def at_the_disk(wait: Waiting) -> bool:
    """Whether a thread of QEMU's that is neither loop nor vCPU moves data, or sleeps in the kernel for it.

    A vCPU may sleep so, too: where the guest's memory is a file, or a page of it has to be written first.
    """
    if wait.in_kernel(*_FROZEN):
        return False
    what = waits_for(wait.kernel) if wait.state == "D" else None
    if wait.role is ThreadRole.VCPU:
        return what is WaitsFor.STORAGE
    return (
        wait.role not in _NOT_WORKERS
        and what in (None, WaitsFor.STORAGE)
        and (wait.call in _DISK_CALLS or (wait.state == "D" and wait.call in _PLAIN_CALLS))
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
    absorbs=("guest-hung-io", "cpu-contention", "healthy-idle"),
)
