"""Cause main-loop-spin/dead-client-spin."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.spin_signs import READY_LOOK, Whose, loop_cpu, not_spinning, spin_points, spins
from crazytrain.model.facts import Loops, QemuConfig, ThreadActivity
from crazytrain.model.finding import Claim, Family, Point


def dead_client_spin(loops: Loops, threads: ThreadActivity | None, config: QemuConfig | None) -> Claim:
    """Does a loop of QEMU spin on a client that is gone?"""
    says = "a loop of QEMU spins on a client that is gone: its socket is ready for ever, and QEMU does not drop it"
    all_found = spins(loops, config)
    found = tuple(one for one in all_found if one.whose is Whose.CLIENT)
    if not found:
        against = not_spinning(loops) if not all_found else ()
        return Claim(says=says, prior=0.01, points=against, missing=() if against else (READY_LOOK,))
    first = found[0]
    gone = first.use.hung_up or first.use.empty > 0
    how = "its peer hung up" if first.use.hung_up else "reads of it gave 0 bytes, the end of the stream"
    sign = Point(how, loops.refs, 4) if gone else Point("no sign that its peer is gone was seen", loops.refs, 0.05)
    return Claim(
        says=f"{says} ({first.use.label})",
        prior=0.01,
        points=(*spin_points(found, loops), sign, *loop_cpu(first.loop, threads)),
    )


CAUSE = Cause(
    slug="dead-client-spin",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=dead_client_spin,
    absorbs=("timer-always-due", "software-emulation", "cpu-contention"),
)
