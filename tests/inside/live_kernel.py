"""The kernel of a lab guest that runs, for tests of what is read of it: no child, no collector, just its memory."""

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from crazytrain import lab
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.inside.find_kernel import find_kernel, keep
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.registers import CpuRegisters, parse_registers
from crazytrain.lab.monitor import Monitor
from crazytrain.model.guest_memory import Segment

_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw.p 00000000 00:00 0 *$", re.MULTILINE)


class Live:
    """A guest's kernel, and how to look again."""

    def __init__(self, guest: lab.Running, memory: OpenedMemory) -> None:
        self._socket = guest.qmp_socket
        self._memory = memory
        self.kernel, _ = find_kernel(memory, self.registers(), b"")

    def registers(self) -> tuple[CpuRegisters, ...]:
        """Those of all vCPUs just now."""
        with Monitor(self._socket) as monitor:
            said = monitor.ask("human-monitor-command", {"command-line": "info registers -a"})
        return parse_registers(msgspec.json.decode(said, type=str))

    def again(self) -> Kernel:
        """The kernel as one finds it that comes back with what was kept."""
        return find_kernel(self._memory, self.registers(), keep(self.kernel))[0]


@contextmanager
def live(guest: lab.Running, memory_mib: int) -> Iterator[Live]:
    """Open a lab guest's memory: one mapping of just its size (no hole below 4 GiB)."""
    assert guest.process is not None
    folder, size = Path("/proc", str(guest.process.pid)), memory_mib << 20
    spans = [(int(start, 16), int(end, 16)) for start, end in _MAPPING.findall((folder / "maps").read_text())]
    (place,) = [start for start, end in spans if end - start == size] or [
        max(spans, key=lambda span: span[1] - span[0])[1] - size
    ]
    with contextlib.ExitStack() as undo:
        files = []
        for name in ("mem", "pagemap"):
            files.append(os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC))
            undo.callback(os.close, files[-1])
        yield Live(guest, OpenedMemory(files[0], files[1], [Segment(0, size, place)]))
