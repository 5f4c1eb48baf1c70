"""Processes that die while they write a case; run as ``python -m tests.store.dying moments|steps ROOT COUNT SEED``.

``moments``: children are killed from outside, each at a random moment, until COUNT have died. ``steps``: child number N kills itself at
its Nth call to the disk, a write having written half; they end with the first that lives. Each child writes below ROOT/N. Prints
how many died.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.store.samples import REPORT_JSON, REPORT_TEXT, unfinished

_CALLS = ("open", "mkdir", "rename", "fsync", "pwrite")


def write_case(root: Path) -> None:
    assert unfinished(root).finish(REPORT_JSON, REPORT_TEXT)


def forked(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid


def was_killed(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def lifetime_s(root: Path) -> float:
    begin = time.monotonic()
    was_killed(forked(lambda: write_case(root)))
    return time.monotonic() - begin


def moments(root: Path, count: int, seed: int) -> int:
    """Go on until so many have died. The span of moments follows how long they live, for the machine may be loaded."""
    chance = random.Random(seed)
    span_s = max(lifetime_s(root / f"whole{n}") for n in range(3))
    died = 0
    for number in range(20 * count):
        pid = forked(partial(write_case, root / str(number)))
        time.sleep(chance.uniform(0, span_s))
        os.kill(pid, signal.SIGKILL)
        killed = was_killed(pid)
        died += killed
        span_s *= 1.01 if killed else 0.97
        if died == count:
            break
    return died


def die_at(step: int) -> None:
    """Make the Nth call to the disk the last one."""
    left = [step]
    for name in _CALLS:
        setattr(os, name, _mortal(name, getattr(os, name), left))


def _mortal(name: str, real: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def call(*args: object, **named: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            if name == "pwrite":
                fd, data, offset = args
                real(fd, bytes(data)[: len(bytes(data)) // 2], offset)  # type: ignore[call-overload]
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)

    return call


def write_until(root: Path, step: int) -> None:
    die_at(step)
    write_case(root / str(step))


def steps(root: Path) -> int:
    step = 0
    while was_killed(forked(partial(write_until, root, step))):
        step += 1
    return step


if __name__ == "__main__":
    how, where, many, seed = sys.argv[1:]
    print(moments(Path(where), int(many), int(seed)) if how == "moments" else steps(Path(where)))
