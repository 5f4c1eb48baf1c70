import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crazytrain.model.errors import BadInput, BrokenCase, CrazytrainError, NoSuchCase, NotAllowed
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.store import load, open_case, saved_report, verify
from crazytrain.store.journal import FORMAT, Compared, Ended, Kept, Opened, encode, scan
from tests.store.samples import WINDOW, evidence, guest, several, written
from tests.support import skip_real


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return written(tmp_path / "cases").path


def by_id(path: Path, name: str) -> Evidence:
    (found,) = (one for one in load(path).evidence if one.id == name)
    return found


def assert_only_this_broke(path: Path, name: str, words: str) -> None:
    broke = by_id(path, name)
    assert (broke.outcome, broke.data, broke.usable) == (Outcome.BROKE, b"", False)
    assert words in broke.detail
    rest = tuple(one for one in load(path).evidence if one.id != name)
    assert rest == tuple(one for one in several() if one.id != name)
    assert any(problem.broken and words in problem.says for problem in verify(path))


def rewritten(path: Path, change: Callable[[Kept], Kept]) -> None:
    """Write the journal anew, each evidence's line changed, without seal."""
    journal = scan((path / "journal.jsonl").read_bytes())
    assert journal.opened is not None
    lines = [encode(journal.opened), *(encode(change(kept)) for kept in journal.kept)]
    (path / "journal.jsonl").write_bytes(b"".join(lines))


def test_changed_data_is_never_used(case: Path) -> None:
    (case / "evidence/tasks.0.txt").write_bytes(evidence(0, 300).data.replace(b"a", b"b"))
    assert_only_this_broke(case, "tasks.0", "does not fit its checksum")


def test_a_missing_file_broke(case: Path) -> None:
    (case / "evidence/qmp.1.jsonl.zst").unlink()
    assert_only_this_broke(case, "qmp.1", "No such file")


def test_a_link_is_not_followed(case: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(evidence(0, 300).data)
    (case / "evidence/tasks.0.txt").unlink()
    (case / "evidence/tasks.0.txt").symlink_to(tmp_path / "elsewhere")
    assert_only_this_broke(case, "tasks.0", "symbolic links")


def test_a_linked_folder_is_not_followed(case: Path, tmp_path: Path) -> None:
    (case / "evidence").rename(tmp_path / "elsewhere")
    (case / "evidence").symlink_to(tmp_path / "elsewhere")
    assert [one.outcome for one in load(case).evidence if one.outcome is Outcome.OK] == []


def test_a_pipe_holds_nobody_up(case: Path) -> None:
    (case / "evidence/tasks.0.txt").unlink()
    os.mkfifo(case / "evidence/tasks.0.txt")
    assert_only_this_broke(case, "tasks.0", "is no regular file")


@pytest.mark.parametrize(
    "name", ["../../../secret", "/etc/hostname", "evidence/../../../secret", "evidence/.hidden", "journal.jsonl"]
)
def test_a_journal_leads_nowhere_else(case: Path, name: str) -> None:
    (case.parent.parent / "secret").write_bytes(b"secret")
    data = b"secret"
    rewritten(
        case, lambda kept: msgspec.structs.replace(kept, file=name, bytes=6, sha256=hashlib.sha256(data).hexdigest())
    )
    assert {(one.outcome, one.data) for one in load(case).evidence} == {(Outcome.BROKE, b"")}
    assert "is no name for a file of a case" in load(case).evidence[0].detail
    assert any(problem.broken for problem in verify(case))


def restored_as(case: Path, stored: bytes, size_bytes: int) -> Evidence:
    """What a case gives whose journal promises these stored bytes as zstd."""
    (case / "evidence/x.zst").write_bytes(stored)
    digest = hashlib.sha256(stored).hexdigest()
    rewritten(case, lambda kept: msgspec.structs.replace(kept, file="evidence/x.zst", bytes=size_bytes, sha256=digest))
    return load(case).evidence[0]


def test_a_bomb_is_stopped_at_what_the_journal_promises(case: Path) -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 30))
    assert len(bomb) < 200_000
    assert "unpacks to more than 1000 bytes" in restored_as(case, bomb, 1000).detail


def test_a_bomb_that_promises_much_is_not_opened(case: Path) -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 30))
    assert "more than a case may hold" in restored_as(case, bomb, 1 << 30).detail
    assert "more than a case may hold" in restored_as(case, bomb, -1).detail


def test_many_small_bombs_share_one_limit(case: Path) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(60 << 20))
    assert restored_as(case, bomb, 60 << 20).outcome is not Outcome.BROKE
    outcomes = [one.outcome is Outcome.BROKE for one in load(case).evidence]
    assert outcomes == [False, False, True, True, True]


def test_a_frame_that_wants_too_much_memory_broke(case: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=27)
    stored = zstandard.ZstdCompressor(compression_params=parameters).compress(
        os.urandom(9 << 20),
    )
    broke = restored_as(case, stored, 9 << 20)
    assert "no sound zstd data" in broke.detail


@pytest.mark.parametrize("stored", [b"", b"plain", zstandard.ZstdCompressor().compress(b"x" * 1000)[:-4]])
def test_wrong_zstd_broke(case: Path, stored: bytes) -> None:
    assert restored_as(case, stored, 1000).outcome is Outcome.BROKE


