"""Cause vcpu-cannot-run/emulation-failure."""

import msgspec

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import LOG_LOOK, said_point
from crazytrain.diagnose.qemu_signs import status_claim
from crazytrain.model.facts import QemuState
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.finding import Claim, Family, Point

_OTHERS = (QemuMeaning.ENTRY_FAILED, QemuMeaning.BAD_ADDRESS, QemuMeaning.RUN_FAILED, QemuMeaning.UNKNOWN_EXIT)
# KVM_INTERNAL_ERROR_* of linux/include/uapi/linux/kvm.h
_SUBERRORS = {
    1: "an instruction that KVM cannot emulate",
    2: "exceptions that came at the same time",
    3: "an event that could not be delivered",
    4: "an unexpected exit reason",
}

# What KVM on Arm returns for an access to a device of which the processor does not tell what it was.
_NOT_DECODED = "Function not implemented"


def emulation_failure(state: QemuState | None, log: QemuLog | None) -> Claim:
    """Did KVM give up on an instruction?"""
    says = "KVM could not go on with this guest (internal error): it met an instruction that it cannot emulate"
    nothing = Claim(says=says, prior=0.02, missing=(LOG_LOOK,))
    claim = status_claim(state, says, ("internal-error",), 1000) if state else nothing
    if log is None:
        return claim
    # What a live guest is said to be tells more than a line that it may have written itself.
    own = said_point(log, (QemuMeaning.INTERNAL_ERROR,), 20 if state and state.status else 1000)
    points = [*claim.points, *own]
    lines = log.of(QemuMeaning.INTERNAL_ERROR)
    undecoded = [line for line in log.of(QemuMeaning.RUN_FAILED) if _NOT_DECODED in line.text]
    if undecoded and not lines:
        said = Point(f"QEMU wrote: {undecoded[-1].text}", (undecoded[-1].ref,), 200)
        return msgspec.structs.replace(claim, points=(*claim.points, said), missing=claim.missing or (LOG_LOOK,))
    if lines and lines[-1].number in _SUBERRORS:
        what = _SUBERRORS[lines[-1].number or 0]
        points.append(Point(f"suberror {lines[-1].number}: {what}", (lines[-1].ref,), 1))
        says = f"KVM could not go on with this guest (internal error): {what}"
    elif not lines:
        points.extend(said_point(log, _OTHERS, 0.001))
    points.extend(_dump(log) if lines or state else ())
    return msgspec.structs.replace(claim, says=says, points=tuple(points), missing=claim.missing or (LOG_LOOK,))


def _dump(log: QemuLog) -> tuple[Point, ...]:
    if log.dump is None:
        return ()
    code = f", code {log.code}" if log.code else ""
    return (Point(f"it stood at {log.dump.address:#x} in {log.dump.mode.value} mode{code}", log.refs, 1),)


CAUSE = Cause(
    slug="emulation-failure",
    family=Family.VCPU_CANNOT_RUN,
    rank=Rank.SPECIFIC,
    judge=emulation_failure,
    absorbs=("guest-halted-dead",),
)
