"""The layers hold, and ARCHITECTURE.md tells the truth about the tree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support import PACKAGE, ROOT

PURE_ROOMS = {"model", "inside", "decode", "derive", "diagnose", "report"}
DUNDER = re.compile(r"__\w+__")


def rooms() -> set[str]:
    """Return the top-level rooms as a reader writes them: `collect/`, `pipeline.py`."""
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    return folders | {path.name for path in PACKAGE.glob("*.py") if not DUNDER.fullmatch(path.stem)}


def named_paths(text: str) -> set[str]:
    """Return what a text names as folder or Python file: `word/`, `word/word/`, `word.py`, `word/word.py`."""
    return set(re.findall(r"(?<![\w./<-])(?:[a-z_][\w-]*/)*(?:[a-z_][\w-]*/|\w+\.py)(?!\w)", text))


def exists(named: str, rooms_here: set[str]) -> bool:
    places = [ROOT, PACKAGE, *(PACKAGE / room for room in rooms_here if room.endswith("/"))]
    return any((place / named).exists() for place in places)


@pytest.fixture(scope="module")
def architecture() -> str:
    return (ROOT / "ARCHITECTURE.md").read_text()


def test_every_room_is_named(architecture: str) -> None:
    assert rooms() - named_paths(architecture) == set()


def test_no_room_is_named_that_does_not_exist(architecture: str) -> None:
    here = rooms()
    assert {named for named in named_paths(architecture) if not exists(named, here)} == set()


def test_it_stays_on_one_page(architecture: str) -> None:
    assert len(architecture.splitlines()) <= 120


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("collect/   guest -> evidence", {"collect/"}),
        (" | decode/  (pure)", {"decode/"}),
        ("see `pipeline.py`, `model/facts/`.", {"pipeline.py", "model/facts/"}),
        ("reads /proc/PID/fd and and/or https://example.net/a/b", set()),
        ("tests/cases/<name>/", {"tests/cases/"}),
    ],
)
def test_names_are_read_from_a_text(text: str, named: set[str]) -> None:
    assert named_paths(text) == named


def test_the_layers_hold() -> None:
    lint_imports = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_pure_room_is_under_the_purity_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = (contract for contract in contracts if contract["type"] == "forbidden")
    there = {f"crazytrain.{room}" for room in PURE_ROOMS if (PACKAGE / room).is_dir()}
    assert there == set(pure["source_modules"])
