"""What the child can do for who asks: the readers of ``inside``, by the names under which it calls them."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from crazytrain.inside.kernel import Kernel
from crazytrain.inside.memory import Memory
from crazytrain.inside.registers import CpuRegisters
from crazytrain.model.facts.inside import GuestKernel, InsideLog, InsideProfile, InsideReading

Now = Callable[[], tuple[int, int]]  # monotonic and wall clock, in ns


class Sampling(Protocol):
    """Counts what the vCPUs do, until it is asked for a profile."""

    def look(self) -> None:
        """See who is current on every CPU."""
        ...

    def spot(self, registers: str, mono_ns: int, stopped: bool, *, late: bool = False) -> None:
        """Count where every vCPU is by its registers; ``late``: where it was when they were read, a while ago."""
        ...

    def profile(self, end_ns: int, paused_ns: int) -> InsideProfile:
        """Give what was counted since the last time."""
        ...


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The readers. Each raises ``Unreadable`` where it cannot."""

    find_kernel: Callable[[Memory, Sequence[CpuRegisters], bytes], tuple[Kernel, bytes]]
    find_banners: Callable[[Memory, Sequence[CpuRegisters]], Sequence[GuestKernel]]
    read_instant: Callable[[Kernel, Sequence[str], int, Now, Sequence[CpuRegisters]], InsideReading]
    read_log: Callable[[Kernel, int], InsideLog]
    sampler: Callable[[Kernel, Now], Sampling]
    check: Callable[[Kernel, Sequence[CpuRegisters]], None]  # that it still is the guest's kernel
    keep: Callable[[Kernel], bytes]  # what is worth keeping of a kernel that was read
