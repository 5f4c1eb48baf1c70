"""Cause timer-storm/pit-hpet-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import PIT_PORTS, TICK_STORM_FROM_PER_S
from crazytrain.diagnose.timer_signs import PIT_IRQ, clock_points, irq_point, port_point
from crazytrain.model.facts import InterruptRates, KvmExits, QemuConfig, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Look, Point


def pit_hpet_storm(
    irqs: InterruptRates | None, exits: KvmExits | None, threads: ThreadActivity | None, config: QemuConfig | None
) -> Claim:
    """Does the PIT or the HPET tick at a high rate?"""
    points: list[Point] = []
    hpet = irqs is not None and irqs.per_s(PIT_IRQ) >= TICK_STORM_FROM_PER_S
    if irqs and (hpet or PIT_IRQ not in irqs.uncounted):
        points.append(irq_point(irqs, PIT_IRQ, "the PIT or HPET", threads))
    kernels = threads.of(ThreadRole.KVM_PIT) if threads else ()
    if kernels and threads and not hpet:  # the HPET is QEMU's own, and takes the PIT's place
        points.append(_kernel_point(kernels[0], threads))
    if exits and exits.ports and not points:
        points.append(port_point(exits, "the PIT's ports 0x40 to 0x43", *PIT_PORTS))
    points.extend(clock_points(config))
    return Claim(
        says="the guest's PIT or HPET ticks at a high rate",
        prior=0.02,
        points=tuple(points),
        missing=() if points else (Look("how often IRQ 0 fires", "info irq, twice, in the monitor"),),
    )


def _kernel_point(thread: ThreadUse, threads: ThreadActivity) -> Point:
    """KVM's PIT wakes this thread for each tick that it injects, and for nothing else."""
    ticks = thread.switches_per_s
    took = f"the kernel thread {thread.comm} took {share(thread.cpu_ratio)} of a CPU"
    if ticks is None:
        return Point(took, threads.refs, 40 if thread.cpu_ratio >= 0.1 else 0.5)
    says = f"{took} and woke {rate(ticks)}: once for each tick of the PIT"
    if ticks >= TICK_STORM_FROM_PER_S:
        return Point(says, threads.refs, 1000)
    return Point(says, threads.refs, 0.01 if ticks < 300 else 0.4)


CAUSE = Cause(
    slug="pit-hpet-storm",
    family=Family.TIMER_STORM,
    rank=Rank.SPECIFIC,
    judge=pit_hpet_storm,
    absorbs=(*BUSY, "timer-always-due", "halt-polling"),
)
