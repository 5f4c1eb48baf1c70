"""An answer comes soon, and what looking costs is counted right."""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny
from tests.support import skip_real
from tests.whole.conftest import PROGRAM, Run

pytestmark = [pytest.mark.real, pytest.mark.timeout(200)]

QUIET_S = 3.0  # for the whole process, where the host has a CPU to spare
TRIES = 3


@pytest.fixture(scope="module")
def guest() -> Iterator[tiny.Tiny]:
    if os.geteuid() != 0 or shutil.which("bpftrace") is None:
        skip_real("this takes root and bpftrace")
    with tiny.boot(tiny.HALT, memory_mib=16) as booted:
        yield booted


def why(guest: tiny.Tiny, folder: Path, *more: str) -> tuple[str, ...]:
    return ("why", str(guest.process), "--for", "1", "--against", "none", "--quiet", "--out", str(folder), *more)


def patience() -> float:
    """Seconds that it may take: more where others keep the host's CPUs busy."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return QUIET_S * max(1.0, 1 + load)


def test_a_look_of_a_second_answers_within_three(guest: tiny.Tiny, tmp_path: Path) -> None:
    took = []
    for _ in range(TRIES):
        begin = time.monotonic()
        subprocess.run((*PROGRAM, *why(guest, tmp_path)), check=True, stdout=subprocess.DEVNULL, timeout=100)
        took.append(time.monotonic() - begin)
        if took[-1] <= QUIET_S:
            return
    assert min(took) <= patience(), took


def test_what_is_said_of_cpu_time_is_what_the_kernel_counted(guest: tiny.Tiny, crazytrain: Run, tmp_path: Path) -> None:
    """Oracle: the kernel's own account of the whole process and its children, start and report included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = json.loads(crazytrain(*why(guest, tmp_path, "--json")).stdout)["spent"]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert 0.2 * whole < spent["cpu_ns"] / 1e9 < whole
    parts = sum(one["own_cpu_ns"] + one["commands_cpu_ns"] for one in spent["collectors"])
    assert 0.5 * spent["cpu_ns"] < parts <= 1.05 * spent["cpu_ns"]
    assert spent["longest_stall_ns"] == 0
    assert spent["cpu_ns"] <= spent["cpu_budget_ns"]


def test_a_small_budget_leaves_out_what_is_dear_and_says_so(guest: tiny.Tiny, crazytrain: Run, tmp_path: Path) -> None:
    report = json.loads(crazytrain(*why(guest, tmp_path, "--json", "--budget-cpu", "0")).stdout)
    ended = {e["id"]: e for e in report["evidence"]}
    for name in ("bpf.ended", "monitor.ended", "vcpus.ended"):
        assert ended[name]["outcome"] == "absent"
        assert "--budget-cpu" in ended[name]["detail"]
    assert ended["tasks.0"]["outcome"] == "ok"
    assert report["spent"]["rungs"] == ["reads"]


def test_no_thread_is_stopped_beyond_the_budget(guest: tiny.Tiny, crazytrain: Run, tmp_path: Path) -> None:
    words = why(guest, tmp_path, "--json", "--cost", "stops")
    none = json.loads(crazytrain(*words, "--budget-stall", "10").stdout)
    (left_out,) = [e for e in none["evidence"] if e["id"].startswith("strace")]
    assert (left_out["outcome"], "--budget-stall" in left_out["detail"]) == ("absent", True)
    assert none["spent"]["longest_stall_ns"] == 0
    some = json.loads(crazytrain(*words).stdout)
    (burst,) = [e for e in some["evidence"] if e["id"].startswith("strace")]
    assert burst["outcome"] == "ok"
    # The one stop for a stack comes on top of the burst.
    assert 0 <= burst["cost"]["stall_ns"] <= some["spent"]["longest_stall_ns"] <= 250_000_000
    assert "stops" in some["spent"]["rungs"]


def test_the_text_says_what_it_cost(guest: tiny.Tiny, crazytrain: Run, tmp_path: Path) -> None:
    said = crazytrain(*why(guest, tmp_path)).stdout
    assert "looking took " in said
    assert "no thread of QEMU was stopped" in " ".join(said.split())
