"""Facts about vCPUs as seen from outside: where they are, in what mode, halted or not."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref


class CpuMode(StrEnum):
    """Processor mode of a sample. ``COMPAT``: a 32-bit program of a 64-bit kernel."""

    REAL = "real"
    PROTECTED = "protected"
    LONG = "long"
    COMPAT = "compatibility"
    SMM = "SMM"
    UNKNOWN = "unknown"


class VcpuSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one vCPU's registers.

    ``ip`` is RIP as the register holds it; ``address`` adds the base of CS. ``dx`` is the low 16 bits of RDX: the port
    of an IN or OUT. ``no_gates``: in protected mode its table of interrupts (IDT) is too short to hold any handler of an
    exception. ``code`` are bytes read at the instruction pointer a moment later, from ``code_address`` (linear)
    on; empty in most samples. ``code_before`` are the bytes just before those.
    """

    mono_ns: int
    vcpu: int
    ip: int
    cs_base: int
    cpl: int
    halted: bool
    interrupts_enabled: bool
    mode: CpuMode
    cr3: int
    dx: int
    paging: bool = False
    no_gates: bool = False
    code: bytes = b""
    code_address: int = 0
    code_before: bytes = b""

    @property
    def address(self) -> int:
        """The linear address of the instruction."""
        return self.cs_base + self.ip


class ArmSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one AArch64 vCPU. ``level`` is the exception level: 0 user, 1 kernel, 2 hypervisor, 3 firmware.

    QEMU's text does not tell whether it is halted.
    """

    mono_ns: int
    vcpu: int
    pc: int
    level: int
    interrupts_enabled: bool


class ArmSamples(msgspec.Struct, frozen=True, kw_only=True):
    """All looks at all vCPUs in the window."""

    samples: tuple[ArmSample, ...]
    refs: tuple[Ref, ...]


class ArmActivity(msgspec.Struct, frozen=True, kw_only=True):
    """One AArch64 vCPU over the window; shares are of all samples, for nobody knows which were halted."""

    vcpu: int
    samples: int
    user_ratio: float
    kernel_ratio: float
    above_ratio: float
    interrupts_off_ratio: float
    places: int
    top_pc: int
    top_pc_ratio: float


class ArmView(msgspec.Struct, frozen=True, kw_only=True):
    """All AArch64 vCPUs over the window."""

    vcpus: tuple[ArmActivity, ...]
    refs: tuple[Ref, ...]


class VcpuSamples(msgspec.Struct, frozen=True, kw_only=True):
    """All looks at all vCPUs in the window."""

    samples: tuple[VcpuSample, ...]
    refs: tuple[Ref, ...]


class VcpuActivity(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU over the window. ``*_ratio`` are shares of the samples; shares by mode are among the samples not halted.

    ``user_ratio`` and ``kernel_ratio`` (CPL above 0, CPL 0) are 0 where every sample was halted;
    ``interrupts_off_ratio`` is a share of all samples, halted ones included. ``places`` are the distinct 64-byte blocks
    of instruction addresses seen while not halted. ``mode``, ``top_ip`` (linear) and ``span_bytes`` are of the samples
    not halted, or of all where every one was halted. ``modes`` are the modes of the same samples, the most frequent first;
    ``paging_ratio`` is the share of them with paging on, ``spaces`` how many page tables (CR3) they had.
    ``polls_port`` is the I/O port that its code reads each time one looks: the code under its feet begins with IN in at least
    two looks and in half of them. ``traps`` is the instruction that leaves guest mode whatever it is asked (CPUID, VMCALL, ...),
    seen under its feet as often. ``no_gates``: in every sample its table of interrupts had no room for a handler of an exception.
    """

    vcpu: int
    samples: int
    halted_ratio: float
    user_ratio: float
    kernel_ratio: float
    interrupts_off_ratio: float
    mode: CpuMode
    places: int
    top_ip: int
    top_ip_ratio: float
    span_bytes: int
    polls_port: int | None = None
    traps: str = ""
    modes: tuple[CpuMode, ...] = ()
    paging_ratio: float = 0.0
    spaces: int = 0
    no_gates: bool = False


class VcpuView(msgspec.Struct, frozen=True, kw_only=True):
    """All vCPUs over the window."""

    vcpus: tuple[VcpuActivity, ...]
    refs: tuple[Ref, ...]
