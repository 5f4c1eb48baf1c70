"""Family timer-storm: some emulated timer fires far too often."""

from crazytrain.diagnose.signs import loop_rate_point, loop_share, port_rate, port_share
from crazytrain.model.facts import (
    Coverage,
    DescriptorTable,
    InterruptRates,
    KvmExits,
    LoopActivity,
    Loops,
    QemuEra,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    TimerArm,
    TraceStory,
)
from crazytrain.model.figures import rate, share, span
from crazytrain.model.finding import Claim, Look, Point

RTC_IRQ, PIT_IRQ = 8, 0
RTC_PORTS = (0x70, 0x71)
PIT_PORTS = (0x40, 0x41, 0x42, 0x43, 0x61)
STORM_FROM_PER_S = 900.0
ALARM_FLOOR_NS = 250_000
SHORT_NS = 2_000_000

ALL_THREADS = Look(
    "all threads for some seconds, with rates, of the sick guest while it is sick",
    "crazytrain why {name}   # or: timeout 5 strace -f -c -p {pid}, and top -H -b -n 2 -p {pid}",
)
HEALTHY_TRACE = Look("the same from a healthy guest beside it", "crazytrain why {name} --against HEALTHY_GUEST")
CLOCKSOURCE = Look(
    "the guest's clocksource (a clock that stands still or jumps makes timers overdue)",
    "cat /sys/devices/system/clocksource/clocksource0/current_clocksource   # in the guest",
)


def rtc_periodic_storm(
    loops: Loops | None, irqs: InterruptRates | None, exits: KvmExits | None, threads: ThreadActivity | None
) -> Claim:
    """Did the guest set the RTC's periodic interrupt to a high rate, so that the main loop wakes for each tick?"""
    loop = loops.main if loops else None
    points: list[Point] = []
    if irqs:
        points.append(_irq_point(irqs, RTC_IRQ, "the RTC"))
    if loop and loops:
        points.extend(_fast_loop_points(loop, loops))
    if exits and exits.ports:
        points.append(_port_point(exits, "the RTC's ports 0x70 and 0x71", *RTC_PORTS))
    points.extend(_loop_cpu_point(threads))
    return Claim(
        says="the guest has set the RTC's periodic interrupt to a high rate; QEMU's main loop wakes for each tick",
        prior=0.02,
        points=tuple(points),
        missing=()
        if irqs or (exits and exits.ports)
        else (Look("how often IRQ 8 fires", "info irq, twice, in the monitor"),),
    )


def pit_hpet_storm(irqs: InterruptRates | None, exits: KvmExits | None, threads: ThreadActivity | None) -> Claim:
    """Does the PIT or the HPET tick at a high rate?"""
    points: list[Point] = []
    if irqs:
        points.append(_irq_point(irqs, PIT_IRQ, "the PIT or HPET"))
    if exits and exits.ports:
        points.append(_port_point(exits, "the PIT's ports 0x40 to 0x43", *PIT_PORTS))
    pit = threads.of(ThreadRole.KVM_PIT) if threads else ()
    if pit and threads:
        used = sum(t.cpu_ratio for t in pit)
        says = f"the kernel thread {pit[0].comm} took {share(used)} of a CPU"
        points.append(Point(says, threads.refs, 40 if used >= 0.1 else 0.3))
    return Claim(
        says="the guest's PIT or HPET ticks at a high rate",
        prior=0.02,
        points=tuple(points),
        missing=() if points else (Look("how often IRQ 0 fires", "info irq, twice, in the monitor"),),
    )


def timer_always_due(
    loops: Loops | None,
    story: TraceStory | None,
    calls: SyscallUse | None,
    threads: ThreadActivity | None,
    era: QemuEra | None,
) -> Claim:
    """Does the main loop find some timer's deadline in the past at each turn?"""
    points: list[Point] = []
    loop = loops.main if loops else None
    if loop and loops:
        points.extend(_due_points(loop, loops))
    arms = _floor_arms(story)
    if arms:
        points.extend(_alarm_points(arms, calls))
    points.extend(_loop_cpu_point(threads))
    return Claim(
        says=_due_sentence(arms, loop),
        prior=0.06,
        points=tuple(points),
        missing=_due_missing(loop, calls, era),
    )


