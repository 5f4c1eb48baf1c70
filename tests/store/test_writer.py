import errno
import os
import stat
import threading
import time
from pathlib import Path

import msgspec
import pytest

from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.store import casefolder, find, listing, load, open_case, saved_report, verify
from crazytrain.store.limits import MAX_EVIDENCE
from tests.store.samples import (
    CHOICE,
    LATER,
    REPORT_JSON,
    REPORT_TEXT,
    WINDOW,
    beside,
    evidence,
    files_below,
    guest,
    several,
    unfinished,
    written,
)
from tests.support import skip_real


def test_what_was_kept_is_what_is_loaded(tmp_path: Path) -> None:
    writer = written(tmp_path)
    case = load(writer.path)
    assert case == writer.case
    assert (case.evidence, case.guest, case.window, case.note) == (several(), guest(), LATER, "a note")
    assert case.baseline is not None
    assert (case.baseline.evidence, case.baseline.guest, case.baseline_choice) == (
        beside(),
        guest("db02", 4712),
        CHOICE,
    )
    assert case.complete
    assert verify(writer.path) == ()
    assert writer.problems == ()


def test_the_report_is_kept(tmp_path: Path) -> None:
    report = saved_report(written(tmp_path).path)
    assert report is not None
    assert (report.json, report.text) == (REPORT_JSON, REPORT_TEXT)


def test_a_case_without_end_is_incomplete_and_readable(tmp_path: Path) -> None:
    with unfinished(tmp_path) as writer:
        pass
    case = load(writer.path)
    assert not case.complete
    assert case.evidence == several()
    assert [problem.broken for problem in verify(writer.path)] == [False, False]
    assert saved_report(writer.path) is None


def test_evidence_is_on_disk_before_the_end(tmp_path: Path) -> None:
    writer = open_case(tmp_path, guest(), WINDOW)
    for number in range(3):
        writer.keep(evidence(number, 100))
        assert writer.settle()
        assert len(load(writer.path).evidence) == number + 1
    writer.close()


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        writer = written(tmp_path / "new" / "root")
    finally:
        os.umask(before)
    made = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in made}
    assert modes == {(True, 0o700), (False, 0o600)}
    assert len(files_below(writer.path)) == 1 + 4 + 2 + 1 + 2


def test_files_are_raw_or_compressed_and_named_for_people(tmp_path: Path) -> None:
    path = written(tmp_path).path
    names = [str(file.relative_to(path)) for file in files_below(path)]
    assert names == [
        "baseline/evidence/tasks.7.txt",
        "baseline/evidence/tasks.8.txt.zst",
        "baseline/journal.jsonl",
        "evidence/console.0.txt",
        "evidence/qmp.1.jsonl.zst",
        "evidence/tasks.0.txt",
        "evidence/tasks.2.txt",
        "journal.jsonl",
        "report.json",
        "report.txt",
    ]
    assert (path / "evidence/tasks.0.txt").read_bytes() == evidence(0, 300).data


@pytest.mark.parametrize("name", ["../../x", "", "\x1b[31m\x07", "x" * 4096, "a\nb", "-rf", ".", "\udcff", "Büro 1"])
def test_hostile_guest_names(tmp_path: Path, name: str) -> None:
    writer = written(tmp_path / "root", name)
    assert writer.path.parent == tmp_path / "root"
    assert [entry.name for entry in tmp_path.iterdir()] == ["root"]
    assert [line.id for line in listing(tmp_path / "root")] == [writer.path.name]
    assert load(writer.path) == writer.case
    assert b"\x1b" not in (writer.path / "journal.jsonl").read_bytes()
    assert find(tmp_path / "root", writer.path.name) == writer.path


def test_a_huge_command_line_is_cut_and_the_case_stays_readable(tmp_path: Path) -> None:
    huge = msgspec.structs.replace(guest(), command_line=("\x01" * 100_000,) * 60)
    with open_case(tmp_path, huge, WINDOW) as writer:
        writer.keep(evidence(1, 100))
        assert writer.finish(b"{}", "")
    assert load(writer.path) == writer.case


