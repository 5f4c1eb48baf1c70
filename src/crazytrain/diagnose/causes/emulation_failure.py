"""Cause vcpu-cannot-run/emulation-failure."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import QemuState
from crazytrain.model.finding import Claim, Family, Point


def emulation_failure(state: QemuState) -> Claim:
    """Did KVM give up on an instruction?"""
    failed = state.status == "internal-error"
    return Claim(
        says="KVM could not go on with this guest (internal error): it met an instruction that it cannot emulate",
        prior=0.02,
        points=(Point(f"QEMU's status is {state.status or 'not known'}", state.refs, 1000 if failed else 0.02),),
    )


CAUSE = Cause(
    slug="emulation-failure",
    family=Family.VCPU_CANNOT_RUN,
    rank=Rank.SPECIFIC,
    judge=emulation_failure,
    absorbs=("guest-halted-dead",),
)
