"""Where no cause alone is likely enough to be named: the family whose causes are so together.

What is pasted often tells where to look (the firmware, the storage, the guest's clock) and not which of the causes there it is. Each of
them then stays below what is worth naming, although the family is clear. Such an answer names the likeliest cause of that family with
the low confidence that it has.
"""

import math
from collections.abc import Sequence

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.finding import Family, Finding, Verdict

LIKELY_FROM = 0.09  # what the causes of a family have together
AHEAD = 1.3  # how much more than those of the next family
SPEAKS_FROM = 1.3  # the least that one point must say for a cause that counts
NAMES_FROM = 2.5  # the least that one point must say for the cause that is named: options that a guest was given are no observations


def of_likely_family(findings: Sequence[Finding], causes: Sequence[Cause]) -> Finding | None:
    """The likeliest cause of the family that stands out, for pasted text where nothing else gives the verdict; else ``None``.

    The causes of a family are taken as independent. Health is no family that a guess may name.
    """
    ranks = {cause.slug: cause.rank for cause in causes}
    families: dict[Family, list[Finding]] = {}
    for finding in findings:
        if _counts(finding) and ranks[finding.cause] > Rank.NOTE:
            families.setdefault(finding.family, []).append(finding)
    weighed = sorted(((_together(some), family) for family, some in families.items()), key=lambda one: -one[0])
    if not weighed or weighed[0][0] < LIKELY_FROM:
        return None
    if len(weighed) > 1 and weighed[0][0] < AHEAD * weighed[1][0]:
        return None
    likeliest = max(families[weighed[0][1]], key=lambda finding: finding.confidence)
    return likeliest if any(point.ratio >= NAMES_FROM for point in likeliest.because) else None


def _counts(finding: Finding) -> bool:
    """Whether something speaks for a cause that is still open."""
    said = finding.verdict is Verdict.UNKNOWN and not finding.folded_into and not finding.aside
    return said and finding.family is not Family.HEALTHY and any(p.ratio >= SPEAKS_FROM for p in finding.because)


def _together(findings: Sequence[Finding]) -> float:
    """The probability that it is one of them."""
    return 1 - math.prod(1 - finding.confidence for finding in findings)
