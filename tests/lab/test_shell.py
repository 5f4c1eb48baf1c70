"""The shell of a Linux guest, played by a thread behind a socket: what is said, and what is never answered."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain.lab import shell
from crazytrain.lab.errors import LabError, NotReady
from crazytrain.lab.shell import Shell

Play = Callable[[Callable[[str], bytes | None]], Path]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """A guest that answers each line as it is told, with ``None`` it hangs up; it greets as a guest does."""
    threads: list[threading.Thread] = []

    def serve(door: socket.socket, answer: Callable[[str], bytes | None]) -> None:
        line, _ = door.accept()
        with door, line, line.makefile("rb") as said:
            line.sendall(b"what was said before\n\n@@ 0\n")
            for raw in said:
                command = raw.decode().rstrip("\n")
                greeting = command.startswith("echo ")
                reply = f"{command[5:]}\n\n@@ 0\n".encode() if greeting else answer(command)
                if reply is None:
                    return
                line.sendall(reply)

    def play(answer: Callable[[str], bytes | None]) -> Path:
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(tmp_path / "s"))
        door.listen()
        threads.append(threading.Thread(target=serve, args=(door, answer)))
        threads[-1].start()
        return tmp_path / "s"

    yield play
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("text", ["", "one\n", "no end of line", "@@ 7\n", "two\n\n@@ 3\nmore\n"])
def test_what_the_guest_prints_comes_back_as_it_is(play: Play, text: str) -> None:
    with Shell(play(lambda _: f"{text}\n@@ 0\n".encode())) as guest:
        assert guest.run("anything") == text
        assert guest.run("once more") == text


def test_a_command_that_fails_is_told_with_what_it_said(play: Play) -> None:
    with (
        Shell(play(lambda _: b"no such \33file\n\n@@ 1\n")) as guest,
        pytest.raises(LabError, match=r"cat x: no such \\x1bfile"),
    ):
        guest.run("cat x")


def test_a_guest_that_does_not_answer_is_given_up(play: Play) -> None:
    with Shell(play(lambda _: b"half an ans")) as guest, pytest.raises(NotReady, match=r"within 0\.2 s"):
        guest.run("sleep 100", limit_s=0.2)


def test_a_qemu_that_hangs_up_is_told(play: Play) -> None:
    with Shell(play(lambda _: None)) as guest, pytest.raises(LabError, match="hung up"):
        guest.run("anything")


def test_a_guest_that_never_greets_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "_GREETING_S", 0.3)
    monkeypatch.setattr(shell, "_AGAIN_S", 0.1)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "s"))
        door.listen()
        with pytest.raises(NotReady, match="nobody answers"), Shell(tmp_path / "s"):
            pass


def test_two_lines_at_once_and_no_guest_are_refused(play: Play, tmp_path: Path) -> None:
    with Shell(play(lambda _: None)) as guest, pytest.raises(LabError, match="one line"):
        guest.run("a\nb")
    with pytest.raises(LabError, match="No such file"), Shell(tmp_path / "nobody"):
        pass
