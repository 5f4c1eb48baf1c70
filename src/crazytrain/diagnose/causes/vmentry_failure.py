"""Cause vcpu-cannot-run/vmentry-failure."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import LOG_LOOK, said_point, silent_point, stands_still_point
from crazytrain.model.facts import QemuState
from crazytrain.model.facts.dumps import FailureDump
from crazytrain.model.facts.logs import QemuLine, QemuLog, QemuMeaning
from crazytrain.model.finding import Claim, Family, Point

_OTHERS = (QemuMeaning.INTERNAL_ERROR, QemuMeaning.BAD_ADDRESS)
# Intel SDM Vol. 3, appendix C: exit reasons of a failed entry, their low 16 bits; and 31.4: errors of the instruction itself.
_REASONS = {33: "the guest's state is invalid", 34: "an MSR could not be loaded", 41: "a machine check came at entry"}
_ERRORS = {
    4: "VMLAUNCH of a VMCS that is not clear: the host's own bookkeeping is at fault",
    5: "VMRESUME of a VMCS that was not launched: the host's own bookkeeping is at fault",
    7: "a control field of the VMCS is invalid: KVM or the processor's features, not the guest",
    8: "a host-state field of the VMCS is invalid: KVM, not the guest",
}
_AMD_INVALID = 0xFFFFFFFF
_SAYS = "the processor refuses to run this guest: entering guest mode failed"
_GAVE_UP = "KVM handed the guest's CPU back for a reason that nobody can act upon, and QEMU gave it up"
_GIVEN_BACK = 60  # an exit that KVM itself takes as a rule; nearly always the processor or a hypervisor below does not do as it says
_NO_STATE_SO = 300  # no vCPU that runs has a state that the processor refuses


def vmentry_failure(log: QemuLog | None, state: QemuState | None, dump: FailureDump | None) -> Claim:
    """Did the processor refuse to enter guest mode?"""
    lines = log.of(QemuMeaning.ENTRY_FAILED) if log else ()
    strange = dump.invalid if dump else ()
    if log is None and not strange:
        return Claim(says=_SAYS, prior=0.02, missing=(LOG_LOOK,))
    if log and not lines and not strange and log.of(QemuMeaning.UNKNOWN_EXIT):
        given_back = (*said_point(log, (QemuMeaning.UNKNOWN_EXIT,), _GIVEN_BACK), *_where(log, dump))
        return Claim(says=_GAVE_UP, prior=0.02, points=given_back, missing=(LOG_LOOK,), at_most=0.78)
    if log and not lines and (not strange or log.of(*_OTHERS)):
        none = silent_point(log, "tells of a failed entry into guest mode", 0.02, _OTHERS)
        return Claim(says=_SAYS, prior=0.02, points=(none,), missing=(LOG_LOOK,))
    points = list(stands_still_point(state, 3)) if lines else []
    if log and lines:
        points += [*said_point(log, (QemuMeaning.ENTRY_FAILED,), 1000), *_error(lines[-1])]
    if dump and strange:
        says = f"the registers are of no state that a processor may run: {'; '.join(strange)}"
        points.append(Point(says, dump.refs, 3 if lines else _NO_STATE_SO))
    points += _where(log, dump)
    return Claim(says=_SAYS, prior=0.02, points=tuple(points))


def _error(line: QemuLine) -> tuple[Point, ...]:
    number = line.number or 0
    if number == _AMD_INVALID:
        return (Point("hardware error 0xffffffff: the guest's state is invalid (AMD: VMEXIT_INVALID)", (line.ref,), 1),)
    known = _REASONS.get(number & 0xFFFF) if number >> 31 else _ERRORS.get(number)
    return (Point(f"hardware error {number:#x}: {known} (Intel)", (line.ref,), 1),) if known else ()


def _where(log: QemuLog | None, dump: FailureDump | None) -> tuple[Point, ...]:
    sample = dump.sample if dump else log.dump if log else None
    refs = dump.refs if dump else log.refs if log else ()
    return (Point(f"it stood at {sample.address:#x} in {sample.mode.value} mode", refs, 1),) if sample else ()


CAUSE = Cause(
    slug="vmentry-failure",
    family=Family.VCPU_CANNOT_RUN,
    rank=Rank.SPECIFIC,
    judge=vmentry_failure,
    absorbs=("emulation-failure", "guest-halted-dead"),
)
