"""What a cause that words alone name is worth, by what came true of reports that nobody had seen while the ratios were chosen.

Ratios of words are set one by one, and people tell few of them: the probability that comes out is right in its order, and too low. Of
the causes that were named so in reports that people really wrote, and stayed below one half, 46 of 114 were the true ones: 20 of 52 that
had 0.12 to 0.25, and 12 of 20 that had 0.38 or more (``bench/calibration`` prints what is said of them). Long texts, and texts that do not speak
of guests, are no such reports. A cause stays on its side of one half: only more than words can find it.
"""

import msgspec

from crazytrain.diagnose.told_signs import is_about_a_guest, is_told
from crazytrain.diagnose.weigh import FOUND_FROM, Map
from crazytrain.model.facts import Facts
from crazytrain.model.facts.told import Telling
from crazytrain.model.finding import Finding

# Fitted by ``bench.calibration`` with the reports that people wrote; made-up ones, which say in the field's terms what is so, ask for less.
OF_WORDS = Map(slope=0.7)


def as_named(finding: Finding, facts: Facts) -> Finding:
    """The finding that gives the verdict, with the confidence that such verdicts have earned; others are left as they are."""
    if finding.confidence >= FOUND_FROM or not _by_words_alone(finding, facts):
        return finding
    return msgspec.structs.replace(finding, confidence=round(OF_WORDS(finding.confidence), 3))


def _by_words_alone(finding: Finding, facts: Facts) -> bool:
    telling = facts.get(Telling)
    if telling is None or not telling.of_guests or not is_about_a_guest(telling):
        return False
    speaks = [point for point in finding.because if point.ratio > 1]
    return bool(speaks) and all(is_told(point) for point in speaks)
