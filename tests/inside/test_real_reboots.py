"""A guest that reboots while it is read: the kernel that runs is found, never one from before, or it is said that there is none."""

import asyncio
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.collect.inside_monitor import asker, human_text
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.host import LiveHost
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.inside.find_kernel import find_kernel
from crazytrain.inside.registers import parse_registers
from crazytrain.model.guest_memory import Unreadable
from tests.inside.opened import guest_of
from tests.inside.truth import start_guest
from tests.lab.conftest import silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

LIMIT_S = 120


def test_a_reboot_is_noticed_whenever_it_happens() -> None:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    cache = Path(base) if base else Path.home() / ".cache" / "crazytrain" / "lab"
    with tempfile.TemporaryDirectory(prefix="ct-boot-") as name, ExitStack() as stack:
        stack.callback(lab.stop_all, state_dir=Path(name), tell=silent)
        guest = guest_of(start_guest("linux-reboots", Path(name), cache))
        ask = asker(LiveHost(), guest)
        segments = asyncio.run(find_ram_map(LiveHost(), guest, ask)).segments
        fds = [os.open(f"/proc/{guest.pid}/{file}", os.O_RDONLY | os.O_CLOEXEC) for file in ("mem", "pagemap")]
        for fd in fds:
            stack.callback(os.close, fd)
        places: list[int] = []
        reasons: set[str] = set()
        cached, deadline = b"", time.monotonic() + LIMIT_S
        while len(places) < 2 and time.monotonic() < deadline:
            (text,) = asyncio.run(human_text(ask, ("info registers -a",)))
            registers = parse_registers(text)
            memory = OpenedMemory(fds[0], fds[1], segments)
            try:
                kernel, fresh = find_kernel(memory, registers, cached)
            except Unreadable as why:
                reasons.add(str(why))
                continue
            cached = fresh or cached
            where = kernel.about.text
            inside = [one.ip for one in registers if one.cpl == 0 and one.ip >= 0xFFFF_FFFF_8000_0000]
            assert all(where <= ip < kernel.symbols["_end"] for ip in inside), (hex(where), kernel.about)
            if places[-1:] != [where]:
                assert where not in places, "a kernel from before was taken for alive"
                places.append(where)
        assert len(places) == 2, reasons
