"""A lockup that a guest tells of on a host that is itself a guest: whose fault it is, by how much the host was kept from running."""

import msgspec
import pytest

from crazytrain.model.facts import HostFacts, LineMeaning
from crazytrain.model.facts.logs import KernelMeaning
from crazytrain.model.finding import Verdict
from tests.diagnose import cases_host as c
from tests.diagnose import making as m

LOCKUP = (LineMeaning.SOFT_LOCKUP, "watchdog: BUG: soft lockup - CPU#0 stuck for 23s!")
HOST_LOCKUP = (KernelMeaning.SOFT_LOCKUP, "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [CPU 0/KVM:11]")
WORKS = (m.threads(vcpu=0.5, delay=0.1), m.console(LOCKUP), m.view(halted=0.1, places=40))
STUCK = (m.threads(vcpu=1.0), m.console(LOCKUP), m.view(places=2))
OWN = HostFacts(hypervisor=False, refs=m.REFS)


def test_a_host_that_is_starved_explains_the_lockup() -> None:
    assert m.verdict(*WORKS, c.NESTED, c.host_cpu(0.5)) == "nested-starvation"
    lockup = m.found("guest-soft-lockup", *WORKS, c.NESTED, c.host_cpu(0.5))
    assert any("kept from running 50 %" in point.says for point in lockup.against)


@pytest.mark.parametrize("host", [(OWN, c.host_cpu(0.0)), (c.NESTED, c.host_cpu(0.01)), ()])
def test_a_host_that_gets_its_time_does_not(host: tuple[object, ...]) -> None:
    assert m.verdict(*STUCK, *host) == "guest-soft-lockup"
    assert m.found("guest-soft-lockup", *STUCK, *host).confidence == m.found("guest-soft-lockup", *STUCK).confidence


def test_a_kernel_that_is_seen_stuck_is_stuck_on_a_host_that_loses_a_little() -> None:
    assert m.verdict(*STUCK, c.NESTED, c.host_cpu(0.2)) == "guest-soft-lockup"


def test_without_a_measure_of_steal_it_is_possible_at_most() -> None:
    """An archive of one moment tells that the host is a guest, and no rates."""
    both = (m.console(LOCKUP), c.NESTED, c.host_log(HOST_LOCKUP))
    finding = m.found("nested-starvation", *both)
    assert finding.verdict is Verdict.UNKNOWN
    assert 0.3 <= finding.confidence < 0.75
    assert any("vmstat" in look.command for look in finding.missing)
    assert m.found("nested-starvation", m.console(LOCKUP), OWN).verdict is Verdict.RULED_OUT
    assert m.found("nested-starvation", c.NESTED).confidence < 0.1
    old = msgspec.structs.replace(m.console(LOCKUP), after_last=5000)
    assert m.found("nested-starvation", old, c.NESTED).confidence < 0.1
