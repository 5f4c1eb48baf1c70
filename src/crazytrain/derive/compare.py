"""Here and there: what differs between two guests, and what does not."""

import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.derive.compare_calls import asked_per_s, call_measures, call_zeros, source_of, story_measures
from crazytrain.derive.compare_counts import contrast, holm, interval, value
from crazytrain.derive.compare_grain import Grain, grain_of
from crazytrain.derive.compare_kvm import emulated_zeros, machine_measures, machine_zeros
from crazytrain.derive.compare_loops import loop_measures
from crazytrain.derive.compare_names import Names
from crazytrain.derive.compare_states import state_measures, state_zeros
from crazytrain.derive.compare_threads import SWITCH_SOURCE, thread_measures, thread_zeros
from crazytrain.derive.compare_weight import DELAY_SOURCE, Weigher, age_s, by_slowing
from crazytrain.model.difference import (
    LEAST_PER_S,
    LEAST_SHARE,
    NOTABLE_FACTOR,
    Comparison,
    Difference,
    Judged,
    Range,
    Standing,
    Unseen,
)
from crazytrain.model.facts import Facts, SyscallUse
from crazytrain.model.measure import Amount, Events, Measure, Measures, Part, Sampled

CHANCE = 0.05  # of calling one measure of two equal guests different, over all measures together
_MOST_UNSEEN = 6
_MUCH_MORE = 2.0
CPU = " CPU"
WAITING = " waiting for a CPU"
CALLS = source_of("")
_OF_SCHEDULER = (DELAY_SOURCE, SWITCH_SOURCE)
_PER_S = "per_s"
_SHARE = "share"
_OF_CALLS = "of_calls"
_STATE = "state"
_LEADS_FROM_PER_S = 500.0  # what comes less often brings little about
_NOT_JUDGED = (Judged.OPEN, Judged.OPEN)


def compare(here: Facts, there: Facts) -> tuple[Difference, ...]:
    """Measures of both, what differs most first. Only what was seen on both sides is compared: not seen is not zero."""
    return compared(here, there).differences


def compared(here: Facts, there: Facts, sides: tuple[Judged, Judged] = _NOT_JUDGED) -> Comparison:
    """Compare all that both sides have, and name what only one has looked at.

    ``sides`` is what the diagnosis of each says: of two healthy guests how much they have to do is no difference that matters.
    """
    grains = grain_of(here), grain_of(there)
    grain = grains[0].with_(grains[1])
    mine, other = measures(here, grain), measures(there, grain)
    pairs = tuple(_pairs(mine, other))
    tests = [contrast(a.amount, b.amount) for a, b in pairs]
    chances = holm([test.chance for test in tests])
    found = [_difference(a, b, test.ratio, chance) for (a, b), test, chance in zip(pairs, tests, chances, strict=True)]
    known = {(m.source, m.title): m for pair in pairs for m in sorted(pair, key=lambda m: (bool(m.little), m.lead))}
    weigh = Weigher(known, ((sides[0], age_s(here)), (sides[1], age_s(there))))
    weighed = [weigh(one) for one in _waiting_follows(found)]
    if _by_strace(here) is not _by_strace(there):
        weighed = [by_slowing(one) for one in weighed]
    return Comparison(
        differences=tuple(sorted(_alone(weighed), key=lambda d: _rank(d, known[d.source, d.measure].lead))),
        unseen=(*_unseen(mine, other, "here"), *_unseen(other, mine, "there")),
        no_times=tuple(side for side, facts in (("here", here), ("there", there)) if _timeless(facts)),
        no_threads=tuple(side for side, one in zip(("here", "there"), grains, strict=True) if not one.threads),
        no_descriptors=tuple(side for side, one in zip(("here", "there"), grains, strict=True) if not one.descriptors),
    )


