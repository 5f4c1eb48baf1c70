"""Real processes: our figures against clocks and tools that do not share our code; a real QEMU, and an ordinary user."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain.collect.descriptors import collect_descriptors
from crazytrain.collect.discover import guests
from crazytrain.collect.find import find
from crazytrain.collect.host_facts import collect_host
from crazytrain.collect.identity import collect_identity
from crazytrain.collect.look import Look
from crazytrain.collect.same import start_ticks
from crazytrain.collect.tasks import collect_tasks
from crazytrain.decode.command_line import config_of
from crazytrain.decode.descriptors import decode_descriptors
from crazytrain.decode.host import decode_host
from crazytrain.decode.identity import decode_identity
from crazytrain.decode.tasks import decode_tasks
from crazytrain.derive.descriptor_roles import derive_descriptor_roles
from crazytrain.derive.threads import derive_threads
from crazytrain.host.live import LiveHost
from crazytrain.model import fdrole
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import (
    DescriptorTable,
    Facts,
    HostFacts,
    ProcessFacts,
    TaskTable,
    ThreadActivity,
    ThreadRole,
)
from crazytrain.model.guest import Accelerator, Guest, ProcessId
from tests.support import skip_real

COLLECTORS = (collect_tasks, collect_descriptors, collect_identity, collect_host)
DECODERS = {
    Kind.TASKS: decode_tasks,
    Kind.DESCRIPTORS: decode_descriptors,
    Kind.IDENTITY: decode_identity,
    Kind.HOST: decode_host,
}
NOBODY = 65534


def as_guest(pid: int) -> Guest:
    started = start_ticks(LiveHost(), pid)
    assert started is not None
    return Guest(process=ProcessId(pid=pid, start_ticks=started), name="")


def seen(guest: Guest, seconds: float) -> list[Evidence]:
    """What all collectors of /proc see of a process over a window."""
    kept: list[Evidence] = []

    async def look() -> None:
        host = LiveHost()
        begin = host.mono_ns()
        all_of_it = Look(host=host, guest=guest, start_ns=begin, end_ns=begin + int(seconds * 1e9), keep=kept.append)
        await asyncio.gather(*(collect(all_of_it) for collect in COLLECTORS))

    asyncio.run(look())
    return kept


def facts_of(evidence: list[Evidence]) -> Facts:
    return Facts(fact for one in evidence if one.usable for fact in DECODERS[one.kind](one))


def threads_of(evidence: list[Evidence]) -> ThreadActivity:
    found = derive_threads(facts_of(evidence))
    assert found is not None
    return found


def wanted(activity: ThreadActivity) -> float:
    """The share that all threads took or waited for: 1 for one that spins, however busy the machine is."""
    return sum(t.cpu_ratio + (t.delay_ratio or 0) for t in activity.threads)


def wait_until(true: Callable[[], bool], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start processes that are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*argv: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(child)
        return child

    yield begin
    for child in started:
        child.kill()
        child.wait()


class CpuClock:
    """The CPU-time clock of another process (clock_getcpuclockid(3)): the kernel's own figure, not by way of /proc."""

    def __init__(self, pid: int) -> None:
        self.id = (~pid << 3) | 2

    def used_s(self) -> float:
        return time.clock_gettime(self.id)


@pytest.mark.parametrize(
    ("argv", "mostly"),
    [
        ((sys.executable, "-c", "while True: pass"), "user"),
        (("dd", "if=/dev/zero", "of=/dev/null", "bs=512"), "system"),
    ],
)
def test_the_share_of_a_process_that_spins(
    start: Callable[..., subprocess.Popen[bytes]], argv: tuple[str, ...], mostly: str
) -> None:
    child = start(*argv)
    clock = CpuClock(child.pid)
    wait_until(lambda: clock.used_s() > 0.3)
    guest = as_guest(child.pid)
    begin, used = time.monotonic(), clock.used_s()
    activity = threads_of(seen(guest, 2.0))
    used, took = clock.used_s() - used, time.monotonic() - begin
    (thread,) = activity.threads
    outside = took - activity.window_ns / 1e9  # our own start and end, in which it may have run more or less
    assert thread.cpu_ratio == pytest.approx(used / took, abs=0.05 * used / took + outside / took)
    assert thread.role is ThreadRole.MAIN_LOOP
    assert thread.guest_ratio == 0
    parts = {"user": thread.user_ratio, "system": thread.system_ratio}
    assert max(parts, key=lambda name: parts[name]) == mostly
    assert thread.delay_ratio is not None
    assert thread.cpu_ratio + thread.delay_ratio == pytest.approx(1.0, abs=0.05)  # it never sleeps


