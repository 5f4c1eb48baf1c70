import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from crazytrain.lab.process import end, find_process, is_alive, parse_stat
from crazytrain.model.guest import ProcessId

STUBBORN = (
    "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\nsys.stdin.read()"
)


def stat_line(comm: str) -> str:
    """Return /proc/7/stat of a sleeping process that began 4711 ticks after boot."""
    return f"7 ({comm}) S " + " ".join(str(number) for number in range(4, 22)) + " 4711 23 24\n"


def spawned(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    with spawned("sleep", "1000") as child:
        yield child
        child.kill()


def identity(child: subprocess.Popen[str]) -> ProcessId:
    found = find_process(child.pid)
    assert found is not None
    return found


@pytest.mark.parametrize("comm", ["sh", "a) R 1 2 (b", "", "x y", ")"])
def test_a_stat_line_is_read_whatever_the_process_calls_itself(comm: str) -> None:
    found = parse_stat(stat_line(comm))
    assert found is not None
    assert (found[0].pid, found[0].start_ticks, found[1]) == (7, 4711, "S")


@pytest.mark.parametrize("line", ["", "7", "7 (sh", "7 (sh) S 1 2 3", "x (sh) S " + "1 " * 30, "7 (sh) S " + "a " * 30])
def test_half_a_line_is_no_process(line: str) -> None:
    assert parse_stat(line) is None


def test_a_process_is_ended_and_reaped(sleeper: subprocess.Popen[str]) -> None:
    process = identity(sleeper)
    assert is_alive(process)
    end(process)
    assert not is_alive(process)
    end(process)


def test_one_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crazytrain.lab.process.GRACE_S", 0.2)
    with spawned(sys.executable, "-c", STUBBORN) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        process = identity(child)
        end(process)
        assert not is_alive(process)


def test_another_process_with_its_pid_is_left_alone(sleeper: subprocess.Popen[str]) -> None:
    before = msgspec.structs.replace(identity(sleeper), start_ticks=1)
    assert not is_alive(before)
    end(before)
    assert sleeper.poll() is None


def test_a_zombie_is_gone() -> None:
    with spawned("true") as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        stat = Path(f"/proc/{child.pid}/stat").read_text()
        found = parse_stat(stat)
        assert found is not None
        assert found[1] == "Z"
        assert find_process(child.pid) is None
        end(found[0])
