"""The guest that tells the truth: what it says can be read, and agrees with itself."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from tests.inside.truth import KERNELS, Truth, ask, start_guest
from tests.lab.conftest import silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=KERNELS)
def truth(request: pytest.FixtureRequest) -> Iterator[Truth]:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    cache = Path(base) if base else Path.home() / ".cache" / "crazytrain" / "lab"
    with tempfile.TemporaryDirectory(prefix="ct-truth-") as name:
        try:
            with ask(start_guest("truth", Path(name), cache, request.param)) as truth:
                yield truth
        finally:
            lab.stop_all(state_dir=Path(name), tell=silent)


def test_the_symbols_come_whole(truth: Truth) -> None:
    lines = truth.kallsyms()
    assert len(lines) == int(truth.run("wc -l </proc/kallsyms"))
    known = {line.split()[2]: int(line.split()[0], 16) for line in lines}
    assert known["_text"] == known["_stext"] == int(truth.run("grep -w _text /proc/kallsyms").split()[0], 16)
    assert known["linux_banner"] > known["_text"] > 0xFFFF_FFFF_8000_0000


def test_tasks_are_those_that_the_guest_started(truth: Truth) -> None:
    tasks = truth.tasks()
    assert tasks[1].comm == "init"
    assert tasks[2].comm == "kthreadd"
    assert tasks[2].is_kernel_thread
    assert not tasks[1].is_kernel_thread
    (sleeper, *_) = truth.pids("sleep")
    assert tasks[sleeper].state == "S"
    assert any("nanosleep" in place for place in truth.stack(sleeper))


def test_times_move_and_agree(truth: Truth) -> None:
    before, cpus = truth.uptime_s(), truth.cpus()
    assert len(cpus) == 2
    assert all(cpu.idle_ns > 0 for cpu in cpus)
    assert before < truth.uptime_s()
    assert truth.clocksource() in truth.clocksources()


def test_the_log_begins_with_the_banner(truth: Truth) -> None:
    lines = truth.dmesg()
    assert truth.banner() in lines[0]
    assert len(lines) == int(truth.run("dmesg | wc -l"))


def test_mappings_are_read(truth: Truth) -> None:
    maps = truth.maps(1)
    assert next(one.path for one in maps if "x" in one.rights) == "/bin/busybox"
    assert all(one.start < one.end for one in maps)
