"""What a host lets us see: root, an ordinary user, a container; and one probe that fails stops no other."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from crazytrain.collect import abilities as room_of_probes
from crazytrain.collect.abilities import PROBES, abilities
from crazytrain.collect.ability_probe import Probe, Room, Scene, Seen, yes
from crazytrain.decode.command_line import config_of
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost
from crazytrain.model.ability import State
from crazytrain.model.evidence import Outcome
from tests.collect.making import DENIED, process
from tests.collect.worlds import (
    CAPABILITIES,
    CLOCKS,
    FILES,
    LINKS,
    NO,
    PART,
    TOOLS,
    YES,
    DenyingNames,
    World,
    done,
    room,
    user,
)

T = TypeVar("T")


def test_root_on_a_whole_host_sees_all_and_is_told_to_do_nothing() -> None:
    rows = World().rows()
    assert {name: row.found for name, row in rows.items() if row.state is not YES} == {}
    assert {row.remedy for row in rows.values()} == {""}
    assert rows["privileges"].found == "root"
    assert rows["guests"].found == "1: web01 (pid 700)"
    assert rows["QMP monitors"].found == "1 of 1 answer"
    assert rows["bpftrace"].found == "/usr/bin/bpftrace, bpftrace v0.17.0"
    assert rows["BPF programs"].found == "a trial program was attached and taken away in 0.4 s"
    assert rows["KVM"].found == "/dev/kvm can be opened, modules kvm, kvm_intel"
    assert rows["case folder"].found == "/var/lib/crazytrain/cases, 5 GiB free"
    assert rows["clocksource"].found == "tsc (available: tsc, hpet, acpi_pm)"


def test_there_is_one_row_for_each_probe_and_each_says_what_it_is_for() -> None:
    rows = asyncio.run(abilities(FakeHost(), config_of, room))
    assert [row.name for row in rows] == [probe.name for probe in PROBES]
    assert all(row.matters and row.found for row in rows)


def test_a_host_of_which_nothing_is_known_breaks_no_probe() -> None:
    rows = asyncio.run(abilities(FakeHost(), config_of, room))
    assert [row.found for row in rows if "crazytrain could not ask" in row.found] == []
    assert {row.name for row in rows if row.state is YES} == {"case folder"}


def test_a_user_is_told_what_root_would_see() -> None:
    rows = user().rows()
    states = {name: row.state for name, row in rows.items()}
    assert {name for name, state in states.items() if state is NO} == {
        *("privileges", "other processes", "BPF programs", "tracefs", "tracepoints", "kernel log")
    }
    assert {name for name, state in states.items() if state is PART} == {"KVM", "strace", "perf"}
    assert rows["privileges"].found.startswith("user 1000 without any of CAP_SYS_PTRACE")
    assert rows["BPF programs"].found.endswith("(kernel.unprivileged_bpf_disabled=2)")
    assert rows["KVM"].remedy.startswith("usermod -aG kvm")
    assert "kernel.dmesg_restrict=1" in rows["kernel log"].found
    assert "sudo crazytrain doctor" in rows["privileges"].remedy


def test_a_user_with_capabilities_only() -> None:
    status: dict[str, bytes | OSError] = {"/proc/self/status": b"Uid:\t1000\t1000\t1000\t1000\n"}
    four = ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_BPF", "CAP_PERFMON")
    refusing = done(status=1, stderr=b"ERROR: bpftrace currently only supports running as the root user.\n")
    rows = World(capabilities=four).having(status).running(bpftrace=refusing).rows()
    assert rows["privileges"].state is YES
    assert rows["privileges"].found.startswith("user 1000 with CAP_SYS_PTRACE")
    assert rows["strace"].state is YES
    assert rows["BPF programs"].state is NO
    assert rows["BPF programs"].found == "this bpftrace wants user 0, whatever capabilities user 1000 has"
    assert "packaging/crazytrain-why@.service" in rows["BPF programs"].remedy
    two = World(capabilities=four[:2]).having(status).rows()["privileges"]
    assert (two.state, two.found) == (PART, "user 1000 without CAP_BPF, CAP_PERFMON")


def test_cap_sys_admin_stands_for_what_was_cut_out_of_it() -> None:
    old = World(capabilities=("CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH")).rows()
    assert (old["privileges"].state, old["BPF programs"].state) == (YES, YES)


def test_root_of_a_container_lacks_rights_and_its_pids_are_others() -> None:
    container = World(capabilities=("CAP_DAC_READ_SEARCH",)).linked({"/proc/self/ns/pid": "pid:[4026532177]"})
    rows = container.without("/sys/kernel/tracing").having({"/proc/self/mountinfo": b"", "/dev/kvm": DENIED}).rows()
    assert rows["privileges"].state is PART
    assert "--pid=host" in rows["privileges"].remedy
    assert (rows["pid namespace"].state, rows["pid namespace"].found[:16]) == (PART, "pid:[4026532177]")
    assert "cannot be matched" in rows["pid namespace"].found
    assert rows["BPF programs"].state is NO
    assert rows["tracefs"].state is NO
    assert "--device /dev/kvm" in rows["KVM"].remedy


def test_root_of_a_user_namespace_is_nobody_to_the_kernel() -> None:
    rows = World().linked({"/proc/self/ns/user": "user:[4026532999]"}).rows()
    assert rows["privileges"].state is NO
    assert "user namespace" in rows["privileges"].found
    assert rows["BPF programs"].state is NO


@pytest.mark.parametrize("option", ["hidepid=2", "hidepid=invisible", "hidepid=1", "hidepid=ptraceable"])
def test_hidden_processes(option: str) -> None:
    mounted = {"/proc/self/mountinfo": f"22 27 0:21 / /proc rw,relatime - proc proc rw,{option}\n".encode()}
    state, found, remedy = World(capabilities=()).having(mounted).row("other processes")
    assert (state, option in found) == (NO, True)
    assert "mount -o remount,hidepid=0 /proc" in remedy
    assert World().having(mounted).row("other processes")[0] is YES


def test_processes_that_hide_nothing() -> None:
    mounted: dict[str, bytes | OSError] = {"/proc/self/mountinfo": b"22 27 0:21 / /proc rw - proc proc rw,hidepid=0\n"}
    assert World(capabilities=()).having(mounted).row("other processes")[0] is YES


def test_without_guests_pid_1_is_asked() -> None:
    world = World().without("/proc/700").linked({"/proc/1/fd/0": "/dev/null"})
    assert world.row("other processes") == (YES, "descriptors of pid 1 (no guest runs) can be read", "")
    state, found, remedy = world.row("guests")
    assert (state, found[:9], remedy[:20]) == (PART, "none runs", "crazytrain lab start")


def test_some_guests_may_not_be_read() -> None:
    world = World().having(process(800, "qemu-system-x86", ("/usr/bin/qemu-system-x86_64", "-name", "db")))
    world.linked({"/proc/800/exe": "/usr/bin/qemu-system-x86_64", "/proc/800/fd/1": "/dev/null"})
    state, found, _ = DenyingNames.into(world, "/proc/800/fd").row("other processes")
    assert (state, found) == (PART, "descriptors of 1 of 2 guests may not be read (pid 800)")


def test_libvirt_that_hangs_refuses_or_is_not_there() -> None:
    hung = World().running(virsh=done(status=None, outcome=Outcome.TIMED_OUT)).row("libvirt")
    assert (hung[0], "did not answer within 2 s" in hung[1]) == (NO, True)
    assert hung[2].startswith("systemctl status libvirtd")
    refusing = done(status=1, stderr=b"error: failed to connect\nerror: authentication unavailable: no polkit agent\n")
    denied = user().running(virsh=refusing).having({"/run/libvirt/libvirt-sock": b""}).row("libvirt")
    assert (denied[0], denied[1].endswith("refuses: authentication unavailable: no polkit agent")) == (NO, True)
    assert denied[2].startswith("usermod -aG libvirt")
    assert World().without("virsh").row("libvirt") == (NO, "no libvirt on this host", "")
    there = World().without("virsh").having({"/run/libvirt/virtqemud-sock": b""}).row("libvirt")
    assert there[2] == "apt-get install libvirt-clients"


def test_monitors_that_do_not_answer_say_why() -> None:
    world = World()
    world.host.monitors["/run/web01.qmp"] = (b"", Outcome.TIMED_OUT, "another client holds the monitor")
    assert world.row("QMP monitors")[:2] == (
        *(NO, "none answers; web01: timed out (another client holds the monitor)"),
    )
    plain = process(800, "qemu-system-x86", ("/usr/bin/qemu-system-x86_64", "-name", "db"))
    two = World().having(plain).linked({"/proc/800/exe": "/usr/bin/qemu-system-x86_64"})
    state, found, remedy = two.row("QMP monitors")
    assert (state, found) == (PART, "1 of 2 answer; db: no QMP socket")
    assert "-qmp unix:" in remedy


def test_a_monitor_of_somebody_else_names_who_may_let_us_in() -> None:
    world = World()
    world.host.monitors["/run/web01.qmp"] = (b"", Outcome.DENIED, "Permission denied")
    state, found, remedy = world.row("QMP monitors")
    assert (state, found) == (NO, "none answers; web01: denied (Permission denied)")
    assert remedy.startswith("setfacl -m u:USER:rw")


@pytest.mark.parametrize(
    ("release", "state", "lacks"),
    [
        (b"6.12.9-amd64\n", YES, ""),
        (b"5.10.0-33-amd64\n", PART, "KVM's counters"),
        (b"5.4.0-200-generic\n", PART, "CAP_PERFMON"),
        (b"4.19.0-27-amd64\n", NO, "no pidfd"),
        (b"3.10.0-1160.el7\n", NO, "no pidfd"),
        (b"weird\n", PART, "not told"),
    ],
)
def test_old_kernels_say_what_they_lack(release: bytes, state: State, lacks: str) -> None:
    found = World().having({"/proc/sys/kernel/osrelease": release}).row("kernel")
    assert (found[0], lacks in found[1]) == (state, True)


def test_libvirts_own_monitor_is_left_alone() -> None:
    socket = "socket,id=charmonitor,path=/var/lib/libvirt/qemu/domain-1-db/monitor.sock,server=on,wait=off"
    argv = (
        "/usr/bin/qemu-system-x86_64",
        "-name",
        "db",
        "-chardev",
        socket,
        "-mon",
        "chardev=charmonitor,mode=control",
    )
    world = World().without("/proc/700").having(process(800, "qemu-system-x86", argv))
    world.linked({"/proc/800/exe": "/usr/bin/qemu-system-x86_64"})
    assert world.row("QMP monitors")[1] == "none answers; db: libvirt's own, asked through virsh"
    assert world.host.asked == []


def test_kvm_that_is_missing_says_which_way() -> None:
    no_module = World().without("/dev/kvm", "/sys/module")
    assert no_module.row("KVM")[1:] == (
        *("no /dev/kvm: the module is not loaded", "modprobe kvm_intel || modprobe kvm_amd"),
    )
    no_cpu = World().without("/dev/kvm").having({"/proc/cpuinfo": b"flags\t\t: fpu\n"})
    assert "no virtualization" in no_cpu.row("KVM")[1]


@pytest.mark.parametrize(
    ("current", "available", "state", "remedy"),
    [
        (b"kvm-clock\n", b"kvm-clock tsc\n", YES, ""),
        (b"hpet\n", b"tsc hpet acpi_pm\n", PART, "echo tsc >"),
        (b"acpi_pm\n", b"acpi_pm\n", PART, "journalctl -k"),
    ],
)
def test_clocks(current: bytes, available: bytes, state: State, remedy: str) -> None:
    clocks: dict[str, bytes | OSError] = {
        f"{CLOCKS}/current_clocksource": current,
        f"{CLOCKS}/available_clocksource": available,
    }
    found = World().having(clocks).row("clocksource")
    assert found[0] is state
    assert found[2].startswith(remedy)


def test_figures_of_the_kernel_that_are_off() -> None:
    off: dict[str, bytes | OSError] = {
        "/proc/pressure/cpu": OSError(95, os.strerror(95)),
        "/proc/self/schedstat": b"0 0 0\n",
    }
    rows = World().having(off).rows()
    assert (rows["pressure"].state, "psi=1" in rows["pressure"].remedy) == (NO, True)
    assert (rows["run delay"].state, rows["run delay"].remedy[:32]) == (NO, "sysctl kernel.task_delayacct=1  ")
    assert World().without("/sys/kernel/btf").row("BTF")[0] is PART


@pytest.mark.parametrize(
    ("writable", "free_bytes", "state"), [(True, 64 << 20, YES), (True, 1 << 20, PART), (False, 1 << 40, NO)]
)
def test_the_case_folder(writable: bool, free_bytes: int, state: State) -> None:
    def room() -> Room:
        return Room(path="/x/cases", writable=writable, free_bytes=free_bytes)

    assert World(room=room).row("case folder")[0] is state


def test_a_case_folder_that_cannot_be_asked() -> None:
    def room() -> Room:
        raise OSError(5, "Input/output error")

    assert World(room=room).row("case folder")[:2] == (NO, "cannot be seen: Input/output error")


async def broken(scene: Scene) -> Seen:
    raise ZeroDivisionError(scene.host.wall_ns())


async def hanging(scene: Scene) -> Seen:
    await asyncio.get_running_loop().create_future()
    return yes(str(scene))


async def well(scene: Scene) -> Seen:
    del scene
    return yes("seen")


def test_a_probe_that_breaks_or_hangs_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    three = (Probe("broken", "b", broken), Probe("hanging", "h", hanging), Probe("well", "w", well))
    monkeypatch.setattr(room_of_probes, "PROBES", three)
    monkeypatch.setattr(room_of_probes, "_PROBE_TIMEOUT_S", 0.05)
    rows = asyncio.run(abilities(FakeHost(), config_of, room))
    assert [row.state for row in rows] == [NO, NO, YES]
    assert rows[0].found.startswith("crazytrain could not ask: ZeroDivisionError")
    assert rows[1].found == "no answer in time"


class StuckHost(FakeHost):
    """A host on which what may block does block."""

    async def patiently(self, call: Callable[[], T], timeout_s: float) -> T:
        del call
        await asyncio.sleep(timeout_s)
        raise TimeoutError


def test_a_host_that_hangs_takes_no_longer_than_the_bound() -> None:
    began = time.monotonic()
    rows = asyncio.run(
        abilities(StuckHost(FILES, links=LINKS, commands=TOOLS, capabilities=CAPABILITIES), config_of, room)
    )
    assert time.monotonic() - began < 4
    found = {row.name: row.found for row in rows}
    assert found["guests"] == found["case folder"] == "no answer in time"
    assert found["privileges"] == "root"


@pytest.mark.real
def test_this_host_is_asked_within_three_seconds() -> None:
    began = time.monotonic()
    rows = asyncio.run(abilities(LiveHost(), config_of, room))
    assert time.monotonic() - began < 4  # 3 s, and a second for a loaded machine
    assert [row.found for row in rows if "crazytrain could not ask" in row.found] == []
    named = {row.name: row for row in rows}
    assert named["privileges"].found.startswith("root" if os.geteuid() == 0 else "user")
