"""Guests in trouble: the one whose kernel panicked, and the one whose CPU waits for a lock for ever."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.inside.log import read_log
from crazytrain.inside.reading import read_instant
from crazytrain.model.facts.inside import InsideReading
from tests.inside.live_kernel import Live, live
from tests.inside.truth import KERNELS, start_guest
from tests.lab.conftest import silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
MEMORY_MIB = 128
ALL = ("clock", "cpus", "tasks", "stacks", "locks")


@contextmanager
def sick(kind: str, kernel: Path | None) -> Iterator[Live]:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    cache = Path(base) if base else Path.home() / ".cache" / "crazytrain" / "lab"
    with tempfile.TemporaryDirectory(prefix="ct-trouble-") as name:
        try:
            with live(start_guest(kind, Path(name), cache, kernel), MEMORY_MIB) as inside:
                yield inside
        finally:
            lab.stop_all(state_dir=Path(name), tell=silent)


def read(inside: Live) -> InsideReading:
    return read_instant(inside.kernel, ALL, 10_000, lambda: (time.monotonic_ns(), time.time_ns()), inside.registers())


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_cpu_that_waits_for_a_spinlock_is_told_with_the_lock(kernel: Path | None) -> None:
    with sick("spinlock", kernel) as inside:
        end = time.monotonic() + 60
        locks = read(inside).locks
        while not locks and time.monotonic() < end:  # it may be in an interrupt just then
            locks = read(inside).locks
        (wait,) = locks
        assert (wait.kind, wait.cpu, wait.comm, wait.lock_name) == ("spinlock", 1, "sync", "sb_lock")
        assert wait.lock == inside.kernel.symbols["sb_lock"]
        assert (wait.holder_pid, wait.holder_cpu) == (None, None)
        assert "does not note who holds it" in wait.holder_why
        reading = read(inside)
        assert reading.panicked is False
        assert [(cpu.cpu, cpu.comm) for cpu in reading.cpus if cpu.cpu == 1] == [(1, "sync")]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_panic_is_told_with_its_lines(kernel: Path | None) -> None:
    with sick("panic-spin", kernel) as inside:
        first, later = read(inside), read(inside)
        assert first.panicked is True
        assert first.missing == ()
        (line,) = [
            record for record in read_log(inside.kernel, 1000).records if "Kernel panic - not syncing" in record.text
        ][:1]
        assert "sysrq triggered crash" in line.text
        assert line.level == 0
        assert first.clock is not None
        assert later.clock is not None
        assert first.clock.monotonic_ns == later.clock.monotonic_ns
        assert first.clock.jiffies == later.clock.jiffies
