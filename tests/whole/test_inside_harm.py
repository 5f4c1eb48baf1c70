"""Do no harm, looking inside: killed at any moment, with and without leave to pause; the guest runs on and nobody of ours stays."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from crazytrain import lab
from crazytrain.collect import discover, vcpus
from crazytrain.collect.find import find
from crazytrain.collect.inside import COLLECTOR
from crazytrain.collect.look import Look
from crazytrain.decode.command_line import config_of
from crazytrain.host import LiveHost
from crazytrain.model.evidence import Cost, Evidence, Outcome
from crazytrain.model.facts.inside import InsideLog, InsideProfile, InsideReading
from tests.support import ROOT, skip_real
from tests.tiny import until
from tests.whole.conftest import PROGRAM

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

FUZZ_S = os.environ.get("CRAZYTRAIN_FUZZ_S", "6")  # 600, and a million pages, in `make bench`
KILLS = int(os.environ.get("CRAZYTRAIN_KILLS", "10"))  # 200 in `make bench`
LATEST_S = 2.5  # a look of 1 s takes longer than that where the machine is loaded: most are caught while they run
MARK = "CRAZYTRAIN_TEST_MARK"


@pytest.fixture(scope="module")
def counting(start: Callable[[str, str], lab.Running]) -> lab.Running:
    """A Linux guest that counts its own progress."""
    return start("busy", f"counting-inside-{os.getpid()}")


def of_ours(mark: str, parent: int) -> list[str]:
    """Processes that a run started: the child without privileges names its parent, what guards a pause has our environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"crazytrain.confined\0{parent}\0".encode() in line or f"{MARK}={mark}".encode() + b"\0" in environ:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def readers(pid: int) -> list[str]:
    """Who has the guest's memory open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"/proc/{pid}/mem":
                found.append(str(link))
        except OSError:
            continue
    return found


def killed_at_any_moment(counting: lab.Running, times: int, *options: str) -> int:
    """Start and kill it; returns how often it was still running when it was killed."""
    rolls, caught = random.Random("".join(options)), 0
    for number in range(times):
        mark = f"{os.getpid()}-{number}-{'-'.join(options)}"
        command = (*PROGRAM, "inside", str(counting.pid), "--for", "1", "--quiet", *options)
        run = subprocess.Popen(
            command, env={**os.environ, MARK: mark}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            run.wait(timeout=rolls.uniform(0.05, LATEST_S))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            caught += 1
        run.wait()
        until(lambda m=mark, r=run: not of_ours(m, r.pid), "what it started is gone")
        until(lambda: not readers(counting.pid), "nobody has the guest's memory open")
        goes_on(counting)
    return caught


def goes_on(counting: lab.Running) -> None:
    before = lab.count_progress(counting)
    until(lambda: lab.count_progress(counting) != before, "the guest goes on")


@pytest.mark.parametrize("options", [(), ("--may-pause", "200")], ids=["live", "paused"])
def test_killed_at_any_moment(
    counting: lab.Running, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    times = max(1, KILLS // 2)
    caught = killed_at_any_moment(counting, times, *options)
    with capsys.disabled():
        print(f"\nlooked inside {options} and killed {times} times, {caught} times while it ran: the guest went on")
    assert caught >= times // 2


def test_the_child_is_killed(counting: lab.Running) -> None:
    """Whatever ends the child is told; the rest of the program goes on."""
    command = (*PROGRAM, "inside", str(counting.pid), "--for", "5", "--quiet")
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: child_of(run.pid), "the child was started")
    until(lambda: "65534" in identity(child_of(run.pid)), "it has given up all")
    os.kill(child_of(run.pid), signal.SIGSEGV)
    said, trouble = run.communicate(timeout=60)
    assert "Traceback" not in trouble
    assert "ended by SIGSEGV" in said + trouble
    goes_on(counting)


def identity(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def child_of(pid: int) -> int:
    """The child without privileges of a process, 0 while there is none."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return next(
            (int(word) for word in words if b"crazytrain.confined" in Path(f"/proc/{word}/cmdline").read_bytes()), 0
        )
    except OSError:
        return 0


