"""Cause healthy/paused."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import (
    QemuState,
)
from crazytrain.model.finding import Claim, Family, Point


def paused(state: QemuState) -> Claim:
    """Did somebody pause the guest?"""
    held = state.status in ("paused", "suspended", "prelaunch", "save-vm", "finish-migrate", "inmigrate", "restore-vm")
    return Claim(
        says=f"the guest is paused (QEMU's status: {state.status or 'not known'}), without an error",
        prior=0.02,
        points=(Point(f"QEMU's status is {state.status or 'not known'}", state.refs, 3000 if held else 0.01),),
    )


CAUSE = Cause(slug="paused", family=Family.HEALTHY, rank=Rank.SYMPTOM, judge=paused, absorbs=("guest-halted-dead",))