def test_a_process_that_sleeps_takes_nothing(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    (thread,) = threads_of(seen(as_guest(start("sleep", "600").pid), 0.5)).threads
    assert thread.cpu_ratio < 0.01
    assert set(thread.states) == {"S"}


def test_ps_sees_the_same_threads(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    code = "import threading, time\nfor _ in range(3): threading.Thread(target=time.sleep, args=(600,)).start()"
    child = start(sys.executable, "-c", code)
    wait_until(lambda: len(names(child, "task")) == 4)
    (table, *_) = facts_of(seen(as_guest(child.pid), 0.3)).all(TaskTable)
    said = subprocess.run(
        ["ps", "-L", "-o", "lwp=,comm=", "-p", str(child.pid)], check=True, capture_output=True, text=True
    )
    rows = {(int(tid), comm) for tid, comm in (line.split(None, 1) for line in said.stdout.splitlines())}
    assert {(task.tid, task.comm) for task in table.tasks} == rows


def test_the_host_and_the_process_as_other_tools_tell(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = start("sleep", "600")
    facts = facts_of(seen(as_guest(child.pid), 0.2))
    host, process = facts.get(HostFacts), facts.get(ProcessFacts)
    assert host is not None
    assert process is not None
    assert host.kernel == os.uname().release
    assert host.cpus == os.sysconf("SC_NPROCESSORS_ONLN")
    assert (process.pid, process.comm, process.uid) == (child.pid, "sleep", os.geteuid())
    assert process.program == str(Path("/proc", str(child.pid), "exe").readlink())
    assert process.uptime_s is not None
    assert 0 <= process.uptime_s < 100


def test_a_process_that_is_killed_while_it_is_looked_at(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = start(sys.executable, "-c", "while True: pass")
    guest = as_guest(child.pid)
    timer = threading.Timer(0.7, child.kill)
    timer.start()
    kept = seen(guest, 2.0)
    timer.join()
    child.wait()
    tasks = [one for one in kept if one.kind is Kind.TASKS]
    assert tasks[0].outcome is Outcome.OK
    assert (tasks[-1].outcome, tasks[-1].detail) == (Outcome.ABSENT, "the process has ended")
    assert not [one for one in kept if one.outcome is Outcome.BROKE]
    assert 0.8 < wanted(threads_of(kept)) < 1.1


def as_nobody(work: Callable[[], object]) -> object:
    """Do something as an ordinary user, in a child of ours."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads of other tests are over; the child uses none of theirs
        pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(write, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said)


@pytest.mark.real
def test_an_ordinary_user_sees_threads_but_no_descriptors(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    if os.geteuid() != 0:
        skip_real("only root can become an ordinary user")
    child = start(sys.executable, "-c", "while True: pass")
    guest = as_guest(child.pid)

    def look() -> object:
        kept = seen(guest, 0.6)
        return {
            "wanted": wanted(threads_of(kept)),
            "outcomes": {one.id: one.outcome.value for one in kept},
            "details": {one.id: one.detail for one in kept},
        }

    said = as_nobody(look)
    assert isinstance(said, dict)
    assert said["outcomes"]["descriptors.0"] == "denied"
    assert said["outcomes"]["tasks.0"] == "ok"
    assert said["outcomes"]["identity.0"] == "ok"
    assert "exe: denied" in said["details"]["identity.0"]
    assert 0.8 < said["wanted"] < 1.1


# --- a real QEMU ---


def a_qemu(start: Callable[..., subprocess.Popen[bytes]], folder: Path, accel: str, names: str) -> Guest:
    """A guest whose two vCPUs never start to run the firmware: enough for threads and descriptors."""
    if LiveHost().which("qemu-system-x86_64") is None:
        skip_real("qemu-system-x86_64 is not installed")
    image = folder / "disk.img"
    image.write_bytes(bytes(1 << 20))
    child = start(
        *("qemu-system-x86_64", "-accel", accel, "-name", f"guest=probe {accel},debug-threads={names}", "-m", "64"),
        *("-smp", "2", "-nodefaults", "-display", "none", "-S", "-object", "iothread,id=io1"),
        *("-drive", f"if=none,id=d0,format=raw,file={image}", "-device", "virtio-blk-pci,drive=d0,iothread=io1"),
        *("-qmp", f"unix:{folder / 'qmp.sock'},server=on,wait=off", "-serial", "pty"),
    )
    wait_until((folder / "qmp.sock").is_socket)
    wait_until(lambda: is_up(child, accel))
    return find(asyncio.run(guests(LiveHost(), config_of)), str(child.pid))


def names(child: subprocess.Popen[bytes], folder: str) -> list[Path]:
    return list(Path("/proc", str(child.pid), folder).iterdir())


def is_up(child: subprocess.Popen[bytes], accel: str) -> bool:
    """Whether its descriptors are all open: it listens first and makes its vCPUs later."""
    try:
        links = [str(link.readlink()) for link in names(child, "fd")]
    except OSError:  # one was closed between the two
        return False
    vcpus = sum("kvm-vcpu" in link for link in links)
    return "/dev/ptmx" in links and len(names(child, "task")) >= 6 and (accel == "tcg" or vcpus == 2)


@pytest.mark.real
@pytest.mark.parametrize("accel", ["tcg", "kvm"])
def test_a_real_guest(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, accel: str) -> None:
    if accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        skip_real("/dev/kvm does not open here")
    guest = a_qemu(start, tmp_path, accel, "on")
    assert (guest.name, guest.accelerator, guest.vcpus) == (f"probe {accel}", Accelerator(accel), 2)
    kept = seen(guest, 0.6)
    assert {one.outcome for one in kept if one.kind is not Kind.HOST} == {Outcome.OK}
    facts = facts_of(kept)
    activity = derive_threads(facts)
    assert activity is not None
    assert [t.vcpu for t in activity.of(ThreadRole.VCPU)] == [0, 1]
    assert [t.comm for t in activity.of(ThreadRole.IOTHREAD)] == ["IO io1", "IO mon_iothread"]
    assert [t.tid for t in activity.of(ThreadRole.MAIN_LOOP)] == [guest.pid]
    check_descriptors(derive_descriptor_roles(facts.plus(activity)), accel)


def check_descriptors(table: DescriptorTable | None, accel: str) -> None:
    assert table is not None
    by_role = {d.role: d for d in table.descriptors if d.role}
    assert by_role[fdrole.MAIN_LOOP_SIGNALS].signals == (7, 14, 29)
    assert by_role["QMP monitor"].listening
    assert by_role["disk image disk.img"].locked
    assert any(role.startswith("console on /dev/pts/") for role in by_role)
    assert fdrole.MAIN_LOOP_WAKEUP in by_role
    if accel == "kvm":
        assert {"KVM", fdrole.VIRTUAL_MACHINE, "vCPU 0", "vCPU 1"} <= by_role.keys()


@pytest.mark.real
def test_a_real_guest_without_names_of_threads(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    guest = a_qemu(start, tmp_path, "tcg", "off")
    activity = threads_of(seen(guest, 0.5))
    assert {t.comm for t in activity.threads} == {"qemu-system-x86"}
    assert activity.of(ThreadRole.VCPU) == ()  # they have not run yet: unknown, not guessed
    assert [t.tid for t in activity.of(ThreadRole.MAIN_LOOP)] == [guest.pid]
