"""Linux guests that are sick inside, really running: seen from within by their own shell, from their registers, and named.

Each is started, asked and looked at once, then stopped.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.inside.registers import CpuRegisters, parse_registers
from crazytrain.lab.guests import irq_off_spin, soft_lockup
from crazytrain.lab.guests.seventy_thirty import SHARES
from crazytrain.lab.wait import wait_until
from tests.inside.truth import Truth, ask
from tests.lab.monitor import ask as ask_monitor
from tests.whole.conftest import Run, report_of, silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

Start = Callable[[str, str], lab.Running]
INTERRUPTS_ON = 1 << 9
LOOKS = 3  # a look at a guest that hardly gets a CPU may come back without what decides
# What may be the headline of a guest on this host and under its load, beside the cause that is right.
ALSO_TRUE = {
    "oom": ("guest-user-busy",),  # the program that eats memory is in user space most of the time on some hosts
    "slow-clock": ("guest-kernel-busy",),  # where the look came by no registers, nobody knows in which function
    "agent-spin": ("guest-kernel-busy", "guest-user-busy"),
    "lost-interrupt": ("guest-hung-io",),
}
BESIDE = {"cpu-contention", "nested-starvation", "misread", "software-emulation", "unknown"}


@pytest.fixture
def started(start: Start, state_dir: Path) -> Iterator[Callable[[str], lab.Running]]:
    """Start a guest that is gone after the test."""
    names: list[str] = []

    def one(kind: str) -> lab.Running:
        guest = start(kind, f"{kind}-{os.getpid()}")
        names.append(guest.name)
        return guest

    yield one
    for name in names:
        lab.stop(name, state_dir=state_dir, tell=silent)


def registers(guest: lab.Running) -> tuple[CpuRegisters, ...]:
    said = ask_monitor(guest.qmp_socket, "human-monitor-command", **{"command-line": "info registers -a"})
    return parse_registers(said)


def span(truth: Truth, function: str) -> range:
    """The addresses of a kernel function, up to the next symbol."""
    lines = truth.run(f"grep -w -A 9 '{function}$' /proc/kallsyms").splitlines()
    start, *behind = (int(line.split()[0], 16) for line in lines)
    return range(start, next(address for address in behind if address > start))


def moves(guest: lab.Running) -> bool:
    """Whether the guest counts on: its other CPU is well."""
    before = lab.count_progress(guest)
    return wait_until(lambda: lab.count_progress(guest) != before, 60)


def named(guest: lab.Running, crazytrain: Run) -> str:
    """Whether a look names it, or honestly says that it cannot; never another cause inside the guest. Returns what was said."""
    kind = lab.find_guest(guest.guest)
    report = report_of(crazytrain("why", str(guest.pid), "--for", "2", "--json", "--quiet"))
    verdict = report["verdict"]
    assert isinstance(verdict, dict)
    assert verdict["cause"] in {kind.cause, *ALSO_TRUE.get(guest.guest, ()), *BESIDE}, (verdict, report["story"])
    return json.dumps(report)


@pytest.mark.parametrize(
    ("kind", "function", "interrupts", "says"),
    [
        pytest.param("irq-off-spin", "__x64_sys_vhangup", False, irq_off_spin.SEEN, id="irq-off-spin"),
        pytest.param("soft-lockup", "__x64_sys_vhangup", True, soft_lockup.SEEN, id="soft-lockup"),
        pytest.param("spinlock", "native_queued_spin_lock_slowpath", True, soft_lockup.SEEN, id="spinlock"),
    ],
)
def test_one_cpu_spins_in_the_kernel_and_the_other_is_well(
    started: Callable[[str], lab.Running], crazytrain: Run, kind: str, function: str, interrupts: bool, says: str
) -> None:
    guest = started(kind)
    assert moves(guest)
    with ask(guest) as truth:
        assert re.search(says, truth.run("dmesg"))
        place = span(truth, function)
    # An interrupt may be at work at one moment, or the watchdog: at most moments it is where it spins.
    seen = [registers(guest)[1] for _ in range(9)]
    inside = [one for one in seen if one.ip in place]
    assert len(inside) > len(seen) // 2, [hex(one.ip) for one in seen]
    assert all(bool(one.values["RFL"] & INTERRUPTS_ON) == interrupts for one in inside)
    assert not any(one.halted or one.cpl for one in inside)
    named(guest, crazytrain)


def test_a_task_hangs_on_its_disk(started: Callable[[str], lab.Running], crazytrain: Run) -> None:
    guest = started("hung-task")
    assert moves(guest)
    with ask(guest) as truth:
        (task,) = [task for task in truth.tasks().values() if task.comm == "dd"]
        assert task.state == "D"
        assert any("wait" in place for place in truth.stack(task.pid))
        assert f"task dd:{task.pid} blocked" in truth.run("dmesg")
    said = named(guest, crazytrain)
    assert "query-block was left out" in said, "that question would have stopped QEMU, too"


@pytest.mark.parametrize("kind", ["fork-storm", "oom"])
def test_a_storm_goes_on(started: Callable[[str], lab.Running], crazytrain: Run, kind: str) -> None:
    guest = started(kind)
    with ask(guest) as truth:
        made = int(truth.run("grep processes /proc/stat").split()[1])
        assert moves(guest)
        assert int(truth.run("grep processes /proc/stat").split()[1]) > made
    named(guest, crazytrain)


def test_the_split_is_measured_by_the_guest_itself(started: Callable[[str], lab.Running], crazytrain: Run) -> None:
    guest = started("seventy-thirty")
    assert moves(guest)
    clears, random = (int(part) for part in re.findall(SHARES, guest.console.read_text())[-1])
    assert clears / (clears + random) == pytest.approx(0.7, abs=0.05)
    named(guest, crazytrain)


# guest: the fact that decides, as a look from outside finds it
DECIDES = [
    ("idle-poll", r"they were awake, and in their kernel's idle loop"),
    ("slow-clock", r"were in acpi_pm_read( and \w+)?: it reads the time from that device"),
    ("tsc-unstable", r"Marking TSC unstable due to boot parameter"),
    ("thrash", r"the guest's kernel read [\d,.]+/s pages from its own swap and wrote"),
    ("agent-spin", r"qemu-ga \(pid \d+ in the guest\) was on a CPU in"),
    ("lost-interrupt", r"QEMU has given back every request of the guest's disks"),
    ("balloon", r"its driver (takes|gives) pages (from|back to) the guest: [\d,.]+/s requests"),
]


@pytest.mark.parametrize(("kind", "fact"), DECIDES, ids=[kind for kind, _ in DECIDES])
def test_a_linux_at_odds_with_its_machine_is_told_by_what_decides(
    started: Callable[[str], lab.Running], crazytrain: Run, kind: str, fact: str
) -> None:
    guest = started(kind)
    assert any(re.search(fact, named(guest, crazytrain)) for _ in range(LOOKS)), fact


def test_each_boot_is_another_kernel_address(started: Callable[[str], lab.Running]) -> None:
    guest = started("linux-reboots")
    before = lab.count_progress(guest) or 0
    assert before >= 2
    assert wait_until(lambda: (lab.count_progress(guest) or 0) > before, 120)
    assert len(set(re.findall(r"READY ~ ([0-9a-f]{16}) T _text", guest.console.read_text()))) > 1


def test_the_guest_that_tells_the_truth_is_healthy(started: Callable[[str], lab.Running], crazytrain: Run) -> None:
    guest = started("truth")
    assert moves(guest)
    named(guest, crazytrain)
