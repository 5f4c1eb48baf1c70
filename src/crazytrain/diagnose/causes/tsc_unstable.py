"""Cause guest-clock/tsc-unstable."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import (
    ConsoleLog,
    LineMeaning,
)
from crazytrain.model.finding import Claim, Family, Point


def tsc_unstable(console: ConsoleLog) -> Claim:
    """Did the guest's kernel give up the TSC as its clock?"""
    meant = (LineMeaning.TSC, LineMeaning.CLOCKSOURCE)
    lines = [x for x in console.matter if x.meaning in meant and "unstable" in x.text.lower()]
    point = (
        Point(f"the guest's console says: {lines[-1].text}", (lines[-1].ref,), 200)
        if lines
        else Point("the console does not speak of an unstable clock", console.refs, 0.1)
    )
    return Claim(
        says="the guest's kernel found its TSC unstable and fell back to a slower clock", prior=0.03, points=(point,)
    )


CAUSE = Cause(slug="tsc-unstable", family=Family.GUEST_CLOCK, rank=Rank.SYMPTOM, judge=tsc_unstable)