def test_what_the_child_may(counting: lab.Running) -> None:
    """As the kernel itself has it, while a look goes on: no user, no capability, a filter, no more than its descriptors."""
    command = (*PROGRAM, "inside", str(counting.pid), "--for", "20", "--quiet")
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: child_of(run.pid), "the child was started")
        child = child_of(run.pid)
        until(lambda: "Seccomp:\t2" in identity(child), "it has given up all")
        lines = dict(line.partition(":\t")[::2] for line in identity(child).splitlines())
        assert lines["Uid"].split() == ["65534"] * 4
        assert lines["Gid"].split() == ["65534"] * 4
        assert lines["Groups"].strip() == ""
        assert {lines[name] for name in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb")} == {"0" * 16}
        assert lines["NoNewPrivs"] == "1"
        links = sorted(str(link.readlink()) for link in Path(f"/proc/{child}/fd").iterdir())
        files = [link for link in links if link.startswith("/")]
        assert all(
            link.startswith(("/memfd:crazytrain-", f"/proc/{counting.pid}/", "/dev/null")) or "/inside/" in link
            for link in files
        ), files
        assert len(links) == 7
    finally:
        run.kill()
        run.wait()
    until(lambda: not Path(f"/proc/{child}").exists(), "the child goes with us")


def test_qemu_that_ends_meanwhile(start: Callable[[str, str], lab.Running], state_dir: Path) -> None:
    """The guest's process ends while it is looked into: an answer that says so, no traceback."""
    guest = start("idle", f"ending-{os.getpid()}")
    command = (*PROGRAM, "inside", str(guest.pid), "--for", "3", "--quiet")
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: child_of(run.pid), "the child was started")
    time.sleep(random.Random(guest.pid).uniform(0.1, 1.5))
    lab.stop(guest.name, state_dir=state_dir, tell=lambda _line: None)
    said, trouble = run.communicate(timeout=60)
    assert "Traceback" not in said + trouble
    assert run.returncode in (0, 1, 66), (run.returncode, said, trouble)


def test_hostile_pages(counting: lab.Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy of the guest's RAM is mutated and looked into: the child may fail, we never."""
    run = subprocess.run(
        (sys.executable, "-m", "tests.fuzzing", str(counting.pid), "--seconds", FUZZ_S),
        cwd=ROOT,
        env={**os.environ, "CRAZYTRAIN_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    with capsys.disabled():
        print(f"\n{told['pages']} mutated pages in {told['looks']} looks")
    assert told["looks"] > 0
    assert told["outcomes"]["begin: answered"] > 0


@pytest.mark.parametrize("ceiling", [Cost.READS, Cost.SAMPLES])
def test_evidence_of_a_real_guest(counting: lab.Running, ceiling: Cost) -> None:
    """What ``why`` keeps: with and without the monitor the same guest is seen."""
    host, kept = LiveHost(), list[Evidence]()
    guest = find(asyncio.run(discover.guests(host, config_of)), str(counting.pid))
    begin = host.mono_ns()
    look = Look(host=host, guest=guest, start_ns=begin, end_ns=begin + 2 * 10**9, keep=kept.append, ceiling=ceiling)

    async def with_registers() -> None:
        """They are asked for by another collector, and heard by both."""
        others = () if ceiling is Cost.READS else (vcpus.COLLECTOR.run(look),)
        await asyncio.gather(COLLECTOR.run(look), *others)

    asyncio.run(with_registers())
    kept = [one for one in kept if one.id.startswith("inside.")]
    assert [(one.id, one.outcome) for one in kept] == [
        (f"inside.{name}", Outcome.OK) for name in ("0", "profile", "1", "log")
    ]
    first, last = (msgspec.json.decode(kept[at].data, type=InsideReading) for at in (0, 2))
    profile = msgspec.json.decode(kept[1].data, type=InsideProfile)
    assert first.kernel is not None
    assert last.kernel is not None
    assert first.kernel.banner == last.kernel.banner
    assert first.clock is not None
    assert last.clock is not None
    assert (last.clock.monotonic_ns or 0) > (first.clock.monotonic_ns or 0)
    assert "busy" in {task.comm for task in last.tasks}
    assert "busy" in {who.comm for who in profile.who}
    assert profile.task_samples > 20
    assert (profile.samples > 0) is (ceiling is Cost.SAMPLES)
    log = msgspec.json.decode(kept[3].data, type=InsideLog)
    assert any("Linux version" in record.text for record in log.records) or len(log.records) == 400


def test_this_machine_filters_calls() -> None:
    """Without a filter the other tests here would prove less."""
    if "Seccomp:" not in Path("/proc/self/status").read_text():
        skip_real("this kernel has no seccomp filters")
