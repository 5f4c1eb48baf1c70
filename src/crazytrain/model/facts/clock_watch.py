"""What a kernel's watchdog of clocks saw: how far each of two clocks went between its looks."""

import msgspec

from crazytrain.model.evidence import Ref


class ClockWatch(msgspec.Struct, frozen=True, kw_only=True):
    """One complaint of the watchdog (kernel/time/clocksource.c), which looks twice a second.

    ``judge`` is the clock that it trusts, ``judged`` the other one. ``*_ns`` is how far each went between two looks: as the kernel
    says it (since 5.14), or as its counts say where a count is a nanosecond (kvm-clock); ``None`` where that is not known.
    """

    judge: str
    judged: str
    judge_ns: int | None
    judged_ns: int | None
    refs: tuple[Ref, ...]
