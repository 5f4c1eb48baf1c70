"""Facts about the registers that QEMU prints when KVM gives up on a vCPU."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.vcpu import VcpuSample


class FailureDump(msgspec.Struct, frozen=True, kw_only=True):
    """One dump. ``failure`` is QEMU's line above it, empty where there is none and only the state itself is strange.

    ``cr0``, ``cr4`` and ``efer`` are ``None`` where they were not printed. ``code`` are the bytes around the instruction as
    printed, the one it stands at in ``<>``. ``invalid`` says, in words, why the processor may not enter guest mode with this
    state (Intel SDM Vol. 3, 27.3.1).
    """

    sample: VcpuSample
    failure: str = ""
    cr0: int | None = None
    cr4: int | None = None
    efer: int | None = None
    code: str = ""
    invalid: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()
