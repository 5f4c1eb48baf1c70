"""What people tell as points of a cause, and what a cause may claim from that alone.

Someone's words are weak evidence beside what is measured: they add a little to a judgement by facts, and by themselves they never reach
``TOLD_AT_MOST``. A guess at a cause counts nearly nothing.
"""

import math
from collections.abc import Iterator

import msgspec

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.known_defects import defect_points
from crazytrain.diagnose.pasted_signs import pasted_points
from crazytrain.diagnose.told_ratios import GENERAL, OF_CAUSE, OF_FAMILY, PRIOR, PRIORS, RESTLESS, Ratios
from crazytrain.model.facts import Facts, GuestClock, KvmStats, ThreadActivity, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.memory import MemoryUse
from crazytrain.model.facts.resets import Resets
from crazytrain.model.facts.told import Stance, Telling, Told, Topic
from crazytrain.model.facts.versions import Versions
from crazytrain.model.facts.waits import Waits
from crazytrain.model.finding import Claim, Family, Look, Point

# Of 82 reports that people wrote and that were answered with 0.5 to 0.85 at first sight, 46 came true (bench/first_sight.py).
TOLD_AT_MOST = 0.65
PASTED_AT_MOST = 0.7
DENIED_AT_MOST = 0.45  # pasted signs of a healthy guest, where its owner says that it hangs
_DENIES_TO = 0.1
LINES_AT_MOST = 0.69  # a line of a log is certain as a symptom, and not that it is what one suffers from
_SYMPTOMS_IN_LOGS = frozenset({Family.GUEST_STUCK, Family.GUEST_CLOCK, Family.HOST_PRESSURE})
_LOOKS_AT_IT = (ThreadActivity, VcpuView, GuestInside, GuestClock, KvmStats, Waits, MemoryUse, Resets)
GUESS_POWER = 0.15  # what is left of a ratio, as a power of it
LISTED_POWER = 0.3
CHANCE_FROM = 120  # clauses: what people write of one guest is seldom longer
ELSEWHERE_POWER = 0.2
SHORT_BELOW = 30  # clauses: few words need not name what they are about
MEASURED_FROM = 3.0  # facts that speak so much for a cause carry it without what is told
CITED_FROM = 1.05
AS_TOLD = "as told: "  # how each such point begins, for readers and programs
_SHOWN = 100


def told_points(cause: Cause, telling: Telling | None) -> tuple[Point, ...]:
    """What was told as points for and against a cause; what says nothing is left out.

    What speaks for a whole family speaks for one of its causes only where something else speaks for that very cause.
    """
    if telling is None:
        return ()
    own = OF_CAUSE.get(cause.slug, {})
    points = tuple(_points(telling, {**OF_FAMILY.get(cause.family, {}), **own}))
    shared = GENERAL if any(one.topic in RESTLESS for one in telling.told) else GENERAL | {Topic.WINDOWS}
    singles = (one for one in telling.told if one.topic not in shared and _ratio(one, own) >= CITED_FROM)
    singled_out = next(singles, None) is not None or cause.family is Family.HEALTHY
    return points if singled_out else tuple(point for point in points if point.ratio < 1)


def _points(telling: Telling, ratios: Ratios) -> Iterator[Point]:
    power = _power(telling)
    for one in telling.told:
        ratio = math.pow(_ratio(one, ratios), power)
        if max(ratio, 1 / ratio) >= CITED_FROM:
            how = "" if one.stance is Stance.SEEN else f" ({one.stance.value})"
            yield Point(f'{AS_TOLD}{one.topic.value}{how}: "{one.words[:_SHOWN]}"', (one.ref,), ratio)


def is_told(point: Point) -> bool:
    """Whether a point is somebody's own words, and nothing that a tool printed or that was measured."""
    return point.says.startswith(AS_TOLD)


def is_about_a_guest(telling: Telling | None) -> bool:
    """Whether what was told is short and speaks of guests: else the same words stand by chance."""
    return telling is not None and _power(telling) >= 1


def _power(telling: Telling) -> float:
    """How much of each ratio counts: in a long text, and in one about something else, the same words stand by chance."""
    power = min(1.0, CHANCE_FROM / telling.clauses) if telling.clauses else 1.0
    return power if telling.of_guests or telling.clauses < SHORT_BELOW else min(power, ELSEWHERE_POWER)


