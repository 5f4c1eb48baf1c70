"""Runs targets one after the other (or some side by side), each in a forked process, and says what came of it."""

import ctypes
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from tests.fuzzing.decoders.child import HANG_S, Plan, fuzz
from tests.fuzzing.decoders.counts import Counts
from tests.fuzzing.decoders.finding import Findings
from tests.fuzzing.decoders.growth import TRYING
from tests.fuzzing.decoders.targets import Target

_GROWTH_SHARE = 0.1  # of the time, to look for work that grows too fast
_LEAST_GROWTH_S = 0.5
UNCOUNTED = 1 << 62  # inputs, where only the time ends it
_MOST_COUNTED = 60
_DEFECT = 64  # of ours, in the process
_COVERED = re.compile(rb"cov: (\d+)")
_PR_SET_PDEATHSIG = 1
_TICK_S = 0.05
_ENDED = {-signal.SIGXCPU: "hang", 70: "hang", 71: "out of memory", 77: "crash"}


class Wanted(msgspec.Struct, frozen=True):
    """How to fuzz: seconds of CPU time for each target, the most executions, the seed, where to keep what is found."""

    seconds: float
    most: int
    seed: int
    folder: Path
    jobs: int = 1


class Ran(msgspec.Struct, frozen=True):
    """What came of one target; ``seconds`` are of CPU time, ``covered`` are libFuzzer's counts of covered places: with the seeds alone, and at the end."""

    name: str
    executions: int
    seconds: float
    covered: tuple[int, int]
    largest_rss_mib: int
    slowest_s: float
    findings: int
    ended: str = ""


class _Job:
    """One target: a process that fuzzes, then one that looks for growth."""

    def __init__(self, target: Target, wanted: Wanted) -> None:
        self.target = target
        self.counts = Counts()
        self.folder = wanted.folder / target.name
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / TRYING).unlink(missing_ok=True)
        self._wanted = wanted
        # What is counted is to be the same each time; growth goes by the clock.
        growth_s = wanted.seconds * _GROWTH_SHARE if wanted.most == UNCOUNTED else 0
        plan = Plan(
            self.folder,
            wanted.folder,
            wanted.seconds - (growth_s if growth_s > _LEAST_GROWTH_S else 0),
            wanted.most,
            wanted.seed,
        )
        self._steps: list[Callable[[], None]] = [
            lambda: fuzz(target, plan, self.counts),
        ]
        if growth_s > _LEAST_GROWTH_S:
            words = (target.name, str(wanted.folder), str(growth_s), str(wanted.seed))
            argv = [sys.executable, "-m", "tests.fuzzing.decoders.growth", *words]
            self._steps.append(lambda: os.execv(sys.executable, argv))  # where nothing is instrumented
        self.pid = 0
        self.ended = ""
        self._begin()

    def _begin(self) -> None:
        step = self._steps.pop(0)
        self.pid = os.fork()
        if self.pid == 0:
            _become_child(self.folder / "log", step, int(self._wanted.seconds + HANG_S))

    def is_over(self) -> bool:
        """Whether both steps are."""
        pid, status, _ = os.wait4(self.pid, os.WNOHANG)
        if not pid:
            return False
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        if 0 < code <= _MOST_COUNTED:
            self.counts.add("findings", code)
        elif code:
            self._harmed(_ENDED.get(code, f"exit code {code}"))
        if not self._steps:
            return True
        self._begin()
        return False

    def _harmed(self, how: str) -> None:
        self.ended = how
        trying = self.folder / TRYING
        fed = trying.read_bytes() if trying.exists() else self.counts.input
        self.counts.add("findings", int(Findings(self._wanted.folder, self.target.name).keep_end(fed, how)))

    def kill(self) -> None:
        """End its process, which is ours to wait for."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def ran(self) -> Ran:
        """What came of it."""
        count = self.counts.get
        return Ran(
            name=self.target.name,
            executions=count("executions"),
            seconds=count("ran_ms") / 1e3,
            covered=_covered(self.folder / "log"),
            largest_rss_mib=count("largest_rss_kib") >> 10,
            slowest_s=count("slowest_us") / 1e6,
            findings=count("findings"),
            ended=self.ended,
        )


def _covered(log: Path) -> tuple[int, int]:
    lines = log.read_bytes().splitlines() if log.exists() else []
    seen = [(line, int(found[1])) for line in lines if (found := _COVERED.search(line))]
    seeded = next((count for line, count in seen if b"INITED" in line), seen[0][1] if seen else 0)
    return seeded, max((count for _, count in seen), default=0)


def _become_child(log: Path, step: Callable[[], None], cpu_s: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    os.setpgid(0, 0)  # Ctrl-C is for who started us
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    try:
        step()
    finally:
        os._exit(_DEFECT)  # each step ends by itself


def run(targets: Sequence[Target], wanted: Wanted, tell: Callable[[Sequence[Ran], int], None]) -> Iterator[Ran]:
    """What came of each target, as soon as it is over. ``tell`` hears what runs, and how many wait, again and again.

    When it is interrupted, the processes that run are killed, and what they found until then is given.
    """
    waiting, running = list(targets), list[_Job]()
    try:
        while waiting or running:
            while waiting and len(running) < wanted.jobs:
                running.append(_Job(waiting.pop(0), wanted))
            over = [job for job in running if job.is_over()]
            running = [job for job in running if job not in over]
            yield from (job.ran() for job in over)
            tell([job.ran() for job in running], len(waiting))
            time.sleep(_TICK_S)
    finally:
        for job in running:
            job.kill()
