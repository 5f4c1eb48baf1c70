"""Whether an operating system runs at all: shares of register samples without paging, and where those are."""

from collections import defaultdict
from collections.abc import Sequence

from crazytrain.model.facts import CpuMode, Facts, VcpuSample, VcpuSamples
from crazytrain.model.facts.firmware import BarePlace, BareView

_LOW_END = 0xA0000
_ROM_FIRST, _ROM_END = 0xC0000, 0x100000
_FLASH_FIRST, _FLASH_END = 0xFF000000, 0x100000000
_IDENTITY_END = 0x100000000  # UEFI 2.10, 2.3.4: memory is mapped one to one
_SELF_JUMPS = (
    b"\xeb\xfe",  # jmp short to itself
    b"\xe9\xfd\xff",  # jmp near, 16 bit
    b"\xe9\xfb\xff\xff\xff",  # jmp near, 32 bit
    b"\xf3\x90\xeb\xfc",  # pause, and back to it
)
_LEAST_LOOKS = 2


def derive_bare(facts: Facts) -> BareView | None:
    """Gather the samples by vCPU; ``None`` where there is none. For what each figure means, see ``BarePlace``."""
    bursts = facts.all(VcpuSamples)
    by_vcpu: dict[int, list[VcpuSample]] = defaultdict(list)
    for sample in (sample for burst in bursts for sample in burst.samples):
        by_vcpu[sample.vcpu].append(sample)
    if not by_vcpu:
        return None
    return BareView(
        vcpus=tuple(_place(vcpu, by_vcpu[vcpu]) for vcpu in sorted(by_vcpu)),
        refs=tuple(ref for burst in bursts for ref in burst.refs),
    )


def _place(vcpu: int, samples: Sequence[VcpuSample]) -> BarePlace:
    bare = [sample for sample in samples if _is_bare(sample)]
    return BarePlace(
        vcpu=vcpu,
        samples=len(samples),
        bare_ratio=len(bare) / len(samples),
        rom_ratio=sum(_in_rom(sample.address) for sample in bare) / len(samples),
        low_ratio=sum(sample.address < _LOW_END for sample in bare) / len(samples),
        halted_ratio=sum(sample.halted for sample in samples) / len(samples),
        interrupts_off_ratio=sum(not sample.interrupts_enabled for sample in samples) / len(samples),
        jumps_to_itself=_jumps_to_itself(samples),
        uefi_ratio=sum(_is_uefi(sample) for sample in samples) / len(samples),
    )


def _is_bare(sample: VcpuSample) -> bool:
    return sample.mode in (CpuMode.REAL, CpuMode.SMM) or (sample.mode is CpuMode.PROTECTED and sample.cr3 == 0)


def _is_uefi(sample: VcpuSample) -> bool:
    return sample.mode is CpuMode.LONG and sample.cpl == 0 and sample.address < _IDENTITY_END


def _in_rom(address: int) -> bool:
    return _ROM_FIRST <= address < _ROM_END or _FLASH_FIRST <= address < _FLASH_END


def _jumps_to_itself(samples: Sequence[VcpuSample]) -> bool:
    """Intel SDM Vol. 2, JMP: the displacement counts from the end of the instruction."""
    looks = [sample.code.startswith(_SELF_JUMPS) for sample in samples if sample.code and not sample.halted]
    return sum(looks) >= _LEAST_LOOKS and sum(looks) * 2 > len(looks)
