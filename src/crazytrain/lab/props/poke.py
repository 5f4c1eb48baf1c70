"""A guest kernel that the lab makes misbehave: it overwrites a few bytes of the kernel in its own guest's RAM.

Only the lab does this, only to guests of its own. The guest itself says where its kernel lies (/proc/kallsyms and
/proc/iomem). Under TCG, code must be overwritten before the guest has run it: QEMU does not learn of the change.
"""

import re
import struct
from collections.abc import Sequence
from typing import ClassVar

from crazytrain.lab.errors import LabError
from crazytrain.lab.files import CONSOLE
from crazytrain.lab.logs import shows, tail
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.rights import check_root
from crazytrain.lab.props.stage import Stage
from crazytrain.lab.ram import find_ram
from crazytrain.lab.shell import Shell

_INC_GS = bytes.fromhex("65ff0425")  # inc dword [gs:a sign-extended number of 32 bits]
_PREEMPT_COUNT_IN_HOT = 8  # struct pcpu_hot: behind current_task
_BANNER = b"Linux version "
_TEXT = re.compile(r"^\s*([0-9a-f]+)-[0-9a-f]+ : Kernel code$", re.MULTILINE)


class PokesKernel(Prop, frozen=True, kw_only=True):
    """Once the guest runs, ``data`` is put over ``symbol`` of its kernel, and the guest is told to begin (it waits for /go).

    ``seen``: a pattern on the guest's console by which one sees that the trouble is there. ``symbol`` may list several
    names with ``|`` between: kernels differ, the one that is there is meant. ``unpreempted``: ``data`` is code, and what
    comes before it switches preemption off for good.
    """

    symbol: str
    data: bytes
    seen: str
    memory_mib: int
    unpreempted: bool = False
    needs: ClassVar[tuple[str, ...]] = ("root",)

    def check(self) -> None:
        """Raise where we may not write to QEMU's memory."""
        check_root("only root may write to another process' memory")

    def once_ready(self, stage: Stage) -> None:
        """Overwrite it, let the guest begin, and wait for its console to tell of it."""
        with Shell(stage.home.shell_socket) as shell:
            name, address = _physical(shell, self.symbol)
            _, banner = _physical(shell, "linux_banner")
            ram = find_ram(stage.qemu.pid, self.memory_mib << 20, _BANNER, banner)
            data = (_stops_preemption(shell) if self.unpreempted else b"") + self.data
            before = ram.read(address, len(data))
            with stage.doing(f"{name} at {address:#x} of the guest's RAM: {before.hex()} -> {data.hex()}"):
                ram.write(address, data)
            console = stage.folder / CONSOLE
            before_go = len(re.findall(self.seen, tail(console)))  # a loaded host can make a healthy guest complain
            shell.run(": >/go")
        stage.wait(lambda: shows(console, self.seen, before_go + 1), f"the guest says {self.seen}")


def _stops_preemption(shell: Shell) -> bytes:
    """``inc dword [gs:...]`` of this CPU's preempt_count: in ``pcpu_hot`` from 6.2 on, by itself before and since 6.15."""
    known = _addresses(shell, ("__preempt_count", "pcpu_hot"))
    if "__preempt_count" in known:
        return _INC_GS + struct.pack("<I", known["__preempt_count"] & 0xFFFF_FFFF)
    if "pcpu_hot" in known:
        return _INC_GS + struct.pack("<I", (known["pcpu_hot"] + _PREEMPT_COUNT_IN_HOT) & 0xFFFF_FFFF)
    raise LabError("the guest's kernel does not say where its preempt_count lies")


def _addresses(shell: Shell, names: Sequence[str]) -> dict[str, int]:
    """Those symbols of the guest's kernel that it has."""
    said = shell.run(f"grep -w -E '{'|'.join(names)}' /proc/kallsyms; true")
    lines = (line.split() for line in said.splitlines())
    return {words[2]: int(words[0], 16) for words in lines if len(words) == 3 and words[2] in names}


def _physical(shell: Shell, names: str) -> tuple[str, int]:
    """Which of the names there is, and where it lies in the guest's RAM: the kernel's image is there in one piece."""
    start = _TEXT.search(shell.run("grep 'Kernel code' /proc/iomem"))
    known = _addresses(shell, ("_text", *names.split("|")))
    name = next((name for name in names.split("|") if name in known), None)
    if start is None or name is None or not known.get("_text"):
        raise LabError(f"the guest's kernel does not say where {names} lies")
    return name, known[name] - known["_text"] + int(start[1], 16)
