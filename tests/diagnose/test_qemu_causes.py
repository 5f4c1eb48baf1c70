"""What looks like these causes and is not, and where two hold at once."""

import pytest

from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import QemuState, ThreadRole
from crazytrain.model.facts.stacks import CpuProfile, FunctionShare, ThreadProfile
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m
from tests.diagnose.cases_qemu import MOVING, TABLET, UNWATCHED, WATCHED, beside

EMULATED = QemuState(monitor=Outcome.OK, status="running", kvm=False, refs=m.REFS)


@pytest.mark.parametrize(
    "facts",
    [
        (TABLET, m.loops(1024.0), m.irqs(irq8=1024.0)),  # the RTC ticks as often
        (TABLET, m.loops(90.0)),  # the guest has put the controller to sleep
        (TABLET, m.loops(8100.0), m.irqs(irq8=64.0)),  # far more than frames
        (m.loops(1010.0),),  # no device tree: nobody knows
    ],
)
def test_a_loop_that_turns_for_another_reason_is_no_usb_polling(facts: tuple[object, ...]) -> None:
    assert m.found("usb-polling", *facts).verdict is not Verdict.FOUND


def test_usb_polling_names_the_device_and_gives_the_headline() -> None:
    facts = (TABLET, m.loops(1010.0), m.threads(vcpu=0.02, loop=0.06), m.view(halted=0.98))
    assert m.verdict(*facts) == "usb-polling"
    assert "usb-tablet tablet" in m.found("usb-polling", *facts).headline


def test_ticks_of_an_emulated_guest_may_be_its_own() -> None:
    kvm = m.found("usb-polling", TABLET, m.loops(1010.0)).confidence
    assert m.found("usb-polling", TABLET, m.loops(1010.0), EMULATED).confidence < kvm


def test_a_screen_worker_without_a_client_is_not_explained() -> None:
    assert m.found("display-load", beside(ThreadRole.VNC, "vnc_worker", 0.6), UNWATCHED).confidence < 0.5


def test_a_guest_that_burns_beside_a_busy_screen_burns() -> None:
    assert m.found("display-load", beside(ThreadRole.VNC, "vnc_worker", 0.22, vcpu=1.0), WATCHED).confidence < 0.7


def test_a_migration_that_takes_no_cpu_is_told_and_gives_no_headline() -> None:
    facts = (MOVING, m.threads(vcpu=1.0), m.view(places=1))
    finding = m.found("migration-running", *facts)
    assert (finding.verdict, finding.aside) == (Verdict.FOUND, True)
    assert m.verdict(*facts) != "migration-running"


def test_a_migration_without_threads_seen_is_still_one() -> None:
    assert m.verdict(MOVING) == "migration-running"


@pytest.mark.parametrize(("function", "found"), [("vnc_update_client", True), ("aio_poll", False)])
def test_screen_workers_without_names_are_known_by_their_code(function: str, *, found: bool) -> None:
    threads = beside(ThreadRole.OTHER, "qemu-system-x86", 0.6)
    profile = CpuProfile(
        threads=(
            ThreadProfile(
                tid=12,
                comm="qemu-system-x86",
                role=ThreadRole.OTHER,
                label="other",
                samples=50,
                stacks=(),
                kernel_ratio=0.0,
                functions=(FunctionShare(function, 0.9, 0.2),),
            ),
        ),
        samples=50,
        refs=m.REFS,
    )
    finding = m.found("display-load", threads, WATCHED, profile)
    assert (finding.verdict is Verdict.FOUND) is found
