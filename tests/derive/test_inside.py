"""The guest from inside over the window: a kernel that no vCPU runs any more is gone."""

import msgspec

from crazytrain.derive.inside import derive_inside
from crazytrain.model.facts import Facts
from crazytrain.model.facts.inside import ClockReading, FoundBy, GuestKernel, InsideReading

RUNS = GuestKernel(system="Linux", banner="Linux version 6.1", found_by=FoundBy.PAGE_TABLE, text=1 << 40, symbols=9)
LEFT = msgspec.structs.replace(RUNS, found_by=FoundBy.BANNER, text=0, symbols=0)


def reading(at_ns: int, kernel: GuestKernel | None, boot_ns: int | None = None) -> InsideReading:
    clock = None if boot_ns is None else ClockReading(mono_ns=at_ns, wall_ns=at_ns, clocksource="tsc", boot_ns=boot_ns)
    return InsideReading(mono_ns=at_ns, took_ns=1, kernel=kernel, clock=clock)


def test_a_kernel_of_which_only_the_banner_is_left_is_gone() -> None:
    found = derive_inside(Facts((reading(1, RUNS, 1_900_000_000), reading(8_000_000_000, LEFT))))
    assert found is not None
    assert found.view.rebooted
    assert found.first_uptime_ns == 1_900_000_000


def test_a_kernel_that_was_never_read_whole_is_not_gone() -> None:
    found = derive_inside(Facts((reading(1, LEFT), reading(8_000_000_000, LEFT))))
    assert found is not None
    assert not found.view.rebooted


def test_without_a_kernel_there_is_no_inside() -> None:
    assert derive_inside(Facts((reading(1, None),))) is None


def test_a_kernel_that_came_up_during_the_look_is_new() -> None:
    came_up = derive_inside(Facts((reading(1, None), reading(8_000_000_000, RUNS, 1_000_000_000))))
    assert came_up is not None
    assert came_up.view.rebooted
    found_late = derive_inside(Facts((reading(1, None), reading(8_000_000_000, RUNS, 90_000_000_000))))
    assert found_late is not None
    assert not found_late.view.rebooted
