"""What wakes event loops, on real processes and a real guest: which descriptors were ready, and what was done with them."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.collect.bpf import collect_bpf
from crazytrain.collect.descriptors import descriptors_now
from crazytrain.collect.tasks import collect_tasks
from crazytrain.decode.registry import decoders_of
from crazytrain.derive.registry import DERIVERS
from crazytrain.diagnose.causes import chardev_spin, dead_client_spin, fd_monitor_spin
from crazytrain.diagnose.engine import judge
from crazytrain.host import LiveHost
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts import Eventfds, Facts, LoopReadings, Loops
from crazytrain.model.finding import Verdict
from tests.collect import looping
from tests.collect.real import (
    collected_while,
    descriptors_of,
    guest_of,
    look_at,
    made_by,
    need,
    running,
    tell,
)
from tests.collect.test_real_bpf import booted

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
WINDOW_S = 10.0

# Boot sector: it writes to the debug console without end.
CHATTY = """
bits 16
org 0x7c00
    mov dx, 0xe9
    mov al, '.'
again:
    out dx, al
    jmp again
    times 510 - ($ - $$) db 0
    dw 0xaa55
"""


@pytest.fixture(autouse=True)
def _can_run() -> None:
    need("bpftrace")


def facts_of(kept: list[Evidence], pid: int) -> Facts:
    """Everything that the pipeline makes of this evidence and of the descriptors as they are."""
    table = asyncio.run(descriptors_now(LiveHost(), pid, "descriptors.1"))
    facts = Facts(value for one in (*kept, table) for decode in decoders_of(one) for value in decode(one))
    for derive in DERIVERS:
        derived = derive(facts)
        facts = facts if derived is None else facts.plus(derived)
    return facts


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[dict[str, int], Facts]]:
    """The known loop, counted while it made all its turns."""
    need("bpftrace")
    with running(sys.executable, str(Path(__file__).with_name("looping.py"))) as child:
        fds = descriptors_of(child)
        look, kept = look_at(guest_of(child.pid), WINDOW_S)
        with pytest.MonkeyPatch.context() as patch:  # else it would end when it has seen enough to know the rates
            patch.setattr("crazytrain.collect.bpf_program.ENOUGH", 100 * looping.TURNS)
            collected_while(collect_bpf(look), lambda: made_by(child))
        yield fds, facts_of(kept, child.pid)


def test_a_poll_names_each_descriptor_that_was_ready_and_how(watched: tuple[dict[str, int], Facts]) -> None:
    fds, facts = watched
    loops = facts.get(Loops)
    assert loops is not None
    (loop,) = loops.loops
    by_fd = {use.fd: use for use in loop.ready}
    dead, live = by_fd[fds["dead"]], by_fd[fds["live"]]
    assert (dead.turns, dead.events) == (looping.TURNS, ("POLLHUP",))
    assert (live.turns, live.events) == (looping.TURNS, ("POLLIN",))
    assert (dead.served, live.served) == (0, looping.TURNS)
    assert (dead.never_served, live.never_served) == (True, False)
    assert dead in loop.spins_on
    assert live not in loop.spins_on


def test_an_epoll_set_is_looked_through_to_the_descriptor(watched: tuple[dict[str, int], Facts]) -> None:
    fds, facts = watched
    loops = facts.get(Loops)
    assert loops is not None
    (unread,) = (use for use in loops.loops[0].ready if use.fd == fds["unread"])
    assert (unread.turns, unread.events, unread.served) == (looping.EPOLL_TURNS, ("POLLIN",), 0)


def test_the_time_really_waited_is_measured(watched: tuple[dict[str, int], Facts]) -> None:
    told = watched[1].get(LoopReadings)
    assert told is not None
    (polls,) = (reading for reading in told.readings if reading.call == "poll")
    assert sum(bucket.count for bucket in polls.waited) == looping.TURNS + looping.IDLE_WAITS
    long = sum(bucket.count for bucket in polls.waited if bucket.low_ns >= looping.IDLE_MS * 500_000)
    assert long >= looping.IDLE_WAITS
    assert polls.waited_ns >= looping.IDLE_WAITS * looping.IDLE_MS * 1_000_000
    assert (polls.ready_turns, polls.ready_sum) == (looping.TURNS, 2 * looping.TURNS)


def test_an_eventfd_that_nobody_reads_grows(watched: tuple[dict[str, int], Facts]) -> None:
    fds, facts = watched
    told = facts.get(Eventfds)
    assert told is not None
    (notice,) = (use for use in told.uses if use.fds == (fds["notice"],))
    assert (notice.writes, notice.reads, notice.count_after) == (looping.NOTICES, 0, looping.NOTICES)


def test_a_loop_that_spins_on_a_peer_that_is_gone_is_found(tmp_path: Path) -> None:
    del tmp_path
    with running(sys.executable, str(Path(__file__).with_name("looping.py")), "spin") as child:
        fds = descriptors_of(child)
        look, kept = look_at(guest_of(child.pid), 2.0)
        tell(child)

        async def both() -> None:
            await asyncio.gather(collect_bpf(look), collect_tasks(look))

        asyncio.run(both())
        facts = facts_of(kept, child.pid)
    loops = facts.get(Loops)
    assert loops is not None
    spun = {use.fd for use in loops.loops[0].spins_on}
    assert fds["dead"] in spun
    found = judge(chardev_spin.CAUSE, facts)  # a pipe is a character device's; a socket would be a client's
    assert found.verdict is Verdict.FOUND, found
    assert "POLLHUP" in found.because[0].says
    assert judge(fd_monitor_spin.CAUSE, facts).verdict is not Verdict.FOUND
    assert judge(dead_client_spin.CAUSE, facts).verdict is not Verdict.FOUND


def test_a_console_whose_reader_stopped_reading_is_found(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)
        options = ("-chardev", f"socket,id=c,path={path}", "-device", "isa-debugcon,iobase=0xe9,chardev=c")
        with booted(CHATTY, tmp_path, *options, console=False) as qemu:
            client, _ = server.accept()
            assert client.recv(1)
            look, kept = look_at(guest_of(qemu.pid), 3.0)
            asyncio.run(collect_bpf(look))
            facts = facts_of(kept, qemu.pid)
            client.close()
    found = judge(chardev_spin.CAUSE, facts)
    assert found.verdict is Verdict.FOUND, found
    assert "EAGAIN" in found.because[0].says
