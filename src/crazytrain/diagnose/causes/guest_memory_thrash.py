"""Cause guest-busy/guest-memory-thrash."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.looks import look_for
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.memory import FaultRates, MemoryUse
from crazytrain.model.figures import rate, share, size
from crazytrain.model.finding import Claim, Family, Point

FAULTS_FROM_PER_S = 50.0
FEW_TO_PER_S = 2.0
_BY_HOST = "the host has swapped out memory of this guest and fetches it back all the time: the guest waits for a disk"


PAGES_FROM_PER_S = (
    200.0  # in and out: a system that only makes room once writes, and one that comes back to life only reads
)


def guest_memory_thrash(
    faults: FaultRates | None, memory: MemoryUse | None, threads: ThreadActivity | None, inside: GuestInside | None
) -> Claim:
    """Does the guest, or the host for it, fetch memory from swap all the time?"""
    if swaps := own_swap_points(inside):
        return Claim(
            says="the guest has too little memory for its programs: its own kernel swaps pages out and back in all the time",
            prior=0.02,
            points=swaps,
        )
    if faults is None:
        return Claim(says=_BY_HOST, prior=0.02, missing=(look_for(FaultRates),))
    return _by_host(faults, memory, threads)


def own_swap_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """That the guest's own kernel swaps both ways, as a point; nothing where it does not, or nobody could read that."""
    rates = inside.view.memory if inside else None
    if inside is None or rates is None or min(rates.swapped_in_per_s, rates.swapped_out_per_s) < PAGES_FROM_PER_S:
        return ()
    says = (
        f"the guest's kernel read {rate(rates.swapped_in_per_s)} pages from its own swap and wrote {rate(rates.swapped_out_per_s)} "
        "to it"
    )
    return (Point(says, inside.refs, 400),)


def _by_host(faults: FaultRates, memory: MemoryUse | None, threads: ThreadActivity | None) -> Claim:
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
    return Claim(says=_BY_HOST, prior=0.02, points=tuple(points))


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
    absorbs=("memory-pressure", "guest-kernel-busy", "guest-io-heavy", "cpu-contention", "software-emulation"),
    either=(FaultRates, GuestInside),
)