def test_pasted_text_has_no_guest_and_no_window(tmp_path: Path) -> None:
    with open_case(tmp_path, None, None) as writer:
        writer.keep(evidence(1, 100))
        assert writer.finish(b"{}", "")
    assert writer.path.name.startswith("pasted-")
    assert load(writer.path) == writer.case


def test_an_id_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    with open_case(tmp_path, guest(), WINDOW) as writer:
        for size_bytes in (10, 20, 30):
            writer.keep(evidence(1, size_bytes))
    assert [one.id for one in load(writer.path).evidence] == ["tasks.1", "tasks.1~2", "tasks.1~3"]
    assert load(writer.path).evidence == writer.case.evidence


def test_what_goes_beyond_the_limit_is_cut_and_told(tmp_path: Path) -> None:
    with open_case(tmp_path, guest(), WINDOW, limit_bytes=10_000) as writer:
        for number in range(4):
            writer.keep(evidence(number, 4_000))
        assert writer.finish(b"{}", "")
    outcomes = [one.outcome for one in writer.case.evidence]
    assert outcomes == [Outcome.OK, Outcome.OK, Outcome.TRUNCATED, Outcome.TRUNCATED]
    cut = writer.case.evidence[2]
    assert evidence(2, 4_000).data.startswith(cut.data)
    assert cut.data.endswith(b"\n")
    assert "limited to 10000 bytes" in cut.detail
    assert sum(len(one.data) for one in writer.case.evidence) <= 10_000
    assert load(writer.path) == writer.case


def test_the_baseline_counts_towards_the_limit(tmp_path: Path) -> None:
    with open_case(tmp_path, guest(), WINDOW, limit_bytes=5_000) as writer:
        writer.baseline(guest("db02"), CHOICE).keep(evidence(1, 4_000))
        writer.keep(evidence(2, 4_000))
    assert writer.case.evidence[0].outcome is Outcome.TRUNCATED


def test_evidence_without_end_is_bounded(tmp_path: Path) -> None:
    one = Evidence(id="x", kind=Kind.TEXT, source="s")
    with open_case(tmp_path, guest(), WINDOW) as writer:
        for number in range(MAX_EVIDENCE + 10):
            writer.keep(msgspec.structs.replace(one, id=str(number)))
        assert not writer.finish(b"{}", "")
    assert len(load(writer.path).evidence) == MAX_EVIDENCE
    assert "and 6 more like these" in writer.problems


def test_texts_that_no_file_can_hold_are_escaped(tmp_path: Path) -> None:
    with open_case(tmp_path, guest("g\udcff"), WINDOW, "n\ud800") as writer:
        writer.keep(msgspec.structs.replace(evidence(1, 10), source="s\udc80", detail="d" * 100_000))
        assert writer.finish(b"{}", "t\udcff")
    assert load(writer.path) == writer.case
    assert writer.case.note == "n\\ud800"


