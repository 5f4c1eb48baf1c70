"""Monitor, vCPUs, console and clock of the lab's guests: what a whole look at a real one gives."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.collect import console, monitor, pvclock, vcpus
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.collect.look import Look
from crazytrain.collect.ram import present_runs, read_ram
from crazytrain.decode.console import decode_console
from crazytrain.decode.pvclock import decode_pvclock
from crazytrain.decode.qmp import decode_qmp
from crazytrain.decode.registers import decode_registers
from crazytrain.derive.clock import derive_clock
from crazytrain.derive.interrupts import derive_interrupts
from crazytrain.derive.qemu_state import derive_qemu_state
from crazytrain.derive.vcpus import derive_vcpus
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose
from crazytrain.host.live import LiveHost
from crazytrain.inside.pvclock_search import Candidate, Here, believe, candidates
from crazytrain.lab.errors import LabError
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import ConsoleLog, CpuMode, Facts, LineMeaning, QemuState
from crazytrain.model.facts.resets import Resets
from crazytrain.model.guest import Accelerator, Guest, ProcessId
from crazytrain.pipeline import read
from tests.tiny import need

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

Start = Callable[[str], Guest]
COLLECTORS = (monitor.COLLECTOR, vcpus.COLLECTOR, console.COLLECTOR, pvclock.COLLECTOR)
DECODERS = {
    Kind.QMP: decode_qmp,
    Kind.VCPU_SAMPLES: decode_registers,
    Kind.CONSOLE: decode_console,
    Kind.PVCLOCK: decode_pvclock,
}
MIB = 1 << 20
LOOKS = 6


def silent(_line: str) -> None:
    """Hear nothing."""


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Start a guest of the lab in a folder of its own; none outlives the tests."""
    cache = os.environ.get("CRAZYTRAIN_CACHE")
    cache_dir = (
        Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "crazytrain/lab")
    )
    with tempfile.TemporaryDirectory(prefix="ct-look-") as name:

        def start(kind: str) -> Guest:
            accelerator = Accelerator.KVM if lab.find_guest(kind).needs_kvm else Accelerator.TCG
            need(accelerator)
            with contextlib.suppress(LabError):  # a test that is tried again finds its guest still there
                lab.stop(kind, state_dir=Path(name), tell=silent)
            running = lab.start(kind, state_dir=Path(name), cache_dir=cache_dir, tell=silent)
            assert running.process is not None
            return guest_of(running.process, lab.find_guest(kind).memory_mib, accelerator)

        yield start
        lab.stop_all(state_dir=Path(name), tell=silent)


def guest_of(running: ProcessId, memory_mib: int, accelerator: Accelerator) -> Guest:
    argv = Path(f"/proc/{running.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    return Guest(
        process=running,
        name="lab",
        accelerator=accelerator,
        vcpus=1,
        memory_bytes=memory_mib * MIB,
        machine="pc",
        command_line=tuple(argv),
    )


def look_at(asked: Guest, seconds: float = 5.0) -> tuple[list[Evidence], Facts]:
    """All of them at once, as a whole look does it."""
    host, kept = LiveHost(), list[Evidence]()
    begin = host.mono_ns()
    look = Look(host=host, guest=asked, start_ns=begin, end_ns=begin + int(seconds * 1e9), keep=kept.append)

    async def all_at_once() -> None:
        await asyncio.gather(*(collector.run(look) for collector in COLLECTORS))

    asyncio.run(all_at_once())
    return kept, Facts(fact for e in kept if e.usable for fact in DECODERS[e.kind](e))


def test_an_idle_linux(start: Start) -> None:
    asked = start("idle")
    kept, facts = look_at(asked)
    said = {e.id: (e.outcome, e.detail) for e in kept}
    assert {name.split(".")[0] for name in said} == {"qmp", "vcpus", "console", "pvclock"}
    state, view, rates = derive_qemu_state(facts) or facts.get(QemuState), derive_vcpus(facts), derive_interrupts(facts)
    assert state is not None, said
    assert (state.status, state.kvm) == ("running", False), said
    assert view is not None, said
    assert (view.vcpus[0].mode, view.vcpus[0].samples >= 4) == (CpuMode.LONG, True), said
    assert view.vcpus[0].halted_ratio > 0.7
    assert rates is not None
    assert rates.per_s(8) == 0
    assert facts.get(ConsoleLog) is not None, said
    assert derive_clock(facts) is None
    assert not believed_at_any_frequency(asked)


def believed_at_any_frequency(asked: Guest) -> list[int]:
    """What would be taken for a clock page in RAM that has none, on hosts of 2 to 5 GHz that run for a day."""
    found: list[Candidate] = []
    host = LiveHost()
    for segment in asyncio.run(find_ram_map(host, asked, None)).segments:
        for start, size in present_runs(host, asked.pid, segment, segment.address, segment.size_bytes):
            for at in range(start, start + size, MIB):
                found += candidates(read_ram(host, asked.pid, segment, at, min(MIB, start + size - at)), at)
    day = 86_400 * 10**9
    mhz = range(2050, 5000, 5)
    return [x for x in mhz if believe(found, Here(tsc_hz=x * 1e6, guest_ns=day, host_ns=day)).pages]


def test_a_linux_that_has_panicked(start: Start) -> None:
    kept, facts = look_at(start("panic-spin"))
    log, view = facts.get(ConsoleLog), derive_vcpus(facts)
    assert log is not None, [(e.id, e.outcome, e.detail) for e in kept]
    assert log.matter[-1].meaning is LineMeaning.PANIC
    assert log.after_last < 20
    assert view is not None
    assert (view.vcpus[0].halted_ratio, view.vcpus[0].kernel_ratio) == (0.0, 1.0)
    assert view.vcpus[0].places < 8


def test_a_clock_that_was_set_back(start: Start) -> None:
    kept, facts = look_at(start("kvmclock-jump"), 2.0)
    clock, view = derive_clock(facts), derive_vcpus(facts)
    assert clock is not None, [(e.id, e.outcome, e.detail) for e in kept]
    back = [page for page in clock.pages if page.signed_ns < -3000 * 10**9]
    assert len(back) >= 2  # at both ends of the window, and whenever KVM rewrote it between
    assert clock.ahead_ns is not None
    assert abs(clock.ahead_ns + 3600 * 10**9) < 30 * 10**9  # the very step, by the guest's TSC
    assert {page.address for page in back} == {0x8000}
    assert all(page.system_time_ns > 1 << 63 for page in back)
    assert view is not None
    assert (view.vcpus[0].halted_ratio, view.vcpus[0].mode) == (0.0, CpuMode.REAL)


def test_a_guest_that_starts_again_and_again_is_heard_to_do_so(start: Start) -> None:
    """By the monitor alone: where exits are counted for a part of the window only, or not at all."""
    asked = start("reboot-loop")
    for _ in range(LOOKS):  # each start takes a second and more where KVM emulates
        kept, _ = look_at(asked)
        facts = read(kept).facts
        resets = facts.get(Resets)
        if resets and resets.by_guest > 1:
            break
    assert resets is not None, [(e.id, e.outcome, e.detail) for e in kept]
    assert (resets.by_guest > 1, resets.by_host, resets.untold) == (True, 0, 0)
    heard_in = {ref.evidence for ref in resets.refs}
    assert any(name.startswith("vcpus.") for name in heard_in), heard_in
    assert next(f for f in diagnose(facts, CAUSES) if f.cause == "guest-reboot-loop").confidence > 0.9
