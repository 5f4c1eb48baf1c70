"""A lab guest's kernel, opened in the test's own process: what the child without privileges does otherwise."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from crazytrain import lab
from crazytrain.collect import discover
from crazytrain.collect.inside_monitor import asker, human_text
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.decode.command_line import config_of
from crazytrain.host import LiveHost
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.inside.find_kernel import find_kernel
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.registers import parse_registers
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import RamMap


class Opened(NamedTuple):
    """A running guest and its kernel."""

    guest: Guest
    kernel: Kernel

    def registers(self) -> str:
        """What its monitor prints for ``info registers -a``."""
        (text,) = asyncio.run(human_text(asker(LiveHost(), self.guest), ("info registers -a",)))
        return text


def guest_of(running: lab.Running) -> Guest:
    """The guest as the collectors know it."""
    guests = asyncio.run(discover.guests(LiveHost(), config_of))
    (guest,) = [one for one in guests if one.pid == running.pid]
    return guest


async def _found(guest: Guest) -> tuple[RamMap, str]:
    host = LiveHost()
    ask = asker(host, guest)
    (text,) = await human_text(ask, ("info registers -a",))
    return await find_ram_map(host, guest, ask), text


@contextmanager
def opened(running: lab.Running) -> Iterator[Opened]:
    """Find the kernel of a running lab guest."""
    guest = guest_of(running)
    ram, text = asyncio.run(_found(guest))
    with ExitStack() as stack:
        mem, pagemap = (os.open(f"/proc/{guest.pid}/{name}", os.O_RDONLY) for name in ("mem", "pagemap"))
        for fd in (mem, pagemap):
            stack.callback(os.close, fd)
        kernel, _ = find_kernel(OpenedMemory(mem, pagemap, ram.segments), parse_registers(text), b"")
        yield Opened(guest, kernel)