def measures(facts: Facts, grain: Grain | None = None) -> Measures:
    """All measures that the facts hold, each once, and no finer than ``grain``."""
    names = Names(facts, grain or grain_of(facts))
    found = (
        *thread_measures(facts, asked_per_s(facts, names)),
        *call_measures(facts, names),
        *story_measures(facts, names),
        *(loop_measures(facts, names) if names.grain.descriptors else ()),
        *machine_measures(facts, names),
        *state_measures(facts),
    )
    zeros = thread_zeros(facts) | call_zeros(facts, names) | machine_zeros(facts) | state_zeros(facts)
    none = emulated_zeros(facts)
    return Measures(
        found=tuple({(m.source, m.title): m for m in found}.values()),
        zeros=zeros | none,
        because=dict.fromkeys(none, "no exits without KVM"),
    )


def _waiting_follows(found: Sequence[Difference]) -> Iterator[Difference]:
    """Who wants more CPU time also waits for it longer: that only follows, unless it waits far more than it runs."""
    burns = {d.measure.removesuffix(CPU): max(d.here, d.there) for d in found if d.notable and d.measure.endswith(CPU)}
    for d in found:
        role = d.measure.removesuffix(WAITING)
        waits = d.source == DELAY_SOURCE and max(d.here, d.there) <= _MUCH_MORE * burns.get(role, 0.0)
        yield msgspec.structs.replace(d, follows=True) if waits else d


def _alone(found: Sequence[Difference]) -> Iterator[Difference]:
    """How threads hand over to each other, and wait for a CPU, depends on the host's scheduler, too: it never counts alone."""
    led = any(d.notable and not d.follows for d in found)
    for d in found:
        if d.notable and d.follows and not led and (d.source.startswith(CALLS) or d.source in _OF_SCHEDULER):
            yield msgspec.structs.replace(d, notable=False, standing=Standing.FOLLOWS)
        else:
            yield d


def _timeless(facts: Facts) -> bool:
    use = facts.get(SyscallUse)
    return use is not None and not use.window_ns


def _by_strace(facts: Facts) -> bool:
    use = facts.get(SyscallUse)
    return use is not None and use.method.startswith("strace")


def _pairs(mine: Measures, other: Measures) -> Iterator[tuple[Measure, Measure]]:
    """Measures that both have; what one side looked at and never saw is nothing there."""
    first, second = ({(m.source, m.title): m for m in side.found} for side in (mine, other))
    for key in dict.fromkeys((*first, *second)):
        a, b = first.get(key), second.get(key)
        a = a or (_nothing(b, mine) if b else None)
        b = b or (_nothing(a, other) if a else None)
        if a and b and _comparable(a.amount, b.amount):
            yield _by_calls(a, b)


def _nothing(seen: Measure, side: Measures) -> Measure | None:
    zero = side.zeros.get(seen.source)
    if zero is None or not _same_kind(zero, seen.amount):
        return None
    return Measure(
        title=seen.title,
        source=seen.source,
        amount=zero,
        name=side.because.get(seen.source, ""),
        little=seen.little,
        little_to=seen.little_to,
        lead=seen.lead,
    )


def _same_kind(first: Amount, second: Amount) -> bool:
    return type(first) is type(second)


def _comparable(first: Amount, second: Amount) -> bool:
    """Counts without times are compared as shares of all calls; where that total is not known they are not."""
    if isinstance(first, Events) and isinstance(second, Events):
        return bool(first.window_ns and second.window_ns) or bool(first.out_of and second.out_of)
    return _same_kind(first, second)


def _by_calls(a: Measure, b: Measure) -> tuple[Measure, Measure]:
    first, second = a.amount, b.amount
    if not isinstance(first, Events) or not isinstance(second, Events) or (first.window_ns and second.window_ns):
        return a, b
    return (
        msgspec.structs.replace(a, amount=Sampled(first.count, first.out_of or 0)),
        msgspec.structs.replace(b, amount=Sampled(second.count, second.out_of or 0)),
    )


