"""A comparison as people read it: recorded guests, the night of 2012, hostile names, one screen."""

import re
from pathlib import Path

import pytest

from crazytrain.cli.diff_sides import saved
from crazytrain.model.difference import Comparison, Difference, DiffReport, Range, SideView, Standing
from crazytrain.pipeline_diff import diff
from crazytrain.report.diff_answer import answer
from crazytrain.report.diff_plain import harmless
from crazytrain.report.diff_schema import diff_schema
from crazytrain.report.diff_text import diff_text
from crazytrain.report.diff_words import amount, factor
from tests.support import ROOT

CASES = ROOT / "tests" / "cases"
SCREEN_LINES, SCREEN_COLUMNS = 24, 100
NIGHT = ",".join(str(CASES / "2012-crazy-train" / name) for name in ("strace.txt", "fd.txt"))
ITS_TIME = ",".join(str(CASES / "2012-healthy" / name) for name in ("strace.txt", "fd.txt"))


def compared(here: str, there: str) -> DiffReport:
    return diff(saved(here, ()), saved(there, ()))


def lab(name: str) -> str:
    return str(CASES / f"lab-{name}" / "case.crazytrain")


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_published_schema_is_made_from_the_structs() -> None:
    published = (ROOT / "docs" / "diff.schema.json").read_bytes()
    assert published == diff_schema(), (
        "make it anew: crazytrain.report.diff_schema.diff_schema() > docs/diff.schema.json"
    )


def test_a_timer_storm_beside_an_idle_guest_names_the_timer_and_its_descriptor_first() -> None:
    report = compared(lab("rtc-storm"), lab("idle"))
    first = report.comparison.notable[0]
    assert first.measure == "IRQ 8 (RTC)"
    assert first.here > 1000
    assert first.there == 0
    assert re.search(
        r"first of all in IRQ 8 \(RTC\): [\d,]+/s here, 0/s there, by the timeout .* wake-up, fd \d+", report.answer
    )
    assert "main loop turns" in [d.measure for d in report.comparison.notable[:3]]


def test_the_other_way_round_it_is_the_same_difference() -> None:
    report = compared(lab("idle"), lab("rtc-storm"))
    first = report.comparison.notable[0]
    assert (first.measure, first.ratio) == ("IRQ 8 (RTC)", 0.0)
    assert "fd " in first.by


@pytest.mark.parametrize(("here", "there"), [("idle", "idle"), ("hlt-idle", "hlt-idle"), ("idle", "hlt-idle")])
def test_healthy_guests_do_not_differ(here: str, there: str) -> None:
    report = compared(lab(here), lab(there))
    assert report.comparison.notable == ()
    assert report.answer.startswith("No difference that matters in ")
    assert "EAGAIN" not in report.answer


@pytest.mark.parametrize(
    ("guest", "measure"),
    [
        ("pio-poll", "port 0x3fd read"),
        ("msr-storm", "MSR x2APIC timer current count read"),
        ("jmp-spin", "vCPU CPU"),
    ],
)
def test_what_a_guest_does_comes_first(guest: str, measure: str) -> None:
    assert compared(lab(guest), lab("hlt-idle")).comparison.notable[0].measure == measure


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (lab("rtc-storm"), lab("idle")),
        (lab("idle"), lab("rtc-storm")),
        (lab("pio-poll"), lab("hlt-idle")),
        (lab("busy"), lab("idle")),
        (lab("hlt-idle"), lab("idle")),
        (lab("kvmclock-jump"), lab("idle")),
        (lab("disk-heavy"), lab("busy")),
        (NIGHT, ITS_TIME),
        (ITS_TIME, lab("idle")),
    ],
    ids=lambda side: Path(side.partition(",")[0]).parent.name,
)
def test_it_fits_on_a_screen(here: str, there: str) -> None:
    lines = diff_text(compared(here, there), SCREEN_COLUMNS).splitlines()
    assert len(lines) <= SCREEN_LINES, "\n".join(lines)
    assert max(map(len, lines)) <= SCREEN_COLUMNS
    assert "--all shows all" in lines[-1]


def test_all_of_it_has_more() -> None:
    report = compared(lab("rtc-storm"), lab("idle"))
    whole = diff_text(report, SCREEN_COLUMNS, full=True)
    assert len(whole.splitlines()) > SCREEN_LINES
    for one in report.comparison.notable:
        assert one.measure in whole
    assert "measures compared. One counts as different from a factor of 3" in one_line(whole)


