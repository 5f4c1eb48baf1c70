"""The choice of a healthy guest to compare with, and why."""

import msgspec

from crazytrain.derive.sibling import alike, fitting, is_like, unlike
from crazytrain.model.guest import Accelerator, Guest, ProcessId
from crazytrain.model.overview import CpuSplit, GuestOverview


def row(pid: int, accelerator: Accelerator, vcpu: float, loop: float, vcpus: int = 1) -> GuestOverview:
    guest = Guest(
        process=ProcessId(pid=pid, start_ticks=1), name=f"g{pid}", accelerator=accelerator, vcpus=vcpus, machine="pc"
    )
    return GuestOverview(guest=guest, split=CpuSplit(vcpu_ratio=vcpu, main_loop_ratio=loop))


SICK = row(1, Accelerator.KVM, 1.0, 0.9)


def test_the_most_alike_calm_guest_is_chosen_and_the_choice_told() -> None:
    rows = (
        SICK,
        row(2, Accelerator.TCG, 0.0, 0.0),
        row(3, Accelerator.KVM, 0.3, 0.02, vcpus=4),
        row(4, Accelerator.KVM, 0.4, 0.02),
    )
    chosen, why = fitting(SICK.guest, rows)
    assert chosen is not None
    assert chosen.pid == 4
    assert "number of vCPUs" in why


def test_a_guest_that_is_hot_itself_is_no_measure() -> None:
    chosen, why = fitting(SICK.guest, (SICK, row(2, Accelerator.KVM, 0.2, 0.5)))
    assert chosen is None
    assert "calm" in why


def test_alone() -> None:
    chosen, why = fitting(SICK.guest, (SICK,))
    assert chosen is None
    assert why == "no other guest runs beside it"


def test_what_is_alike_and_what_is_not() -> None:
    one, two = SICK.guest, row(3, Accelerator.KVM, 0.3, 0.02, vcpus=4).guest
    assert "number of vCPUs" in unlike(one, two)
    assert "accelerator" in alike(one, two)
    assert not is_like(one, two)


def test_a_guest_that_is_set_up_for_windows_is_no_measure_for_a_linux_one() -> None:
    words = ("qemu-system-x86_64", "-cpu", "host,hv-time=on,hv_vapic=on")
    windows = msgspec.structs.replace(SICK.guest, command_line=words)
    linux = msgspec.structs.replace(SICK.guest, command_line=("qemu-system-x86_64", "-kernel", "vmlinuz"))
    assert "operating system" in unlike(windows, linux)
    assert not is_like(windows, linux)
    assert is_like(windows, windows)
