"""Cause guest-stuck/guest-halted-dead."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import ThreadActivity, VcpuView
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point


def guest_halted_dead(threads: ThreadActivity, view: VcpuView) -> Claim:
    """Are all vCPUs halted with interrupts off, so that nothing can wake them?"""
    dead = all(v.halted_ratio >= 0.99 and v.interrupts_off_ratio >= 0.99 for v in view.vcpus) and bool(view.vcpus)
    halted = min((v.halted_ratio for v in view.vcpus), default=0.0)
    off = min((v.interrupts_off_ratio for v in view.vcpus), default=0.0)
    says = f"all vCPUs were halted in at least {share(halted)} of the samples, with interrupts off in {share(off)}"
    return Claim(
        says="every vCPU has halted with interrupts off: only a reset or an NMI can wake this guest",
        prior=0.02,
        points=(Point(says, view.refs, 800 if dead else 0.01), _nobody_burns(threads)),
    )


def _nobody_burns(threads: ThreadActivity) -> Point:
    used = threads.cpu_ratio()
    return Point(f"all threads together took {share(used)} of a CPU", threads.refs, 1.5 if used < 0.05 else 0.3)


CAUSE = Cause(
    slug="guest-halted-dead",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_halted_dead,
    absorbs=("healthy-idle",),
)
