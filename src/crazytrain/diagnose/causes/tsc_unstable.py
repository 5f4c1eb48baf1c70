"""Cause guest-clock/tsc-unstable."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.inside_signs import ticks
from crazytrain.diagnose.looks import LOOKS
from crazytrain.diagnose.signs import wanted
from crazytrain.model.facts import (
    ConsoleLog,
    LineMeaning,
    ThreadActivity,
    ThreadRole,
)
from crazytrain.model.facts.clock_setup import ClockArgv
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Pace
from crazytrain.model.finding import Claim, Family, Point

_CHOOSES = "clocksource="
_EXCERPT_TO = 60  # lines: a kernel says more as it boots
RESTS_TO = 0.3  # of a CPU, over all its vCPUs: who asks for the time so often that it matters takes more


def tsc_unstable(
    console: ConsoleLog | None, inside: GuestInside | None, threads: ThreadActivity | None, argv: ClockArgv | None
) -> Claim:
    """Did the guest's kernel give up the TSC as its clock?"""
    meant = (LineMeaning.TSC, LineMeaning.CLOCKSOURCE)
    lines = [x for x in (console.matter if console else ()) if x.meaning in meant and "unstable" in x.text.lower()]
    points = [*_from_inside(inside)]
    if lines:
        points.append(Point(lines[-1].says, (lines[-1].ref,), 200))
    elif console and not any(point.ratio > 1 for point in points):  # silence contradicts no mark in the kernel itself
        some = console.lines < _EXCERPT_TO
        says = f"{'the lines of its log that were given do' if some else 'what the guest said does'} not speak of an unstable clock"
        points.append(Point(says, console.refs, 0.6 if some else 0.1))
    points.extend(_chosen_points(argv))
    return Claim(
        says="the guest's kernel does not trust its TSC and keeps time by a slower clock",
        prior=0.03,
        points=tuple(points),
        missing=() if console or inside else (LOOKS[ConsoleLog],),
        aside=_at_ease(inside, threads),
    )


def _chosen_points(argv: ClockArgv | None) -> tuple[Point, ...]:
    """A clocksource that somebody chose is no fallback, whatever the kernel thinks of its TSC."""
    words = [word for word in argv.kernel_words if word.startswith(_CHOOSES)] if argv else []
    return (
        (Point(f"the guest's kernel was told what to keep time by ({words[-1]})", argv.refs, 0.003),)
        if argv and words
        else ()
    )


def _at_ease(inside: GuestInside | None, threads: ThreadActivity | None) -> bool:
    """Whether the guest was seen to rest while its time goes on: then what its kernel thinks of its TSC is worth a note, and is no trouble."""
    time = ticks(inside)
    rests = threads is not None and threads.window_ns > 0 and sum(map(wanted, threads.of(ThreadRole.VCPU))) < RESTS_TO
    return rests and time is not None and time.pace not in (Pace.STANDS, Pace.BACK)


def _from_inside(inside: GuestInside | None) -> list[Point]:
    """What the kernel has noted about its TSC; a guest that uses it just now has not given it up."""
    clock = inside.clock if inside else None
    if inside is None or clock is None:
        return []
    if clock.clocksource in ("tsc", "tsc-early"):
        return [Point(f"the guest keeps time by {clock.clocksource} just now", inside.refs, 0.02)]
    if clock.tsc_unstable is None:
        return []
    says = f"the guest's kernel {'has marked its TSC as unstable' if clock.tsc_unstable else 'has not marked its TSC as unstable'}"
    return [Point(f"{says}; its clocksource is {clock.clocksource}", inside.refs, 100 if clock.tsc_unstable else 0.05)]


CAUSE = Cause(
    slug="tsc-unstable",
    family=Family.GUEST_CLOCK,
    rank=Rank.SYMPTOM,
    judge=tsc_unstable,
    absorbs=("slow-clocksource",),  # that is what it falls back to
)
