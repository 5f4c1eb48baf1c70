"""What is seen inside the guest, in causes that can do without it: it names, proves and contradicts."""

import msgspec
import pytest

from crazytrain.model.facts import Facts
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Clock, Pace
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m
from tests.diagnose.cases_inside import HUNG, function, inside, running, seen, time


def says(slug: str, *facts: object) -> list[str]:
    finding = m.found(slug, *facts)
    return [point.says for point in (*finding.because, *finding.against)]


def sure(slug: str, *facts: object) -> float:
    return m.found(slug, *facts).confidence


def test_who_computes_is_named() -> None:
    facts = (m.threads(vcpu=1.0), m.view(user=0.98), running("stress", 0.98))
    assert any("thread 71 (stress) was on a CPU in 98 %" in one for one in says("guest-user-busy", *facts))


def test_a_guest_that_idles_inside_while_its_vcpu_burns_is_no_computing_program() -> None:
    facts = (m.threads(vcpu=1.0), m.view(user=0.98))
    assert sure("guest-user-busy", *facts, running("sh", 0.03)) < sure("guest-user-busy", *facts)


def test_a_copy_at_one_place_is_work_where_time_goes_on() -> None:
    at_one_place = (m.threads(vcpu=1.0), m.view(places=2))
    assert m.found("guest-kernel-busy", *at_one_place).verdict is not Verdict.FOUND
    inside_too = inside(seen(functions=(function("clear_user_rep_good"),), time=(time(Pace.MOVES),)))
    finding = m.found("guest-kernel-busy", *at_one_place, inside_too)
    assert finding.verdict is Verdict.FOUND
    assert any("clear_user_rep_good 97 %" in point.says for point in finding.because)


def test_a_spin_for_a_lock_is_no_work() -> None:
    spins = inside(seen(functions=(function("native_queued_spin_lock_slowpath"),), time=(time(Pace.MOVES),)))
    assert sure("guest-kernel-busy", m.threads(vcpu=1.0), m.view(places=2), spins) < 0.5


def test_a_panic_is_read_where_no_console_tells_of_it() -> None:
    facts = (m.threads(vcpu=1.0), m.view(places=2))
    assert m.found("guest-panic-spin", *facts).verdict is not Verdict.FOUND
    assert sure("guest-panic-spin", *facts, inside(panicked=True)) > 0.9
    assert sure("guest-panic-spin", *facts, inside(panicked=False)) < 0.05


@pytest.mark.parametrize(
    ("found", "least", "most"),
    [(inside(clocksource="acpi_pm", unstable=True), 0.4, 0.99), (inside(clocksource="tsc", unstable=False), 0.0, 0.05)],
)
def test_an_unstable_tsc_is_read_from_the_kernel(found: GuestInside, least: float, most: float) -> None:
    assert least <= sure("tsc-unstable", found) <= most


def test_the_clocksource_that_the_kernel_names_decides_about_the_port() -> None:
    facts = (m.exits({0x608: 20_000.0}), m.view(places=40))
    assert sure("slow-clocksource", *facts, inside(clocksource="tsc")) < sure("slow-clocksource", *facts)
    assert sure("slow-clocksource", *facts, inside(clocksource="acpi_pm")) > 0.9


def test_a_clock_that_goes_back_is_seen_from_inside() -> None:
    facts = (m.clock(29 * 10**9), m.threads(vcpu=1.0), m.view(places=3))
    back = inside(seen(time=(time(Pace.BACK, Clock.MONOTONIC), time(Pace.MOVES))))
    assert sure("kvmclock-jump", *facts, back) > 10 * sure("kvmclock-jump", *facts)


@pytest.mark.parametrize(
    "sick", [inside(seen(stuck=(HUNG,))), inside(panicked=True), inside(seen(time=(time(Pace.STANDS),)))]
)
def test_a_guest_that_is_sick_inside_is_not_called_healthy(sick: GuestInside) -> None:
    outside = (m.threads(), m.view(halted=1.0), m.loops(20.0))
    assert m.found("healthy-idle", *outside).verdict is Verdict.FOUND
    assert m.found("healthy-idle", *outside, sick).verdict is not Verdict.FOUND


def test_a_guest_that_sleeps_without_ticks_is_well() -> None:
    outside = (m.threads(), m.view(halted=1.0), m.loops(20.0))
    asleep = inside(seen(time=(time(Pace.ASLEEP),)))
    assert m.found("healthy-idle", *outside, asleep).verdict is Verdict.FOUND
    assert Facts((asleep,)).get(GuestInside) is asleep


def booted(again: bool, before_s: float) -> GuestInside:
    found = inside(seen(rebooted=again, uptime_ns=3 * 10**9))
    return msgspec.structs.replace(found, first_uptime_ns=int(before_s * 1e9))


def test_a_kernel_that_is_gone_again_after_seconds_is_a_reboot_loop() -> None:
    assert sure("guest-reboot-loop", booted(again=True, before_s=4)) > 0.7
    assert sure("guest-reboot-loop", booted(again=True, before_s=86_400)) < 0.5
    assert sure("guest-reboot-loop", booted(again=False, before_s=2)) < 0.5


def test_a_guest_that_was_started_anew_is_not_called_healthy() -> None:
    outside = (m.threads(), m.view(halted=1.0), m.loops(20.0))
    assert m.found("healthy-idle", *outside, booted(again=True, before_s=4)).verdict is not Verdict.FOUND
