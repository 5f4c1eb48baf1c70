import pytest

from crazytrain.derive.bare import derive_bare
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import CpuMode, Facts, VcpuSample, VcpuSamples
from crazytrain.model.facts.firmware import BarePlace

REF = Ref("vcpus.0")


def sample(address: int = 0x7C05, mode: CpuMode = CpuMode.REAL, **other: object) -> VcpuSample:
    given: dict[str, object] = {
        "mono_ns": 1,
        "vcpu": 0,
        "ip": address,
        "cs_base": 0,
        "cpl": 0,
        "halted": False,
        "interrupts_enabled": False,
        "mode": mode,
        "cr3": 0,
        "dx": 0,
        **other,
    }
    return VcpuSample(**given)  # type: ignore[arg-type]


def place(*samples: VcpuSample) -> BarePlace:
    view = derive_bare(Facts((VcpuSamples(samples=samples, refs=(REF,)),)))
    assert view is not None
    assert view.refs == (REF,)
    return view.vcpus[0]


def test_without_samples_there_is_no_view() -> None:
    assert derive_bare(Facts()) is None
    assert derive_bare(Facts((VcpuSamples(samples=(), refs=(REF,)),))) is None


def test_a_system_has_paging_and_is_not_bare() -> None:
    seen = place(
        sample(0xFFFFFFFF81000000, CpuMode.LONG, cr3=0x1000), sample(0xC0100000, CpuMode.PROTECTED, cr3=0x1000)
    )
    assert (seen.bare_ratio, seen.rom_ratio, seen.low_ratio) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("address", "mode", "rom", "low"),
    [
        (0xFB7B9, CpuMode.REAL, 1.0, 0.0),
        (0xC0003, CpuMode.REAL, 1.0, 0.0),
        (0xFFFFFFF0, CpuMode.REAL, 1.0, 0.0),
        (0x7C05, CpuMode.REAL, 0.0, 1.0),
        (0xB8000, CpuMode.REAL, 0.0, 0.0),
        (0x3FE93A2, CpuMode.PROTECTED, 0.0, 0.0),
        (0x38000, CpuMode.SMM, 0.0, 1.0),
    ],
)
def test_where_it_is_without_paging(address: int, mode: CpuMode, rom: float, low: float) -> None:
    seen = place(sample(address, mode))
    assert (seen.bare_ratio, seen.rom_ratio, seen.low_ratio) == (1.0, rom, low)


@pytest.mark.parametrize("code", ["ebfe", "e9fdff", "e9fbffffff", "f390ebfc"])
def test_a_jump_to_itself_is_read_from_the_code(code: str) -> None:
    looks = [sample(code=bytes.fromhex(code) + bytes(9)) for _ in range(2)]
    assert place(*looks).jumps_to_itself
    assert not place(looks[0]).jumps_to_itself


def test_a_handler_of_interrupts_may_be_seen_in_between() -> None:
    jump, handler = sample(code=b"\xeb\xfe" + bytes(14)), sample(code=b"\x67\x8f" + bytes(14))
    assert place(jump, handler, jump, jump).jumps_to_itself
    assert not place(jump, handler, jump, handler).jumps_to_itself


def test_a_halted_vcpu_does_not_jump() -> None:
    halted = sample(code=b"\xeb\xfe" + bytes(14), halted=True, interrupts_enabled=True)
    seen = place(halted, halted)
    assert not seen.jumps_to_itself
    assert (seen.halted_ratio, seen.interrupts_off_ratio) == (1.0, 0.0)


def test_uefi_runs_in_long_mode_below_4_gib_and_a_kernel_does_not() -> None:
    shell = sample(0xF059731, CpuMode.LONG, cr3=0xF801000, halted=True, interrupts_enabled=True)
    assert place(shell, shell).uefi_ratio == 1.0
    assert place(sample(0xFFFFFFFF81000000, CpuMode.LONG, cr3=0x1000)).uefi_ratio == 0.0
    assert place(sample(0x401000, CpuMode.LONG, cr3=0x1000, cpl=3)).uefi_ratio == 0.0