def test_a_clock_that_was_set_back_is_named_first() -> None:
    for healthy in ("hlt-idle", "idle"):
        for here, there in (("kvmclock-jump", healthy), (healthy, "kvmclock-jump")):
            report = compared(lab(here), lab(there))
            first = report.comparison.notable[0]
            assert (first.measure, first.unit) == ("guest's kvmclock is right", "state")
            assert "below zero" in first.here_name + first.there_name
            assert "first of all in guest's kvmclock is right (stepped below zero" in report.answer or healthy in here


def test_a_port_that_is_polled_comes_first_beside_a_guest_without_kvm_too() -> None:
    report = compared(lab("pio-poll"), lab("idle"))
    first = report.comparison.notable[0]
    assert (first.measure, first.there, first.there_name) == ("port 0x3fd read", 0.0, "no exits without KVM")


@pytest.mark.parametrize(("here", "there"), [("busy", "idle"), ("idle", "busy"), ("busy", "hlt-idle")])
def test_a_healthy_guest_that_works_beside_one_that_rests(here: str, there: str) -> None:
    report = compared(lab(here), lab(there))
    assert report.comparison.notable == ()
    assert report.answer.startswith("No difference that matters in ")
    assert "What differs says nothing: " in report.answer
    assert "both are judged healthy" in report.answer
    printed = [d for d in report.comparison.harmless if "console" in d.measure or "IRQ 4" in d.measure]
    assert all("how much a guest prints" in d.nothing for d in printed)
    assert "Differs, but says nothing: " in diff_text(report)


def test_a_sick_guest_is_never_excused() -> None:
    """What a storm costs is more than a healthy guest has, and the storm itself is no work."""
    report = compared(lab("usb-polling"), lab("idle"))
    assert "main loop turns" in [d.measure for d in report.comparison.notable]
    assert compared(lab("user-spin"), lab("idle")).comparison.notable[0].measure == "vCPU CPU"


PASTED = ROOT / "tests" / "data" / "diff"
STORM_LINES = ",".join(str(PASTED / f"rtc-storm-{name}.txt") for name in ("main", "fd"))
IDLE_LINES = ",".join(str(PASTED / f"idle-{name}.txt") for name in ("main", "fd"))
STORM_ALL, IDLE_ALL = str(PASTED / "rtc-storm-f.txt"), str(PASTED / "idle-f.txt")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (STORM_LINES, lab("idle")),
        (lab("idle"), STORM_LINES),
        (lab("rtc-storm"), IDLE_LINES),
        (IDLE_LINES, lab("rtc-storm")),
        (STORM_ALL, IDLE_ALL),
        (STORM_ALL, lab("idle")),
        (lab("rtc-storm"), IDLE_ALL),
        (STORM_LINES, IDLE_ALL),
    ],
)
def test_a_timer_storm_that_was_pasted_names_its_timers_and_their_descriptor_first(here: str, there: str) -> None:
    report = compared(here, there)
    first = report.comparison.notable[0]
    assert first.measure in ("main loop: wait ends by its timeout", "main loop: write on main loop wake-up")
    assert re.search(r"timeout of the main loop's ppoll|by timers of QEMU", first.by)
    assert re.search(r"fd \d+", f"{first.by} {first.here_name} {first.there_name}")
    assert report.answer.startswith("They differ in ")
    assert len(diff_text(report, SCREEN_COLUMNS).splitlines()) <= SCREEN_LINES


def test_the_night_of_2012_beside_a_healthy_trace_of_its_time() -> None:
    report = compared(NIGHT, ITS_TIME)
    text = one_line(diff_text(report))
    assert report.comparison.notable == ()
    assert report.comparison.no_times == ("here",)
    assert report.answer.startswith(
        "Yes, such lines are in the other, too: every kind of call that one of them shows is in both."
    )
    assert "Nothing that is shown differs" in report.answer
    assert re.search(
        r"ends in EAGAIN \(fd 17 here, fd 18 there\), is 1 of 10 calls \(1\.8 to 40 %\) here, "
        r"60 of 602 calls \(7\.8 to 13 %\) there: normal in both, it proves nothing",
        report.answer,
    )
    assert "leave open 0.3 to 6.4 times as often here" in report.answer
    assert "calls here have no times" in report.answer
    assert "timer armed at the floor of 250,000 ns" in text
    drained = next(d for d in report.comparison.odd if "EAGAIN" in d.measure)
    assert drained.evidence_here == ("strace.txt:3",)


