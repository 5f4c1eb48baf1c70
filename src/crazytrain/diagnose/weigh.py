"""Weighing: from a prior and likelihood ratios to a probability, and from a probability to a verdict.

Each point of a claim carries a likelihood ratio (how many times likelier the fact is where the cause holds than where
it does not). Points of one claim are treated as independent; where two points say the same thing twice, a cause gives
the second one a ratio near 1. The result is kept away from 0 and 1: nothing seen from outside is certain.
"""

import math

import msgspec

from crazytrain.model.finding import Claim, Verdict

FLOOR, CEILING = 0.01, 0.99
FOUND_FROM = 0.5
RULED_OUT_TO = 0.03
AGAINST_TO = 0.2


class Map(msgspec.Struct, frozen=True):
    """From what the ratios give to what came true: log odds times ``slope``, plus ``shift``. It keeps the order."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, confidence: float) -> float:
        """The probability that is meant; 0 and 1 stay."""
        if not 0 < confidence < 1 or (self.slope, self.shift) == (1.0, 0.0):
            return confidence
        return 1 / (1 + math.exp(-(self.slope * math.log(confidence / (1 - confidence)) + self.shift)))


# What ``bench.calibration`` fits to the cases whose cause is known. It is set only where the cross-validated gain is more than twice
# its error; until now it never was, so what the ratios give is what is said.
FITTED = Map()


def probability(claim: Claim) -> float:
    """The claim's probability from its prior and its points, between ``FLOOR`` and ``CEILING``; 0 where it is ruled out."""
    if claim.ruled_out:
        return 0.0
    log_odds = math.log(claim.prior / (1 - claim.prior)) + sum(math.log(p.ratio) for p in claim.points)
    return min(CEILING, claim.at_most, max(FLOOR, FITTED(1 / (1 + math.exp(-log_odds)))))


def verdict(claim: Claim, confidence: float) -> Verdict:
    """Found from one half on; ruled out where the facts left next to nothing of it; unknown between.

    A small prior alone rules nothing out: the facts themselves must speak against it (``AGAINST_TO`` in all).
    """
    speaks = math.prod(p.ratio for p in claim.points)
    if claim.ruled_out or (confidence <= RULED_OUT_TO and speaks <= AGAINST_TO):
        return Verdict.RULED_OUT
    return Verdict.FOUND if confidence >= FOUND_FROM else Verdict.UNKNOWN


def standing(confidence: float) -> str:
    """What a probability means, in a word."""
    for least, word in ((0.95, "almost certain"), (0.7, "likely"), (0.15, "possible"), (0.0, "unlikely")):
        if confidence >= least:
            return word
    return "unlikely"
