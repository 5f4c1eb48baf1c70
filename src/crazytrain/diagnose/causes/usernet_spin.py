"""Cause main-loop-spin/usernet-spin."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.spin_signs import READY_LOOK, Whose, has_usernet, loop_cpu, not_spinning, spin_points, spins
from crazytrain.model.facts import Loops, QemuConfig, ThreadActivity
from crazytrain.model.finding import Claim, Family, Point


def usernet_spin(loops: Loops, config: QemuConfig | None, threads: ThreadActivity | None) -> Claim:
    """Does a socket of user networking (slirp) keep the main loop spinning?"""
    says = "a socket of the guest's user networking (slirp) is always ready and never served: the main loop spins on it"
    if config is not None and not has_usernet(config):
        none = Point("the guest has no user networking", config.refs, 0.01)
        return Claim(says=says, prior=0.005, points=(none,))
    all_found = spins(loops, config)
    found = tuple(one for one in all_found if one.whose is Whose.USERNET)
    if not found:
        against = not_spinning(loops) if not all_found else ()
        return Claim(says=says, prior=0.005, points=against, missing=() if against else (READY_LOOK,))
    named = (
        Point("the command line asks for user networking, and nothing else is known to own the socket", config.refs, 2)
        if config and config.nics
        else Point("that the socket is user networking's is a guess: nothing else is known to own it", loops.refs, 0.4)
    )
    points = (*spin_points(found, loops), named, *loop_cpu(found[0].loop, threads))
    return Claim(says=f"{says} ({found[0].use.label})", prior=0.005, points=points, at_most=0.9)


CAUSE = Cause(
    slug="usernet-spin",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=usernet_spin,
    absorbs=("timer-always-due", "software-emulation", "cpu-contention"),
)
