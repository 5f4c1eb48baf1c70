"""Whoever writes a case may be killed at any moment: what is on disk then is whole or incomplete, never broken."""

import random
import subprocess
import sys
from pathlib import Path

from crazytrain.model.case import Case
from crazytrain.store import listing, load, pack, verify
from tests.store.samples import CHOICE, LATER, WINDOW, beside, guest, several
from tests.support import ROOT


def died(how: str, root: Path, count: int) -> int:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    command = [sys.executable, "-m", "tests.store.dying", how, str(root), str(count), str(seed)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=240)
    return int(done.stdout)


def cases_left(root: Path) -> list[Case]:
    """What can be read of them all, after a look at each: nothing may be broken, nothing wrong, nothing made up."""
    left = []
    for place in root.iterdir():
        for line in listing(place):
            assert line.problem == ""
            path = place / line.id
            case = load(path)
            check(case)
            assert not any(problem.broken for problem in verify(path))
            assert load(pack(path, root.parent / f"{place.name}.crazytrain")) == case
            left.append(case)
    return left


def check(case: Case) -> None:
    assert (case.guest, case.note) == (guest(), "a note")
    assert case.window in (WINDOW, LATER)
    assert case.evidence == several()[: len(case.evidence)]
    assert case.baseline_choice in ("", CHOICE)
    if case.baseline is not None:
        assert case.baseline.guest == guest("db02", 4712)
        assert case.baseline.evidence == beside()[: len(case.baseline.evidence)]
    if case.complete:
        assert case.baseline is not None
        assert (case.evidence, case.baseline.evidence, case.window) == (several(), beside(), LATER)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    root = tmp_path / "cases"
    assert died("moments", root, 120) == 120
    left = cases_left(root)
    assert sum(case.complete for case in left) >= 3  # those that were left alone
    assert sum(not case.complete and bool(case.evidence) for case in left) >= 5


def test_killed_at_every_step(tmp_path: Path) -> None:
    root = tmp_path / "cases"
    steps = died("steps", root, 0)
    assert steps >= 60
    left = cases_left(root)
    assert {len(case.evidence) for case in left} == set(range(len(several()) + 1))
    assert sum(case.complete for case in left) >= 1
    assert len({(case.complete, len(case.evidence), case.baseline is None) for case in left}) > len(several())
