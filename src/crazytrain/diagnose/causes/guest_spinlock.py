"""Cause guest-stuck/guest-spinlock."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.inside_signs import has_panicked, lock_function, ticks
from crazytrain.diagnose.signs import burn_point
from crazytrain.model.facts import ThreadActivity, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import LockWait
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point

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


def _vcpus(view: VcpuView | None) -> int:
    return len(view.vcpus) if view else 1


def _lock_says(wait: LockWait) -> str:
    who = f"CPU {wait.cpu}" if wait.cpu is not None else f"thread {wait.pid}"
    lock = wait.lock_name or f"the lock at {wait.lock:#x}"
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
