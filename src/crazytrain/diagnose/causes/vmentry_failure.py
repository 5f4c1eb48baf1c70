"""Cause vcpu-cannot-run/vmentry-failure."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import said_point, stands_still_point
from crazytrain.model.facts import QemuState
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.finding import Claim, Family, Point

_INVALID_STATE = 33  # the low 16 bits of Intel's exit reason: "VM-entry failure due to invalid guest state"
_MSR_LOADING = 34


def vmentry_failure(log: QemuLog, state: QemuState | None) -> Claim:
    """Did the processor refuse to enter guest mode?"""
    says = "the processor refuses to run this guest: entering guest mode failed"
    lines = log.of(QemuMeaning.ENTRY_FAILED)
    if not lines:
        none = Point("QEMU's log tells of no failed entry into guest mode", log.refs, 0.02)
        return Claim(says=says, prior=0.02, points=(none,))
    points = [*said_point(log, (QemuMeaning.ENTRY_FAILED,), 1000), *stands_still_point(state, 3)]
    number = lines[-1].number or 0
    known = {_INVALID_STATE: "the guest's state is invalid", _MSR_LOADING: "an MSR could not be loaded"}
    if number >> 31 and (number & 0xFFFF) in known:
        points.append(Point(f"hardware error {number:#x}: {known[number & 0xFFFF]} (Intel)", (lines[-1].ref,), 1))
    if log.dump:
        where = f"it stood at {log.dump.address:#x} in {log.dump.mode.value} mode"
        points.append(Point(where, log.refs, 1))
    return Claim(says=says, prior=0.02, points=tuple(points))


CAUSE = Cause(
    slug="vmentry-failure",
    family=Family.VCPU_CANNOT_RUN,
    rank=Rank.SPECIFIC,
    judge=vmentry_failure,
    absorbs=("emulation-failure", "guest-halted-dead"),
)
