"""A command that does not die at once keeps us for a few seconds at most, and leaves nothing behind when it is gone."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.host import LiveHost, children
from crazytrain.host.door import Finished
from crazytrain.model.evidence import Outcome
from tests.support import skip_real

PATIENCE_S = 30.0
# Says its pid, and is killed for being late.
LATE = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
# Seizes its child's child and never waits for it: who is dead stays with its tracer, and its parent cannot collect it.
TRACER = """
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
done = libc.ptrace(0x4206, int(sys.argv[1]), None, None)
print("seized" if done == 0 else "refused", flush=True)
time.sleep(600)
"""


async def late(**more: float) -> Finished:
    return await LiveHost().run((sys.executable, "-c", LATE), timeout_s=1.5, limit_bytes=1 << 16, **more)  # type: ignore[arg-type]


def child_of_ours() -> int:
    """Wait until the command runs and has said who it is (it is the only child that runs this program)."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (
                    LATE.encode() in (folder / "cmdline").read_bytes()
                    and f"PPid:\t{os.getpid()}\n" in (folder / "status").read_text()
                ):
                    return int(folder.name)
        time.sleep(0.01)
    raise AssertionError("it never ran")


@contextlib.contextmanager
def held(pid: int) -> Iterator[subprocess.Popen[str]]:
    tracer = subprocess.Popen((sys.executable, "-c", TRACER, str(pid)), stdout=subprocess.PIPE, text=True)
    try:
        assert tracer.stdout is not None
        if tracer.stdout.readline().strip() != "seized":
            skip_real("ptrace is not allowed here")
        yield tracer
    finally:
        tracer.kill()
        tracer.wait()
        if tracer.stdout is not None:
            tracer.stdout.close()


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1].decode()
    except OSError:
        return ""


@pytest.mark.real
def test_one_that_cannot_be_collected_is_left_after_a_few_seconds_and_collected_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "_BURIAL_S", 0.3)

    async def both() -> tuple[Finished, int]:
        running = asyncio.ensure_future(late())
        pid = await asyncio.to_thread(child_of_ours)
        with held(pid):
            begin = time.monotonic()
            finished = await running
            assert time.monotonic() - begin < PATIENCE_S / 2
            assert state(pid) == "Z"
        return finished, pid

    finished, pid = asyncio.run(both())
    assert finished.outcome is Outcome.TIMED_OUT
    assert "killed, but it has not ended within 0.3 s" in finished.detail
    assert finished.status is None
    end = time.monotonic() + PATIENCE_S
    while state(pid):
        assert time.monotonic() < end, "nobody collected it"
        time.sleep(0.01)


def test_one_that_dies_at_once_is_collected_at_once() -> None:
    finished = asyncio.run(late())
    assert (finished.outcome, finished.detail) == (Outcome.TIMED_OUT, "did not end within 1.5 s")
    assert finished.status == -signal.SIGKILL
    assert state(int(finished.stdout)) == ""
    assert finished.cpu_ns is not None


def test_who_is_cancelled_leaves_neither_process_nor_descriptor() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    async def cancelled() -> int:
        running = asyncio.ensure_future(late())
        pid = await asyncio.to_thread(child_of_ours)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return pid

    assert state(asyncio.run(cancelled())) == ""
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
