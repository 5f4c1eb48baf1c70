"""Signs that a guest which polls its disk's controller only waits for what stands behind it: storage that does not answer."""

from crazytrain.diagnose.causes.storage_stall import stalled_workers
from crazytrain.diagnose.disk_signs import nothing_ended, of_a_disk, remote_image
from crazytrain.diagnose.wait_signs import wait_point
from crazytrain.model.facts.block import BlockUse, DiskStates
from crazytrain.model.facts.waits import Waits
from crazytrain.model.figures import span
from crazytrain.model.finding import Point

BEHIND, MAYBE_BEHIND = 0.02, 0.05
_ALWAYS_ONE = 0.8  # requests under way, in the mean
_SLOW_FROM_NS = 50_000_000  # of the slowest disk that turns, a few times over


def behind_the_controller(
    owner: str, waits: Waits | None, block: BlockUse | None, disks: DiskStates | None
) -> tuple[Point, ...]:
    """That polling is but how the guest waits for its storage, as a point against polling for its own sake."""
    if not of_a_disk(owner):
        return ()
    stalled = stalled_workers(waits)
    if stalled:
        told = wait_point(stalled[0], BEHIND)
        return (Point(f"the guest only waits so for its disk: {told.says}", told.refs, BEHIND),)
    remote = remote_image(disks)
    if remote and block and nothing_ended(block):
        says = f"no request of its disks ended meanwhile, and {remote} is on a server: the guest may only wait for that"
        return (Point(says, block.refs, MAYBE_BEHIND),)
    return _slow_requests(block, disks)


def _slow_requests(block: BlockUse | None, disks: DiskStates | None) -> tuple[Point, ...]:
    """That a request is under way nearly all the time, and each takes long: between two of them there is hardly time to poll for anything else."""
    for disk in block.disks if block else ():
        took_ns = max(disk.read_ns or 0.0, disk.write_ns or 0.0, disk.flush_ns or 0.0)
        if block and disk.in_flight >= _ALWAYS_ONE and took_ns >= _SLOW_FROM_NS:
            limited = any(state.disk == disk.disk and state.throttled for state in disks.disks) if disks else False
            why = ", which is throttled" if limited else ""
            says = f"the guest only waits so for its disk {disk.disk}{why}: a request took {span(took_ns)}"
            return (Point(says, block.refs, MAYBE_BEHIND),)
    return ()
