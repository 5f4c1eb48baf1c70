"""Cause qemu-blocked/enospc-paused."""

from collections.abc import Iterator

import msgspec

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.qemu_signs import status_claim
from crazytrain.model.facts import QemuState
from crazytrain.model.facts.storage import GuestStorage
from crazytrain.model.figures import size
from crazytrain.model.finding import Claim, Family, Point

NOSPACE = ": nospace"
TELLS_WHY = (1, 0, 0)  # older monitors said "paused" whatever the reason
_NO_REASON = "QEMU's status is paused, and this version does not say why"
OTHER_ERROR_AT_MOST = 0.7  # paused for an error of the storage that is not known to be want of space


def enospc_paused(state: QemuState, storage: GuestStorage | None) -> Claim:
    """Did QEMU pause the guest because of a storage error?"""
    says = "QEMU has paused the guest because of a storage error (out of space, or the storage failed)"
    claim = status_claim(state, says, ("io-error",), 2000)
    if state.status == "paused" and state.version is not None and state.version < TELLS_WHY:
        return msgspec.structs.replace(claim, points=(Point(_NO_REASON, state.refs, 1.5),))
    if state.status != "io-error":
        return claim
    told, full = tuple(_told(state)), tuple(_full(storage))
    if any(NOSPACE in error for error in state.io_errors) or full:
        says = "QEMU has paused the guest: its disk could not be written, for there is no space left on the host"
        return msgspec.structs.replace(claim, says=says, points=(*claim.points, *told, *full))
    at_most = OTHER_ERROR_AT_MOST if told else claim.at_most
    return msgspec.structs.replace(claim, points=(*claim.points, *told), at_most=at_most)


def _told(state: QemuState) -> Iterator[Point]:
    """What QEMU says of the disk in trouble."""
    if state.io_errors:
        yield Point(f"QEMU names the device in trouble: {', '.join(state.io_errors)}", state.refs, 20)


def _full(storage: GuestStorage | None) -> Iterator[Point]:
    """What the host says of the file systems behind the images."""
    for image in storage.full if storage else ():
        where = image.mount_point or image.path
        left = "no inodes" if image.free_inodes == 0 and image.total_inodes else f"{size(image.free_bytes or 0)} free"
        of = f" of {size(image.total_bytes)}" if image.total_bytes else ""
        kind = f" ({image.fs_type})" if image.fs_type else ""
        if storage:
            yield Point(f"{image.path} lies on {where}{kind}, which is full: {left}{of}", storage.refs, 10)


CAUSE = Cause(
    slug="enospc-paused",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=enospc_paused,
    absorbs=("guest-halted-dead", "guest-hung-io"),
)