def _ratio(one: Told, ratios: Ratios) -> float:
    plain = ratios.get(one.topic, 1.0)
    if one.stance is Stance.SEEN:
        return plain
    if one.stance is Stance.LISTED:
        return math.pow(plain, LISTED_POWER)
    if one.stance is Stance.GUESS:
        return math.pow(max(plain, 1.0), GUESS_POWER)
    if one.stance is Stance.CURED:
        return ratios.get((one.topic, one.stance), max(plain, 1.0))
    if one.stance is Stance.NO_MATTER:
        return ratios.get((one.topic, one.stance), 1 / min(max(plain, 1.0), 3.0))
    return ratios.get((one.topic, one.stance), 1.0)


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks beside a cause's own facts: words, tables and logs without a window, known defects of versions.

    ``watched`` tells whether the guest itself was looked at, and not only what somebody wrote of it or a log kept.
    """

    told: tuple[Point, ...] = ()
    pasted: tuple[Point, ...] = ()
    defects: tuple[Point, ...] = ()
    watched: bool = True

    @property
    def ratio(self) -> float:
        """How much all of it speaks for the cause, defects left out."""
        return math.prod(point.ratio for point in (*self.told, *self.pasted))

    def at_most(self, limit: float) -> float:
        """The most that may be claimed of it."""
        shown = any(point.ratio >= MEASURED_FROM for point in self.pasted)
        if any(point.ratio <= _DENIES_TO for point in self.told):
            return min(limit, DENIED_AT_MOST)
        return min(limit, PASTED_AT_MOST if shown else TOLD_AT_MOST)


def beside(cause: Cause, facts: Facts) -> Beside:
    """Gather it."""
    return Beside(
        told=told_points(cause, facts.get(Telling)),
        pasted=pasted_points(cause.slug, facts),
        defects=defect_points(cause.slug, facts.get(Versions)),
        watched=cause.family not in _SYMPTOMS_IN_LOGS or any(isinstance(fact, _LOOKS_AT_IT) for fact in facts),
    )


def with_beside(cause: Cause, claim: Claim, other: Beside) -> Claim:
    """A claim by facts, what speaks beside it, and known defects of the versions where anything speaks for the cause.

    Where the facts do not speak for it, the rest alone carries it, and not far.
    """
    if claim.ruled_out:
        if not other.pasted and not (cause.rank is Rank.NOTE and other.ratio >= MEASURED_FROM):
            return claim
        claim = msgspec.structs.replace(claim, says=_says(cause, other))
    if not other.watched:
        claim = msgspec.structs.replace(claim, at_most=min(claim.at_most, LINES_AT_MOST))
    own = math.prod(point.ratio for point in claim.points)
    defects = other.defects if own * other.ratio > 1 else ()
    points = (*other.told, *other.pasted, *defects)
    if not points:
        return claim
    at_most = claim.at_most if own >= MEASURED_FROM else other.at_most(claim.at_most)
    prior = claim.prior if claim.points and not claim.ruled_out else min(max(claim.prior, _prior(cause)), 0.1)
    return msgspec.structs.replace(
        claim, prior=prior, points=(*claim.points, *points), at_most=at_most, ruled_out=False
    )


def from_beside(cause: Cause, other: Beside, missing: tuple[Look, ...]) -> Claim | None:
    """A claim without the facts that a cause needs; ``None`` where nothing speaks for it."""
    points = (*other.told, *other.pasted)
    if not any(point.ratio > 1 for point in points):
        return None
    return Claim(
        says=_says(cause, other),
        prior=_prior(cause),
        points=(*points, *other.defects),
        missing=missing,
        at_most=other.at_most(1.0),
    )


def _says(cause: Cause, other: Beside) -> str:
    by = "by single tables and log lines" if other.pasted else "by what is told, not measured"
    return f"{by}: {_first_sentence(cause.words.plain)}"


def _prior(cause: Cause) -> float:
    return PRIORS.get(cause.slug, PRIOR)


def _first_sentence(text: str) -> str:
    return text.split(". ", maxsplit=1)[0].rstrip(".")
