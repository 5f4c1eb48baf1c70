"""Which instruction a vCPU leaves guest mode by, where the code under its feet shows it again and again."""

from collections import Counter
from collections.abc import Sequence

from crazytrain.model.facts import VcpuSample

# Intel SDM Vol. 3, 26.1.2 (instructions that cause VM exits unconditionally) and those that KVM intercepts always.
_TRAPS = {
    b"\x0f\xa2": "CPUID",
    b"\x0f\x01\xc1": "VMCALL",
    b"\x0f\x01\xd9": "VMMCALL",
    b"\x0f\x01\xd1": "XSETBV",
    b"\x0f\x08": "INVD",
    b"\x0f\x09": "WBINVD",
    b"\x0f\x33": "RDPMC",
}
_JUMP_SHORT = b"\xeb"
_LEAST_LOOKS = 2


def trapped(samples: Sequence[VcpuSample]) -> str:
    """The instruction that stood at, or just before, the instruction pointer in at least two looks at the code and in half of them.

    Just before: who is looked at while such an exit is handled has the instruction behind him already.
    """
    looks = [sample for sample in samples if sample.code]
    seen = Counter(name for sample in looks if (name := _trap_at(sample)))
    name, times = seen.most_common(1)[0] if seen else ("", 0)
    return name if times >= _LEAST_LOOKS and times * 2 >= len(looks) else ""


def _trap_at(sample: VcpuSample) -> str:
    found = (n for code, n in _TRAPS.items() if sample.code.startswith(code) or sample.code_before.endswith(code))
    return next(found, "") or _behind_a_jump(sample)


def _behind_a_jump(sample: VcpuSample) -> str:
    """At the near target of the short jump that stands there."""
    if sample.code[:1] != _JUMP_SHORT or len(sample.code) < len(_JUMP_SHORT) + 1:
        return ""
    target = len(sample.code_before) + 2 + int.from_bytes(sample.code[1:2], "little", signed=True)
    code = (sample.code_before + sample.code)[target:] if target >= 0 else b""
    return next((name for trap, name in _TRAPS.items() if code.startswith(trap)), "")
