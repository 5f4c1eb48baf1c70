"""Case folders: evidence files and what must be said of them (``expect.toml``), each look a set of files."""

import re
import tomllib
from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.model.report import Report
from tests.support import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "tests" / "cases").glob("*/expect.toml"))
Look = dict[str, object]


def looks() -> list[object]:
    told = [(folder, tomllib.loads((folder / "expect.toml").read_text())["look"]) for folder in FOLDERS]
    return [
        pytest.param(folder, look, id=f"{folder.name}-{'+'.join(look['files'])}")
        for folder, all_looks in told
        for look in all_looks
    ]


def strings(look: Look, name: str) -> list[str]:
    value = look.get(name, [])
    assert isinstance(value, list)
    return [str(one) for one in value]


def report_of(folder: Path, look: Look) -> Report:
    (report,) = read_all([folder / name for name in strings(look, "files")])
    return report


@pytest.mark.parametrize(("folder", "look"), looks())
def test_the_verdict(folder: Path, look: Look) -> None:
    verdict = report_of(folder, look).verdict
    assert (verdict.family, verdict.cause) == (look["family"], look["cause"]), verdict
    least, most = float(str(look.get("at_least", 0.0))), float(str(look.get("at_most", 1.0)))
    assert least <= verdict.confidence <= most


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
