"""LOG_TEXT and CONSOLE: what the kernel's watchdog of clocks counted when it called one of them unstable."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.clock_watch import ClockWatch

_MOST_LINES = 100_000
_BESIDE = 4  # lines between the two clocks of one complaint
_CLOCK = re.compile(
    r"'(?P<name>[\w-]{1,30})' (?P<kind>wd|cs)(?:_nsec: (?P<nsec>-?\d{1,19}) (?P=kind))?_now: (?P<now>[0-9a-f]{1,16})"
    r"(?: (?P=kind)_last: (?P<last>[0-9a-f]{1,16}))?(?: mask: (?P<mask>[0-9a-f]{1,16}))?"
)
_COUNTS_NS = ("kvm-clock",)


def decode_clock_watch(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ClockWatch`` for each complaint of which both clocks are there.

    Such lines: ::

    clocksource:                       'hpet' wd_now: 92a2e1 wd_last: 8f1b44 mask: ffffffff
    clocksource:                       'tsc' cs_now: 3f2b8a5c1e cs_last: 3e9a1120c4 mask: ffffffffffffffff
    """
    judge: tuple[int, re.Match[str]] | None = None
    for number, found in _lines(evidence):
        if found["kind"] == "wd":
            judge = number, found
        elif judge is not None and number - judge[0] <= _BESIDE:
            yield ClockWatch(
                judge=judge[1]["name"],
                judged=found["name"],
                judge_ns=_went_ns(judge[1]),
                judged_ns=_went_ns(found),
                refs=(evidence.ref(judge[0], number),),
            )
            judge = None


def _lines(evidence: Evidence) -> Iterator[tuple[int, re.Match[str]]]:
    text = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    for number, line in enumerate(text, start=1):
        if found := _CLOCK.search(line[:400]):
            yield number, found


def _went_ns(found: re.Match[str]) -> int | None:
    """How far a clock went, in ns: said, or counted by one that counts nanoseconds."""
    if found["nsec"]:
        return int(found["nsec"])
    if found["name"] not in _COUNTS_NS or not found["last"]:
        return None
    mask = int(found["mask"], 16) if found["mask"] else (1 << 64) - 1
    return (int(found["now"], 16) - int(found["last"], 16)) & mask
