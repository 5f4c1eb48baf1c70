from pathlib import Path

import pytest

from crazytrain.lab.logs import count, last_number, last_words, printable, shown, shows, tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "console.log"
    path.write_bytes(b"READY\r\nprogress 7\r\nprogress 19\r\nprogress 2")
    return path


def test_the_last_whole_number_counts(log: Path) -> None:
    assert last_number(log, r"progress (\d+)\r?\n") == 19
    assert last_number(log, r"nothing (\d+)") == 0


def test_a_sign_is_seen_once_it_is_there_often_enough(log: Path) -> None:
    assert shows(log, r"(?m)^READY", 1)
    assert shows(log, r"progress", 3)
    assert not shows(log, r"progress", 4)


def test_dots_are_counted_across_the_whole_log(tmp_path: Path) -> None:
    (tmp_path / "dots").write_bytes(b"." * 2_500_000)
    assert count(tmp_path / "dots", r"\.") == 2_500_000


def test_a_log_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert (tail(absent), shown(absent), count(absent, "x"), last_number(absent, "(x)")) == ("", "", 0, 0)


def test_what_a_guest_prints_cannot_reach_the_terminal(log: Path) -> None:
    log.write_bytes(b"\x1b]0;owned\x07\xff\n\x1b[2Jgone\x00")
    assert shown(log) == "\\x1b]0;owned\\x07\ufffd\n\\x1b[2Jgone\\x00"


@pytest.mark.parametrize("text", ["\u202e", "\x9b", "\u2028", "\r", "\t"])
def test_every_control_character_is_escaped(text: str) -> None:
    assert printable(text).startswith("\\")


def test_the_last_words_begin_at_the_last_panic_however_long_its_trace_is(tmp_path: Path) -> None:
    said = ["booting"] * 50 + ["[1.1] Kernel panic - not syncing: init died"] + ["a frame"] * 70
    said.append("---[ end Kernel panic - not syncing: init died ]---")
    (tmp_path / "console.log").write_text("\n".join(said))
    assert last_words(tmp_path / "console.log").splitlines() == said[50:]


def test_the_last_words_without_a_panic_are_the_last_lines(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text("\n".join(map(str, range(100))))
    assert last_words(tmp_path / "console.log", lines=3).splitlines() == ["97", "98", "99"]
    (tmp_path / "short.log").write_text("one")
    assert last_words(tmp_path / "short.log") == "one"
