"""Shares of samples: what is counted among which, and what a share of nothing is."""

from typing import Any

import pytest

from crazytrain.derive.vcpus import derive_arm, derive_vcpus
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import ArmSample, ArmSamples, CpuMode, Facts, VcpuActivity, VcpuSample, VcpuSamples


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


IN_DX, JUMP_BACK = b"\xec", b"\xeb\xfd"  # in al, dx; and a jump over three bytes back: itself and the IN


def test_an_in_that_is_under_way_is_found_behind_the_jump_back() -> None:
    looks = [sample(code=JUMP_BACK, code_before=b"\x90" * 7 + IN_DX, dx=0x3FD)] * 3
    assert activity(*looks).polls_port == 0x3FD


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (b"", JUMP_BACK),  # nothing is known of what stands before
        (b"\x90" * 8, JUMP_BACK),  # the loop does something else
        (b"\x90" * 7 + IN_DX, b"\xeb"),  # cut off
        (b"\x90" * 7 + IN_DX, b"\xeb\x80"),  # far before what was read
    ],
)
def test_a_jump_to_something_else_polls_no_port(before: bytes, code: bytes) -> None:
    assert activity(*[sample(code=code, code_before=before, dx=0x3FD)] * 3).polls_port is None


def test_modes_paging_and_page_tables() -> None:
    seen = activity(
        sample(mode=CpuMode.LONG, paging=True, cr3=1),
        sample(mode=CpuMode.LONG, paging=True, cr3=2),
        sample(mode=CpuMode.SMM, paging=False, cr3=3),
        sample(mode=CpuMode.REAL, halted=True),
    )
    assert (seen.mode, seen.modes) == (CpuMode.LONG, (CpuMode.LONG, CpuMode.SMM))
    assert (round(seen.paging_ratio, 2), seen.spaces) == (0.67, 2)


def test_aarch64_vcpus_have_a_view_of_their_own() -> None:
    looks = tuple(
        ArmSample(mono_ns=n, vcpu=0, pc=pc, level=level, interrupts_enabled=level == 0)
        for n, (pc, level) in enumerate([(0x1000, 1), (0x1000, 1), (0x9000, 0), (0x5000, 2)])
    )
    facts = Facts([ArmSamples(samples=looks, refs=(Ref("vcpus.0"),)), VcpuSamples(samples=(), refs=(Ref("vcpus.0"),))])
    assert derive_vcpus(facts) is None
    view = derive_arm(facts)
    assert view is not None
    (vcpu,) = view.vcpus
    assert (vcpu.user_ratio, vcpu.kernel_ratio, vcpu.above_ratio, vcpu.places) == (0.25, 0.5, 0.25, 3)
    assert (vcpu.top_pc, vcpu.top_pc_ratio, vcpu.interrupts_off_ratio) == (0x1000, 0.5, 0.75)


def test_a_block_that_sets_the_port_first_polls_it() -> None:
    polls = [sample(code=bytes.fromhex("ba fd 03 ec a8 20 74 f8"), mode=CpuMode.REAL)] * 3
    assert activity(*polls).polls_port == 0x3FD
    wide = [sample(code=bytes.fromhex("ba 08 06 00 00 ed 90 90"))] * 3
    assert activity(*wide).polls_port == 0x608
    other = [sample(code=bytes.fromhex("ba fd 03 90 90 90 90 90"), mode=CpuMode.REAL)] * 3
    assert activity(*other).polls_port is None


@pytest.mark.parametrize(
    ("before", "code", "name"),
    [
        ("90 90 90 90", "0f a2 eb fa 90", "CPUID"),
        ("90 90 0f 01 c1", "eb fb 90 90", "VMCALL"),
        ("31 c0 0f a2", "eb fa 90 90", "CPUID"),
        ("90 90 0f 09 90", "eb fb 90 90", "WBINVD"),
        ("90 90 90 90", "0f 31 eb fa 90", ""),
    ],
    ids=["at it", "behind it", "behind it, at the jump", "at the jump back", "no exit"],
)
def test_an_instruction_that_always_leaves_guest_mode_is_named(before: str, code: str, name: str) -> None:
    looks = [sample(code=bytes.fromhex(code), code_before=bytes.fromhex(before))] * 2
    assert activity(*looks).traps == name
    assert activity(looks[0], sample(code=b"\x90" * 8)).traps == ""
