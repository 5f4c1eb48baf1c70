"""Cause guest-stuck/guest-lost-interrupt."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.inside_signs import stuck_tasks, waits_for_io
from crazytrain.diagnose.signs import vcpu_share
from crazytrain.diagnose.wait_signs import longest
from crazytrain.model.facts import ThreadActivity, VcpuView
from crazytrain.model.facts.devices import VirtioReading, VirtQueues
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.waits import Waits
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point


def guest_lost_interrupt(
    inside: GuestInside,
    threads: ThreadActivity,
    queues: VirtQueues | None,
    reading: VirtioReading | None,
    view: VcpuView | None,
    waits: Waits | None,
) -> Claim:
    """Does the guest wait for work that its device has done, and was it never told?"""
    says = "a device has done its work and the guest waits on: the interrupt that tells of it was lost"
    stuck = [task for task in stuck_tasks(inside) if waits_for_io(task)]
    if not stuck:
        none = Point("no task of the guest hangs waiting for a disk", inside.refs, 0.01)
        return Claim(says=says, prior=0.005, points=(none,))
    first = stuck[0]
    points = [
        Point(f"thread {first.pid} ({first.comm}) inside the guest waits for a disk and never ran", inside.refs, 20),
        _queues_point(queues, reading),
        _idle_point(threads, view),
    ]
    worst = longest(list(waits.threads)) if waits else None
    if waits and worst and worst.state == "D":
        points.append(Point("a thread of QEMU itself is in D state: its storage is slow", waits.refs, 0.05))
    return Claim(says=says, prior=0.005, points=tuple(points), at_most=0.9)


def _queues_point(queues: VirtQueues | None, reading: VirtioReading | None) -> Point:
    """What QEMU holds of the guest's requests: seen twice, or at one moment, which says as much of a task that hung all the time."""
    seen = queues or reading
    refs = seen.refs if seen else ()
    disks = [queue for queue in (seen.queues if seen else ()) if queue.device in ("virtio-blk", "virtio-scsi")]
    busy = [queue for queue in disks if queue.in_use]
    if busy:
        says = f"QEMU still holds {count(busy[0].in_use, 'request')} of {busy[0].device}: they are not done"
        return Point(says, refs, 0.02)
    if not disks:
        return Point("no queue of a disk could be seen", refs, 0.5)
    return Point("QEMU has given back every request of the guest's disks", refs, 40 if queues else 25)


def _idle_point(threads: ThreadActivity, view: VcpuView | None) -> Point:
    used = vcpu_share(threads)
    halted = all(v.halted_ratio >= 0.9 for v in view.vcpus) if view else used < 0.05
    return Point(f"its vCPUs took {share(used)} of a CPU", threads.refs, 2 if halted else 0.3)


CAUSE = Cause(
    slug="guest-lost-interrupt",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_lost_interrupt,
    absorbs=("guest-hung-io",),
    either=(VirtQueues, VirtioReading),
)
