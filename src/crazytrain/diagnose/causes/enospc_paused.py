"""Cause qemu-blocked/enospc-paused."""

import msgspec

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.qemu_signs import status_claim
from crazytrain.model.facts import QemuState
from crazytrain.model.finding import Claim, Family, Point


def enospc_paused(state: QemuState) -> Claim:
    """Did QEMU pause the guest because of a storage error?"""
    says = "QEMU has paused the guest because of a storage error (out of space, or the storage failed)"
    claim = status_claim(state, says, ("io-error",), 2000)
    if not state.io_errors:
        return claim
    told = Point(f"QEMU names the device in trouble: {', '.join(state.io_errors)}", state.refs, 20)
    return msgspec.structs.replace(claim, points=(*claim.points, told))


CAUSE = Cause(
    slug="enospc-paused",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=enospc_paused,
    absorbs=("guest-halted-dead",),
)
