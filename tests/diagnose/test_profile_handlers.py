"""A profile with what functions called: KVM's work for one reason to leave guest mode, and waits for memory; tables of exits."""

import pytest

from crazytrain.diagnose.pasted_signs import pasted_points
from crazytrain.diagnose.profile_signs import profile_points
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts, KvmExits
from crazytrain.model.facts.kvm import ExitCount
from crazytrain.model.facts.profile_table import ProfileRow, ProfileTable


def _ratios(cause: str, symbol: str, whole: float | None) -> list[float]:
    row = ProfileRow(symbol=symbol, own_ratio=0.0, where="k", command="CPU 0/KVM", with_calls_ratio=whole)
    facts = Facts([ProfileTable(rows=(row,), refs=(Ref("profile"),))])
    return [point.ratio for point in profile_points(cause, facts)]


@pytest.mark.parametrize(
    ("cause", "symbol"),
    [
        ("pause-contention", "handle_pause"),
        ("mmio-poll", "handle_ept_misconfig"),
        ("msr-storm", "kvm_emulate_wrmsr"),
        ("pio-poll", "handle_io"),
        ("split-lock", "handle_guest_split_lock"),
        ("memory-pressure", "try_to_free_pages"),
    ],
)
def test_what_a_handler_called_is_its_work(cause: str, symbol: str) -> None:
    (ratio,) = _ratios(cause, symbol, 0.6)
    assert ratio > 1
    assert _ratios(cause, symbol, 0.02) == []
    assert _ratios(cause, symbol, None) == []


def test_a_function_that_all_exits_go_through_is_no_sign() -> None:
    assert _ratios("pause-contention", "vmx_handle_exit", 0.9) == []
    assert _ratios("mmio-poll", "kvm_vcpu_ioctl", 0.99) == []


def _of_exits(cause: str, *exits: tuple[str, int]) -> list[float]:
    counted = tuple(ExitCount(reason=reason, count=count) for reason, count in exits)
    table = KvmExits(window_ns=0, exits=counted, hardware=True, refs=(Ref("counted"),))
    return [point.ratio for point in pasted_points(cause, Facts([table]))]


@pytest.mark.parametrize("interrupt", ["EXTERNAL_INTERRUPT", "interrupt"])
def test_a_guest_that_only_the_hosts_interrupts_stop_has_no_storm(interrupt: str) -> None:
    (ratio,) = _of_exits("msr-storm", (interrupt, 9_000), ("HLT", 50), ("MSR_WRITE", 90))
    assert ratio < 1


def test_interrupts_of_the_host_beside_a_storm_do_not_hide_it() -> None:
    (ratio,) = _of_exits("msr-storm", ("EXTERNAL_INTERRUPT", 900), ("MSR_WRITE", 9_000))
    assert ratio > 1
