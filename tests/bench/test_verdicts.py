"""The runner over the lab's guests and the page that it writes."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bench import confusion, verdicts
from bench.confusion import Look, Row
from crazytrain import lab

IDLE, STORM = "healthy/healthy-idle", "timer-storm/rtc-periodic-storm"


def row(guest: str, expected: str, *said: tuple[str, float]) -> Row:
    looks = tuple(Look(*one) for one in said)
    return Row(guest=guest, expected=expected, sure=looks, seconds=3.0, fresh_every=5, load="2 processes")


def test_a_row_counts_what_is_right_and_what_is_wrong_with_confidence() -> None:
    one = row("rtc-storm", STORM, (STORM, 0.9), (STORM, 0.7), (IDLE, 0.85), (IDLE, 0.3))
    assert (one.runs, one.right, one.least_sure, one.confidently_wrong) == (4, 2, 0.7, 1)
    assert one.others == {IDLE: 2}
    assert "2 of 4" in confusion.line(one)
    assert "1 of them with confidence" in confusion.line(one)


def test_unknown_is_wrong_but_does_not_call_a_healthy_guest_sick() -> None:
    one = row("idle", IDLE, (IDLE, 0.9), ("unknown/unknown", 0.0), (STORM, 0.6), ("healthy/healthy-busy", 0.6))
    assert (one.right, one.called_sick) == (1, 1)
    assert "healthy guests called sick: 1 of 4" in "\n".join(confusion.sums([one]))


def test_a_look_without_an_answer_counts_against_it() -> None:
    assert row("idle", IDLE, ("no answer: exit code 1", 0.0)).called_sick == 1


def test_the_aim_wants_97_in_100_and_no_healthy_guest_called_sick() -> None:
    right = row("rtc-storm", STORM, *[(STORM, 0.9)] * 97)
    assert confusion.reached([right, row("idle", IDLE, *[("unknown/unknown", 0.0)] * 3)])
    assert not confusion.reached([right, row("idle", IDLE, *[("unknown/unknown", 0.0)] * 4)])
    assert not confusion.reached([right, row("idle", IDLE, (IDLE, 0.9), (STORM, 0.3))])
    assert not confusion.reached([])


def test_rows_of_several_files_become_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    confusion.save([row("idle", IDLE, (IDLE, 0.91), (STORM, 0.9))], tmp_path / "a")
    confusion.save([row("rtc-storm", STORM, (STORM, 0.97))], tmp_path / "b")
    page = tmp_path / "page.md"
    given = ["--from", str(tmp_path / "a"), str(tmp_path / "b"), "--write", str(page)]
    assert verdicts.main(given) == 1
    text = page.read_text()
    assert "| `idle` | healthy/healthy-idle | 5 | 1 of 2" in text
    assert f"| {STORM} (1) | 1 |" in text
    assert "| **healthy** | 1 | 1 |" in text
    assert "| **timer-storm** | · | 1 |" in text
    assert "cause right: 2 of 3" in capsys.readouterr().out
    assert "healthy guests called sick: 1 of 2 (50.0%; 9.5% to 90.5%)" in text


def test_looks_at_one_guest_on_two_days_are_one_row(tmp_path: Path) -> None:
    for name in ("a", "b"):
        confusion.save([row("idle", IDLE, (IDLE, 0.91), (STORM, 0.9))], tmp_path / name)
    (both,) = confusion.load([tmp_path / "a", tmp_path / "b"])
    assert (both.runs, both.right) == (4, 2)


def test_two_shards_have_every_guest_once() -> None:
    halves = [verdicts.chosen(verdicts.parsed(["--shard", f"{n}/2"])) for n in (1, 2)]
    names = [kind.name for half in halves for kind in half]
    assert sorted(names) == sorted(kind.name for kind in lab.GUESTS)
    assert abs(len(halves[0]) - len(halves[1])) <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "x", "1/", "-1/2"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SystemExit):
        verdicts.parsed(["--shard", text])


def test_guests_that_start_at_once_are_fresh_for_each_look() -> None:
    assert verdicts.fresh_every(lab.find_guest("pio-poll")) == 1
    assert verdicts.fresh_every(lab.find_guest("busy")) == verdicts.LINUX_FRESH_EVERY


def test_looks_are_kept_as_they_can_be_read_again(tmp_path: Path) -> None:
    rows = [row("idle", IDLE, (IDLE, 0.91))]
    confusion.save(rows, tmp_path / "rows")
    assert confusion.load([tmp_path / "rows"]) == rows
    (tmp_path / "rows").write_text('[{"guest": 1}]')
    with pytest.raises(msgspec.ValidationError):
        confusion.load([tmp_path / "rows"])


PARENT = """
import sys, time
from bench.verdicts import loaded
with loaded(1):
    print("on", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[str]"]:
    here = Path(__file__).parents[2]
    process = subprocess.Popen((sys.executable, "-c", PARENT), cwd=here, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_burner_ends_with_its_parent(parent: "subprocess.Popen[str]", ending: signal.Signals) -> None:
    assert parent.stdout is not None
    assert parent.stdout.readline() == "on\n"
    (burner,) = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    descriptor = os.pidfd_open(int(burner))
    try:
        parent.send_signal(ending)
        parent.wait()
        assert ended(descriptor)
    finally:
        os.close(descriptor)


def ended(descriptor: int) -> bool:
    """Whether a process ends, which its pidfd tells, within a generous time."""
    return bool(select.select([descriptor], [], [], 60)[0])
