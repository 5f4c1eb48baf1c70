"""CONSOLE, for the clock alone: which clocksource the guest's kernel switched to last, and what it said of its TSC."""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.clock_setup import ConsoleClock

# Linux, kernel/time/clocksource.c and timekeeping.c, arch/x86/kernel/tsc.c
_SWITCHED = re.compile(rb"[Ss]witched to clocksource ([!-~]{1,40})")
_UNSTABLE = re.compile(
    rb"Marking clocksource '?tsc[^\n]{0,40} as unstable|Marking TSC unstable|Clocksource tsc unstable|TSC found unstable|TSC unstable"
)
_BOOT = re.compile(rb"Linux version \d")
_LONGEST = 300


def decode_clock_console(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ConsoleClock`` where the kernel that booted last said anything of its clocks.

    Such a line: ::

    [    1.203511] clocksource: Switched to clocksource tsc
    """
    data = evidence.data
    begin = max((found.start() for found in _BOOT.finditer(data)), default=0)
    switched = list(_SWITCHED.finditer(data, begin))
    unstable = list(_UNSTABLE.finditer(data, begin))
    if not switched and not unstable:
        return
    seen = [found[-1] for found in (switched, unstable) if found]
    yield ConsoleClock(
        clocksource=switched[-1][1].rstrip(b".,;'\"").decode("ascii") if switched else "",
        line=_line(data, switched[-1].start()) if switched else "",
        unstable=_line(data, unstable[-1].start()) if unstable else "",
        refs=tuple(evidence.ref(data.count(b"\n", 0, found.start()) + 1) for found in seen),
    )


def _line(data: bytes, at: int) -> str:
    begin = data.rfind(b"\n", max(0, at - _LONGEST), at) + 1 or max(0, at - _LONGEST)
    end = data.find(b"\n", at)
    return data[begin : end if end >= 0 else len(data)][:_LONGEST].decode("utf-8", "backslashreplace").strip()
