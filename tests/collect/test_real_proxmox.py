"""A real QEMU laid out as Proxmox VE starts it: known by its folder, asked at its socket, which its owner needs as well.

Only the option -id is missing, which QEMU has by Proxmox's patch.
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from crazytrain.collect.discover import guests
from crazytrain.collect.look import Look
from crazytrain.collect.monitor import collect_monitor
from crazytrain.collect.monitor_devices import collect_devices
from crazytrain.collect.status import status_now
from crazytrain.collect.vcpus import collect_vcpus
from crazytrain.decode.command_line import config_of
from crazytrain.decode.qmp import decode_qmp
from crazytrain.host.live import LiveHost
from crazytrain.host.qmp import converse
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts import QemuState
from crazytrain.model.guest import Accelerator, Guest, Manager
from tests.tiny import QEMU, need, until

pytestmark = pytest.mark.real

STATUS = b'{"execute": "query-status"}'
PATIENCE_S = 3.0  # of Proxmox's own tools (PVE::QMPClient::queue_execute); they come every 10 s, here without rest


class Proxmox(msgspec.Struct, frozen=True):
    """A guest of Proxmox's: its process and its folder of sockets."""

    pid: int
    run: Path

    @property
    def socket(self) -> str:
        return f"{self.run}/100.qmp"


def answers(path: str) -> bool:
    return asyncio.run(converse(path, [STATUS], timeout_s=PATIENCE_S))[1] is Outcome.OK


@pytest.fixture
def proxmox() -> Iterator[Proxmox]:
    need(Accelerator.TCG)
    with tempfile.TemporaryDirectory(prefix="ct-pve-") as name:
        run = Path(name) / "qemu-server"
        run.mkdir()
        argv = (
            *(QEMU, "-name", "web01,debug-threads=on", "-no-shutdown"),
            *("-chardev", f"socket,id=qmp,path={run}/100.qmp,server=on,wait=off", "-mon", "chardev=qmp,mode=control"),
            *("-chardev", f"socket,id=qmp-event,path={name}/qmeventd.sock,reconnect=5"),
            *("-mon", "chardev=qmp-event,mode=control", "-pidfile", f"{run}/100.pid"),
            *("-nodefaults", "-display", "none", "-machine", "pc", "-accel", "tcg", "-m", "64M", "-smp", "2"),
        )
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: process.poll() is not None or answers(f"{run}/100.qmp"), "QEMU answers")
            assert process.poll() is None, "QEMU did not start"
            yield Proxmox(process.pid, run)
        finally:
            process.kill()
            process.wait()


async def found(host: LiveHost, pid: int) -> Guest:
    return next(guest for guest in await guests(host, config_of) if guest.pid == pid)


async def looked(host: LiveHost, guest: Guest) -> list[Evidence]:
    kept: list[Evidence] = []
    begin = host.mono_ns()
    look = Look(host=host, guest=guest, start_ns=begin, end_ns=begin + 2 * 10**9, keep=kept.append)
    await asyncio.gather(collect_monitor(look), collect_vcpus(look), collect_devices(look))
    return kept


async def owner(path: str, over: asyncio.Event) -> list[tuple[Outcome, float]]:
    """Ask as Proxmox's daemons do, without rest: how each question ended and how long it took."""
    asked = []
    while not over.is_set():
        begin = time.monotonic()
        _, outcome, _ = await converse(path, [STATUS], timeout_s=PATIENCE_S)
        asked.append((outcome, time.monotonic() - begin))
        await asyncio.sleep(0.05)
    return asked


def test_it_is_found_and_its_state_is_told(proxmox: Proxmox) -> None:
    async def look() -> tuple[Guest, Evidence]:
        host = LiveHost()
        guest = await found(host, proxmox.pid)
        return guest, await status_now(host, guest)

    guest, seen = asyncio.run(look())
    assert (guest.manager, guest.name) == (Manager.PROXMOX, "web01")
    (state,) = [fact for fact in decode_qmp(seen) if isinstance(fact, QemuState)]
    assert (state.status, seen.source) == ("running", f"QMP unix:{proxmox.socket}")


def test_a_whole_look_leaves_the_owner_served(proxmox: Proxmox) -> None:
    async def both() -> tuple[list[Evidence], list[tuple[Outcome, float]]]:
        host, over = LiveHost(), asyncio.Event()
        guest = await found(host, proxmox.pid)
        asking = asyncio.create_task(owner(proxmox.socket, over))
        kept = await looked(host, guest)
        over.set()
        return kept, await asking

    kept, asked = asyncio.run(both())
    assert {e.id.split(".")[0] for e in kept if e.usable} == {"qmp", "vcpus", "devices"}
    assert len(asked) >= 5
    assert {outcome for outcome, _ in asked} == {Outcome.OK}
    assert max(took for _, took in asked) < PATIENCE_S
