"""``explain`` on what is no text, or no plain file: a clear answer, an exit code, no traceback."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.model.errors import BadInput
from tests.decode.test_backtrace import DRAIN

BAD_INPUT = 65
NOBODY = 65534


def explained(*argv: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "crazytrain", "explain", *argv)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)


def refusal(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_all([path])
    return f"{caught.value}"


def test_no_traceback_and_an_exit_code(tmp_path: Path) -> None:
    """The whole command, on the worst of them; the others are asked for without a process of their own."""
    (tmp_path / "junk").write_bytes(os.urandom(100_000))
    done = explained(str(tmp_path / "junk"))
    assert done.returncode == BAD_INPUT
    assert "Traceback" not in done.stderr
    assert "no text" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\0" * 5_000_000, "empty"),
        (b"\n \n\t\n", "empty"),
        (bytes(range(256)) * 4096, "no text"),
        (b"\x7fELF" + bytes(1000), "ELF"),
        (b"a" * (2 << 20), "was recognised|longer than a MiB"),
        (b"a" * (6 << 20), "longer than a MiB"),
        (b"\xff\xfe" + b"\0\xd8" * 1000, "was recognised"),
        (b"x\n" * 10, "was recognised"),
    ],
)
def test_files_without_anything_to_read(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=says):
        read_all([path])


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_devices_without_an_end(name: str) -> None:
    assert refusal(Path(name))


def test_a_loop_of_links_a_long_name_and_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "symbolic links" in refusal(tmp_path / "a")
    assert "too long" in refusal(tmp_path / ("n" * 5000))
    assert "No such file" in refusal(tmp_path / "missing")
    assert "was recognised" in refusal(tmp_path)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights over files."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def forbidden(tmp_path: Path) -> Path:
    path = tmp_path / "private" / "file"
    path.parent.mkdir()
    path.write_text(DRAIN)
    path.chmod(0)
    path.parent.chmod(0)
    return path


def test_what_may_not_be_read(forbidden: Path) -> None:
    with as_nobody():
        said, said_of_folder = refusal(forbidden), refusal(forbidden.parent)
    assert "Permission denied" in said
    assert "not to be read" in said_of_folder or "Permission denied" in said_of_folder


def test_a_socket_is_no_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(tmp_path / "s"))
        assert "is a socket" in refusal(tmp_path / "s")


def test_a_pipe_into_which_nobody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crazytrain.cli.sources._WAIT_FOR_WRITER_S", 0.1)
    os.mkfifo(tmp_path / "pipe")
    assert "nobody writes" in refusal(tmp_path / "pipe")


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    half = len(DRAIN) // 2

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            file.write(DRAIN[:half].encode())
            file.write(DRAIN[half:].encode())

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    (report,) = read_all([path])
    writer.join(60)
    assert report.verdict.cause == "block-drain-deadlock"


def test_a_folder_of_everything(tmp_path: Path) -> None:
    """What is no plain file is named, and the one that says something is found among thousands."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "junk").write_bytes(os.urandom(5000))
    (tmp_path / "empty").touch()
    for number in range(3000):
        (tmp_path / f"n{number}").write_text("nothing\n")
    (tmp_path / "z.txt").write_text(DRAIN)
    (report,) = read_all([tmp_path])
    assert report.verdict.cause == "block-drain-deadlock"
    notes = " ".join(report.notes)
    for part in ("pipe", "loop", "junk", "3000 files read, and nothing in them recognised"):
        assert part in notes


def test_what_was_recognised_and_told_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "paste.txt"
    path.write_text(f"{DRAIN}\nWhat is this?\n\n# Samples: 4K of event 'cycles'\n# Overhead  Command  Symbol\n")
    (report,) = read_all([path])
    assert any("read as backtrace" in note and "nothing" not in note for note in report.notes)
    assert any("read as perf-report, and nothing in it told anything" in note for note in report.notes)


def test_what_cannot_be_read_keeps_nothing_else_from_being_read(tmp_path: Path) -> None:
    good, junk, empty = tmp_path / "bt.txt", tmp_path / "junk", tmp_path / "empty"
    good.write_text(DRAIN)
    junk.write_bytes(os.urandom(5000))
    empty.touch()
    (report,) = read_all([junk, good, empty, tmp_path / "missing"])
    (alone,) = read_all([good])
    assert (report.verdict.cause, report.verdict.confidence) == ("block-drain-deadlock", alone.verdict.confidence)
    left = [note for note in report.notes if note.startswith("left out: ")]
    assert [name for name in ("junk", "empty", "missing") if any(name in note for note in left)] == [
        "junk",
        "empty",
        "missing",
    ]
    with pytest.raises(BadInput, match="junk"):
        read_all([junk, empty])


def test_a_file_given_twice_speaks_once(tmp_path: Path) -> None:
    path = tmp_path / "bt.txt"
    path.write_text(DRAIN)
    (once,), (twice,) = read_all([path]), read_all([path, path])
    assert [view.id for view in twice.evidence] == [view.id for view in once.evidence]
    assert any("bt.txt was given more than once" in note for note in twice.notes)
