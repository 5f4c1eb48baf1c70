import random
from pathlib import Path

import pytest

from crazytrain.model.errors import CrazytrainError, NoSuchCase
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.store import Problem, load, pack, saved_report, verify
from tests.store.samples import REPORT_JSON, beside, files_below, several, written


def flip(path: Path, chance: random.Random) -> tuple[int, bytes]:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    data[at] ^= chance.randrange(1, 256)
    before = path.read_bytes()
    path.write_bytes(data)
    return at, before


def assert_nothing_made_up(found: tuple[Evidence, ...], originals: tuple[Evidence, ...]) -> None:
    sound = {one.id: one for one in originals}
    for one in found:
        assert one.outcome is Outcome.BROKE or one == sound[one.id]


def test_every_flipped_byte_is_found_and_none_is_used(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    path = written(tmp_path).path
    for turn in range(400):
        file = chance.choice(files_below(path))
        at, before = flip(file, chance)
        where = f"seed {seed}, turn {turn}: {file.relative_to(path)} at {at}"
        problems = verify(path)
        assert problems, where
        assert str(file.relative_to(path)) in {problem.file for problem in problems} or str(path) == problems[0].file, (
            where
        )
        try:
            case = load(path)
        except CrazytrainError:
            pass
        else:
            assert_nothing_made_up(case.evidence, several())
            assert_nothing_made_up(case.baseline.evidence if case.baseline else (), beside())
            assert case.complete == (file.name in ("report.json", "report.txt") or file.parent.name == "evidence"), (
                where
            )
        file.write_bytes(before)
    assert verify(path) == ()


def test_a_flipped_byte_of_a_packed_case_is_found_or_changes_nothing(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    path = written(tmp_path / "cases").path
    packed, whole, changed = pack(path, tmp_path), load(path), 0
    for turn in range(200):
        at, before = flip(packed, chance)
        try:
            problems = verify(packed)
            assert problems or load(packed) == whole, f"seed {seed}, turn {turn}: at {at}"
        except CrazytrainError:
            problems = (Problem("", ""),)
        changed += bool(problems)
        packed.write_bytes(before)
    assert changed > 190


def test_each_damage_is_named(tmp_path: Path) -> None:
    path = written(tmp_path).path
    (path / "evidence/tasks.0.txt").unlink()
    (path / "evidence/tasks.2.txt").write_bytes(b"")
    (path / "report.txt").unlink()
    (path / "baseline/evidence/tasks.7.txt").write_bytes(b"other")
    (path / "stranger").write_bytes(b"")
    (path / "evidence/.new-x.txt").write_bytes(b"")
    assert [(problem.file, problem.broken) for problem in verify(path)] == [
        ("evidence/tasks.0.txt", True),
        ("evidence/tasks.2.txt", True),
        ("report.txt", True),
        ("baseline/evidence/tasks.7.txt", True),
        ("stranger", False),
        ("evidence/.new-x.txt", False),
    ]


def test_a_case_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSuchCase):
        verify(tmp_path / "nothing")


def test_a_packed_case_is_verified_like_its_folder(tmp_path: Path) -> None:
    path = written(tmp_path / "cases").path
    (path / "evidence/tasks.0.txt").write_bytes(b"other")
    assert verify(pack(path, tmp_path)) == verify(path) != ()
    report = saved_report(tmp_path / f"{path.name}.crazytrain")
    assert report is not None
    assert report.json == REPORT_JSON
