"""Signs of the one timer that wakes the main loop again and again, by the loop's own timeouts: where nobody counts interrupts.

Under software emulation and without a monitor neither KVM nor QEMU tells which timer it is; its rate may.
"""

import msgspec

from crazytrain.diagnose.signs import TICK_STORM_FROM_PER_S, main_loop
from crazytrain.model.facts import LoopActivity, ThreadActivity
from crazytrain.model.figures import rate
from crazytrain.model.finding import Point

RTC_RATES = (8192, 4096, 2048, 1024)  # per second: the divider's steps (MC146818A, register A)
_MUCH_OF_IT = 0.2
_READY_TO = 0.3  # of its turns in which a descriptor was ready: more, and it is no timer that wakes it
_PROMPT_TO = 0.1  # of the time the main loop waited for a CPU: more, and ticks are late or lost


class LoopTick(msgspec.Struct, frozen=True):
    """What the main loop's own timeouts tell of the one timer that wakes it: how often it does, and the only RTC rate that may be it."""

    per_s: float
    rtc_per_s: int
    prompt: bool

    @property
    def is_rtc(self) -> bool | None:
        """Whether the RTC can be that timer; ``None`` where the host let the main loop wait, so that ticks may have been lost."""
        if self.per_s > 1.04 * self.rtc_per_s:
            return False
        return self.per_s >= 0.95 * self.rtc_per_s or (None if not self.prompt else False)


def loop_tick(loop: LoopActivity | None, threads: ThreadActivity | None) -> LoopTick | None:
    """The timer that wakes the main loop, by the longest timeouts of which it asks for many: none is longer than the timer's period.

    ``None`` where it does not wake so often, where descriptors wake it, or nobody knows for how long it meant to wait.
    """
    if loop is None or not loop.turns or (loop.turns_per_s or 0.0) < TICK_STORM_FROM_PER_S:
        return None
    if loop.ready_turns is None or loop.ready_turns > _READY_TO * loop.turns:
        return None
    meant = sum(bucket.count for bucket in loop.buckets)
    many = [bucket for bucket in loop.buckets if bucket.count >= _MUCH_OF_IT * meant]
    longest = max(many, key=lambda bucket: bucket.high_ns, default=None)
    fitting = [per_s for per_s in RTC_RATES if longest and longest.low_ns <= 1e9 / per_s <= longest.high_ns]
    if not fitting:
        return None
    thread = main_loop(threads) if threads else None
    prompt = thread is not None and (thread.delay_ratio or 0.0) <= _PROMPT_TO
    return LoopTick(meant * (loop.turns_per_s or 0.0) / loop.turns, fitting[0], prompt)


def loop_tick_points(loop: LoopActivity | None, threads: ThreadActivity | None, *, of_rtc: bool) -> tuple[Point, ...]:
    """Whether the timer that wakes the main loop may be the RTC, as points for causes that say it is it, or another."""
    tick = loop_tick(loop, threads)
    if tick is None or loop is None or tick.is_rtc is None:
        return ()
    says = f"a timer woke the main loop {rate(tick.per_s)}"
    if tick.is_rtc:
        said = f"{says}: the RTC has that rate ({tick.rtc_per_s}/s)"
        return (Point(said, loop.refs, 4 if of_rtc else 0.3),)
    said = f"{says}: the RTC has no such rate (the next is {tick.rtc_per_s}/s)"
    return (Point(said, loop.refs, 0.05 if of_rtc else 5),)
