"""Where each vCPU was over the window: shares of register samples."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from crazytrain.derive.trapping import trapped
from crazytrain.model.facts import (
    ArmActivity,
    ArmSample,
    ArmSamples,
    ArmView,
    Facts,
    VcpuActivity,
    VcpuSample,
    VcpuSamples,
    VcpuView,
)

_BLOCK_BYTES = 64
_OPERAND_SIZE = b"\x66"
_IN_AL_IMM, _IN_EAX_IMM, _IN_AL_DX, _IN_EAX_DX = b"\xe4", b"\xe5", b"\xec", b"\xed"
_MOV_DX = (
    b"\xba"  # MOV DX or EDX, number: software emulation tells where a block begins, and a poll begins with its port
)
_JUMP_SHORT = b"\xeb"
_LEAST_LOOKS = 2


def derive_vcpus(facts: Facts) -> VcpuView | None:
    """Gather all samples by vCPU; ``None`` where there is none. For what each figure means, see ``VcpuActivity``.

    A share out of n samples is good to about 1/sqrt(n).
    """
    bursts = facts.all(VcpuSamples)
    by_vcpu: dict[int, list[VcpuSample]] = defaultdict(list)
    for sample in (sample for burst in bursts for sample in burst.samples):
        by_vcpu[sample.vcpu].append(sample)
    if not by_vcpu:
        return None
    return VcpuView(
        vcpus=tuple(_activity(vcpu, by_vcpu[vcpu]) for vcpu in sorted(by_vcpu)),
        refs=tuple(ref for burst in bursts for ref in burst.refs),
    )


def _activity(vcpu: int, samples: Sequence[VcpuSample]) -> VcpuActivity:
    awake = [sample for sample in samples if not sample.halted]
    shown = awake or samples
    addresses = [sample.address for sample in shown]
    top, times = Counter(addresses).most_common(1)[0]
    modes = tuple(mode for mode, _ in Counter(sample.mode for sample in shown).most_common())
    return VcpuActivity(
        vcpu=vcpu,
        samples=len(samples),
        halted_ratio=1 - len(awake) / len(samples),
        user_ratio=_share(sum(sample.cpl > 0 for sample in awake), awake),
        kernel_ratio=_share(sum(sample.cpl == 0 for sample in awake), awake),
        interrupts_off_ratio=_share(sum(not sample.interrupts_enabled for sample in samples), samples),
        mode=modes[0],
        modes=modes,
        paging_ratio=_share(sum(sample.paging for sample in awake), awake),
        spaces=len({sample.cr3 for sample in awake if sample.paging}),
        places=len({sample.address // _BLOCK_BYTES for sample in awake}),
        top_ip=top,
        top_ip_ratio=times / len(shown),
        span_bytes=max(addresses) - min(addresses),
        polls_port=_polled(awake),
        traps=trapped(awake),
        no_gates=all(sample.no_gates for sample in samples),
    )


def derive_arm(facts: Facts) -> ArmView | None:
    """The same for AArch64 vCPUs; ``None`` where there is none."""
    bursts = facts.all(ArmSamples)
    by_vcpu: dict[int, list[ArmSample]] = defaultdict(list)
    for sample in (sample for burst in bursts for sample in burst.samples):
        by_vcpu[sample.vcpu].append(sample)
    if not by_vcpu:
        return None
    return ArmView(
        vcpus=tuple(_arm(vcpu, by_vcpu[vcpu]) for vcpu in sorted(by_vcpu)),
        refs=tuple(ref for burst in bursts for ref in burst.refs),
    )


def _arm(vcpu: int, samples: Sequence[ArmSample]) -> ArmActivity:
    top, times = Counter(sample.pc for sample in samples).most_common(1)[0]
    number = len(samples)
    return ArmActivity(
        vcpu=vcpu,
        samples=number,
        user_ratio=sum(sample.level == 0 for sample in samples) / number,
        kernel_ratio=sum(sample.level == 1 for sample in samples) / number,
        above_ratio=sum(sample.level > 1 for sample in samples) / number,
        interrupts_off_ratio=sum(not sample.interrupts_enabled for sample in samples) / number,
        places=len({sample.pc // _BLOCK_BYTES for sample in samples}),
        top_pc=top,
        top_pc_ratio=times / number,
    )


def _polled(samples: Sequence[VcpuSample]) -> int | None:
    """The port of the IN that the code begins with, where it does so again and again (Intel SDM Vol. 2: IN)."""
    looks = [sample for sample in samples if sample.code]
    ports = Counter(port for sample in looks if (port := _read_port(sample)) is not None)
    if not ports:
        return None
    port, times = ports.most_common(1)[0]
    return port if times >= _LEAST_LOOKS and times * 2 >= len(looks) else None


def _read_port(sample: VcpuSample) -> int | None:
    """The port of an IN at the instruction pointer, or at the near target of the short jump that stands there.

    Under KVM the pointer of a vCPU whose IN is under way stands behind it: in a loop, at the jump back.
    """
    code = sample.code
    if code[:1] == _JUMP_SHORT and len(code) > 1:
        target = len(sample.code_before) + 2 + int.from_bytes(code[1:2], "little", signed=True)
        code = (sample.code_before + code)[target:] if target >= 0 else b""
    return _port_of_in(code.lstrip(_OPERAND_SIZE), sample)


def _port_of_in(code: bytes, sample: VcpuSample) -> int | None:
    for width in (2, 4) if code[:1] == _MOV_DX else ():  # 16 and 32 bits; the IN behind it tells which
        after = code[1 + width :].lstrip(_OPERAND_SIZE)
        if after[:1] in (_IN_AL_DX, _IN_EAX_DX) and not any(code[3 : 1 + width]):
            return int.from_bytes(code[1:3], "little")
    if code[:1] in (_IN_AL_DX, _IN_EAX_DX):
        return sample.dx & 0xFFFF
    if code[:1] in (_IN_AL_IMM, _IN_EAX_IMM) and len(code) > 1:
        return code[1]
    return None


def _share(count: int, samples: Sequence[VcpuSample]) -> float:
    return count / len(samples) if samples else 0.0
