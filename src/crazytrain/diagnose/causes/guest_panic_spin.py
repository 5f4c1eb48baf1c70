"""Cause guest-stuck/guest-panic-spin."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.inside_signs import panicked_points
from crazytrain.diagnose.signs import burn_point, panic_line
from crazytrain.diagnose.stuck_signs import kernel_points
from crazytrain.model.facts import ConsoleLog, QemuState, ThreadActivity, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.restarts import ConsoleRestarts
from crazytrain.model.figures import count
from crazytrain.model.finding import Claim, Family, Look, Point

PANICKED = "guest-panicked"
CONSOLE_LOOK = Look(
    "the guest's console around the time it began", "virsh console {name}   # or the file behind its serial port"
)


def guest_panic_spin(
    threads: ThreadActivity,
    console: ConsoleLog | None,
    view: VcpuView | None,
    inside: GuestInside | None,
    restarts: ConsoleRestarts | None,
    state: QemuState | None,
) -> Claim:
    """Did the guest's kernel panic, and does it now spin in the panic's delay loop?"""
    if state and state.status == PANICKED:
        told = Point(
            "QEMU's status is guest-panicked: the guest said so itself (pvpanic or the like)", state.refs, 20_000
        )
        return Claim(says="the guest's kernel has panicked, and QEMU stopped it for that", prior=0.01, points=(told,))
    said = panic_line(console)
    points = [burn_point(threads), *kernel_points(view), *panicked_points(inside)]
    if said:
        points.append(said)
    elif console:
        points.append(Point(f"no panic within {count(console.lines, 'line')} of the guest's", console.refs, 0.02))
    return Claim(
        says=f"the guest's kernel has panicked and spins in the panic's delay loop{_until(restarts)}",
        prior=0.01,
        points=tuple(points),
        missing=() if console or inside else (CONSOLE_LOOK,),
    )


def _until(restarts: ConsoleRestarts | None) -> str:
    waits_s = restarts.waits_s if restarts else None
    return "" if not waits_s else f": it said that it restarts the machine after {waits_s} s"


CAUSE = Cause(
    slug="guest-panic-spin",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_panic_spin,
    absorbs=(*BUSY, "guest-soft-lockup"),
)