def refuse_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """Let the disk be full after so many writes; the first write that fails has written half."""
    left = [calls]
    real = os.pwrite

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        left[0] -= 1
        if left[0] == -1 and len(data) > 1:
            return real(fd, data[: len(data) // 2], offset)
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)


@pytest.mark.parametrize("calls", range(24))
def test_a_disk_that_fills_up_anywhere_costs_evidence_but_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    refuse_after(monkeypatch, calls)
    writer = unfinished(tmp_path)
    whole = writer.finish(REPORT_JSON, REPORT_TEXT)
    assert writer.case.evidence == several()
    assert whole == (not writer.problems) == writer.case.complete
    assert whole or "No space left on device" in writer.problems[0]
    for line in listing(tmp_path):
        case = load(tmp_path / line.id)
        assert case.complete == whole
        assert [one for one in case.evidence if one.outcome is Outcome.BROKE] == []
        assert {one.id for one in case.evidence if one.usable} <= {one.id for one in several()}
        assert not any(problem.broken for problem in verify(tmp_path / line.id))


def test_the_sweep_above_reaches_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_after(monkeypatch, 24)
    assert written(tmp_path).problems == ()


def test_a_line_that_did_not_fit_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full for one long line of the journal, which was written by half; then there is room again."""
    real = os.pwrite
    full = False

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        nonlocal full
        if full:
            full = False
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        full = b"LONG" in bytes(data)
        return real(fd, data[: len(data) // 2] if full else data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with open_case(tmp_path, guest(), WINDOW) as writer:
        writer.keep(msgspec.structs.replace(evidence(1, 0), source="LONG" * 2000))
        assert writer.settle()
        writer.keep(evidence(2, 100))
    assert "No space left on device" in writer.problems[0]
    assert [problem.says for problem in verify(writer.path) if "line" in problem.says] == []
    assert load(writer.path).evidence[-1] == evidence(2, 100)
    assert b"LONG" not in (writer.path / "journal.jsonl").read_bytes()


def test_a_root_that_cannot_be_made_is_told_once_and_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = unfinished(tmp_path / "file" / "cases")
    assert not writer.finish(REPORT_JSON, REPORT_TEXT)
    assert len(writer.problems) == 1
    assert "Not a directory" in writer.problems[0]
    assert writer.case.evidence == several()
    assert not writer.case.complete


def test_a_disk_that_never_answers_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _fd: answer.wait())
    begin = time.monotonic()
    writer = unfinished(tmp_path)
    assert time.monotonic() - begin < 5
    assert not writer.finish(REPORT_JSON, REPORT_TEXT, patience_s=0.05)
    assert "did not take it within 0.05 s" in writer.problems[0]
    assert writer.case.evidence == several()
    answer.set()


def test_a_defect_in_the_disk_thread_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(casefolder.CaseFolder, "put", broken)
    writer = unfinished(tmp_path)
    assert not writer.finish(REPORT_JSON, REPORT_TEXT)
    assert "RuntimeError: boom" in writer.problems[0]
    assert not load(writer.path).complete


def test_keeping_costs_the_look_next_to_nothing(tmp_path: Path) -> None:
    """Time of the thread that looks: 0.5 ms on an idle machine, at most 100 ms were asked for."""
    with open_case(tmp_path, guest(), WINDOW) as writer:
        begin = time.thread_time_ns()
        for number in range(40):
            writer.keep(evidence(number, 2_000))
        assert time.thread_time_ns() - begin < 100_000_000
        assert writer.finish(b"{}", "")


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    writer = written(tmp_path)
    begin = time.monotonic()
    assert writer.close()
    assert time.monotonic() - begin < 5
    assert load(writer.path).complete


def test_evidence_that_comes_too_late_is_told(tmp_path: Path) -> None:
    writer = written(tmp_path)
    writer.keep(evidence(9, 100))
    assert writer.problems == ("tasks.9: was not kept: it came after the case was closed",)
    assert load(writer.path).evidence == several()


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    written(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        load(written(tmp_path).path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def as_root() -> None:
    if os.geteuid() != 0:
        skip_real("needs root, to make what belongs to another user")


@pytest.mark.real
def test_a_trap_set_by_another_user_is_not_walked_into(tmp_path: Path) -> None:
    as_root()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (tmp_path / "target").mkdir()
    (shared / "link").symlink_to(tmp_path / "target")
    os.lchown(shared / "link", 12345, 12345)
    (shared / "folder").mkdir()
    os.chown(shared / "folder", 12345, 12345)
    for trap in ("link", "link/cases", "folder", "folder/cases"):
        writer = unfinished(shared / trap)
        assert not writer.finish(REPORT_JSON, REPORT_TEXT)
        assert "belongs to user 12345" in writer.problems[0]
    assert list((tmp_path / "target").iterdir()) == []
    assert list((shared / "folder").iterdir()) == []


def test_links_of_our_own_are_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "absolute").symlink_to(tmp_path / "link" / ".." / "target")
    assert written(tmp_path / "absolute" / "cases").problems == ()
    assert len(listing(tmp_path / "target" / "cases")) == 1


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    writer = unfinished(tmp_path / "a" / "cases")
    assert not writer.finish(b"", "")
    assert "symbolic links" in writer.problems[0]
