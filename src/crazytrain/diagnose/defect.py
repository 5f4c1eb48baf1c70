"""Defect: one that is known of a range of versions, with the page that says so."""

import msgspec

from crazytrain.model.facts.versions import KERNELS, Component, VersionTold

Bound = tuple[int, ...]  # two or three parts
RATIO = 1.6
OPEN_RATIO = 1.15  # where nearly every version is concerned


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """One defect. ``since`` is the first version that has it, ``before`` the first one that has it no more.

    ``mended`` are releases of older series, of three parts, from which on their series has it no more. ``instead`` says how to get
    round it. ``reference`` is a page that bears the range out: where it only tells that some versions have it, the range ends with
    those, although others may have it, too.
    """

    component: Component
    since: Bound | None = None
    before: Bound | None = None
    mended: tuple[Bound, ...] = ()
    causes: tuple[str, ...]
    says: str
    instead: str
    reference: str

    @property
    def ratio(self) -> float:
        """How much being in the range speaks for its causes, where the version is that of its makers and exact."""
        return RATIO if self.since and self.before else OPEN_RATIO

    def has(self, one: VersionTold) -> bool:
        """Whether a version is in the range. Where its third part is not known, it may be."""
        if one.least:
            return self.before is None and self.since is not None and one.number >= self.since[:2]
        if self.since and _part_of(one, self.since) < self.since[: len(_part_of(one, self.since))]:
            return False
        if self.before and not self._is_before(one, self.before):
            return False
        return not any(_is_in_series(one, release) for release in self.mended)

    def exact(self, one: VersionTold) -> bool:
        """Whether the told version is exact enough to tell."""
        bounds = (self.since, self.before, *self.mended)
        return one.micro is not None or not any(
            bound and len(bound) > 2 and bound[:2] == one.number for bound in bounds
        )

    @staticmethod
    def _is_before(one: VersionTold, bound: Bound) -> bool:
        known = _part_of(one, bound)
        return known < bound if len(known) == len(bound) else known <= bound[: len(known)]


def _part_of(one: VersionTold, bound: Bound) -> Bound:
    """As many parts of a version as the bound has, and as are known."""
    whole = one.number if one.micro is None else (*one.number, one.micro)
    return whole[: len(bound)]


def _is_in_series(one: VersionTold, release: Bound) -> bool:
    return one.micro is not None and one.number == release[:2] and one.micro >= release[2]


def of_component(wanted: Component, known: Component) -> bool:
    """Whether a known version may be one of the wanted component: a kernel of nobody may be the host's or the guest's."""
    return known is wanted or (known is Component.KERNEL and wanted in KERNELS)
