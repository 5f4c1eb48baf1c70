"""Whether a vCPU runs an operating system, as the causes ask that tell a poll from a clock that is read."""

import pytest

from crazytrain.diagnose.signs import runs_os
from crazytrain.model.facts import CpuMode, ThreadRole
from crazytrain.model.facts.services import Display, Displays
from tests.diagnose import making as m
from tests.diagnose.cases_qemu import beside

PM_TIMER = m.exits({0x608: 20_000.0})


@pytest.mark.parametrize("mode", [CpuMode.PROTECTED, CpuMode.LONG, CpuMode.COMPAT])
def test_a_running_system_reads_its_clock(mode: CpuMode) -> None:
    view = m.view(places=40, mode=mode)
    assert runs_os(view)
    assert m.verdict(PM_TIMER, view, m.threads(vcpu=1.0)) == "slow-clocksource"


@pytest.mark.parametrize(("mode", "places"), [(CpuMode.REAL, 40), (CpuMode.SMM, 40), (CpuMode.COMPAT, 2)])
def test_what_is_no_running_system_polls_a_port(mode: CpuMode, places: int) -> None:
    view = m.view(places=places, mode=mode)
    assert not runs_os(view)
    assert m.verdict(PM_TIMER, view, m.threads(vcpu=1.0)) == "pio-poll"


@pytest.mark.parametrize(
    ("clients", "says"), [(1, "1 client of VNC or SPICE is connected"), (2, "2 clients of VNC or SPICE are connected")]
)
def test_one_client_is_and_two_are_connected(clients: int, says: str) -> None:
    screens = Displays(mono_ns=1, displays=(Display(kind="VNC", clients=clients),), asked=("VNC",), refs=m.REFS)
    found = m.found("display-load", screens, beside(ThreadRole.VNC, "vnc_worker", 0.6))
    assert says in [point.says for point in (*found.because, *found.against)]
