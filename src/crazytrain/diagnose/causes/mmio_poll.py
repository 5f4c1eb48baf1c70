"""Cause exit-storm/mmio-poll."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import EXIT_STORM_FROM_PER_S, unseen
from crazytrain.model.facts import KvmExits
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point


def mmio_poll(exits: KvmExits) -> Claim:
    """Does the guest poll one page of a device's memory?"""
    page = max(exits.mmio, key=lambda m: m.count, default=None)
    says = "the guest accesses one page of device memory without end; each access leaves guest mode"
    if page is None:
        return Claim(says=says, prior=0.02, points=unseen(exits, "kvm_mmio", "MMIO access"))
    part = page.count / sum(m.count for m in exits.mmio)
    owner = f" ({page.owner})" if page.owner else ""
    fact = f"{rate(exits.per_s(page.count))} accesses to page {page.page:#x}{owner}: {share(part)} of all MMIO"
    storm = exits.per_s(page.count) >= EXIT_STORM_FROM_PER_S and part >= 0.5
    return Claim(says=says, prior=0.02, points=(Point(fact, exits.refs, 200 if storm else 0.02),))


CAUSE = Cause(slug="mmio-poll", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=mmio_poll, absorbs=BUSY)
