"""Guests are found by /proc alone; one that hangs, ended or may not be seen delays and hides no other."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from crazytrain.collect.discover import guests, proxmox_id
from crazytrain.collect.find import find
from crazytrain.collect.same import still_same
from crazytrain.decode.command_line import config_of
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost
from crazytrain.model.guest import Accelerator, Guest, Manager, ProcessId
from tests.collect.making import BOOT, DENIED, HOST_FILES, process, stat

T = TypeVar("T")

LIBVIRT = (
    *("/usr/bin/qemu-system-x86_64", "-name", "guest=web,,01,debug-threads=on", "-machine", "pc-q35-7.2,accel=kvm"),
    *("-m", "2048", "-smp", "2", "-uuid", "6d0f11b2-0000-4000-8000-000000000001"),
    *("-chardev", "socket,id=charmonitor,fd=28,server=on,wait=off", "-mon", "chardev=charmonitor,mode=control"),
)
KVM_LINKS: dict[str, str | OSError] = {
    "/proc/700/exe": "/usr/bin/qemu-system-x86_64",
    "/proc/700/fd/11": "anon_inode:kvm-vm",
    "/proc/700/fd/12": "anon_inode:kvm-vcpu:0",
    "/proc/700/fd/13": "anon_inode:kvm-vcpu:1",
}


def found(host: FakeHost | LiveHost) -> tuple[Guest, ...]:
    return asyncio.run(guests(host, config_of))


def test_a_libvirt_guest_with_all_that_is_known_of_it() -> None:
    threads = {700: "qemu-system-x86", 705: "CPU 0/KVM", 706: "CPU 1/KVM"}
    host = FakeHost({**HOST_FILES, **process(700, "qemu-system-x86", LIBVIRT, threads=threads)}, links=KVM_LINKS)
    (guest,) = found(host)
    assert guest.process == ProcessId(pid=700, start_ticks=500, boot_id=BOOT)
    assert (guest.name, guest.uuid) == ("web,01", "6d0f11b2-0000-4000-8000-000000000001")
    assert (guest.manager, guest.accelerator) == (Manager.LIBVIRT, Accelerator.KVM)
    assert (guest.vcpus, guest.memory_bytes, guest.machine, guest.host) == (2, 2 << 30, "pc-q35-7.2", "node7")
    assert guest.command_line == LIBVIRT


def test_others_are_left_out() -> None:
    host = FakeHost(
        {
            **HOST_FILES,
            **process(10, "qemu-img", ["qemu-img", "convert"]),
            **process(11, "qemu-ga", ["qemu-ga", "-m", "virtio-serial"]),
            **process(12, "bash", ["bash"]),
            **process(13, "kvm-pit/700", []),
            **process(14, "qemu-system-x86", [], state="Z"),
        },
        links={
            "/proc/10/exe": "/usr/bin/qemu-img",
            "/proc/11/exe": "/usr/sbin/qemu-ga",
            "/proc/12/exe": "/bin/bash",
        },
    )
    assert found(host) == ()


def test_a_renamed_process_is_found_by_its_program() -> None:
    argv = ["qemu-system-x86_64", "-name", "web01,process=web01", "-m", "64"]
    links: dict[str, str | OSError] = {"/proc/7/exe": "/usr/bin/qemu-system-x86_64"}
    (guest,) = found(FakeHost({**HOST_FILES, **process(7, "web01", argv)}, links=links))
    assert guest.name == "web01"


def test_a_renamed_process_of_another_user_is_found_by_its_command_line() -> None:
    argv = ["/usr/bin/qemu-system-x86_64", "-name", "web01,process=web01", "-m", "64"]
    other = process(8, "sshd", ["/usr/sbin/sshd"])
    links: dict[str, str | OSError] = {"/proc/7/exe": DENIED, "/proc/8/exe": DENIED}
    (guest,) = found(FakeHost({**HOST_FILES, **other, **process(7, "web01", argv)}, links=links))
    assert guest.name == "web01"
    assert guest.accelerator is Accelerator.TCG  # by the command line: its descriptors may not be seen


def test_a_guest_whose_command_line_never_comes_is_listed_by_what_is_known() -> None:
    files = {
        **HOST_FILES,
        **process(7, "qemu-system-x86", TimeoutError(), threads={7: "qemu-system-x86", 9: "CPU 0/KVM"}),
        "/run/libvirt/qemu/web01.pid": b"7\n",
    }
    (guest,) = found(FakeHost(files))
    assert (guest.pid, guest.name, guest.uuid, guest.command_line) == (7, "web01", "", ())
    assert (guest.accelerator, guest.vcpus, guest.manager) == (Accelerator.KVM, 1, Manager.UNKNOWN)


def test_an_ordinary_user_sees_what_everyone_may() -> None:
    links: dict[str, str | OSError] = {"/proc/700/exe": DENIED}
    host = FakeHost({**HOST_FILES, **process(700, "qemu-system-x86", LIBVIRT)}, links=links)
    (guest,) = found(host)
    assert (guest.name, guest.accelerator, guest.vcpus) == ("web,01", Accelerator.KVM, 2)


def test_a_proxmox_guest_has_its_number() -> None:
    argv = ["/usr/bin/kvm", "-id", "100", "-name", "mail", "-qmp", "unix:/var/run/qemu-server/100.qmp"]
    host = FakeHost({**HOST_FILES, **process(7, "kvm", argv)})
    (guest,) = found(host)
    assert guest.manager is Manager.PROXMOX
    assert proxmox_id(guest) == "100"
    assert find((guest,), "100") is guest


def test_hostile_names_and_bytes_are_kept_as_text() -> None:
    files = {**HOST_FILES, **process(7, "qemu-system-x86", [])}
    files["/proc/7/cmdline"] = b"qemu-system-x86_64\0-name\0a\xff) \x1b[2J\n b\0"
    files["/proc/7/stat"] = stat(7, "x) R 1 1 (\n")
    (guest,) = found(FakeHost(files))
    assert guest.name == "a\\xff) \x1b[2J\n b"
    assert guest.process.start_ticks == 500


def test_a_process_that_ends_while_it_is_looked_at_is_no_guest() -> None:
    files = {**HOST_FILES, **process(7, "qemu-system-x86", ["qemu-system-x86_64"])}
    files["/proc/7/stat"] = FileNotFoundError(2, os.strerror(2))
    assert found(FakeHost(files)) == ()


def test_without_proc_there_are_no_guests() -> None:
    assert found(FakeHost({})) == ()


class HangingHost(LiveHost):
    """The real machine, on which the command lines of some processes never come."""

    def __init__(self, hang: set[str]) -> None:
        super().__init__()
        self.hang = hang
        self.released = threading.Event()

    def read(self, path: str, limit_bytes: int = 4096) -> bytes:
        if path in self.hang:
            self.released.wait(60)
        return super().read(path, limit_bytes)


@pytest.fixture
def pretenders(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start processes that are called like QEMU but only wait."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str, wait: str = "import time; time.sleep(600)") -> subprocess.Popen[bytes]:
        program = tmp_path / "qemu-system-x86_64"
        if not program.exists():
            program.symlink_to(sys.executable)
        child = subprocess.Popen([program, "-c", wait, *argv], stdin=subprocess.DEVNULL)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()


def wait_until(true: Callable[[], bool], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def is_there(child: subprocess.Popen[bytes]) -> bool:
    return b"-c" in Path(f"/proc/{child.pid}/cmdline").read_bytes()


def test_a_process_that_hangs_costs_a_second_for_all(pretenders: Callable[..., subprocess.Popen[bytes]]) -> None:
    hung, well = [pretenders("-name", f"hung{n}") for n in range(8)], pretenders("-name", "well")
    for child in (*hung, well):
        wait_until(lambda child=child: is_there(child))  # type: ignore[misc]
    host = HangingHost({f"/proc/{child.pid}/cmdline" for child in hung})
    begin = time.monotonic()
    names = {guest.pid: guest.name for guest in found(host)}
    took_s = time.monotonic() - begin
    host.released.set()
    assert took_s < 6  # one after the other they would cost 8
    assert names[well.pid] == "well"
    assert [names[child.pid] for child in hung] == [""] * 8


def test_a_real_process_is_still_the_same_until_it_ends(pretenders: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = pretenders("-name", "short")
    wait_until(lambda: is_there(child))
    guest = find(found(LiveHost()), str(child.pid))
    host = LiveHost()
    assert still_same(host, guest.process)
    assert not still_same(host, ProcessId(pid=child.pid, start_ticks=guest.process.start_ticks + 1))
    assert not still_same(host, ProcessId(pid=child.pid, start_ticks=guest.process.start_ticks, boot_id="another"))
    child.kill()
    wait_until(lambda: not still_same(host, guest.process))  # a zombie now
    child.wait()
    assert not still_same(host, guest.process)


def test_ps_knows_the_same_start_and_command(pretenders: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = pretenders("-name", "with blank")
    wait_until(lambda: is_there(child))
    guest = find(found(LiveHost()), str(child.pid))
    said = subprocess.run(
        ["ps", "-o", "args=", "-ww", "-p", str(child.pid)], check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == " ".join(guest.command_line)


def test_hundreds_of_processes_are_looked_through_fast(pretenders: Callable[..., subprocess.Popen[bytes]]) -> None:
    child = pretenders("-name", "needle")
    wait_until(lambda: is_there(child))
    crowd = [subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL) for _ in range(300)]
    try:
        took = []
        for _ in range(5):
            begin = time.monotonic()
            assert find(found(LiveHost()), "needle").pid == child.pid
            took.append(time.monotonic() - begin)
    finally:
        for one in crowd:
            one.kill()
            one.wait()
    assert min(took) < 0.5
