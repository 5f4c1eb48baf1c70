"""Cause timer-storm/rtc-periodic-storm."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import RTC_PORTS, loop_rate_point
from crazytrain.diagnose.tick_signs import loop_tick_points
from crazytrain.diagnose.timer_signs import (
    BOTH_CONTROLLERS,
    RTC_IRQ,
    clock_points,
    irq_point,
    line_points,
    loop_cpu_point,
    port_point,
)
from crazytrain.model.facts import (
    InterruptRates,
    KvmExits,
    LoopActivity,
    Loops,
    QemuConfig,
    ThreadActivity,
)
from crazytrain.model.figures import share, span
from crazytrain.model.finding import Claim, Family, Look, Point

SHORT_NS = 2_000_000
_ALARM_LOOP = "select"  # of QEMU up to 1.6: an alarm ends its waits, and what they ask for says nothing


def rtc_periodic_storm(
    loops: Loops | None,
    irqs: InterruptRates | None,
    exits: KvmExits | None,
    threads: ThreadActivity | None,
    config: QemuConfig | None,
) -> Claim:
    """Did the guest set the RTC's periodic interrupt to a high rate, so that the main loop wakes for each tick?"""
    loop = loops.main if loops else None
    points: list[Point] = []
    if irqs and RTC_IRQ not in irqs.uncounted:
        points.append(irq_point(irqs, RTC_IRQ, "the RTC", threads))
    else:
        points.extend(loop_tick_points(loop, threads, of_rtc=True))
    if loop and loops:
        points.extend(_fast_loop_points(loop, loops))
    points.extend(line_points(exits, RTC_IRQ, "the RTC", BOTH_CONTROLLERS))
    if exits and exits.ports:
        points.append(port_point(exits, "the RTC's ports 0x70 and 0x71", *RTC_PORTS, a_tick=2))
    points.extend((*loop_cpu_point(threads), *clock_points(config)))
    return Claim(
        says="the guest has set the RTC's periodic interrupt to a high rate; QEMU's main loop wakes for each tick",
        prior=0.02,
        points=tuple(points),
        missing=()
        if irqs or (exits and exits.ports)
        else (Look("how often IRQ 8 fires", "info irq, twice, in the monitor"),),
    )


def _fast_loop_points(loop: LoopActivity, loops: Loops) -> tuple[Point, ...]:
    points = [p for p in (loop_rate_point(loop, loops.refs),) if p]
    if loop.turns and loop.buckets and loop.call != _ALARM_LOOP:
        short = loop.share_below(SHORT_NS)
        says = f"{share(short)} of its timeouts were below {span(SHORT_NS)}"
        points.append(Point(says, loops.refs, 2 if short >= 0.5 else 0.3))
    return tuple(points)


CAUSE = Cause(
    slug="rtc-periodic-storm",
    family=Family.TIMER_STORM,
    rank=Rank.SPECIFIC,
    judge=rtc_periodic_storm,
    absorbs=(*BUSY, "timer-always-due", "halt-polling"),
)