def _due_sentence(arms: tuple[TimerArm, ...], loop: LoopActivity | None) -> str:
    if arms and (loop is None or loop.turns_per_s is None):
        return (
            "some QEMU timer may be due at once at every turn of the main loop: possible, not proven, "
            "for a healthy guest of that time shows the same lines"
        )
    return "the main loop finds a timer due at every turn and never waits"


def _due_missing(loop: LoopActivity | None, calls: SyscallUse | None, era: QemuEra | None) -> tuple[Look, ...]:
    missing: list[Look] = []
    if loop is None or loop.turns_per_s is None or (calls and calls.coverage is Coverage.ONE_THREAD):
        missing.append(ALL_THREADS)
    if era:
        missing.extend((HEALTHY_TRACE, CLOCKSOURCE))
    return tuple(missing)


def _floor_arms(story: TraceStory | None) -> tuple[TimerArm, ...]:
    return tuple(a for a in story.arms if a.value_ns == ALARM_FLOOR_NS) if story else ()


def _alarm_points(arms: tuple[TimerArm, ...], calls: SyscallUse | None) -> tuple[Point, ...]:
    refs = tuple(a.ref for a in arms)
    limit = 1_000_000_000 // ALARM_FLOOR_NS
    says = (
        f"timer {arms[0].timer} is re-armed at {ALARM_FLOOR_NS:,} ns, the floor of QEMU's alarm timer: "
        "some QEMU timer was due at once or overdue at that moment"
    )
    same = (
        "a healthy guest of that time shows the very same lines now and then, so they prove no runaway: "
        f"only the rate (at most about {limit:,} turns a second) and the share of CPU decide"
    )
    points = [Point(says, refs, 8)]
    if calls is None or calls.window_ns is None:
        points.append(Point(same, refs, 0.6))
    return tuple(points)


def _due_points(loop: LoopActivity, loops: Loops) -> tuple[Point, ...]:
    if loop.turns_per_s is None:
        return ()
    at_once = loop.share_below(2_000)
    says = f"{share(at_once)} of its waits asked for no more than 1 µs"
    points = [p for p in (loop_rate_point(loop, loops.refs),) if p]
    points.append(Point(says, loops.refs, 15 if at_once >= 0.7 else 0.05))
    return tuple(points)


def _fast_loop_points(loop: LoopActivity, loops: Loops) -> tuple[Point, ...]:
    points = [p for p in (loop_rate_point(loop, loops.refs),) if p]
    if loop.turns and loop.buckets:
        short = loop.share_below(SHORT_NS)
        says = f"{share(short)} of its timeouts were below {span(SHORT_NS)}"
        points.append(Point(says, loops.refs, 2 if short >= 0.5 else 0.3))
    return tuple(points)


def _irq_point(irqs: InterruptRates, irq: int, owner: str) -> Point:
    per_s = irqs.per_s(irq)
    says = f"IRQ {irq} ({owner}) fired {rate(per_s)}"
    if per_s >= STORM_FROM_PER_S:
        return Point(says, irqs.refs, 150)
    return Point(says, irqs.refs, 0.01 if per_s < 300 else 0.4)


def _port_point(exits: KvmExits, owner: str, *ports: int) -> Point:
    per_s, part = port_rate(exits, *ports), port_share(exits, *ports)
    says = f"{owner} were accessed {rate(per_s)}, {share(part)} of all port accesses"
    if per_s >= STORM_FROM_PER_S and part >= 0.3:
        return Point(says, exits.refs, 60)
    return Point(says, exits.refs, 0.1)


def _loop_cpu_point(threads: ThreadActivity | None) -> tuple[Point, ...]:
    used = loop_share(threads)
    if used is None or threads is None:
        return ()
    says = f"the main loop's thread took {share(used)} of a CPU"
    return (Point(says, threads.refs, 2 if used >= 0.2 else 0.2),)
