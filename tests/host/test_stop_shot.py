"""A thread that is stopped for a moment goes on, also where the one who stopped it is killed."""

import os
import platform
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.host import stop_shot
from crazytrain.host.stop_shot import Shot, command, shots_of
from tests.support import skip_real

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

PATIENCE_S = 60.0
# Counts without end in a page that the test can read, and calls the kernel now and then as QEMU's loop does.
COUNTS = """
import mmap, os, select, sys
page = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 4096)
ends = os.pipe()
print("counts", flush=True)
number = 0
while True:
    number += 1
    page[:8] = number.to_bytes(8, "little")
    if number % 2000 == 0:
        select.select([ends[0]], [], [], 0.0002)
"""
# Stops a thread, says so, and holds it until somebody kills it.
HOLDS = """
import sys, time
sys.path.insert(0, sys.argv[2])
import stop_shot
with stop_shot.stopped(int(sys.argv[1]), 60_000_000_000):
    print("held", flush=True)
    time.sleep(600)
"""


class Counter:
    """A live process that counts."""

    def __init__(self, process: subprocess.Popen[str], page: Path) -> None:
        self.pid, self.page, self.process = process.pid, page, process

    @property
    def count(self) -> int:
        return int.from_bytes(self.page.read_bytes()[:8], "little")

    def goes_on(self) -> bool:
        before, end = self.count, time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.count > before:
                return True
            time.sleep(0.001)
        return False

    @property
    def status(self) -> dict[str, str]:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.fixture(scope="module", autouse=True)
def allowed() -> None:
    if os.geteuid() != 0:
        skip_real("not root: others' threads may not be stopped")
    if platform.machine() != "x86_64":
        skip_real("registers are read on x86-64 only")


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    page = tmp_path / "page"
    page.write_bytes(bytes(4096))
    process = subprocess.Popen((sys.executable, "-c", COUNTS, str(page)), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "counts\n"
        yield Counter(process, page)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def start_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[19])


def shoot(pid: int, *tids: int, ticks: int | None = None) -> tuple[Shot, ...]:
    argv = command(pid, start_ticks(pid) if ticks is None else ticks, tids)
    return shots_of(subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE_S).stdout)


def test_registers_and_stack_are_those_of_the_thread(counter: Counter) -> None:
    (shot,) = shoot(counter.pid, counter.pid)
    if shot.why:  # a loaded machine gave it no CPU
        (shot,) = shoot(counter.pid, counter.pid)
    assert (shot.tid, shot.why) == (counter.pid, "")
    maps = Path(f"/proc/{counter.pid}/maps").read_text().splitlines()
    spans = {tuple(int(x, 16) for x in line.split()[0].split("-")): line for line in maps}
    (code,) = (line for (low, high), line in spans.items() if low <= shot.registers["rip"] < high)
    (stack,) = (line for (low, high), line in spans.items() if low <= shot.registers["rsp"] < high)
    assert code.split()[1].endswith("xp")
    assert stack.endswith("[stack]")
    assert len(shot.stack) % 8 == 0
    assert 0 < shot.stopped_ns < 1_000_000_000
    assert counter.goes_on()
    assert counter.status["TracerPid"] == "0"


def test_a_moment_is_short(counter: Counter) -> None:
    took = sorted(shoot(counter.pid, counter.pid)[0].stopped_ns for _ in range(7))
    assert took[2] < 5_000_000, took


def test_another_process_by_the_same_pid_is_left_alone(counter: Counter) -> None:
    (shot,) = shoot(counter.pid, counter.pid, ticks=start_ticks(counter.pid) + 1)
    assert (shot.stopped_ns, dict(shot.registers), shot.why) == (0, {}, "it is another process now")


def test_a_thread_that_is_gone_or_traced_says_so(counter: Counter) -> None:
    folder = str(Path(stop_shot.__file__).parent)
    with subprocess.Popen((sys.executable, "-c", HOLDS, str(counter.pid), folder), stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        traced, gone = shoot(counter.pid, counter.pid, 4_000_000)
        holder.kill()
    assert traced.why == "Operation not permitted"
    assert gone.why == "it is no thread of the process"


def test_who_is_killed_while_it_holds_a_thread_lets_it_go(counter: Counter) -> None:
    folder = str(Path(stop_shot.__file__).parent)
    with subprocess.Popen((sys.executable, "-c", HOLDS, str(counter.pid), folder), stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert counter.status["State"].startswith("t")
        assert counter.status["TracerPid"] == str(holder.pid)
        before = counter.count
        assert counter.count == before
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert counter.goes_on()
    assert counter.process.poll() is None
    assert counter.status["TracerPid"] == "0"


def test_killed_at_any_moment_nothing_stays(counter: Counter) -> None:
    chance = random.Random(3)
    argv = command(counter.pid, start_ticks(counter.pid), (counter.pid,) * 50)
    for _ in range(40):
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.01, 0.08))  # the moment of the kill is what is drawn, nothing is waited for
        process.kill()
        process.wait()
        assert counter.goes_on()
        assert counter.status["TracerPid"] == "0"
    assert counter.process.poll() is None


def test_a_thread_that_does_not_stop_in_time_is_let_go(counter: Counter) -> None:
    argv = command(counter.pid, start_ticks(counter.pid), (counter.pid, counter.pid), longest_ns=1)
    shots = shots_of(subprocess.run(argv, check=True, capture_output=True, timeout=PATIENCE_S).stdout)
    assert all(shot.registers or "did not stop within 1e-06 ms" in shot.why for shot in shots)
    assert counter.goes_on()
    assert counter.status["TracerPid"] == "0"


def test_what_it_says_is_read_strictly() -> None:
    good = b'{"tid": 7, "mono_ns": 5, "stopped_ns": 9, "registers": {"rip": 1, "rsp": 2}, "stack": "AAAAAAAAAAA="}\n'
    (shot,) = shots_of(good + b"nonsense\n")
    assert shot == Shot(tid=7, mono_ns=5, stopped_ns=9, registers={"rip": 1, "rsp": 2}, stack=bytes(8))
