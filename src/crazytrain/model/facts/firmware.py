"""Facts about what runs before an operating system, or instead of one: where each vCPU is in the PC's first megabyte."""

import msgspec

from crazytrain.model.evidence import Ref


class BarePlace(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU over the window. ``*_ratio`` are shares of all ``samples``, halted ones included.

    ``bare_ratio``: without paging (real mode, SMM, or protected mode with CR3 = 0), as firmware and boot loaders run and no
    operating system of today does. ``rom_ratio``: of those, at an address of the PC's firmware (0xc0000 to 0xfffff, or the
    flash below 4 GiB). ``low_ratio``: of those, in the 640 KiB below, where boot loaders and DOS are.
    ``uefi_ratio``: in long mode at CPL 0, below 4 GiB, as UEFI and its boot loaders run; kernels of today are in the upper half.
    ``jumps_to_itself``: two looks at its code or more, and most of them, found an instruction that jumps to itself (others
    may have found the handler of an interrupt).
    """

    vcpu: int
    samples: int
    bare_ratio: float
    rom_ratio: float
    low_ratio: float
    halted_ratio: float
    interrupts_off_ratio: float
    jumps_to_itself: bool = False
    uefi_ratio: float = 0.0


class BareView(msgspec.Struct, frozen=True, kw_only=True):
    """All vCPUs over the window."""

    vcpus: tuple[BarePlace, ...]
    refs: tuple[Ref, ...]
