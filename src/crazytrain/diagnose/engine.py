"""The engine: asks every cause, weighs what it says, ranks, folds symptoms under their cause.

A cause's annotations are its wiring. A required fact that is not there makes the verdict Unknown and names the look
that would decide; a defect in one cause is caught here, kept as Broke, and stops no other.
"""

import inspect
import math
import types
import typing
from collections.abc import Sequence

import msgspec

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.folding import folded, ranks
from crazytrain.diagnose.looks import look_for
from crazytrain.diagnose.told_signs import AS_TOLD, PASTED_AT_MOST, beside, from_beside, is_told, with_beside
from crazytrain.diagnose.weigh import probability, verdict
from crazytrain.model.facts import Facts, KvmExits, KvmStats, QemuConfig
from crazytrain.model.facts.told import Topic
from crazytrain.model.finding import Claim, Family, Finding, Look, Verdict
from crazytrain.model.guest import Accelerator


def judge(cause: Cause, facts: Facts) -> Finding:
    """The verdict on one cause, with what it did without."""
    finding = _judged(cause, facts)
    senseless = _OF_KVM if _is_emulated(facts) else ()
    absent = [t for t, optional in needs(cause).values() if optional and facts.get(t) is None and t not in senseless]
    named = {look.what for look in finding.missing}
    unseen = tuple(what for what in (look_for(t).what for t in absent) if what not in named)
    return msgspec.structs.replace(finding, unseen=unseen)


def _judged(cause: Cause, facts: Facts) -> Finding:
    given, lacking = _wired(cause, facts)
    other = beside(cause, facts)
    if lacking:
        looks = tuple(look_for(t) for t in lacking)
        if words := from_beside(cause, other, looks):
            return _weighed(cause, words)
        if _is_emulated(facts) and not _OF_KVM.isdisjoint(lacking):
            return _finding(cause, Verdict.RULED_OUT, 0.0, "in software emulation nothing leaves guest mode")
        wanted = " and ".join(look.what for look in looks)
        return _finding(cause, Verdict.UNKNOWN, 0.0, f"cannot be judged without {wanted}", missing=looks)
    try:
        claim = cause.judge(**given)
    except Exception as error:  # noqa: BLE001 - the stage's one guard: a defect in a cause is a finding of its own
        return _finding(cause, Verdict.BROKE, 0.0, f"the rule failed: {type(error).__name__}: {error}")
    return _weighed(cause, with_beside(cause, claim, other))


def _wired(cause: Cause, facts: Facts) -> tuple[dict[str, object], list[type]]:
    given: dict[str, object] = {}
    lacking: list[type] = []
    for name, (wanted, optional) in needs(cause).items():
        value = _with_rates(facts.get(wanted))
        given[name] = value
        if value is None and not optional:
            lacking.append(wanted)
    if cause.either and all(facts.get(wanted) is None for wanted in cause.either):
        sensible = [wanted for wanted in cause.either if wanted not in _OF_KVM or not _is_emulated(facts)]
        lacking.append((sensible or cause.either)[0])
    return given, lacking


_OF_KVM = frozenset((KvmExits, KvmStats))


def _is_emulated(facts: Facts) -> bool:
    """Whether QEMU itself was told to run the guest's code: KVM has nothing to tell then, and is no look that is missing."""
    config = facts.get(QemuConfig)
    return config is not None and config.accelerator is Accelerator.TCG


def _with_rates(value: object) -> object:
    """Tables of ports, pages and registers without a window hold shares and no rates: no cause may take them for never."""
    if isinstance(value, KvmExits) and not value.window_ns and (value.ports or value.mmio or value.msrs):
        return None
    return value


def needs(cause: Cause) -> dict[str, tuple[type, bool]]:
    """The facts that a cause asks for: name to type, and whether it can do without."""
    hints = typing.get_type_hints(cause.judge)
    return {name: _unwrapped(hints[name]) for name in inspect.signature(cause.judge).parameters}


def _unwrapped(hint: object) -> tuple[type, bool]:
    if isinstance(hint, types.UnionType):
        kinds = [t for t in typing.get_args(hint) if t is not types.NoneType]
        return kinds[0], True
    return typing.cast("type", hint), False


def _weighed(cause: Cause, claim: Claim) -> Finding:
    confidence = probability(claim)
    how = verdict(claim, confidence)
    strongest_first = sorted(claim.points, key=lambda p: -p.ratio)
    return _finding(
        cause,
        how,
        confidence,
        claim.says,
        because=tuple(p for p in strongest_first if p.ratio >= 1),
        against=tuple(p for p in reversed(strongest_first) if p.ratio < 1),
        missing=_missing(cause, claim, how),
        aside=claim.aside,
    )


def _missing(cause: Cause, claim: Claim, how: Verdict) -> tuple[Look, ...]:
    """The looks that would decide: those that the claim names, else those that always do."""
    if how is Verdict.RULED_OUT:
        return ()
    return claim.missing or (cause.words.looks[:DECIDE] if how is Verdict.UNKNOWN else ())


def _finding(cause: Cause, how: Verdict, confidence: float, headline: str, **rest: object) -> Finding:
    words = cause.words
    fields: dict[str, object] = {
        "family": cause.family,
        "cause": cause.slug,
        "verdict": how,
        "confidence": round(confidence, 3),
        "headline": headline,
        "meaning": words.plain,
        "engineer": words.engineer,
        "refute": words.refute,
        "references": words.references,
        "remedy": words.remedy if how in (Verdict.FOUND, Verdict.UNKNOWN) else (),
        **rest,
    }
    return msgspec.convert(fields, Finding, from_attributes=True)


