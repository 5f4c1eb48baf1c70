"""The readers of ``inside`` that the child uses. Importing this loads all that they need: later nothing can be opened."""

from collections.abc import Sequence

from crazytrain.confined.parts import Parts
from crazytrain.inside.banner import linux_banner
from crazytrain.inside.find_banners import find_banners
from crazytrain.inside.find_kernel import find_kernel, keep
from crazytrain.inside.find_root import Found, Root, runs_now
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.log import read_log
from crazytrain.inside.reading import read_instant
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.sampling import Sampler
from crazytrain.model.guest_memory import Unreadable


def _check(kernel: Kernel, registers: Sequence[CpuRegisters]) -> None:
    """Raise ``Unreadable`` where its banner is not at its place any more, or no vCPU uses its page tables."""
    space = kernel.space
    found = Found(Root(space.root, space.levels), kernel.symbols, kernel.about.banner)
    try:
        same = linux_banner(space, kernel.symbols) == found.banner
        in_firmware = bool(registers) and not any(one.is_long for one in registers)
        if same and not in_firmware and runs_now(kernel.memory, found, registers):
            return
    except Unreadable:
        pass  # it is not there
    raise Unreadable("the guest's kernel went away meanwhile: it rebooted, or was replaced")


PARTS = Parts(
    find_kernel=find_kernel,
    find_banners=find_banners,
    read_instant=read_instant,
    read_log=read_log,
    sampler=Sampler,
    check=_check,
    keep=keep,
)
