"""What words alone name below one half is worth what such verdicts have earned; nothing else is changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.named import OF_WORDS, as_named
from crazytrain.diagnose.weigh import FOUND_FROM
from crazytrain.model.facts import Facts
from crazytrain.model.finding import Finding, Verdict
from crazytrain.model.report import Report

IDLE_WINDOWS = "The guest is a Windows 10 and is idle. qemu takes 30 % of a CPU on the host.\n"
OLD_LOOP = """\
timer_settime(0, 0, {it_interval={0, 0}, it_value={0, 250000}}, NULL) = 0
select(21, [7 10 17 19], [], [], {1, 0}) = 1 (in [17], left {0, 999771})
read(17, "\\16\\0\\0\\0\\0\\0\\0\\0\\376\\377\\377\\377", 128) = 128
read(17, 0x7fff5e3b7f10, 128) = -1 EAGAIN (Resource temporarily unavailable)
"""


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str], Report]:
    def read(text: str) -> Report:
        path = tmp_path / "paste.txt"
        path.write_text(text)
        return read_all([path])[0]

    return read


def test_words_alone_are_worth_more_than_their_ratios_give(told: Callable[[str], Report]) -> None:
    said = told(IDLE_WINDOWS).verdict
    assert said.cause == "rtc-periodic-storm"
    assert 0.35 < said.confidence < FOUND_FROM
    assert said.standing == "possible"


def test_the_finding_says_what_the_verdict_says(told: Callable[[str], Report]) -> None:
    report = told(IDLE_WINDOWS)
    (finding,) = (one for one in report.findings if one.cause == report.verdict.cause)
    assert finding.confidence == report.verdict.confidence
    assert finding.verdict == Verdict.UNKNOWN


def test_what_lines_show_is_left_as_it_was_weighed(told: Callable[[str], Report]) -> None:
    said = told(OLD_LOOP).verdict
    assert said.cause == "timer-always-due"
    assert said.confidence < 0.35


def test_the_map_keeps_the_order_and_the_side_of_one_half() -> None:
    said = [OF_WORDS(one / 100) for one in range(1, 50)]
    assert said == sorted(said)
    assert said[-1] < FOUND_FROM


def test_a_finding_that_nothing_speaks_for_is_left() -> None:
    cause = CAUSES[0]
    bare = Finding(family=cause.family, cause=cause.slug, verdict=Verdict.UNKNOWN, confidence=0.2, headline="")
    assert as_named(bare, Facts(())) is bare
