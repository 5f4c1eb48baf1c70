import os
from pathlib import Path

import pytest

from crazytrain.model.case import Window
from crazytrain.model.errors import NoSuchCase, NotAllowed
from crazytrain.store import find, listing, open_case, pack
from tests.store.samples import LATER, files_below, guest, unfinished, written
from tests.support import skip_real


def case_of(root: Path, name: str, wall_s: int) -> Path:
    window = Window(wall_ns=wall_s * 10**9, start_ns=0, end_ns=5 * 10**9)
    with open_case(root, guest(name), window) as writer:
        assert writer.finish(b'{"verdict":{"headline":"all is well"}}', "")
    return writer.path


def test_no_root_no_cases(tmp_path: Path) -> None:
    assert listing(tmp_path / "nothing") == ()
    assert listing(Path("/dev/null")) == ()


def test_one_line_a_case(tmp_path: Path) -> None:
    path = written(tmp_path).path
    (line,) = listing(tmp_path)
    assert (line.id, line.guest, line.wall_ns, line.length_ns) == (path.name, "web01", LATER.wall_ns, LATER.length_ns)
    assert (line.complete, line.headline, line.problem) == (True, "the RTC fires 1,024 times a second", "")
    assert line.size_bytes == sum(file.stat().st_size for file in files_below(path))


def test_the_newest_comes_first_and_the_unreadable_last(tmp_path: Path) -> None:
    old, new, middle = (case_of(tmp_path, name, wall_s) for name, wall_s in [("a", 100), ("b", 300), ("c", 200)])
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/journal.jsonl").write_bytes(b"garbage\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / ".new-x").mkdir()
    (tmp_path / "link").symlink_to(old)
    lines = listing(tmp_path)
    assert [line.id for line in lines] == [new.name, middle.name, old.name, "broken", "empty"]
    assert "not one line of it can be read" in lines[3].problem
    assert "it has no journal.jsonl" in lines[4].problem


def test_a_case_that_was_cut_off_has_no_headline(tmp_path: Path) -> None:
    unfinished(tmp_path).close()
    (line,) = listing(tmp_path)
    assert (line.complete, line.headline, line.guest) == (False, "", "web01")


@pytest.mark.parametrize("report", [b"", b"\xff", b"[]", b'{"verdict":7}', b"[" * 100_000])
def test_a_report_that_cannot_be_read_costs_the_headline_only(tmp_path: Path, report: bytes) -> None:
    path = written(tmp_path).path
    (path / "report.json").write_bytes(report)
    assert listing(tmp_path)[0].headline == ""


@pytest.mark.real
def test_a_root_of_somebody_else_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        skip_real("needs root, to become another user for a moment")
    written(tmp_path / "cases")
    os.seteuid(12345)
    try:
        with pytest.raises(NotAllowed, match="Permission denied"):
            listing(tmp_path / "cases")
    finally:
        os.seteuid(0)


def test_a_case_is_found_by_id_prefix_and_path(tmp_path: Path) -> None:
    root = tmp_path / "cases"
    web, other = case_of(root, "web01", 100), case_of(root, "db", 200)
    packed = pack(web, tmp_path)
    assert find(root, web.name) == web
    assert find(root, "web") == web
    assert find(root, str(other)) == other
    assert find(root, str(packed)) == packed


def test_an_id_is_found_though_another_begins_with_it(tmp_path: Path) -> None:
    path = case_of(tmp_path, "web01", 100)
    (tmp_path / f"{path.name}x").mkdir()
    assert find(tmp_path, path.name) == path


def test_a_path_of_one_word_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = case_of(tmp_path / "cases", "web01", 100)
    monkeypatch.chdir(path.parent)
    assert find(tmp_path / "nothing", path.name) == Path(path.name)


def test_an_ambiguous_beginning_names_the_candidates_newest_first(tmp_path: Path) -> None:
    first, second = case_of(tmp_path, "web01", 100), case_of(tmp_path, "web02", 200)
    with pytest.raises(NoSuchCase, match="2 cases begin with 'web'") as caught:
        find(tmp_path, "web")
    assert f"{second.name}, {first.name}" in caught.value.hint


@pytest.mark.parametrize("wanted", ["", "nothing", "..", ".", "../..", "/nothing", "x.crazytrain", "\x1b[31m"])
def test_what_is_not_there_is_told(tmp_path: Path, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case_of(tmp_path / "cases", "web01", 100)
    if wanted in (".", "..", "../.."):
        assert find(tmp_path / "cases", wanted) == Path(wanted)
        return
    with pytest.raises(NoSuchCase) as caught:
        find(tmp_path / "cases", wanted)
    assert caught.value.hint
    assert "\x1b" not in caught.value.message
