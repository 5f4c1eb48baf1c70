"""Cause timer-storm/timer-always-due."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.looks import HEALTHY_BESIDE as HEALTHY_TRACE
from crazytrain.diagnose.signs import loop_rate_point
from crazytrain.diagnose.timer_signs import loop_cpu_point
from crazytrain.model.facts import (
    Coverage,
    LoopActivity,
    Loops,
    QemuEra,
    SyscallUse,
    ThreadActivity,
    TimerArm,
    TraceStory,
)
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Look, Point

ALARM_FLOOR_NS = 250_000
_ALARM_LOOP = "select"  # of QEMU up to 1.6
ALL_THREADS = Look(
    "all threads for some seconds, with rates, of the sick guest while it is sick",
    "crazytrain why {name}   # or: timeout 5 strace -f -c -p {pid}, and top -H -b -n 2 -p {pid}",
)
CLOCKSOURCE = Look(
    "the guest's clocksource (a clock that stands still or jumps makes timers overdue)",
    "cat /sys/devices/system/clocksource/clocksource0/current_clocksource   # in the guest",
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
    points.extend(loop_cpu_point(threads))
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
    if loop.call == _ALARM_LOOP:  # an alarm ends its waits, and what they ask for says nothing
        return tuple(p for p in (loop_rate_point(loop, loops.refs),) if p)
    at_once = loop.share_below(2_000)
    says = f"{share(at_once)} of its waits asked for no more than 1 µs"
    points = [p for p in (loop_rate_point(loop, loops.refs),) if p]
    points.append(Point(says, loops.refs, 15 if at_once >= 0.7 else 0.05))
    return tuple(points)


CAUSE = Cause(
    slug="timer-always-due",
    family=Family.TIMER_STORM,
    rank=Rank.SYMPTOM,
    judge=timer_always_due,
    absorbs=("software-emulation",),
)
