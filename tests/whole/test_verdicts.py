"""Lab guests, really running, really diagnosed, also while the host is loaded.

Two looks at a guest take a while. So these are a few that differ much; the others are looked at once, in test_lab_*.py.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from tests.whole.conftest import Run, report_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

ON_A_CALM_HOST = {"idle", "rtc-storm"}  # the others are looked at on a loaded one, which is harder

CHOSEN = ("idle", "busy", "user-spin", "rtc-storm", "panic-spin", "pio-poll", "kvmclock-jump")


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Keep as many CPUs busy as there are."""
    hogs = [subprocess.Popen((sys.executable, "-c", "while True: pass")) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@pytest.fixture(scope="module", params=CHOSEN)
def guest(
    request: pytest.FixtureRequest, start: Callable[[str, str], lab.Running], state_dir: Path
) -> Iterator[lab.Running]:
    running = start(request.param, f"{request.param}-{os.getpid()}")
    yield running
    lab.stop(running.name, state_dir=state_dir, tell=lambda _: None)


def test_every_kind_of_guest_is_diagnosed_somewhere() -> None:
    texts = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
    assert [guest.name for guest in lab.GUESTS if f'"{guest.name}"' not in texts] == []


def verdict_of(guest: lab.Running, healthy: lab.Running, crazytrain: Run, *more: str) -> dict[str, object]:
    report = report_of(
        crazytrain("why", str(guest.pid), "--against", str(healthy.pid), "--for", "5", "--json", "--quiet", *more)
    )
    verdict = report["verdict"]
    assert isinstance(verdict, dict)
    kind = lab.find_guest(guest.guest)
    said = f"{verdict['family']}/{verdict['cause']} {verdict['confidence']}: {verdict['headline']}"
    assert (verdict["family"], verdict["cause"]) == (kind.family, kind.cause), said + "\n" + str(report["story"])
    assert verdict["confidence"] >= 0.5, said
    return report


def test_the_cause_is_named(guest: lab.Running, healthy: lab.Running, crazytrain: Run) -> None:
    if guest.guest not in ON_A_CALM_HOST:
        return
    report = verdict_of(guest, healthy, crazytrain)
    assert report["schema_version"] == 1
    assert report["complete"] is True
    baseline = report["baseline"]
    assert isinstance(baseline, dict)
    assert baseline["name"] == healthy.qemu_name
    evidence = report["evidence"]
    assert isinstance(evidence, list)
    broke = [e for e in evidence if e["outcome"] == "broke"]
    assert not broke, broke


def test_the_cause_is_named_on_a_loaded_host_and_its_case_can_be_replayed_checked_and_packed(
    guest: lab.Running, healthy: lab.Running, crazytrain: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("cases")
    with load():
        first = verdict_of(guest, healthy, crazytrain, "--out", str(out))
    crazytrain("case", "verify", str(first["case"]), "--in", str(out))
    again = report_of(crazytrain("case", "show", str(first["case"]), "--in", str(out), "--json"))
    packed = crazytrain("case", "pack", str(first["case"]), "--in", str(out), "--out", str(out)).stdout.strip()
    opened = report_of(crazytrain("explain", packed, "--json"))
    for report in (again, opened):
        assert report["verdict"] == first["verdict"]
        assert report["findings"] == first["findings"]
        assert report["story"] == first["story"]
