"""``crazytrain diff`` of real guests beside each other: two idle ones do not differ; a timer storm's timer comes first."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from crazytrain import lab
from tests.whole.conftest import Run

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]
Start = Callable[[str, str], lab.Running]


@pytest.fixture(scope="module")
def idle(start: Start) -> str:
    return str(start("idle", "ct-diff-idle").pid)


def diff(crazytrain: Run, tmp_path: object, here: str, there: str) -> dict[str, Any]:
    done = crazytrain("diff", here, there, "--for", "3", "--json", "--quiet", "--out", str(tmp_path))
    report: dict[str, Any] = json.loads(done.stdout)
    assert {report["here"]["kind"], report["there"]["kind"]} == {"live"}
    return report


def test_two_idle_guests_do_not_differ(start: Start, idle: str, crazytrain: Run, tmp_path: object) -> None:
    report = diff(crazytrain, tmp_path, idle, str(start("idle", "ct-diff-other").pid))
    assert [d["measure"] for d in report["comparison"]["differences"] if d["notable"]] == []
    assert "no difference that matters" in report["answer"].lower()
    assert len(report["comparison"]["differences"]) >= 10


def test_a_timer_storm_beside_an_idle_guest(start: Start, idle: str, crazytrain: Run, tmp_path: object) -> None:
    report = diff(crazytrain, tmp_path, str(start("rtc-storm", "ct-diff-storm").pid), idle)
    first = report["comparison"]["differences"][0]
    assert first["measure"] == "IRQ 8 (RTC)", [d["measure"] for d in report["comparison"]["differences"][:5]]
    assert "wake-up, fd " in first["by"]
    assert report["here"]["cause"] == "rtc-periodic-storm"


def test_two_guests_that_work_do_not_differ(start: Start, crazytrain: Run, tmp_path: object) -> None:
    busy, other = (str(start("busy", f"ct-diff-busy-{n}").pid) for n in "ab")
    report = diff(crazytrain, tmp_path, busy, other)
    assert [d["measure"] for d in report["comparison"]["differences"] if d["notable"]] == []
    assert "no difference that matters" in report["answer"].lower()


def test_a_polled_port_beside_an_idle_guest_is_named_first(
    start: Start, idle: str, crazytrain: Run, tmp_path: object
) -> None:
    report = diff(crazytrain, tmp_path, str(start("pio-poll", "ct-diff-pio").pid), idle)
    assert report["comparison"]["differences"][0]["measure"] == "port 0x3fd read"
