"""Cause guest-busy/guest-memory-thrash."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.model.facts.memory import FaultRates, MemoryUse
from crazytrain.model.figures import rate, share, size
from crazytrain.model.finding import Claim, Family, Point

FAULTS_FROM_PER_S = 50.0
FEW_TO_PER_S = 2.0


def guest_memory_thrash(faults: FaultRates, memory: MemoryUse | None, threads: ThreadActivity | None) -> Claim:
    """Does the host fetch the guest's memory from disk all the time?"""
    says = "the host has swapped out memory of this guest and fetches it back all the time: the guest waits for a disk"
    per_s = faults.per_s
    who = (
        f" (thread {faults.threads[0].tid}, {faults.threads[0].comm}: {rate(faults.threads[0].per_s)})"
        if faults.threads
        else ""
    )
    fact = f"threads of the guest waited for memory to come from disk {rate(per_s)}{who}"
    points = [Point(fact, faults.refs, 60 if per_s >= FAULTS_FROM_PER_S else 0.02 if per_s <= FEW_TO_PER_S else 1)]
    vcpus = {thread.tid for thread in threads.of(ThreadRole.VCPU)} if threads else set()
    if vcpus and per_s >= FAULTS_FROM_PER_S:
        own = sum(thread.per_s for thread in faults.threads if thread.tid in vcpus)
        points.append(
            Point(f"its vCPU threads have {share(own / per_s)} of them", faults.refs, 3 if own >= per_s / 2 else 0.7)
        )
    if memory:
        points.extend(_swap_points(memory))
    return Claim(says=says, prior=0.02, points=tuple(points))


def _swap_points(memory: MemoryUse) -> tuple[Point, ...]:
    swapped = memory.last.swapped_bytes
    if swapped is None:
        return ()
    if not swapped:
        return (Point("none of the guest's memory is swapped out", memory.refs, 0.1),)
    fetched = memory.per_s("pswpin") or 0.0
    both = f"{size(swapped)} of the guest's memory are swapped out, and the host reads {rate(fetched)} pages back from swap"
    return (Point(both, memory.refs, 5 if fetched >= FAULTS_FROM_PER_S else 0.5),)


CAUSE = Cause(
    slug="guest-memory-thrash",
    family=Family.GUEST_BUSY,
    rank=Rank.SYMPTOM,
    judge=guest_memory_thrash,
    absorbs=("memory-pressure",),
)
