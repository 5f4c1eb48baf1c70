"""The strace burst on real processes: the right threads, all of them free again, whatever becomes of us."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from crazytrain.collect.strace_burst import collect_strace_burst
from crazytrain.decode.strace import decode_strace
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts import Facts, SyscallUse, TraceStory
from tests.collect.real import collecting_elsewhere, guest_of, line_of, look_at, need, running, tracers, until

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

# Three threads that make system calls all the time: one by the name of a main loop, an iothread, a vCPU.
BUSY = """
import os, sys, threading
def work(name):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
        comm.write(name)
    os.write(1, f"{name} {threading.get_native_id()}\\n".encode())
    null = os.open("/dev/null", os.O_WRONLY)
    while True:
        os.write(null, b"x")
for name in ("IO disk0", "CPU 0/KVM"):
    threading.Thread(target=work, args=(name,), daemon=True).start()
work("main")
"""


@pytest.fixture(autouse=True)
def _can_run() -> None:
    need("strace")


def busy_threads(process: subprocess.Popen[str]) -> dict[str, int]:
    lines = [line_of(process).rpartition(" ") for _ in range(3)]
    return {name: int(tid) for name, _, tid in lines}


def burst(pid: int, seconds: float = 1.0) -> Evidence:
    look, kept = look_at(guest_of(pid), seconds)
    asyncio.run(collect_strace_burst(look))
    (evidence,) = kept
    return evidence


def test_it_shows_the_loops_and_no_vcpu_and_lets_them_go() -> None:
    with running(sys.executable, "-c", BUSY) as process:
        threads = busy_threads(process)
        evidence = burst(process.pid)
        assert tracers(process.pid) == {"0"}
    assert evidence.outcome is Outcome.OK, evidence.detail
    assert 2 < evidence.data.count(b"\n") <= 400
    facts = Facts(decode_strace(evidence))
    story, use = facts.get(TraceStory), facts.get(SyscallUse)
    assert story is not None
    assert use is not None
    assert set(story.attached) == {threads["main"], threads["IO disk0"]}
    assert threads["CPU 0/KVM"] not in {call.tid for call in use.calls}
    assert {call.call for call in use.calls} >= {"write"}
    assert evidence.cpu_ns is not None
    assert 0 < (evidence.stall_ns or 0) < evidence.took_ns


def test_it_ends_by_itself_on_a_process_that_does_nothing() -> None:
    with running("sleep", "300") as process:
        evidence = burst(process.pid)
        assert tracers(process.pid) == {"0"}
    assert evidence.outcome is Outcome.OK, evidence.detail
    assert evidence.took_ns < 5e9


def test_a_process_under_another_tracer_is_left_to_it() -> None:
    with running("sleep", "300") as process, running("strace", "-o", "/dev/null", "-p", str(process.pid)) as tracer:
        until(lambda: tracers(process.pid) == {str(tracer.pid)}, "the other tracer is attached")
        evidence = burst(process.pid)
        assert tracers(process.pid) == {str(tracer.pid)}
    assert (evidence.outcome, evidence.detail) == (Outcome.ABSENT, f"already traced by {tracer.pid} (strace)")


def test_killed_during_the_burst_it_leaves_every_thread_free() -> None:
    with running(sys.executable, "-c", BUSY) as process:
        busy_threads(process)
        for _ in range(5):
            collector = collecting_elsewhere("strace_burst", process.pid, 1.0)
            try:
                until(lambda: tracers(process.pid) != {"0"} or _ended(collector), "it traces")  # noqa: B023
            finally:
                collector.kill()
                collector.wait()
            until(lambda: tracers(process.pid) == {"0"}, "nobody traces it")
            assert _states(process.pid).isdisjoint({"T", "t"})
            assert process.poll() is None


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """A burst on a busy thread has enough lines after some milliseconds: it may be over before it is seen."""
    return process.poll() is not None


def _states(pid: int) -> set[str]:
    return {path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")}
