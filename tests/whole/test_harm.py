"""Do no harm: whatever becomes of the program, the guest runs on and nothing stays attached."""

import ctypes
import errno
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
from tests.support import skip_real
from tests.whole.conftest import PROGRAM

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("CRAZYTRAIN_KILLS", "16"))  # 200 in `make bench`
LATEST_S = 2.0  # about as long as a look of 1 s takes
MARK = "CRAZYTRAIN_TEST_MARK"
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, -1)
BPF_PROG_GET_NEXT_ID = 11
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


def left_behind(mark_of_run: str) -> list[str]:
    """Processes of an ended run's tools: they carry its mark in their environment."""
    mark = f"{MARK}={mark_of_run}".encode() + b"\0"
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


def tracing_instances() -> set[str]:
    """Instances of the kernel's own tracer, where that can be seen."""
    try:
        return {path.name for path in Path("/sys/kernel/tracing/instances").iterdir()}
    except OSError:
        return set()


def programs_of_nobody() -> set[int]:
    """BPF programs that the kernel has and no process holds open: those that outlived who loaded them."""
    return programs() - held_programs()


def programs() -> set[int]:
    """The ids of all BPF programs, as bpf(BPF_PROG_GET_NEXT_ID) gives them."""
    libc = ctypes.CDLL(None, use_errno=True)
    found, attribute = set(), (ctypes.c_uint32 * 3)()
    while libc.syscall(BPF_SYSCALL, BPF_PROG_GET_NEXT_ID, attribute, ctypes.sizeof(attribute)) == 0:
        found.add(attribute[1])
        attribute[0] = attribute[1]
    if ctypes.get_errno() != errno.ENOENT:
        skip_real(f"bpf(BPF_PROG_GET_NEXT_ID): {os.strerror(ctypes.get_errno())}")
    return found


def held_by(pid: int) -> set[int]:
    return held_programs(str(pid))


def held_programs(pid: str = "[0-9]*") -> set[int]:
    held: set[int] = set()
    for path in Path("/proc").glob(f"{pid}/fdinfo/*"):
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        held.update(int(line.split()[1]) for line in lines if line.startswith("prog_id:"))
    return held


def states(pid: int) -> set[str]:
    stats = [p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/stat")]
    return {text.rpartition(")")[2].split()[0] for text in stats}


class Traces:
    """What a run of ours could leave behind: processes by a mark in their environment, and what only the kernel knows of."""

    def __init__(self, pid: int, mark: str) -> None:
        self.pid = pid
        self.mark = mark
        self.mounts = Path("/proc/self/mountinfo").read_bytes()
        self.instances = tracing_instances()
        self.programs = programs_of_nobody()

    def wait_until_gone(self) -> None:
        until(lambda: not left_behind(self.mark), "what it started is gone")
        until(lambda: tracers(self.pid) == {"0"}, "nobody traces the guest")
        until(lambda: not states(self.pid) & {"T", "t"}, "no thread of the guest is stopped")
        until(lambda: programs_of_nobody() <= self.programs, "no BPF program without an owner is left")
        assert tracing_instances() <= self.instances
        assert Path("/proc/self/mountinfo").read_bytes() == self.mounts


def killed_at_any_moment(counting: lab.Running, cost: str, times: int, folder: Path) -> int:
    """Start and kill it; returns how often it was still running when it was killed."""
    rolls, caught = random.Random(cost), 0
    for number in range(times):
        out, scratch = folder / str(number), folder / f"tmp-{number}"
        scratch.mkdir()
        where = ("--against", "none", "--cost", cost, "--out", str(out))
        traces = Traces(counting.pid, f"{os.getpid()}-{cost}-{number}")
        environ = {**os.environ, MARK: traces.mark, "TMPDIR": str(scratch)}
        command = (*PROGRAM, "why", str(counting.pid), "--for", "1", *where)
        run = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            run.wait(timeout=rolls.uniform(0.05, LATEST_S))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            caught += 1
        run.wait()
        traces.wait_until_gone()
        assert not list(scratch.iterdir()), "nothing is left in the folder for temporary files"
        before = lab.count_progress(counting)
        until(lambda b=before: lab.count_progress(counting) != b, "the guest goes on")  # type: ignore[misc]
        for case in out.glob("*"):
            if (case / "journal.jsonl").exists() and (case / "journal.jsonl").stat().st_size:
                assert load(case).guest is not None
    return caught


@pytest.mark.parametrize("cost", ["samples", "stops"])
def test_killed_at_any_moment(
    counting: lab.Running, cost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = max(1, KILLS // 2)
    caught = killed_at_any_moment(counting, cost, times, tmp_path)
    with capsys.disabled():
        print(
            f"\nkilled {times} times at --cost {cost}, {caught} times while it ran: nothing stayed, the guest went on"
        )
    assert caught >= times // 2


def test_programs_and_who_holds_them_are_seen() -> None:
    """The check itself: a tracer's programs are among all, and among those held, while it runs."""
    before = programs()
    probe = "tracepoint:raw_syscalls:sys_enter { @ = count(); }"
    tracer = subprocess.Popen(("bpftrace", "-e", probe), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: bool(held_by(tracer.pid) - before), "its program is loaded")
        assert held_by(tracer.pid) <= programs() & held_programs()
    finally:
        tracer.kill()
        tracer.wait()


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
