"""Case folders: evidence files and what must be said of them (``expect.toml``), each look a set of files.

Folders ``lab-*`` hold what was really seen of a guest of the lab: see tools/record-cases.
"""

import functools
import re
import tomllib
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from crazytrain.cli.reading import read_all
from crazytrain.model.report import Report
from crazytrain.store import load
from tests.recording.neutral import strange_paths
from tests.support import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "tests" / "cases").glob("*/expect.toml"))
Look = dict[str, object]


def looks(which: str = "files") -> list[ParameterSet]:
    """All looks that say something of this name."""
    told = [(folder, tomllib.loads((folder / "expect.toml").read_text())["look"]) for folder in FOLDERS]
    return [
        pytest.param(folder, look, id=f"{folder.name}-{'+'.join(look['files'])}")
        for folder, all_looks in told
        for look in all_looks
        if which in look
    ]


def strings(look: Look, name: str) -> list[str]:
    value = look.get(name, [])
    assert isinstance(value, list)
    return [str(one) for one in value]


def report_of(folder: Path, look: Look) -> Report:
    return report_on(tuple(folder / name for name in strings(look, "files")))


@functools.cache
def report_on(paths: tuple[Path, ...]) -> Report:
    (report,) = read_all(paths)
    return report


@pytest.mark.parametrize(("folder", "look"), looks())
def test_the_verdict(folder: Path, look: Look) -> None:
    verdict = report_of(folder, look).verdict
    assert (verdict.family, verdict.cause) == (look["family"], look["cause"]), verdict
    least, most = float(str(look.get("at_least", 0.0))), float(str(look.get("at_most", 1.0)))
    assert least <= verdict.confidence <= most


@pytest.mark.parametrize(("folder", "look"), looks("because"))
def test_the_evidence_that_decides(folder: Path, look: Look) -> None:
    """``because``: a pattern for each fact that must speak for the cause, and ``rests_on``: the evidence of the first."""
    report = report_of(folder, look)
    best = next(finding for finding in report.findings if finding.cause == report.verdict.cause)
    facts = [f"{point.fact} (x{point.ratio:g})" for point in best.because]
    for pattern in strings(look, "because"):
        assert any(re.search(pattern, fact) for fact in facts), f"not said: {pattern}\n" + "\n".join(facts)
    first = next(point for point in best.because if re.search(strings(look, "because")[0], point.fact))
    cited = {where.partition(":")[0] for where in first.evidence}
    assert set(strings(look, "rests_on")) <= cited


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "cases").glob("lab-*/*")), ids=lambda path: path.parent.name)
def test_a_recorded_case_is_small_and_tells_nothing_of_its_machine(path: Path) -> None:
    assert path.name in {"expect.toml", "case.crazytrain"}
    assert path.stat().st_size <= 40 << 10
    if path.name == "case.crazytrain":
        case = load(path)
        assert case.complete
        assert "packed for others to read" in case.note
        assert strange_paths(case) == set()


@pytest.mark.parametrize(("folder", "look"), looks())
def test_what_else_is_found_and_what_must_not_be(folder: Path, look: Look) -> None:
    found = {f.cause for f in report_of(folder, look).findings if f.verdict == "found"}
    assert set(strings(look, "found")) <= found
    assert not set(strings(look, "not_found")) & found


@pytest.mark.parametrize(("folder", "look"), looks())
def test_what_must_be_said_with_the_lines_it_rests_on(folder: Path, look: Look) -> None:
    report = report_of(folder, look)
    story = "\n".join(one.says for one in report.story)
    for pattern in strings(look, "says"):
        assert re.search(pattern, story), f"not said: {pattern}\n{story}"
    cited = {where for one in report.story for where in one.evidence}
    assert set(strings(look, "lines")) <= cited


@pytest.mark.parametrize(("folder", "look"), looks())
def test_what_to_look_at_next(folder: Path, look: Look) -> None:
    report = report_of(folder, look)
    best = next((f for f in report.findings if f.cause == report.verdict.cause), None)
    wanted = " ".join(one.what for one in (*(best.missing if best else ()), *report.looks))
    for word in strings(look, "next"):
        assert word in wanted
