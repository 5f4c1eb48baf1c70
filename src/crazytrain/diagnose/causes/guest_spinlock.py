"""Cause guest-stuck/guest-spinlock."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.inside_signs import LOCK_PATHS, has_panicked, lock_function, ticks
from crazytrain.diagnose.signs import burn_point
from crazytrain.model.facts import ThreadActivity, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import LockWait
from crazytrain.model.facts.inside_view import CpuShare
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point

_NEVER_LEAVES_FROM = 0.85  # of one CPU's samples: interrupts come, and are served meanwhile
_SPINS_FROM = 0.5  # of all samples: more than lock traffic of a busy system


def guest_spinlock(threads: ThreadActivity, inside: GuestInside, view: VcpuView | None) -> Claim:
    """Do CPUs of the guest spin for a lock of its kernel that nobody gives back?"""
    path, held = lock_function(inside), [one for one in inside.view.locks if one.wait.kind == "spinlock"]
    says = "CPUs of the guest spin for a lock in its kernel that is not given back"
    if path is None and not held:
        none = Point("no CPU of the guest was seen to spin for a lock in its kernel", inside.refs, 0.02)
        return Claim(says=says, prior=0.01, points=(none,))
    points = [burn_point(threads)]
    if path is not None:
        told = f"the guest was in {path.name} in {share(path.share.ratio)} of {count(path.share.samples, 'sample')}"
        points.append(Point(told, inside.refs, 60 if path.share.low >= _SPINS_FROM / max(1, _vcpus(view)) else 2))
        points += _elsewhere_points(inside)
    for one in held[:2]:
        always = one.all_window
        points.append(Point(_lock_says(one.wait), inside.refs, 20 if always else 2))
    if has_panicked(inside):
        points.append(
            Point("the guest's kernel has panicked: its other CPUs may spin for what it held", inside.refs, 0.05)
        )
    if (time := ticks(inside)) is not None:
        points.append(Point(f"the guest's count of ticks {time.pace.value}", inside.refs, 1))
    return Claim(says=says, prior=0.01, points=tuple(points))


def _elsewhere_points(inside: GuestInside) -> tuple[Point, ...]:
    """A CPU that waits for a lock that is never given back is seen nowhere else; under mere lock traffic all of them are."""
    shares = [_waiting_share(cpu) for cpu in inside.view.cpus if cpu.functions]
    if not shares or max(shares) >= _NEVER_LEAVES_FROM:
        return ()
    says = f"each of its CPUs was seen elsewhere, too (none of them spun in more than {share(max(shares))} of its samples): the lock is given back"
    return (Point(says, inside.refs, 0.05),)


def _waiting_share(cpu: CpuShare) -> float:
    """Of one CPU's looks, how many were on the path of a waiter."""
    return sum(one.share.ratio for one in cpu.functions if any(path in one.name for path in LOCK_PATHS))


def _vcpus(view: VcpuView | None) -> int:
    return len(view.vcpus) if view else 1


def _lock_says(wait: LockWait) -> str:
    who = f"CPU {wait.cpu}" if wait.cpu is not None else f"thread {wait.pid}"
    lock = wait.lock_name or (f"the lock at {wait.lock:#x}" if wait.lock else "a lock (where it lies is not known)")
    if wait.holder_pid is not None or wait.holder_cpu is not None:
        holder = (
            f"CPU {wait.holder_cpu}"
            if wait.holder_cpu is not None
            else f"thread {wait.holder_pid} ({wait.holder_comm})"
        )
        return f"{who} spins for {lock}, which {holder} holds"
    return f"{who} spins for {lock}; who holds it is not known ({wait.holder_why or 'a spinlock does not say'})"


CAUSE = Cause(
    slug="guest-spinlock",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_spinlock,
    absorbs=(*BUSY, "guest-soft-lockup", "guest-hard-lockup", "pause-contention"),
)
