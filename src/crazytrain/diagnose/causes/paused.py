"""Cause healthy/paused."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.qemu_signs import status_claim
from crazytrain.model.facts import QemuState
from crazytrain.model.finding import Claim, Family

# Run states in which vCPUs stand still by somebody's will, without an error (QEMU's QMP reference: RunState).
BY_WILL = ("paused", "suspended", "prelaunch", "save-vm", "finish-migrate", "inmigrate", "restore-vm", "postmigrate")


def paused(state: QemuState) -> Claim:
    """Did somebody pause the guest?"""
    says = f"the guest is paused (QEMU's status: {state.status or 'not known'}), without an error"
    return status_claim(state, says, BY_WILL, 3000)


CAUSE = Cause(
    slug="paused",
    family=Family.HEALTHY,
    rank=Rank.SYMPTOM,
    judge=paused,
    absorbs=("guest-halted-dead", "guest-hung-io"),
)
