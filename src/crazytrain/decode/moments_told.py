"""TOLD and text: how far apart two print-outs are that stand elsewhere, as the sentence above them says it ("twice, ten seconds apart")."""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.moments import Mark, MarkKind, Moments

_MOST_LINES, _LONGEST = 2000, 4000
_SECOND_NS = 10**9
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
    "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "sixty": 60, "ninety": 90,
}  # fmt: skip
_COUNT = rf"(?P<n>\d{{1,4}}|{'|'.join(_NUMBERS)}) ?(?P<unit>s|sec|secs|seconds?|min|mins|minutes?)\b"
_ABOUT = (
    r"(?:,? ?(?:some|about|roughly|around|approximately|ca\.?|again|and|then|with|at an interval of|within))*[ ,]{1,2}"
)
_APART = re.compile(
    rf"\b(?:twice|two times|two (?:samples|snapshots|readings|dumps|looks)|asked again|taken again|both|pair){_ABOUT}{_COUNT}"
    rf"(?: apart| between| later| in between)?|(?<![\w.-]){_COUNT.replace('<n>', '<n2>').replace('<unit>', '<unit2>')} apart\b",
    re.IGNORECASE,
)


def decode_moments_told(evidence: Evidence) -> Iterable[object]:
    """Yield ``Moments`` with the interval that a sentence tells, where it tells one and not several."""
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    found = [(number, hit) for number, line in enumerate(lines, start=1) for hit in _APART.finditer(line[:_LONGEST])]
    if len(found) == 1 and (ns := _ns(found[0][1])):
        mark = Mark(kind=MarkKind.APART, line=found[0][0], ns=ns, says="what is told of them")
        yield Moments(text=evidence.source, marks=(mark,))


def _ns(hit: re.Match[str]) -> int:
    number, unit = (hit["n"] or hit["n2"]).lower(), (hit["unit"] or hit["unit2"]).lower()
    counted = int(number) if number.isdecimal() else _NUMBERS[number]
    return counted * (60 if unit.startswith("m") else 1) * _SECOND_NS
