"""Signs that a guest which polls its disk's controller only waits for what stands behind it: storage that does not answer."""

from crazytrain.diagnose.causes.storage_stall import stalled_workers
from crazytrain.diagnose.disk_signs import nothing_ended, of_a_disk, remote_image
from crazytrain.diagnose.wait_signs import wait_point
from crazytrain.model.facts.block import BlockUse, DiskStates
from crazytrain.model.facts.waits import Waits
from crazytrain.model.finding import Point

BEHIND, MAYBE_BEHIND = 0.02, 0.05


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
    return ()