def test_the_night_without_its_descriptors_says_the_same() -> None:
    report = compared(str(CASES / "2012-crazy-train" / "strace.txt"), str(CASES / "2012-healthy" / "strace.txt"))
    assert report.comparison.notable == ()
    assert report.answer.startswith("Yes, such lines are in the other, too")
    assert "proves nothing" in report.answer


def test_a_line_that_is_in_one_only_is_named(tmp_path: Path) -> None:
    """Not every line of a strange trace is in a healthy one, and then that is what is said."""
    strange = tmp_path / "strange.txt"
    lines = (CASES / "2012-crazy-train" / "strace.txt").read_text().splitlines()
    storm = ['pread(11, "\\0\\0"..., 512, 4096) = 512'] * 30
    strange.write_text("\n".join([*lines, *storm]) + "\n")
    report = compared(str(strange), str(CASES / "2012-healthy" / "strace.txt"))
    assert not report.answer.startswith("Yes")
    assert "pread" in report.answer


def test_a_storm_of_that_time_would_differ(tmp_path: Path) -> None:
    """The same calls thirty times as often, with times: now the rates tell."""
    quick = tmp_path / "storm.txt"
    lines = []
    for line in (CASES / "2012-healthy" / "strace.txt").read_text().splitlines():
        when, _, call = line.partition(" ")
        lines.append(f"{1331300000 + (float(when) - 1331300000) / 30:.6f} {call}")
    quick.write_text("\n".join(lines) + "\n")
    report = compared(str(quick), str(CASES / "2012-healthy" / "strace.txt"))
    assert report.comparison.notable
    drained = next(d for d in report.comparison.notable if "EAGAIN" in d.measure)
    assert drained.odd
    assert "normal in itself, only how often differs" in one_line(diff_text(report, 110)) or drained.follows


def difference(**changes: object) -> Difference:
    told = {"measure": "IRQ 8 (RTC)", "unit": "per_s", "here": 30.0, "there": 10.0, "ratio": 3.0, "notable": True}
    return Difference(**(told | changes))  # type: ignore[arg-type]


def report_of(*found: Difference) -> DiffReport:
    side = SideView(name="a", kind="text", family="unknown", cause="unknown", headline="not known")
    comparison = harmless(Comparison(differences=found))
    return DiffReport(
        schema_version=1, tool="crazytrain", here=side, there=side, answer=answer(comparison), comparison=comparison
    )


HOSTILE = "evil\x1b[2J\u202egnp.exe\n\x07" + "x" * 5000


def test_hostile_names_reach_no_terminal() -> None:
    bad = difference(measure=f"interrupts of {HOSTILE}", here_name=HOSTILE, there_name=HOSTILE, by=HOSTILE)
    odd = difference(measure=HOSTILE, notable=False, odd="idle", standing=Standing.ALIKE)
    text = diff_text(report_of(bad, odd))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    assert "\\x1b[2J" in text
    assert len(text) < 6000


def test_figures_with_their_doubt() -> None:
    some = difference(here=5865.0, here_range=Range(5741.0, 5992.0), there=0.0, there_range=Range(0.0, 2.5), ratio=None)
    assert amount(some, here=True) == "5,865/s (5,741 to 5,992)"
    assert amount(some, here=False) == "0/s (to 2.5)"
    share = difference(unit="share", here=0.26, here_range=Range(0.22, 0.29))
    assert amount(share, here=True) == "26 % (22 to 29)"
    calls = difference(unit="of_calls", here=0.1, here_count=1, there=0.0, there_count=0)
    assert (amount(calls, here=True), amount(calls, here=False)) == ("1 of 10 calls", "none")


def test_factors() -> None:
    assert factor(difference(here=30.0, there=10.0)) == "3.0 ×"
    assert factor(difference(here=10.0, there=30.0)) == "3.0 × less"
    none = difference(here=600.0, there=0.0, ratio=None, ratio_range=Range(162.7, None))
    assert factor(none) == "≥ 160 ×"
    assert factor(difference(here=0.0, there=600.0, ratio_range=Range(0.0, 1 / 162.7))) == "≥ 160 × less"
    assert factor(difference(here=5.0, there=5.0)) == ""


def test_nothing_in_common() -> None:
    assert answer(Comparison()) == "Nothing can be compared: nothing was seen on both sides."
