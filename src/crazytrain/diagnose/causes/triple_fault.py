"""Cause vcpu-cannot-run/triple-fault."""

from crazytrain.diagnose.bare_signs import shutdown_point
from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import said_point
from crazytrain.model.facts import KvmExits, QemuConfig, QemuState, VcpuView
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.finding import Claim, Family, Point

OFF = "shutdown"
UNWATCHED_AT_MOST = 0.9


def triple_fault(
    exits: KvmExits | None,
    state: QemuState | None,
    log: QemuLog | None,
    view: VcpuView | None,
    config: QemuConfig | None,
) -> Claim:
    """Did a vCPU shut down by a triple fault?"""
    seen: list[Point] = []
    if exits and exits.window_ns:
        point = shutdown_point(exits, once=200, again=200)
        seen.extend(
            (point,) if point.ratio > 1 or state is None or state.status != OFF else ()
        )  # who is off has no exits
    again = log is not None and len(log.of(QemuMeaning.TRIPLE_FAULT)) > 1  # then that it goes on says more
    seen.extend(said_point(log, (QemuMeaning.TRIPLE_FAULT,), 100 if again else 250) if log else ())
    points = list(seen)
    if state and state.status:
        points.append(_state_point(state))
        points.extend(_left_points(state, view, config))
    return Claim(
        says="a vCPU shut down by a triple fault: the guest had no handler left for its last error",
        prior=0.01,
        points=tuple(points),
        at_most=1.0 if any(point.ratio > 1 for point in seen) else UNWATCHED_AT_MOST,
    )


def _state_point(state: QemuState) -> Point:
    """`shutdown` is a guest that powered itself off and was kept, as well."""
    says = f"QEMU says that the guest is {state.status}"
    return Point(says, state.refs, 8 if state.status == OFF else 1)


def _left_points(state: QemuState, view: VcpuView | None, config: QemuConfig | None) -> tuple[Point, ...]:
    """What is left of a guest that was shut down: a processor that has no handler for any error cannot but end so.

    With -no-reboot a reset ends as a shutdown. Some systems empty the table themselves, to be reset by a triple fault.
    """
    if state.status != OFF or view is None or config is None or not view.vcpus:
        return ()
    if not any(vcpu.no_gates for vcpu in view.vcpus):
        return ()
    says = "its table of interrupts has no room for a handler of any error"
    if not config.no_reboot:
        return (
            Point(
                f"{says}, but a triple fault would have started it anew: QEMU was not told -no-reboot", view.refs, 0.3
            ),
        )
    return (Point(f"{says}, and QEMU was told to shut it down instead of a reset (-no-reboot)", view.refs, 60),)


CAUSE = Cause(
    slug="triple-fault",
    family=Family.VCPU_CANNOT_RUN,
    rank=Rank.SPECIFIC,
    judge=triple_fault,
    absorbs=("paused",),
)
