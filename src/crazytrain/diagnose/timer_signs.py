"""Signs that the causes of family timer-storm share."""

from crazytrain.diagnose.signs import (
    HELD_MATTERS_FROM,
    TICK_STORM_FROM_PER_S,
    loop_share,
    main_loop,
    port_rate,
    port_share,
)
from crazytrain.model.facts import (
    InterruptRates,
    KvmExits,
    MsrUse,
    QemuConfig,
    ThreadActivity,
)
from crazytrain.model.facts.kvm import VectorUse
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point

RTC_IRQ, PIT_IRQ = 8, 0
ARMS_STORM_FROM_PER_S = 2500.0  # per vCPU: beyond any kernel's tick
_MANY_RAISED, _FEW_RAISED = 20, 2
BOTH_CONTROLLERS = 2  # QEMU tells KVM of a line twice: for the PIC and for the I/O APIC (hw/i386/x86.c, gsi_handler)
LATE_TIMES = 2.0  # at most: a timer goes by the clock, and on a loaded host it is late, but it does not stand still
# What arms the timer of a vCPU: TSC_DEADLINE, x2APIC initial count, counts of Hyper-V's synthetic timers 0 to 3.
TIMER_MSRS = (0x6E0, 0x838, 0x400000B1, 0x400000B3, 0x400000B5, 0x400000B7)


def irq_point(irqs: InterruptRates, irq: int, owner: str, threads: ThreadActivity | None) -> Point:
    """How often a timer's interrupt fires, as a point for causes that say it storms. QEMU's main loop lets it fire, if it gets a CPU."""
    loop = main_loop(threads) if threads else None
    held = (loop.delay_ratio or 0.0) if loop else 0.0
    per_s = irqs.per_s(irq)
    says = f"IRQ {irq} ({owner}) fired {rate(per_s)}"
    if held >= HELD_MATTERS_FROM:
        says += f" (while the main loop waited for a CPU {share(held)} of the time)"
    if per_s * min(LATE_TIMES, 1 / (1 - min(held, 0.99))) >= TICK_STORM_FROM_PER_S:
        return Point(says, irqs.refs, 1000)
    return Point(says, irqs.refs, 0.01 if per_s < 300 else 0.4)


def clock_points(config: QemuConfig | None) -> tuple[Point, ...]:
    """That the guest's clock leaps over what it idles, so that rates by the host's clock say nothing of how often a timer was set to fire."""
    if config is None or not config.clock_jumps:
        return ()
    says = "the guest's clock is virtual and leaps over idle times (-icount sleep=off): by the host's clock any timer of it seems fast"
    return (Point(says, config.refs, 0.005),)


def port_point(exits: KvmExits, owner: str, *ports: int, a_tick: int = 1) -> Point:
    """How often a timer's ports are accessed, as a point for causes that say it storms; ``a_tick``: how often at each tick, at least."""
    per_s, part = port_rate(exits, *ports), port_share(exits, *ports)
    says = f"{owner} were accessed {rate(per_s)}, {share(part)} of all port accesses"
    if per_s >= a_tick * TICK_STORM_FROM_PER_S and part >= 0.3:
        return Point(says, exits.refs, 60)
    return Point(says, exits.refs, 0.1)


def line_points(exits: KvmExits | None, gsi: int, owner: str, told: int = 1) -> tuple[Point, ...]:
    """How often a timer raised its line in a trace; a point only where that is a storm, for a trace need not hold it.

    ``told`` is how often KVM is told of one tick.
    """
    raised = next((line.raised for line in exits.irq_lines if line.gsi == gsi), 0) if exits else 0
    least = exits.per_s(raised) / told if exits else 0.0
    if exits is None or not exits.window_ns or least * exits.unheld(LATE_TIMES) < TICK_STORM_FROM_PER_S:
        return ()
    says = f"the trace has line {gsi} ({owner}) raised {rate(exits.per_s(raised))}"
    return (Point(says, exits.refs, 200 if raised >= _MANY_RAISED else 20 if raised > _FEW_RAISED else 1),)


def loop_cpu_point(threads: ThreadActivity | None) -> tuple[Point, ...]:
    """What the main loop takes of a CPU."""
    used = loop_share(threads)
    if used is None or threads is None:
        return ()
    says = f"the main loop's thread wanted {share(used)} of a CPU"
    return (Point(says, threads.refs, 2 if used >= 0.1 else 0.15),)


def arms(exits: KvmExits) -> tuple[MsrUse, ...]:
    """Writes to registers that arm a vCPU's own timer."""
    return tuple(msr for msr in exits.msrs if msr.write and msr.index in TIMER_MSRS)


def arm_rate(exits: KvmExits) -> float:
    """How often the vCPUs' own timers were armed, per second."""
    return exits.per_s(sum(msr.count for msr in arms(exits)))


def own_ticks(exits: KvmExits) -> VectorUse | None:
    """The vector that local APICs accepted most, where neither a line nor a message brings it: the APIC's own timer, if one vCPU has nobody else.

    A timer that was armed once for ever (periodic) is seen in no register.
    """
    top = max(exits.accepted, key=lambda use: use.count, default=None)
    brought = max((line.raised for line in exits.irq_lines), default=0)
    if top is None or brought >= 0.5 * top.count or any(msi.vector == top.vector for msi in exits.msis):
        return None
    return top


def storms_ticks(exits: KvmExits, ticks: VectorUse) -> bool:
    """Whether they come faster than any kernel ticks."""
    return exits.per_s(ticks.count) * exits.unheld(LATE_TIMES) >= ARMS_STORM_FROM_PER_S


def storms_arms(exits: KvmExits, vcpus: int) -> bool:
    """Whether each vCPU arms its own timer faster than any kernel ticks."""
    return arm_rate(exits) * exits.unheld(LATE_TIMES) / max(1, vcpus) >= ARMS_STORM_FROM_PER_S
