"""Known defects of version ranges: a point of the causes concerned, with a modest ratio.

A version proves nothing: distributions carry fixes back, and most guests run well on every version. Each entry can be looked up at its
reference; where nobody says since when, or until when, the end is open.
"""

from collections.abc import Iterator

import msgspec

from crazytrain.model.facts.versions import Component, Number, Versions, VersionTold
from crazytrain.model.finding import Point

RATIO = 1.6
OPEN_RATIO = 1.15  # where nearly every version is concerned


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """One defect. ``since`` is the first version that has it, ``before`` the first one that has it no more."""

    component: Component
    since: Number | None = None
    before: Number | None = None
    causes: tuple[str, ...]
    says: str
    reference: str

    def has(self, number: Number) -> bool:
        """Whether a version is in the range."""
        return (self.since is None or number >= self.since) and (self.before is None or number < self.before)

    @property
    def ratio(self) -> float:
        """How much being in the range speaks for its causes."""
        return RATIO if self.since and self.before else OPEN_RATIO


# Only ranges that the reference itself bears out: a bound from memory would be a claim without a line to look at.
DEFECTS: tuple[Defect, ...] = (
    Defect(
        component=Component.QEMU,
        before=(1, 5),
        causes=("chardev-spin",),
        says="before 1.5 character devices have no flow control: a guest freezes when nobody reads what it writes",
        reference="https://wiki.qemu.org/Features/ChardevFlowControl",
    ),
    Defect(
        component=Component.QEMU,
        since=(7, 1),
        before=(7, 2),
        causes=("block-drain-deadlock", "storage-stall", "guest-hung-io"),
        says="iothreads together with aio=io_uring hang in 7.1.0",
        reference="https://github.com/openSUSE/obs-build/pull/893",
    ),
    Defect(
        component=Component.QEMU,
        since=(5, 0),
        before=(5, 1),
        causes=("fd-monitor-spin",),
        says="5.0.0 waits by io_uring where glib waits, too, and then spins; mended in 5.0.1 and 5.1",
        reference="https://bugs.launchpad.net/qemu/+bug/1877716",
    ),
    Defect(
        component=Component.HOST_KERNEL,
        since=(5, 19),
        causes=("split-lock",),
        says="since 5.19 a task that does split locks is slowed down on purpose",
        reference="https://www.phoronix.com/news/Linux-Splitlock-Hurts-Gaming",
    ),
)


def defect_points(cause: str, versions: Versions | None) -> tuple[Point, ...]:
    """That a version with a known defect is here, as points for the causes concerned."""
    return tuple(_points(cause, versions)) if versions else ()


def _points(cause: str, versions: Versions) -> Iterator[Point]:
    for defect in DEFECTS:
        if cause not in defect.causes:
            continue
        for one in _candidates(defect, versions):
            says = f"{one.component.value} is {one.text}; this version range has a known defect: {defect.says} ({defect.reference})"
            yield Point(says, (one.ref,), defect.ratio)
            break


def _candidates(defect: Defect, versions: Versions) -> Iterator[VersionTold]:
    """Versions in the range. A kernel that is neither said to be the host's nor the guest's may be the host's."""
    maybe = versions.of(Component.KERNEL) if defect.component is Component.HOST_KERNEL else ()
    return (one for one in (*versions.of(defect.component), *maybe) if defect.has(one.number))
