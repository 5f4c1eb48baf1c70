"""The guest that ``why`` compares with: what it is called in commands, and what of it says nothing."""

import msgspec
import pytest

from crazytrain.model.case import Case
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude
from crazytrain.store import load
from tests.support import ROOT

CASES = ROOT / "tests" / "cases"


def case(name: str, guest: str) -> Case:
    found = load(CASES / f"lab-{name}" / "case.crazytrain")
    assert found.guest
    return msgspec.structs.replace(found, guest=msgspec.structs.replace(found.guest, name=guest))


def beside(sick: Case, healthy: Case, choice: str) -> Report:
    return conclude(msgspec.structs.replace(sick, baseline=healthy, baseline_choice=choice))


def diff_commands(report: Report) -> set[str]:
    looks = (look for finding in report.findings for look in finding.missing)
    return {look.command for look in looks if look.command.startswith("crazytrain diff ")}


@pytest.mark.parametrize(
    ("name", "other", "choice", "word"),
    [
        ("web01", "web02", "web02 runs beside it", "web02"),
        ("web01", "web01", "web01 runs beside it", "12893"),
        ("web01", "web01", "its last healthy time, case web01-20261123T064512Z-0a1b2c (healthy-idle, 94 %)", None),
    ],
)
def test_the_look_at_a_healthy_guest_names_both(name: str, other: str, choice: str, word: str | None) -> None:
    report = beside(case("busy", name), case("idle", other), choice)
    told = word or "web01-20261123T064512Z-0a1b2c"
    assert report.baseline.word == told
    assert report.baseline.choice.startswith(choice)
    assert diff_commands(report) == {f"crazytrain diff {name} {told}"}


def test_without_a_healthy_guest_the_look_says_what_is_wanted() -> None:
    report = conclude(case("busy", "web01"))
    assert diff_commands(report) == {"crazytrain diff web01 HEALTHY_GUEST"}


def test_a_hostile_name_stays_one_word() -> None:
    report = beside(case("busy", "web01"), case("idle", "x; rm -rf $(y)\x1b[2J"), "beside it")
    (command,) = diff_commands(report)
    assert "\x1b" not in command
    assert command.startswith("crazytrain diff web01 '")


def test_a_healthy_guest_that_works_does_not_differ_from_one_that_rests() -> None:
    report = beside(case("busy", "web01"), case("idle", "web02"), "beside it")
    assert not [d.measure for d in report.baseline.differences if d.notable]
    storm = beside(case("rtc-storm", "web01"), case("idle", "web02"), "beside it")
    assert storm.baseline.differences[0].measure == "IRQ 8 (RTC)"
