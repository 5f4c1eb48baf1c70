"""Many guests at once: one process, one window, a report of each; one that hangs delays no other."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crazytrain.model.guest import Accelerator
from tests import tiny
from tests.support import skip_real
from tests.whole.conftest import PROGRAM, Run

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]

GUESTS = 20
ALONE_S = (
    6.0  # on a quiet host with two CPUs; here it may be loaded by other tests, so only bench/speed holds it to that
)
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def twenty() -> Iterator[tuple[tiny.Tiny, ...]]:
    """Twenty guests of 8 MiB that halt; the last one is stopped as by SIGSTOP."""
    if os.geteuid() != 0 or shutil.which("bpftrace") is None:
        skip_real("this takes root and bpftrace")
    with contextlib.ExitStack() as stack:
        with ThreadPoolExecutor(4) as pool:
            boots = [tiny.boot(tiny.HALT, Accelerator.TCG, memory_mib=8) for _ in range(GUESTS)]
            guests = tuple(pool.map(stack.enter_context, boots))
        guests[-1].freeze()
        yield guests


def pids(guests: tuple[tiny.Tiny, ...]) -> list[str]:
    return [str(guest.process) for guest in guests]


def is_sampled(evidence: dict[str, object]) -> bool:
    return str(evidence["id"]).startswith("vcpus.") and evidence["outcome"] in ("ok", "truncated")


def test_reports_of_twenty(twenty: tuple[tiny.Tiny, ...], crazytrain: Run, tmp_path: Path) -> None:
    done = crazytrain("why", *pids(twenty), "--for", "1", "--json", "--quiet", "--out", str(tmp_path))
    reports = json.loads(done.stdout)
    assert [str(report["guest"]["pid"]) for report in reports] == pids(twenty)
    assert len(list(tmp_path.iterdir())) == GUESTS
    for report in reports:
        (counted,) = [e for e in report["evidence"] if e["id"] == "bpf"]
        assert counted["outcome"] == "ok", counted
        assert not [e for e in report["evidence"] if e["outcome"] == "broke"]
        assert report["spent"]["guests"] == GUESTS
    # On two cores a monitor may come too late to be asked for registers: then nobody can tell a dead guest from an idle one.
    sampled = [report for report in reports[:-1] if any(is_sampled(e) for e in report["evidence"])]
    assert len(sampled) > GUESTS // 2
    assert {report["verdict"]["cause"] for report in sampled} == {"guest-halted-dead"}
    assert all(report["verdict"]["confidence"] <= 0.6 for report in reports[:-1] if report not in sampled)
    assert reports[-1]["verdict"]["family"] == "qemu-blocked"


def finished_after(guests: list[str], folder: Path) -> dict[str, float]:
    """When the case of each guest was sealed, in seconds from the start of the program."""
    begin = time.time()
    command = (*PROGRAM, "why", *guests, "--for", "1", "--quiet", "--out", str(folder))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
    cases = [
        json.loads((case / "report.json").read_bytes()) | {"at": (case / "report.json").stat().st_mtime}
        for case in folder.iterdir()
    ]
    return {str(case["guest"]["pid"]): case["at"] - begin for case in cases}


def test_one_that_hangs_delays_no_other(twenty: tuple[tiny.Tiny, ...], tmp_path: Path) -> None:
    """The hung guest's own case may be sealed first: what does not answer is soon given up."""
    hung = pids(twenty)[-1]
    without = finished_after(pids(twenty)[:-1], tmp_path / "without")
    beside = finished_after(pids(twenty), tmp_path / "beside")
    slowest_other = max(after for pid, after in beside.items() if pid != hung)
    assert slowest_other < 2 * max(without.values()) + 1, "the hung guest's timeouts are its own"


def test_guests_lists_them_in_time(twenty: tuple[tiny.Tiny, ...], crazytrain: Run) -> None:
    done = crazytrain("guests", "--json")
    states = {row["guest"]["process"]["pid"]: row["status"] for row in json.loads(done.stdout)}
    assert {states[guest.process] for guest in twenty[:-1]} == {"running"}
    assert states[twenty[-1].process] == "(timed out)"