def test_a_torn_last_line_is_passed_over(case: Path) -> None:
    journal = case / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    kept = [number for number, line in enumerate(lines) if line.startswith(b'{"line":"evidence"')]
    journal.write_bytes(b"".join(lines[: kept[-1]]) + lines[kept[-1]][:-20])
    found = load(case)
    assert not found.complete
    assert found.evidence == several()[:-1]


def test_a_damaged_line_is_missed_and_told(case: Path) -> None:
    journal = case / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"id":"tasks.0"', b'"id":"tasks.9"'))
    found = load(case)
    assert not found.complete
    assert [one.id for one in found.evidence if one.outcome is Outcome.BROKE] == ["journal.jsonl:3", "journal.jsonl:9"]
    assert found.evidence[:4] == several()[1:]
    assert "line 3 of journal.jsonl does not fit its checksum" in found.evidence[4].detail


def test_a_damaged_first_line_costs_the_guest_not_the_evidence(case: Path) -> None:
    journal = case / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"name":"web01"', b'"name":"web02"', 1))
    found = load(case)
    assert (found.guest, found.complete) == (None, False)
    assert found.evidence[:5] == several()


def test_a_changed_baseline_is_told(case: Path) -> None:
    journal = case / "baseline/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    found = load(case)
    assert not found.complete
    assert found.evidence[-1].detail == "baseline/journal.jsonl does not fit its checksum"
    assert any(problem.file == "baseline/journal.jsonl" and problem.broken for problem in verify(case))


def test_a_lost_baseline_is_told(case: Path) -> None:
    shutil.rmtree(case / "baseline")
    found = load(case)
    assert (found.baseline, found.complete) == (None, False)
    assert found.evidence[-1].outcome is Outcome.BROKE
    assert any("baseline" in problem.file for problem in verify(case))


def test_a_baseline_that_was_put_there_later_is_not_used(tmp_path: Path, case: Path) -> None:
    with open_case(tmp_path / "cases", guest(), WINDOW) as writer:
        assert writer.finish(b"{}", "")
    shutil.copytree(case / "baseline", writer.path / "baseline")
    assert load(writer.path) == writer.case
    assert "baseline/journal.jsonl" in [problem.file for problem in verify(writer.path)]


def test_a_changed_report_is_refused(case: Path) -> None:
    (case / "report.json").write_bytes(b"{}")
    with pytest.raises(BrokenCase, match=r"report\.json: does not fit"):
        saved_report(case)
    assert [problem.file for problem in verify(case)] == ["report.json"]
    assert load(case).complete  # its evidence is whole


def test_a_newer_format_is_refused(case: Path) -> None:
    (case / "journal.jsonl").write_bytes(encode(Opened(format=FORMAT + 1, tool="t", id="x", guest=None, window=None)))
    with pytest.raises(BadInput, match=r"journal\.jsonl:1") as caught:
        load(case)
    assert "newer" in caught.value.hint
    assert "format" in verify(case)[0].says


def test_what_is_no_case_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"read(17, ...) = 128\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing/journal.jsonl").write_bytes(b"")
    with pytest.raises(NoSuchCase):
        load(tmp_path / "missing")
    with pytest.raises(NoSuchCase):
        load(tmp_path / "text" / "below")
    with pytest.raises(BadInput, match="is no case"):
        load(tmp_path / "text")
    with pytest.raises(BadInput, match=r"it has no journal\.jsonl"):
        load(tmp_path / "empty")
    with pytest.raises(BrokenCase, match="not one line"):
        load(tmp_path / "nothing")
    with pytest.raises(BadInput, match="cannot be read"):
        load(Path("/dev/null"))


@pytest.mark.real
def test_somebody_elses_case_is_not_allowed(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        skip_real("needs root, to become another user for a moment")
    path = written(tmp_path / "cases").path
    for folder in (path, *path.parents):
        if folder.is_relative_to(tmp_path.parent.parent):
            folder.chmod(0o755)
    os.seteuid(12345)
    try:
        for look in (load, verify):
            with pytest.raises(NotAllowed, match="Permission denied"):
                look(path)
    finally:
        os.seteuid(0)


LINES = (
    encode(Opened(format=FORMAT, tool="t", id="x", guest=guest(), window=WINDOW)),
    encode(Kept(evidence=evidence(1, 0), file="evidence/a.txt", bytes=5, sha256=hashlib.sha256(b"hello").hexdigest())),
    encode(Kept(evidence=evidence(2, 0), file="evidence/a.txt", bytes=1 << 62)),
    encode(Kept(evidence=evidence(3, 0), file="evidence/missing.zst", bytes=5)),
    encode(Kept(evidence=evidence(4, 0), bytes=5)),
    encode(Compared(choice="c")),
    encode(Ended(window=WINDOW)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    journal=st.one_of(st.binary(), st.lists(st.one_of(st.sampled_from(LINES), st.binary(max_size=40))).map(b"".join))
)
def test_any_bytes_as_a_journal_give_a_case_or_a_clear_error(tmp_path: Path, journal: bytes) -> None:
    folder = tmp_path / "any"
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    (folder / "evidence/a.txt").write_bytes(b"hello")
    (folder / "journal.jsonl").write_bytes(journal)
    verify(folder)
    try:
        found = load(folder)
    except CrazytrainError:
        return
    assert not found.complete
    assert {one.data for one in found.evidence} <= {b"", b"hello"}
    assert all(one.kind in Kind for one in found.evidence)
