"""Cause vcpu-cannot-run/triple-fault."""

from crazytrain.diagnose.bare_signs import shutdown_point
from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import said_point
from crazytrain.model.facts import KvmExits, QemuState
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.finding import Claim, Family, Point


def triple_fault(exits: KvmExits | None, state: QemuState | None, log: QemuLog | None) -> Claim:
    """Did a vCPU shut down by a triple fault?"""
    points: list[Point] = []
    if exits and exits.window_ns:
        points.append(shutdown_point(exits, once=200, again=200))
    if state and state.status:
        points.append(_state_point(state))
    points.extend(said_point(log, (QemuMeaning.TRIPLE_FAULT,), 100) if log else ())
    return Claim(
        says="a vCPU shut down by a triple fault: the guest had no handler left for its last error",
        prior=0.01,
        points=tuple(points),
    )


def _state_point(state: QemuState) -> Point:
    """`shutdown` is a guest that powered itself off and was kept, as well."""
    says = f"QEMU says that the guest is {state.status}"
    return Point(says, state.refs, 8 if state.status == "shutdown" else 1)


CAUSE = Cause(slug="triple-fault", family=Family.VCPU_CANNOT_RUN, rank=Rank.SPECIFIC, judge=triple_fault)
