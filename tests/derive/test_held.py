"""A storm on a host that is loaded: its rate in the time in which the vCPU was let run."""

import pytest

from crazytrain.derive.held import derive_held_exits
from crazytrain.model.facts import Facts
from tests.diagnose import making as m


def test_exits_know_how_long_the_vcpu_waited_for_a_cpu() -> None:
    held = derive_held_exits(Facts([m.exits({0x3FD: 2000.0}), m.threads(vcpu=0.25, delay=0.75)]))
    assert held is not None
    assert held.held_ratio == pytest.approx(0.75)
    assert held.unheld(5.0) == pytest.approx(4.0)
    assert held.unheld(2.0) == 2.0


def test_nothing_is_added_where_it_did_not_wait_or_nobody_knows() -> None:
    assert derive_held_exits(Facts([m.exits({0x3FD: 2000.0}), m.threads(vcpu=1.0)])) is None
    assert derive_held_exits(Facts([m.exits({0x3FD: 2000.0})])) is None
    assert derive_held_exits(Facts([m.threads(vcpu=0.2, delay=0.8)])) is None


def test_a_vcpu_that_waited_all_the_time_gives_no_endless_rate() -> None:
    held = derive_held_exits(Facts([m.exits({0x3FD: 1.0}), m.threads(vcpu=0.0, delay=1.2)]))
    assert held is not None
    assert held.unheld(5.0) == 5.0
