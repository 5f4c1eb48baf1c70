"""Cause exit-storm/pause-contention."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import EXITS_MATTER_FROM_PER_S
from crazytrain.model.facts import KvmExits, KvmStats, ThreadActivity, ThreadRole
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Look, Point

_PAUSES = frozenset(("PAUSE_INSTRUCTION", "pause"))
_FEW_PER_S = 100.0
_WAITS_FROM = 0.05  # of the time, for a CPU
_EXITS = Look("PAUSE exits and directed yields", "crazytrain why {name}   # as root, with bpftrace; or query-stats")


def pause_contention(threads: ThreadActivity, exits: KvmExits | None, stats: KvmStats | None) -> Claim:
    """Do vCPUs wait for a lock whose holder is not running?"""
    says = "vCPUs of the guest wait in a spin loop for another vCPU that is not running just then"
    vcpus = threads.of(ThreadRole.VCPU)
    if len(vcpus) < 2:
        return Claim(says=says, prior=0.01, points=(Point("the guest has one vCPU", threads.refs, 0.02),))
    points = [*_traced(exits), *_yielded(stats)]
    if not points:
        return Claim(says=says, prior=0.01, missing=(_EXITS,))
    delay = max(vcpu.delay_ratio or 0.0 for vcpu in vcpus)
    fact = f"a vCPU thread waited for a CPU up to {share(delay)} of the time"
    points.append(Point(fact, threads.refs, 3 if delay >= _WAITS_FROM else 0.3))
    return Claim(says=says, prior=0.02, points=tuple(points))


def _traced(exits: KvmExits | None) -> tuple[Point, ...]:
    """PAUSE exits where the kernel traces exits; what is not traced is not zero."""
    if exits is None or not exits.window_ns or not exits.hardware:
        return ()
    per_s = exits.per_s(sum(one.count for one in exits.exits if one.reason in _PAUSES))
    changes = exits.per_s(sum(window.changes for window in exits.pause_windows))
    says = f"{rate(per_s)} exits for PAUSE loops, KVM changed the window for them {rate(changes)}"
    return (Point(says, exits.refs, _ratio(per_s)),)


def _yielded(stats: KvmStats | None) -> tuple[Point, ...]:
    per_s = stats.per_s("directed_yield_attempted") if stats else None
    if per_s is None or stats is None:
        return ()
    return (Point(f"KVM tried {rate(per_s)} to hand the CPU to a vCPU that waits", stats.refs, _ratio(per_s)),)


def _ratio(per_s: float) -> float:
    if per_s >= EXITS_MATTER_FROM_PER_S:
        return 60
    return 0.03 if per_s < _FEW_PER_S else 1.5


CAUSE = Cause(
    slug="pause-contention",
    family=Family.EXIT_STORM,
    rank=Rank.SPECIFIC,
    judge=pause_contention,
    absorbs=("cpu-contention", "guest-kernel-busy"),
)
