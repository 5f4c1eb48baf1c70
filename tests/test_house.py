"""Rules of the house that no checker knows."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import PACKAGE, ROOT, tracked_files

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
BANNED_MODULES = {"utils", "util", "common", "helpers", "misc"}

# Joined from pieces, so that this file does not hold what it forbids.
REGISTRY_HOSTS = [
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("rubygems", "org"),
        ("conda", "anaconda", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("registry", "hub", "docker", "com"),
        ("ghcr", "io"),
    )
]
MACHINE_PATHS = ["/".join(("", *pieces)) for pieces in (("work", "main"), ("work", "shared"), ("tmp", "v", ""))]
FORBIDDEN = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, REGISTRY_HOSTS + MACHINE_PATHS)) + r")(?![\w-])")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    return enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), start=1)


def forbidden_lines(path: Path) -> list[str]:
    return [f"{path}:{number}: {line.strip()}" for number, line in numbered_lines(path) if FORBIDDEN.search(line)]


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and the number of lines of every function, decorators and docstring included."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_repository_is_seen_at_all() -> None:
    names = {str(path.relative_to(ROOT)) for path in tracked_files()}
    assert {"pyproject.toml", "Makefile", "tests/test_house.py", "src/crazytrain/__init__.py"} <= names


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    assert [line for path in tracked_files() for line in forbidden_lines(path)] == []


@pytest.mark.parametrize("word", ["https://" + REGISTRY_HOSTS[0] + "/simple", "cp " + MACHINE_PATHS[0] + "/x ."])
def test_a_forbidden_word_is_found(tmp_path: Path, word: str) -> None:
    (tmp_path / "file").write_text(f"fine\n{word}\n")
    assert forbidden_lines(tmp_path / "file") == [f"{tmp_path}/file:2: {word}"]


def test_lock_files_hold_hashes_for_every_requirement_and_no_address() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        requirements = re.findall(r"^[\w.-]+==.*?(?=^\S|\Z)", text, flags=re.MULTILINE | re.DOTALL)
        assert requirements, lock
        assert [entry for entry in requirements if "--hash=sha256:" not in entry] == []
        assert "://" not in text
        assert not re.search(r"^--(index|extra-index|find-links)", text, flags=re.MULTILINE)


def locked_names(lock: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), flags=re.MULTILINE))


def required_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=~! ;\[]", entry)[0].lower().replace(".", "-") for entry in requirements}


def test_lock_files_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = required_names(project["project"]["dependencies"] + project["build-system"]["requires"])
    dev = required_names(project["project"]["optional-dependencies"]["dev"])
    assert run - locked_names("requirements.lock") == set()
    assert run | dev <= locked_names("requirements-dev.lock")
    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]


def test_python_files_stay_small() -> None:
    counts = {str(path): len(path.read_bytes().splitlines()) for path in python_files()}
    assert {path: count for path, count in counts.items() if count > MAX_FILE_LINES} == {}


def test_functions_stay_short() -> None:
    counts = [entry for path in python_files() for entry in functions(path)]
    assert [entry for entry in counts if entry[1] > MAX_FUNCTION_LINES] == []


def test_no_module_is_a_drawer() -> None:
    assert [path for path in PACKAGE.rglob("*.py") if {path.stem, path.parent.name} & BANNED_MODULES] == []


def package_folders() -> list[Path]:
    return sorted({PACKAGE, *(path.parent for path in PACKAGE.rglob("*.py"))})


def test_every_package_says_what_it_is() -> None:
    silent = []
    for folder in package_folders():
        init = folder / "__init__.py"
        if not init.is_file() or not ast.get_docstring(ast.parse(init.read_bytes())):
            silent.append(str(init))
    assert silent == []
