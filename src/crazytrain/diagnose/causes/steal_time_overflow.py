"""Cause guest-clock/steal-time-overflow."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import CpuShare
from crazytrain.model.figures import share, span
from crazytrain.model.finding import Claim, Family, Point

_HIGH_FROM = 0.3  # of the window, said to be stolen
_CALM_TO = 0.05  # of the window, that vCPU threads really waited for a CPU


def steal_time_overflow(inside: GuestInside, threads: ThreadActivity) -> Claim:
    """Does the guest count time as stolen that nobody took from it?"""
    says = "the guest counts time as stolen by the host that nobody took: its account of steal time has run over"
    delay = max((t.delay_ratio or 0.0 for t in threads.of(ThreadRole.VCPU)), default=0.0)
    points = [*_total_points(inside), *_window_points(inside, delay, threads)]
    if not points:
        return Claim(says=says, prior=0.005)
    return Claim(says=says, prior=0.005, points=tuple(points))


def _total_points(inside: GuestInside) -> list[Point]:
    """More time stolen than the guest has lived can only be an error of the account."""
    uptime_ns = inside.view.uptime_ns
    told = [cpu for cpu in inside.last.cpus if cpu.times]
    if not uptime_ns or not told:
        return []
    worst = max(told, key=lambda cpu: cpu.times.steal if cpu.times else 0)
    stolen_ns = worst.times.steal if worst.times else 0
    if stolen_ns > 2 * uptime_ns:
        says = (
            f"CPU {worst.cpu} of the guest says that {span(stolen_ns)} were stolen, but it is up for {span(uptime_ns)}"
        )
        return [Point(says, inside.refs, 5000)]
    return [Point(f"the guest counts {span(stolen_ns)} of steal in {span(uptime_ns)}", inside.refs, 0.2)]


def _window_points(inside: GuestInside, delay: float, threads: ThreadActivity) -> list[Point]:
    told = [cpu for cpu in inside.view.cpus if cpu.steal is not None]
    if not told:
        return []
    worst = max(told, key=_steal)
    if _steal(worst) < _HIGH_FROM:
        return [
            Point(
                f"CPU {worst.cpu} of the guest counted {share(_steal(worst))} of the window as stolen", inside.refs, 0.1
            )
        ]
    says = f"CPU {worst.cpu} of the guest counted {share(_steal(worst))} as stolen"
    if delay <= _CALM_TO:
        return [Point(f"{says}, while its thread waited for a CPU in {share(delay)} of the time", threads.refs, 200)]
    return [Point(f"{says}; its thread really waited for a CPU in {share(delay)} of the time", threads.refs, 0.05)]


def _steal(cpu: CpuShare) -> float:
    return cpu.steal or 0.0


CAUSE = Cause(
    slug="steal-time-overflow",
    family=Family.GUEST_CLOCK,
    rank=Rank.SPECIFIC,
    judge=steal_time_overflow,
    absorbs=("software-emulation",),
)
