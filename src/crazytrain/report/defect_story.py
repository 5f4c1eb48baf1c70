"""Known defects of the versions that are here, for causes that are possible beside the verdict; the verdict's own stand among its reasons."""

from collections.abc import Iterator, Sequence

from crazytrain.model.figures import share
from crazytrain.model.finding import KNOWN_DEFECT, Finding, Verdict
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_POSSIBLE_FROM = 0.15
_SHOWN = 3


def defect_story(findings: Sequence[Finding], told: str) -> Iterator[StoryLine]:
    """A line for each defect that may be behind another cause than ``told``, the likeliest causes first; at most three."""
    possible = [one for one in findings if one.verdict in (Verdict.FOUND, Verdict.UNKNOWN) and one.cause != told]
    likely = sorted((one for one in possible if one.confidence >= _POSSIBLE_FROM), key=lambda one: -one.confidence)
    lines = (
        line(f"of {one.cause} ({share(one.confidence)}): {point.says}", point.refs)
        for one in likely
        for point in one.because
        if KNOWN_DEFECT in point.says
    )
    for _, shown in zip(range(_SHOWN), lines, strict=False):
        yield shown
