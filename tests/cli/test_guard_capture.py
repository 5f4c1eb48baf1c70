"""What guard's capture does: finds out whom the command names, looks, and says where the cases are."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crazytrain.cli.guard_capture import Asked, asked_of, capture
from crazytrain.cli.guarding import capture_of
from crazytrain.host.fake import FakeHost
from crazytrain.model.errors import NoSuchGuest
from crazytrain.model.guest import Guest
from crazytrain.store.names import case_id
from tests.collect.making import HOST_FILES, process

FILES = {
    **HOST_FILES,
    **process(700, "qemu-system-x86", ("/usr/bin/qemu-system-x86_64", "-name", "web01")),
    **process(800, "qemu-system-x86", ("/usr/bin/qemu-system-x86_64", "-name", "db\x1b[31m")),
}
LINKS: dict[str, str | OSError] = {f"/proc/{pid}/exe": "/usr/bin/qemu-system-x86_64" for pid in (700, 800)}


class Looks:
    """A look that remembers whom it was given."""

    def __init__(self, trouble: BaseException | None = None) -> None:
        self.asked: list[tuple[list[int], float]] = []
        self.trouble = trouble

    def __call__(
        self, guests: Sequence[Guest], seconds: float, progress: Callable[[str], None]
    ) -> list[tuple[str, str]]:
        self.asked.append(([guest.pid for guest in guests], seconds))
        progress("looking")
        if self.trouble:
            raise self.trouble
        return [(f"/cases/{guest.pid}", "timer-storm/rtc-periodic-storm: the RTC") for guest in guests]


def asked(*command: str, guests: Sequence[str] = ()) -> Asked:
    return Asked(parent=1, seconds=2.5, guests=tuple(guests), command=command)


def test_the_arguments_come_over_as_they_are() -> None:
    argv = capture_of(["virsh", "reset", "--", "x"], 2.5, ("a b", "--c"))
    given = asked_of(argv[argv.index("crazytrain.cli.guard_capture") + 1 :])
    assert given == Asked(parent=os.getpid(), seconds=2.5, guests=("a b", "--c"), command=("virsh", "reset", "--", "x"))


def test_the_guests_that_are_named_are_looked_at_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    looks = Looks()
    capture(FakeHost(FILES, links=LINKS), asked("virsh", "reset", "web01"), looks)
    assert looks.asked == [([700], 2.5)]
    out, err = capsys.readouterr()
    assert out == ""
    assert "first a case of web01 (pid 700), 2.5 s" in err
    assert "kept /cases/700: timer-storm/rtc-periodic-storm: the RTC\n" in err


def test_names_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    capture(FakeHost(FILES, links=LINKS), asked("kill", "800", "700"), Looks())
    assert "web01 (pid 700), db\\x1b[31m (pid 800)" in capsys.readouterr().err


def test_a_command_that_names_nobody_is_not_held_up(capsys: pytest.CaptureFixture[str]) -> None:
    looks = Looks()
    capture(FakeHost(FILES, links=LINKS), asked("virsh", "reset", "web0"), looks)
    assert looks.asked == []
    assert capsys.readouterr().err == "crazytrain guard: the command names no guest that runs here: no case is kept\n"


def test_guests_that_are_given_count_instead_of_the_commands_words(capsys: pytest.CaptureFixture[str]) -> None:
    looks = Looks()
    capture(FakeHost(FILES, links=LINKS), asked("./all", "web01", guests=("800", "nobody", "800")), looks)
    assert looks.asked == [([800], 2.5)]
    assert "no running guest is called 'nobody'" in capsys.readouterr().err


def test_trouble_of_the_look_passes() -> None:
    with pytest.raises(NoSuchGuest):
        capture(FakeHost(FILES, links=LINKS), asked("kill", "700"), Looks(NoSuchGuest("gone")))


def test_an_interrupted_look_says_where_its_cases_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path))
    host = FakeHost(FILES, links=LINKS)
    now = host.wall_ns()
    names = [
        case_id("web01", now + 10**9),
        case_id("web01", now - 5 * 10**9),
        case_id("web010", now),
        case_id("db", now),
    ]
    for name in names:
        (tmp_path / "cases" / name).mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt):
        capture(host, asked("virsh", "reset", "web01"), Looks(KeyboardInterrupt()))
    told = capsys.readouterr().err
    assert [name for name in names if name in told] == [names[0]]
    assert f"what was seen until then is kept in {tmp_path}/cases/{names[0]} (incomplete" in told
