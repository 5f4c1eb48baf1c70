"""Cause vcpu-cannot-run/cpu-mismatch."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import LOG_LOOK, said_point, silent_point
from crazytrain.model.facts import QemuState
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.finding import Claim, Family, Point

# The plain registers are not of one processor model: KVM refuses what a guest of its own set up wrongly in the same words.
_PLAIN = 60


def cpu_mismatch(log: QemuLog, state: QemuState | None) -> Claim:
    """Does the host's processor differ from the one that the guest was made for?"""
    says = "the guest's processor state does not fit this host's processor: QEMU could not set it"
    plain = all("registers" in line.text for line in log.of(QemuMeaning.CPU_STATE))
    refused = said_point(log, (QemuMeaning.CPU_STATE,), _PLAIN if plain else 200)
    lacking = said_point(log, (QemuMeaning.CPU_FEATURE,), 3)
    if not refused and not lacking:
        none = silent_point(log, "tells of a refused processor state or a missing feature", 0.05)
        return Claim(says=says, prior=0.02, points=(none,), missing=(LOG_LOOK,))
    points = [*refused, *lacking, *said_point(log, (QemuMeaning.TSC_FREQUENCY,), 1.5)]
    if state and state.status:
        runs = state.status == "running"
        points.append(Point(f"QEMU's status is {state.status}", state.refs, 0.2 if runs else 3))
    return Claim(says=says, prior=0.02, points=tuple(points), at_most=0.75 if plain and not lacking else 0.9)


CAUSE = Cause(slug="cpu-mismatch", family=Family.VCPU_CANNOT_RUN, rank=Rank.SPECIFIC, judge=cpu_mismatch)
