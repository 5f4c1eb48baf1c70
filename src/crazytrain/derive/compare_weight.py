"""Which differences say nothing: those that two healthy guests show, too."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from crazytrain.model.difference import Difference, Judged, Standing
from crazytrain.model.facts import Facts, TaskTable
from crazytrain.model.finding import Family
from crazytrain.model.measure import Measure

CONSOLE = "how much a guest prints says nothing"
HOST_LOAD = "it tells how loaded the host is"
WORK = "it tells how much there is to do, and both are judged healthy"
DELAY_SOURCE = "waiting for a CPU"
SLOWED = "strace slows every call, so that their shares shift by that alone"
START = "one of them has only just started"
START_UP_S = 30.0
HEALTHY_FROM = 0.5
_HELD_BACK = ("cpu-contention",)  # the host's fault, not the guest's
_ON_PURPOSE = "cpu-throttled"  # but a limit was set for this very guest, and the other one may have none
# What a guest that is judged healthy may do at most. More is told all the same: the judgement may be wrong.
_TIMER_SOURCES = ("interrupt lines", "interrupt line 0")
_TICKS_TO_PER_S = 900.0
_MOST_PER_S = 2000.0
_MOST_OF_A_CPU = 0.85
_MOST_OF_A_LOOP = 0.25
_LOOPS = ("main loop", "iothread", "worker")


def judged(family: str, cause: str, confidence: float, symptoms: Iterable[str] = ()) -> Judged:
    """What a verdict says of a guest, for a comparison. One that is only held back by the host's load is healthy.

    ``symptoms``: the causes that stand under the verdict's.
    """
    if confidence < HEALTHY_FROM:
        return Judged.OPEN
    healthy = (family == Family.HEALTHY.value and cause != "paused") or (
        cause in _HELD_BACK and _ON_PURPOSE not in symptoms
    )
    return Judged.HEALTHY if healthy else Judged.SICK


def age_s(facts: Facts) -> float | None:
    """For how long the process has run when it was last looked at; ``None`` where that was not seen."""
    last = max(facts.all(TaskTable), key=lambda table: table.mono_ns, default=None)
    if last is None or not last.tasks or not last.ticks_per_s:
        return None
    return last.mono_ns / 1e9 - min(task.start_ticks for task in last.tasks) / last.ticks_per_s


class Weigher:
    """Says of a difference that matters by its size why it says nothing all the same."""

    def __init__(
        self, measures: Mapping[tuple[str, str], Measure], sides: Sequence[tuple[Judged, float | None]]
    ) -> None:
        self._measures = measures
        self._healthy = all(side is Judged.HEALTHY for side, _ in sides)
        self._starts = _one_starts(sides)

    def __call__(self, d: Difference) -> Difference:
        if not d.notable:
            return d
        reason = self._little(d) or self._as_healthy(d)
        if not reason:
            return d
        return msgspec.structs.replace(d, notable=False, standing=Standing.SAYS_NOTHING, nothing=reason)

    def _little(self, d: Difference) -> str:
        measure = self._measures[d.source, d.measure]
        return measure.little if max(d.here, d.there) <= measure.little_to else ""

    def _as_healthy(self, d: Difference) -> str:
        if not (self._healthy or self._starts) or not _ordinary(d):
            return ""
        if d.source == DELAY_SOURCE:
            return HOST_LOAD
        return WORK if self._healthy and not self._starts else START


def _one_starts(sides: Sequence[tuple[Judged, float | None]]) -> bool:
    ages = [age for _, age in sides if age is not None]
    if len(ages) < len(sides) or any(side is Judged.SICK for side, _ in sides):
        return False
    return min(ages) < START_UP_S and max(ages) > 2 * min(ages)


def by_slowing(d: Difference) -> Difference:
    """A share of calls on two sides of which strace watched only one: that a call is made at all tells, how often it is does not."""
    if not d.notable or d.unit != "of_calls" or not (d.here and d.there):
        return d
    return msgspec.structs.replace(d, notable=False, standing=Standing.SAYS_NOTHING, nothing=SLOWED)


def _ordinary(d: Difference) -> bool:
    """Whether a healthy guest may have as much of it."""
    most = max(d.here, d.there)
    if d.source == DELAY_SOURCE:
        return True
    if d.unit == "per_s":
        ticks = d.source in _TIMER_SOURCES or d.measure.endswith(" turns")
        return d.follows or most <= (_TICKS_TO_PER_S if ticks else _MOST_PER_S)
    if d.unit != "share":
        return False
    return (
        most <= (_MOST_OF_A_LOOP if d.measure.startswith(_LOOPS) and d.measure.endswith(" CPU") else _MOST_OF_A_CPU)
        or d.follows
    )
