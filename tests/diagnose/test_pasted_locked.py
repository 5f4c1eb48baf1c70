"""A guest's log that ends in a hard lockup, and lines that alarm and mean nothing."""

import pytest

from crazytrain.decode.log_text import decode_log_text
from crazytrain.diagnose.pasted_logs import guest_log_points
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import ConsoleLog

LOCKED = (
    "[  911.401022] NMI watchdog: Watchdog detected hard LOCKUP on cpu 1\n"
    "[  911.401049] Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2\n"
)
UNSTABLE = (
    "[    0.640223] kvm-clock: using sched offset of 1 cycles\n[    0.640301] tsc: Marking TSC unstable due to a skew\n"
)


def logs(text: str) -> list[ConsoleLog]:
    evidence = Evidence(id="log", kind=Kind.LOG_TEXT, source="log", data=text.encode())
    return [fact for fact in decode_log_text(evidence) if isinstance(fact, ConsoleLog)]


def ratios(cause: str, text: str) -> list[float]:
    return [point.ratio for point in guest_log_points(cause, logs(text))]


def test_the_guests_own_watchdog_says_it() -> None:
    assert logs(LOCKED)
    (said,) = ratios("guest-hard-lockup", LOCKED)
    assert said > 10
    assert ratios("guest-hard-lockup", UNSTABLE) == []


def test_a_slow_clock_comes_of_a_bad_tsc() -> None:
    (said,) = ratios("slow-clocksource", UNSTABLE)
    assert said < 1
    assert ratios("slow-clocksource", LOCKED) == []


@pytest.mark.parametrize("cause", ["software-emulation", "nested-starvation"])
def test_a_cpu_that_is_run_slowly_or_not_at_all_looks_stuck_to_its_watchdog(cause: str) -> None:
    slow = (
        "[   71.220011] watchdog: BUG: soft lockup - CPU#0 stuck for 31s! [modprobe:88]\n"
        "[   71.220400] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2\n"
    )
    (said,) = ratios(cause, slow)
    assert said > 1
    assert ratios(cause, UNSTABLE) == []