def diagnose(facts: Facts, causes: Sequence[Cause]) -> tuple[Finding, ...]:
    """All findings: found ones first, the most specific ahead, then what may be, then what was ruled out."""
    known = {c.slug: c for c in causes}
    findings = folded([judge(cause, facts) for cause in causes], known)
    specific = ranks(findings, known)
    return tuple(sorted(findings, key=lambda f: _order(f, specific)))


def _order(finding: Finding, specific: dict[str, Rank]) -> tuple[int, int, int, float]:
    place = {Verdict.FOUND: 0, Verdict.UNKNOWN: 1, Verdict.BROKE: 2, Verdict.RULED_OUT: 3}[finding.verdict]
    rank = specific[finding.cause] if finding.verdict is Verdict.FOUND else 0
    return place, bool(finding.folded_into), -rank, -finding.confidence


def headline(findings: Sequence[Finding], causes: Sequence[Cause]) -> Finding | None:
    """The finding that gives the verdict: the most specific one found; else the likeliest possible one; else ``None``."""
    specific = ranks(findings, {c.slug: c for c in causes})
    eligible = [f for f in findings if specific[f.cause] > Rank.NOTE and not f.folded_into and not f.aside]
    found = [f for f in eligible if f.verdict is Verdict.FOUND]
    possible = [f for f in eligible if f.verdict is Verdict.UNKNOWN and f.confidence >= POSSIBLE_FROM]
    if found:
        best = max(found, key=lambda f: (specific[f.cause], f.confidence))
        least = _GIVES_WAY.get(specific[best.cause], Rank.SPECIFIC)
        least = Rank.SPECIFIC if _carried_by_words(best) else least
        shown = any(p.ratio > 1 and not is_told(p) for p in best.because)
        rivals = [
            f
            for f in possible
            if f.confidence >= RIVAL_FROM and specific[f.cause] > least and not (shown and _by_words_alone(f))
        ]
        return max(rivals, key=lambda f: f.confidence, default=best)
    noted = (*possible, *_asked_about(findings, specific, possible))
    one_shown = any(not _by_words_alone(f) for f in noted)
    return max(
        noted or _beside(findings, specific),
        key=lambda f: f.confidence * (TOLD_BESIDE_SHOWN if one_shown and _by_words_alone(f) else 1),
        default=None,
    )


def _by_words_alone(finding: Finding) -> bool:
    """Whether next to nothing that a tool printed speaks for it: what was shown does not give way to what was only told."""
    return math.prod(p.ratio for p in finding.because if not is_told(p)) < SHOWN_FROM


def _carried_by_words(finding: Finding) -> bool:
    """Whether somebody's own words are what carries it: then it is what they complain of, and not only true beside it."""
    return math.prod(p.ratio for p in finding.because if is_told(p)) >= TOLD_FROM


def _beside(findings: Sequence[Finding], specific: dict[str, Rank]) -> tuple[Finding, ...]:
    """What goes on beside the guest, and is told where nothing else may be; that it is slow or waits is true of any load."""
    return tuple(
        f
        for f in findings
        if f.aside and f.verdict is Verdict.FOUND and not f.folded_into and specific[f.cause] > Rank.GENERAL
    )


def _asked_about(
    findings: Sequence[Finding], specific: dict[str, Rank], possible: Sequence[Finding]
) -> tuple[Finding, ...]:
    """A note is the answer where nothing else is thinkable and single lines are all that was given: they were what somebody asked about.

    A note by a trace is only true beside what the trace does not show, unless somebody says that nothing else is wrong.
    """
    if any(f.family is not Family.HEALTHY and f.confidence >= RIVAL_FROM for f in possible):
        return ()
    notes = (f for f in findings if specific[f.cause] is Rank.NOTE and f.verdict is Verdict.FOUND)
    return tuple(f for f in notes if f.confidence <= PASTED_AT_MOST or any(p.says.startswith(_WELL) for p in f.because))


# What holds and explains only that it is slow gives way to what may be, above which rank.
_GIVES_WAY = {Rank.CONTEXT: Rank.HEALTHY, Rank.PRESSURE: Rank.GENERAL}
DECIDE = 2  # looks that an undecided cause names at most, unless it knows better
POSSIBLE_FROM = 0.15
RIVAL_FROM = 0.3
TOLD_FROM = 20.0
SHOWN_FROM = 3.0
TOLD_BESIDE_SHOWN = 0.8  # what a cause by words alone counts beside one for which something was shown
_WELL = f"{AS_TOLD}{Topic.NOTHING_WRONG.value}:"


def looks_wanted(findings: Sequence[Finding]) -> tuple[Look, ...]:
    """The looks that undecided causes lack, the most often wanted first; what one command shows is one look."""
    counted: dict[Look, int] = {}
    for finding in findings:
        if finding.verdict is Verdict.UNKNOWN:
            for look in finding.missing:
                counted[look] = counted.get(look, 0) + 1
    together: dict[str, list[Look]] = {}
    for look in sorted(counted, key=lambda look: -counted[look]):
        together.setdefault(_called(look) or look.what, []).append(look)
    ordered = sorted(together.values(), key=lambda looks: -sum(counted[look] for look in looks))
    return tuple(_as_one(looks) for looks in ordered)


def _called(look: Look) -> str:
    """The command without what is noted behind it."""
    return look.command.partition("   #")[0].strip()


def _as_one(looks: Sequence[Look]) -> Look:
    """Looks of one command: all that it shows, and the note that asks for most."""
    if len(looks) == 1:
        return looks[0]
    notes = [note.split(";")[0].strip() for look in looks if (note := look.command.partition("   #")[2])]
    note = max((one for one in notes if one.startswith("as root")), key=len, default="")
    return Look("; ".join(look.what for look in looks), _called(looks[0]) + (f"   # {note}" if note else ""))
