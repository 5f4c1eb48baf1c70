"""Input that is odd, hostile or not there, and output that nobody takes: an answer or a clear error, never a traceback."""

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crazytrain.cli import log_sources
from crazytrain.cli.log_sources import LogInput, LogReader
from crazytrain.model.errors import BadInput, NotAllowed
from tests.logs_asked import LIMIT_S, raw, run, shown, view
from tests.logs_made import PLANTED, flood_log

LOG = flood_log(2000, PLANTED)
LOGS = f"{sys.executable} -m crazytrain logs --zone UTC"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "syslog"
    path.write_bytes(LOG)
    return path


def sh(words: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", words.replace("LOGS", LOGS), "bash", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)


@pytest.mark.parametrize(
    ("words", "status", "out", "err"),
    [
        ("LOGS $1 | head -n 1", 0, "2,000 lines", ""),
        ("LOGS $1 --raw T1 | head -n 1; exit ${PIPESTATUS[1]}", 0, "host1", ""),
        ("LOGS - <&-", 0, "standard input: 0 lines", ""),
        ("LOGS $1 <&-", 0, "2,000 lines", ""),
        ("LOGS $1 >&-", 0, "", ""),
        ("LOGS $1 2>&-", 0, "2,000 lines", ""),
        ("LOGS $1 >/dev/full", 1, "", "could not be written: No space left"),
        ("LOGS /dev/null >/dev/full", 1, "", "could not be written: No space left"),
        ("LOGS <(cat $1) --around 00:10", 0, "around: 2026", ""),
        ("LOGS <(cat $1) --raw T1", 0, "host1", ""),
        ("LOGS $1 $1.nix", 65, "", "No such file"),
        ("LOGS $(printf 'x%.0s' {1..5000})", 66, "", "no case is called"),
        ("LOGS $1/syslog", 65, "", "neither a file nor a case"),
    ],
)
def test_streams_that_end_or_are_not_there(log: Path, words: str, status: int, out: str, err: str) -> None:
    done = sh(words, log)
    assert (done.returncode, out in done.stdout, err in done.stderr) == (status, True, True), done
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_pipe_that_nobody_writes_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    monkeypatch.setattr("crazytrain.cli.sources._WAIT_FOR_WRITER_S", 0.1)
    with pytest.raises(BadInput, match="nobody writes"):
        LogReader(LogInput(name="pipe", until_s=0.0, path=path))


def test_a_named_pipe_can_be_read_twice(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"a b\nc d e\na b\n",))
    writer.start()
    assert raw(capfdbinary, "T1", sources=[str(path)]) == b"a b\na b\n"
    writer.join()


def test_a_file_that_may_not_be_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise BadInput("no") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(log_sources, "opened", refuse)
    with pytest.raises(NotAllowed, match="may not be read"):
        LogReader(LogInput(name="log", until_s=0.0, path=log))


def test_a_small_file_that_unpacks_to_a_large_one_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(bytes(64 << 20), 1) + gzip.compress(b"\n" + LOG))
    found = view(capsys, sources=[str(path)])
    assert (found.lines, found.bytes) == (2001, (64 << 20) + 1 + len(LOG))
    assert "1 line is longer than 1 MiB; the beginning of each was read" in found.notes
    assert not any("UTF-16" in source.problem for source in found.sources)


def test_what_is_cut_off_in_a_pipe_is_told() -> None:
    done = run("-", "--around", "14:15", data=gzip.compress(LOG)[:-300])
    assert done.returncode == 0, done.stderr
    assert b"cut off or damaged" in done.stdout


def test_other_bytes_than_utf_8_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "latin"
    path.write_bytes("Nov 23 06:45:01 h a[1]: Prüfung\tgut\n".encode("latin-1"))
    text = shown(capsys, sources=[str(path)])
    assert r"Pr\xfcfung" in text
    assert "gut" in text
    assert r"\x09" not in text


def test_stamps_of_several_years_and_those_that_jump_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    rows = (
        "2026-01-01T00:00:02Z h a[1]: one",
        "2026-01-01T00:00:01Z h a[1]: late by a second",
        "2025-12-31T23:00:00Z h a[1]: an hour back",
        "2024-01-01T00:00:00Z h a[1]: two years back",
        "2024-13-45T99:99:99Z h a[1]: no such day",
        "2026-01-01T00:00:03Z h a[1]: on again",
    )
    path.write_text("\n".join(rows) + "\n")
    found = view(capsys, sources=[str(path)])
    assert [(one.line, one.back_s) for one in found.jumps] == [(3, 3601), (4, 731 * 86_400 - 3600)]
    assert found.lines == 6
    assert found.last == "2026-01-01 00:00:03+00:00"
