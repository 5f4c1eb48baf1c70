"""Do no harm: whatever becomes of the program, the guest runs on and nothing stays attached."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.store import load
from tests.whole.conftest import PROGRAM

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("CRAZYTRAIN_KILLS", "25"))
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def counting(start: Callable[[str, str], lab.Running]) -> lab.Running:
    """A guest that counts its own progress."""
    return start("pio-poll", f"counting-{os.getpid()}")


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, generously."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.02)


def left_behind(group: int) -> list[str]:
    """Processes of an ended run's tools: they carry its mark in their environment."""
    mark = f"CRAZYTRAIN_TEST_MARK={group}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def tracers(pid: int) -> set[str]:
    """Who traces any thread of a process."""
    statuses = [p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/status")]
    return {line.split()[1] for text in statuses for line in text.splitlines() if line.startswith("TracerPid")}


def states(pid: int) -> set[str]:
    stats = [p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/stat")]
    return {text.rpartition(")")[2].split()[0] for text in stats}


@pytest.mark.parametrize("cost", ["samples", "stops"])
def test_killed_at_any_moment(counting: lab.Running, cost: str, tmp_path: Path) -> None:
    rolls = random.Random(f"{cost}")
    for number in range(KILLS):
        out = tmp_path / str(number)
        command = (
            *PROGRAM,
            "why",
            str(counting.pid),
            "--for",
            "1",
            "--against",
            "none",
            "--cost",
            cost,
            "--out",
            str(out),
        )
        environ = {**os.environ, "CRAZYTRAIN_TEST_MARK": str(number)}
        run = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            run.wait(timeout=rolls.uniform(0.05, 2.2))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
        run.wait()
        until(lambda n=number: not left_behind(n), "what it started is gone")  # type: ignore[misc]
        until(lambda: tracers(counting.pid) == {"0"}, "nobody traces the guest")
        before = lab.count_progress(counting)
        until(lambda b=before: lab.count_progress(counting) != b, "the guest goes on")  # type: ignore[misc]
        assert not states(counting.pid) & {"T", "t"}
        for case in out.glob("*"):
            if (case / "journal.jsonl").exists() and (case / "journal.jsonl").stat().st_size:
                assert load(case).guest is not None


def test_interrupted(counting: lab.Running, tmp_path: Path) -> None:
    command = (*PROGRAM, "why", str(counting.pid), "--for", "30", "--against", "none", "--out", str(tmp_path))
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: any(tmp_path.glob("*/evidence/*")), "it has begun to keep evidence")
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 130
    assert "Traceback" not in said
    (case,) = tmp_path.glob("*")
    assert str(case) in said
    assert load(case).complete is False
    until(lambda: tracers(counting.pid) == {"0"}, "nobody traces the guest")