def _difference(a: Measure, b: Measure, ratio: Range | None, chance: float | None) -> Difference:
    here, there = value(a.amount), value(b.amount)
    bounds = interval(a.amount), interval(b.amount)
    standing = _standing(a.amount, b.amount, bounds, ratio, chance)
    text = a.odd or b.odd
    return Difference(
        measure=a.title,
        unit=_unit(a),
        here=here,
        there=there,
        ratio=here / there if there else None,
        notable=standing is Standing.DIFFERS,
        standing=standing,
        here_range=bounds[0],
        there_range=bounds[1],
        ratio_range=ratio,
        chance=chance,
        here_count=_count(a.amount),
        there_count=_count(b.amount),
        here_name=a.name,
        there_name=b.name,
        here_ours=_ours_per_s(a.amount),
        there_ours=_ours_per_s(b.amount),
        source=a.source,
        odd=text,
        by=a.by if here >= there else b.by,
        follows=a.follows or b.follows,
        evidence_here=tuple(str(ref) for ref in a.refs),
        evidence_there=tuple(str(ref) for ref in b.refs),
    )


def _unit(measure: Measure) -> str:
    if isinstance(measure.amount, Events):
        return _PER_S
    if isinstance(measure.amount, Part) and measure.amount.state:
        return _STATE
    of_calls = isinstance(measure.amount, Sampled) and measure.source.startswith(CALLS)
    return _OF_CALLS if of_calls else _SHARE


def _count(amount: Amount) -> float | None:
    match amount:
        case Events():
            return amount.count
        case Sampled():
            return amount.hits
    return None


def _ours_per_s(amount: Amount) -> float:
    if isinstance(amount, Events) and amount.window_ns:
        return amount.ours * 1e9 / amount.window_ns
    return 0.0


def _standing(a: Amount, b: Amount, bounds: tuple[Range, Range], ratio: Range | None, chance: float | None) -> Standing:
    """Whether two figures differ by a factor and an amount that matter, do not, or nobody can tell.

    What our own questions may have caused is taken off the larger one before the factor is looked at.
    """
    least = LEAST_PER_S if isinstance(a, Events) else LEAST_SHARE
    low, top = sorted((a, b), key=value)
    net = value(top) - _ours_per_s(top)
    highest = max((r.high or 0.0) - _ours_per_s(x) for r, x in zip(bounds, (a, b), strict=True))
    if highest < least:
        return Standing.ALIKE
    matters = net >= least and net >= NOTABLE_FACTOR * max(value(low), least / 10)
    if matters and chance is not None and chance < CHANCE:
        return Standing.DIFFERS
    within = ratio is not None and ratio.low > 1 / NOTABLE_FACTOR and (ratio.high or math.inf) < NOTABLE_FACTOR
    return Standing.ALIKE if within or (not matters and _near(bounds, least)) else Standing.CANNOT_TELL


def _near(bounds: Sequence[Range], least: float) -> bool:
    """Whether even the ends of both intervals lie less than the least amount apart."""
    highs, lows = [r.high if r.high is not None else math.inf for r in bounds], [r.low for r in bounds]
    return max(highs) - min(lows) < least


def _rank(difference: Difference, lead: float) -> tuple[bool, bool, float]:
    """What differs, before what follows from it, by how much it differs at least; what brings others about, ahead of those."""
    effect = _effect(difference)
    leads = difference.unit != _PER_S or max(difference.here, difference.there) >= _LEADS_FROM_PER_S
    return not difference.notable, difference.notable and difference.follows, -(effect + (lead if leads else 0.0))


def _effect(d: Difference) -> float:
    least = LEAST_PER_S if d.unit == _PER_S else LEAST_SHARE
    if d.here_range is None or d.there_range is None:
        return 0.0
    first = (
        (d.here_range, d.there_range, d.here_ours) if d.here >= d.there else (d.there_range, d.here_range, d.there_ours)
    )
    top, low, ours = first
    return math.log((max(0.0, top.low - ours) + least) / ((low.high or low.low) + least))


def _unseen(mine: Measures, other: Measures, side: str) -> Iterable[Unseen]:
    """Sources that only this side has looked at."""
    theirs = {m.source for m in other.found} | set(other.zeros)
    sources = dict.fromkeys(m.source for m in mine.found if m.source not in theirs)
    for source in sources:
        found = sorted((m for m in mine.found if m.source == source), key=lambda m: -value(m.amount))
        if any(value(m.amount) for m in found):
            yield Unseen(source=source, side=side, measures=tuple(m.title for m in found[:_MOST_UNSEEN]))
