"""Signs that causes share which rest on what QEMU says of itself."""

from crazytrain.model.facts import QemuState
from crazytrain.model.finding import Claim, Look, Point

STATUS_LOOK = Look("QEMU's run state", "virsh qemu-monitor-command {name} --hmp 'info status'")


def status_claim(state: QemuState, says: str, wanted: tuple[str, ...], ratio: float) -> Claim:
    """A cause that stands or falls with the run state. A monitor that did not tell it leaves the cause open."""
    if not state.status:
        return Claim(says=says, prior=0.02, missing=(STATUS_LOOK,))
    fits = state.status in wanted
    return Claim(
        says=says, prior=0.02, points=(Point(f"QEMU's status is {state.status}", state.refs, ratio if fits else 0.01),)
    )
