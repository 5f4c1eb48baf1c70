"""Cause qemu-blocked/enospc-paused."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import QemuState
from crazytrain.model.finding import Claim, Family, Point

PAUSED_BY_ERROR = "io-error"


def enospc_paused(state: QemuState) -> Claim:
    """Did QEMU pause the guest because of a storage error?"""
    paused = state.status == PAUSED_BY_ERROR
    return Claim(
        says="QEMU has paused the guest because of a storage error (out of space, or the storage failed)",
        prior=0.02,
        points=(Point(f"QEMU's status is {state.status or 'not known'}", state.refs, 2000 if paused else 0.02),),
    )


CAUSE = Cause(
    slug="enospc-paused",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=enospc_paused,
    absorbs=("guest-halted-dead",),
)
