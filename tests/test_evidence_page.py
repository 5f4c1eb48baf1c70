"""docs/evidence.md says which evidence decides: it names every cause that is judged, and collectors that there are."""

import re

from crazytrain.collect.registry import COLLECTORS
from crazytrain.diagnose.causes import CAUSES
from tests.support import ROOT


def rows() -> list[list[str]]:
    text = (ROOT / "docs" / "evidence.md").read_text()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    return cells[1:]


def words(cell: str) -> list[str]:
    return re.findall(r"[a-z][a-z-]+", cell)


def test_every_cause_has_its_deciding_evidence() -> None:
    told = {slug for row in rows() for slug in words(row[0])}
    assert {cause.slug for cause in CAUSES} <= told


def test_collectors_named_are_there_and_none_is_left_out() -> None:
    there = {collector.name for collector in COLLECTORS}
    named = {name for row in rows() for name in words(row[3])}
    assert named - {"all"} <= there, sorted(named - there)
    assert there - named == set(), sorted(there - named)
