"""Here and there: only what was seen on both sides is compared."""

from crazytrain.derive.compare import compare
from crazytrain.model.facts import Facts
from tests.diagnose import making as m


def test_what_differs_most_comes_first_and_is_notable() -> None:
    here = Facts((m.threads(vcpu=0.44, loop=0.8), m.irqs(irq8=8100.0), m.loops(8200.0)))
    there = Facts((m.threads(vcpu=0.01, loop=0.0), m.irqs(irq0=1.0), m.loops(20.0)))
    found = compare(here, there)
    assert {d.measure for d in found if d.notable} == {"IRQ 8", "main loop turns", "main loop CPU", "vCPU CPU"}
    assert found[0].notable
    assert not found[-1].notable


def test_two_idle_guests_do_not_differ() -> None:
    here = Facts((m.threads(vcpu=0.010, loop=0.002), m.loops(22.0), m.view(halted=0.97)))
    there = Facts((m.threads(vcpu=0.004, loop=0.0), m.loops(14.0), m.view(halted=1.0)))
    assert not [d for d in compare(here, there) if d.notable]


def test_what_was_not_seen_there_is_not_compared() -> None:
    found = compare(Facts((m.irqs(irq8=8100.0), m.threads(vcpu=1.0))), Facts((m.threads(vcpu=1.0),)))
    assert "IRQ 8" not in {d.measure for d in found}
