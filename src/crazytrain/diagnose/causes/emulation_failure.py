"""Cause vcpu-cannot-run/emulation-failure."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.qemu_signs import status_claim
from crazytrain.model.facts import QemuState
from crazytrain.model.finding import Claim, Family


def emulation_failure(state: QemuState) -> Claim:
    """Did KVM give up on an instruction?"""
    says = "KVM could not go on with this guest (internal error): it met an instruction that it cannot emulate"
    return status_claim(state, says, ("internal-error",), 1000)


CAUSE = Cause(
    slug="emulation-failure",
    family=Family.VCPU_CANNOT_RUN,
    rank=Rank.SPECIFIC,
    judge=emulation_failure,
    absorbs=("guest-halted-dead",),
)
