"""A command that has told all is killed and not waited for; nothing of it stays."""

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

from crazytrain.host import LiveHost
from crazytrain.host.door import Finished
from crazytrain.model.evidence import Outcome

PATIENCE_S = 30.0
# It says its pid and that this was all, and then holds on to life as long as it can.
STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print(os.getpid(), "before", flush=True)
print("that is all", flush=True)
time.sleep(600)
"""


def told(program: str, **more: bytes) -> Finished:
    command = (sys.executable, "-c", program)
    return asyncio.run(LiveHost().run(command, timeout_s=PATIENCE_S, limit_bytes=1 << 16, **more))  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def test_it_is_over_as_soon_as_enough_was_said() -> None:
    finished = told(STUBBORN, enough=b"that is all")
    assert (finished.outcome, finished.status) == (Outcome.OK, None)
    assert b"that is all" in finished.stdout
    assert finished.cpu_ns is not None
    pid = int(finished.stdout.split()[0])
    end = time.monotonic() + PATIENCE_S
    while not gone(pid):
        assert time.monotonic() < end, "it still lives, or nobody collected it"
        time.sleep(0.01)


def test_words_that_arrive_in_pieces_are_enough() -> None:
    program = "import sys, time\nfor word in ('that ', 'is ', 'all'):\n    print(word, end='', flush=True); time.sleep(0.05)\ntime.sleep(600)"
    assert told(program, enough=b"that is all").stdout == b"that is all"


def test_a_command_that_ends_before_has_its_status() -> None:
    finished = told("print('nothing of it'); raise SystemExit(3)", enough=b"that is all")
    assert (finished.outcome, finished.status) == (Outcome.OK, 3)


def test_a_loop_that_is_over_leaves_no_descriptor_behind() -> None:
    folder = Path("/proc/self/fd")
    before = len(list(folder.iterdir()))
    for _ in range(5):
        told(STUBBORN, enough=b"that is all")
    assert len(list(folder.iterdir())) <= before + 1
