"""Cause timer-storm/pit-hpet-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.hpet_signs import hpet_timer_points
from crazytrain.diagnose.signs import PIT_PORTS, TICK_STORM_FROM_PER_S, loop_rate_point
from crazytrain.diagnose.tick_signs import loop_tick_points
from crazytrain.diagnose.timer_signs import PIT_IRQ, clock_points, irq_point, line_points, loop_cpu_point, port_point
from crazytrain.model.facts import InterruptRates, KvmExits, Loops, QemuConfig, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Look, Point

LOOP_AT_MOST = 0.6


def pit_hpet_storm(
    irqs: InterruptRates | None,
    exits: KvmExits | None,
    threads: ThreadActivity | None,
    config: QemuConfig | None,
    loops: Loops | None,
) -> Claim:
    """Does the PIT or the HPET tick at a high rate?"""
    points: list[Point] = []
    hpet = irqs is not None and irqs.per_s(PIT_IRQ) >= TICK_STORM_FROM_PER_S
    if irqs and (hpet or PIT_IRQ not in irqs.uncounted):
        points.append(irq_point(irqs, PIT_IRQ, "the PIT or HPET", threads))
    kernels = threads.of(ThreadRole.KVM_PIT) if threads else ()
    if kernels and threads and not hpet:  # the HPET is QEMU's own, and takes the PIT's place
        points.append(_kernel_point(kernels[0], threads))
    if irqs is None or PIT_IRQ in irqs.uncounted:
        points.extend(line_points(exits, PIT_IRQ, "the PIT or HPET"))
    if exits and exits.ports and not points and not hpet_timer_points(exits):
        points.append(port_point(exits, "the PIT's ports 0x40 to 0x43", *PIT_PORTS))
    points.extend(hpet_timer_points(exits))
    by_loop = () if points else _by_the_loop(loops, threads)
    points.extend(by_loop)
    points.extend(clock_points(config))
    return Claim(
        says="the guest's PIT or HPET ticks at a high rate",
        prior=0.02,
        points=tuple(points),
        missing=() if points and not by_loop else (Look("how often IRQ 0 fires", "info irq, twice, in the monitor"),),
        at_most=LOOP_AT_MOST if by_loop else 1.0,  # the local APIC's timer of an emulated guest wakes it so, too
    )


def _by_the_loop(loops: Loops | None, threads: ThreadActivity | None) -> tuple[Point, ...]:
    """Where neither a monitor nor KVM tells of interrupts: a timer wakes the main loop that is not the RTC."""
    loop = loops.main if loops else None
    ticks = loop_tick_points(loop, threads, of_rtc=False)
    turns = loop_rate_point(loop, loops.refs) if loop and loops and ticks else None
    return (turns, *ticks, *loop_cpu_point(threads)) if turns else ()


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
