"""Shares of samples: what is counted among which, and what a share of nothing is."""

from typing import Any

import pytest

from crazytrain.derive.vcpus import derive_vcpus
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import CpuMode, Facts, VcpuActivity, VcpuSample, VcpuSamples


def sample(ip: int = 0x1000, **other: Any) -> VcpuSample:
    known: dict[str, Any] = {
        "mono_ns": 1,
        "vcpu": 0,
        "cs_base": 0,
        "cpl": 0,
        "halted": False,
        "interrupts_enabled": True,
        "mode": CpuMode.LONG,
        "cr3": 0,
        "dx": 0,
    }
    return VcpuSample(ip=ip, **{**known, **other})


def activity(*samples: VcpuSample) -> VcpuActivity:
    view = derive_vcpus(Facts([VcpuSamples(samples=samples, refs=(Ref("vcpus.0"),))]))
    assert view is not None
    (one,) = view.vcpus
    return one


def test_nothing_seen_is_no_view() -> None:
    assert derive_vcpus(Facts()) is None
    assert derive_vcpus(Facts([VcpuSamples(samples=(), refs=(Ref("vcpus.0"),))])) is None


def test_shares_by_mode_are_among_the_samples_not_halted() -> None:
    halted = [sample(halted=True)] * 6
    seen = activity(*halted, sample(cpl=3), sample(cpl=3), sample(cpl=3), sample(cpl=0))
    assert (seen.samples, seen.halted_ratio, seen.user_ratio, seen.kernel_ratio) == (10, 0.6, 0.75, 0.25)


def test_interrupts_off_is_a_share_of_all_samples() -> None:
    dead = [sample(halted=True, interrupts_enabled=False)] * 3
    assert activity(*dead).interrupts_off_ratio == 1.0
    assert activity(*dead, sample()).interrupts_off_ratio == 0.75


def test_a_vcpu_that_always_halts_has_no_places_and_no_mode_shares() -> None:
    seen = activity(*[sample(0x2000, halted=True, mode=CpuMode.REAL)] * 4)
    assert (seen.halted_ratio, seen.user_ratio, seen.kernel_ratio, seen.places) == (1.0, 0.0, 0.0, 0)
    assert (seen.mode, seen.top_ip, seen.top_ip_ratio, seen.span_bytes) == (CpuMode.REAL, 0x2000, 1.0, 0)


def test_places_are_blocks_of_64_bytes() -> None:
    seen = activity(sample(0x1000), sample(0x103F), sample(0x1040), sample(0x9000, halted=True))
    assert (seen.places, seen.span_bytes) == (2, 0x40)


def test_addresses_are_linear() -> None:
    seen = activity(sample(0x10, cs_base=0xF0000), sample(0x10, cs_base=0xF0000), sample(0x5))
    assert (seen.top_ip, seen.span_bytes) == (0xF0010, 0xF000B)
    assert seen.top_ip_ratio == pytest.approx(2 / 3)


def test_bursts_are_put_together_and_vcpus_apart() -> None:
    first = VcpuSamples(samples=(sample(vcpu=1), sample(vcpu=0, halted=True)), refs=(Ref("vcpus.0"),))
    second = VcpuSamples(samples=(sample(vcpu=1, halted=True),), refs=(Ref("vcpus.1"),))
    view = derive_vcpus(Facts([first, second]))
    assert view is not None
    assert [(v.vcpu, v.samples, v.halted_ratio) for v in view.vcpus] == [(0, 1, 1.0), (1, 2, 0.5)]
    assert [str(ref) for ref in view.refs] == ["vcpus.0", "vcpus.1"]
