"""Cause healthy/paused."""

import msgspec

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.qemu_signs import status_claim
from crazytrain.diagnose.standing_signs import stopped_vcpus
from crazytrain.model.facts import QemuConfig, QemuState
from crazytrain.model.facts.waits import Waits
from crazytrain.model.finding import Claim, Family, Point

# Run states in which vCPUs stand still by somebody's will, without an error (QEMU's QMP reference: RunState).
BY_WILL = (
    "paused",
    "suspended",
    "prelaunch",
    "save-vm",
    "finish-migrate",
    "inmigrate",
    "restore-vm",
    "postmigrate",
    "debug",
)
OFF = "shutdown"
PASSING = (
    "finish-migrate",
    "save-vm",
    "restore-vm",
)  # QEMU's own, for moments: what lasts so hangs on what QEMU does meanwhile
PASSING_AT_MOST = 0.7
UNTOLD_AT_MOST = 0.8  # that its vCPUs are stopped may be sure; that it was no error is not
RESET_OR_OFF_AT_MOST = 0.6


def paused(state: QemuState, waits: Waits | None, config: QemuConfig | None) -> Claim:
    """Did somebody pause the guest?"""
    if state.status == OFF:
        return _off(state, config)
    stopped = stopped_vcpus(waits, config) if not state.status else None
    if stopped:
        says = "the guest is paused: QEMU has stopped its vCPUs (its status was not told)"
        claim = status_claim(state, says, BY_WILL, 3000)
        return msgspec.structs.replace(claim, points=(stopped,), at_most=UNTOLD_AT_MOST)
    says = f"the guest is paused (QEMU's status: {state.status or 'not known'}), without an error"
    claim = status_claim(state, says, BY_WILL, 3000)
    return msgspec.structs.replace(claim, at_most=PASSING_AT_MOST) if state.status in PASSING else claim


def _off(state: QemuState, config: QemuConfig | None) -> Claim:
    """It has switched itself off, and QEMU was told to stay (-no-shutdown). With -no-reboot a reset or a triple fault ends so, too."""
    if config is not None and config.no_reboot:
        says = "the guest has switched itself off or reset itself, and QEMU keeps what is left of it (status shutdown; -no-reboot)"
        claim = status_claim(state, says, (OFF,), 100)
        return msgspec.structs.replace(claim, at_most=RESET_OR_OFF_AT_MOST)
    says = "the guest has switched itself off, and QEMU keeps what is left of it (status shutdown)"
    claim = status_claim(state, says, (OFF,), 300)
    if config is None:  # by whom, and whether -no-reboot turns each reset into this, nobody knows
        return msgspec.structs.replace(claim, at_most=RESET_OR_OFF_AT_MOST)
    resets = Point("a reset or a triple fault would have started it anew: QEMU was not told -no-reboot", config.refs, 4)
    return msgspec.structs.replace(claim, points=(*claim.points, resets))


CAUSE = Cause(
    slug="paused",
    family=Family.HEALTHY,
    rank=Rank.SYMPTOM,
    judge=paused,
    absorbs=(
        "guest-halted-dead",
        "guest-hung-io",
        "firmware-hang",
        "firmware-wait",
        "guest-hard-lockup",
        "healthy-idle",
        "software-emulation",
    ),
)
