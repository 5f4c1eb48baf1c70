"""Known defects of version ranges: a point of the causes concerned, with a modest ratio.

A version proves nothing: distributions carry fixes back, and most guests run well on every version. Each entry can be looked up at its
reference; where nobody says since when, or until when, the end is open.
"""

import math
from collections.abc import Iterator

from crazytrain.diagnose.defect import Defect, of_component
from crazytrain.diagnose.known_defects_kernel import GUEST_DEFECTS, HOST_DEFECTS
from crazytrain.diagnose.known_defects_qemu import QEMU_DEFECTS
from crazytrain.model.facts.versions import Component, Versions, VersionTold
from crazytrain.model.finding import KNOWN_DEFECT, Point

# What is left of a ratio, as a power of it.
PACKAGED = 0.6  # a distribution may have carried the fix back
ENTERPRISE = 0.25  # its number says next to nothing of what is in it
INEXACT = 0.5  # the third part decides, and was not told
UNOWNED = 0.6  # a kernel of host or guest, nobody says which

# Only ranges that the reference itself bears out: a bound from memory would be a claim without a line to look at.
DEFECTS: tuple[Defect, ...] = (*QEMU_DEFECTS, *HOST_DEFECTS, *GUEST_DEFECTS)


def defect_points(cause: str, versions: Versions | None) -> tuple[Point, ...]:
    """That a version with a known defect is here, as points for the causes concerned."""
    return tuple(_points(cause, versions)) if versions else ()


def _points(cause: str, versions: Versions) -> Iterator[Point]:
    for defect in DEFECTS:
        if cause not in defect.causes:
            continue
        one = max(_candidates(defect, versions), key=lambda told: ratio(defect, told), default=None)
        if one is not None:
            what = f"{one.component.value} is {one.shown}; {KNOWN_DEFECT}: {defect.says}"
            yield Point(f"{what}; way round: {defect.instead} ({defect.reference})", (one.ref,), ratio(defect, one))


def _candidates(defect: Defect, versions: Versions) -> Iterator[VersionTold]:
    """Versions in the range. A kernel that is neither said to be the host's nor the guest's may be either."""
    return (one for one in versions.known if of_component(defect.component, one.component) and defect.has(one))


def ratio(defect: Defect, one: VersionTold) -> float:
    """How much a version in the range speaks for the causes concerned."""
    power = ENTERPRISE if one.enterprise else PACKAGED if one.packaged and not one.least else 1.0
    power *= 1.0 if defect.exact(one) else INEXACT
    power *= UNOWNED if one.component is Component.KERNEL else 1.0
    return math.pow(defect.ratio, power)
