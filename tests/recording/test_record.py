"""What tools/record-cases writes beside a case, and what it refuses to keep."""

import re
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from crazytrain import lab
from crazytrain.store import load
from tests.recording.__main__ import MOST_BYTES, Unfit, checked, expectation, groups, kept
from tests.support import ROOT

CASE = ROOT / "tests" / "cases" / "lab-rtc-storm" / "case.crazytrain"


def test_it_tells_how_it_is_used() -> None:
    told = subprocess.run((ROOT / "tools" / "record-cases", "--help"), capture_output=True, text=True, check=True)
    assert "Record real guests of the lab" in told.stdout
    assert "rtc-storm" in told.stdout


def test_control_groups_get_neutral_names_with_those_above_them() -> None:
    assert groups(["/", "", "/acme/unit7"]) == {b"/acme": b"/user.slice", b"/acme/unit7": b"/user.slice/part2"}


def test_a_draft_names_the_cause_how_sure_it_is_and_what_decides() -> None:
    kind = lab.find_guest("rtc-storm")
    report = checked(load(CASE), kind)
    (look,) = tomllib.loads(expectation(kind, report))["look"]
    assert (look["family"], look["cause"]) == ("timer-storm", "rtc-periodic-storm")
    assert report.verdict.confidence - 0.16 < look["at_least"] < report.verdict.confidence
    (pattern,) = look["because"]
    assert "8,19" not in pattern  # figures of one evening
    assert re.search(
        pattern, "IRQ 8 (the RTC) fired 8,192.5/s (while the main loop waited for a CPU 4.5 % of the time)"
    )
    assert not re.search(pattern, "IRQ 8 (the RTC) fired often")


def test_another_cause_or_a_name_of_this_machine_is_refused() -> None:
    case = load(CASE)
    with pytest.raises(Unfit, match="it is said to be timer-storm/rtc-periodic-storm"):
        checked(case, lab.find_guest("idle"))
    with pytest.raises(Unfit, match=r"it names this machine: /srv"):
        checked(msgspec.structs.replace(case, note="seen in /srv/acme/x"), lab.find_guest("rtc-storm"))


def test_a_case_is_kept_whole_and_packed(tmp_path: Path) -> None:
    case = load(CASE)
    again = load(kept(case, tmp_path / "case.crazytrain", tmp_path))
    assert again.complete
    assert [one.data for one in again.evidence] == [one.data for one in case.evidence]
    assert (tmp_path / "case.crazytrain").stat().st_size <= MOST_BYTES
