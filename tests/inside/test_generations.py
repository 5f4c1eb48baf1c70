"""What kernels of other years call otherwise is found as well, without asking for a version."""

import pytest

from crazytrain.inside import clocks
from crazytrain.inside.attempts import Attempts
from crazytrain.inside.cpus import read_cpus
from crazytrain.inside.generations import field_of, first
from crazytrain.inside.kernel import Field
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_btf import M
from tests.inside.made_contents import MONOTONIC_NS, add_clock, add_cpus
from tests.inside.made_kernel import Made


def made_kernel() -> tuple[Made, tuple[int, int]]:
    made = Made()
    made.types()
    head = made.init_task()
    return made, (made.task(7, b"seven"), head)


@pytest.mark.parametrize("named", [True, False])
def test_the_timekeeper_of_each_generation(named: bool) -> None:
    made, _ = made_kernel()
    add_clock(made, named=named)
    made.finish()
    assert clocks.read_timekeeper(made.kernel()).monotonic_ns == MONOTONIC_NS + 7


@pytest.mark.parametrize("hot", [True, False])
@pytest.mark.parametrize(("idling", "idle_ns"), [("before", 7050), ("6.9", 7050), ("7.2", 2055)])
def test_the_cpus_of_each_generation(hot: bool, idling: str, idle_ns: int) -> None:
    made, tasks = made_kernel()
    add_clock(made)
    add_cpus(made, tasks, hot=hot, idling=idling)
    made.finish()
    attempts = Attempts()
    busy, idle = read_cpus(made.kernel(), MONOTONIC_NS + 7, attempts)
    assert (busy.pid, busy.comm, idle.pid, idle.idle) == (7, "seven", 0, True)
    assert idle.times is not None
    assert idle.times.idle == idle_ns
    assert not attempts.missing


def test_the_newest_name_that_there_is_counts() -> None:
    made = Made()
    made.btf.structure("thing", 16, [M("old", "u32", 4), M("older", "u32", 8)])
    made.finish()
    layout = made.kernel().layout
    assert field_of(layout, "thing", ("new", "old", "older")) == Field(4, 4)
    with pytest.raises(Unreadable, match=r"no thing\.new"):
        field_of(layout, "thing", ("new", "newer"))
    with pytest.raises(Unreadable):
        first((), lambda _: Field(0, 0))
