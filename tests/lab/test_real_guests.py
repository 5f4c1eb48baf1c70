"""Every guest of the lab, really booted, seen to do what it is for, and gone without a trace."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from crazytrain import lab
from crazytrain.lab.errors import AlreadyThere, LabError, LaunchFailed, NeedsKvm, NoSuchLabGuest, NotReady
from crazytrain.lab.guest import Sign
from crazytrain.lab.logs import shows
from crazytrain.lab.machine import kvm_trouble
from crazytrain.lab.process import is_alive
from crazytrain.lab.wait import wait_until
from crazytrain.model.guest import ProcessId
from tests.lab.conftest import Starter, silent
from tests.lab.monitor import ask, interrupts
from tests.support import skip_real

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

# The others are started, counted and stopped in tests/whole/test_lab_*.py.
FIRST = ("idle", "busy", "user-spin", "rtc-storm", "panic-spin", "pio-poll", "kvmclock-jump")
ALL = [pytest.param(lab.find_guest(name), id=name) for name in FIRST]
START = """
import pathlib, sys
from crazytrain import lab
lab.start(sys.argv[1], state_dir=pathlib.Path(sys.argv[2]), cache_dir=pathlib.Path(sys.argv[3]), tell=print)
"""


@pytest.fixture(autouse=True)
def _can_run() -> None:
    for tool in ("qemu-system-x86_64", "nasm"):
        if shutil.which(tool) is None:
            skip_real(f"{tool} is not installed")


def need_kvm() -> None:
    if trouble := kvm_trouble():
        skip_real(trouble)


def process_of(guest: lab.Running) -> ProcessId:
    assert guest.process is not None
    return guest.process


@pytest.mark.parametrize("kind", ALL)
def test_a_guest_starts_counts_its_progress_and_stops(kind: lab.LabGuest, start: Starter, state_dir: Path) -> None:
    if kind.needs_kvm:
        need_kvm()
    guest = start(kind.name)
    assert lab.running(state_dir, silent) == (guest,)
    assert guest.ready
    assert shows(guest.folder / kind.ready.file, kind.ready.pattern, kind.ready.times)
    assert b"guest=lab-" + kind.name.encode() in Path(f"/proc/{guest.pid}/cmdline").read_bytes()
    assert ask(guest.qmp_socket, "query-status")["status"] == "running"
    if kind.progress is not None:
        first, second = lab.mark_progress(guest), lab.mark_progress(guest)
        assert second.per_s_since(first) > 0
    process = process_of(guest)
    assert lab.stop(kind.name, state_dir=state_dir, tell=silent) == guest
    assert not is_alive(process)
    assert list(state_dir.iterdir()) == []


def test_the_rtc_storm_comes_from_the_chip(start: Starter) -> None:
    storm, idle = start("rtc-storm"), start("idle")
    before, mark = interrupts(storm.qmp_socket)[8], lab.mark_progress(storm)
    later = lab.mark_progress(storm)
    assert interrupts(storm.qmp_socket)[8] > before
    assert later.per_s_since(mark) > 500
    assert interrupts(idle.qmp_socket).get(8, 0) < 10


def test_the_panicked_guest_says_why(start: Starter) -> None:
    guest = start("panic-spin")
    assert "Kernel panic - not syncing: sysrq triggered crash" in guest.console.read_text()
    assert lab.count_progress(guest) is None
    with pytest.raises(LabError, match="does not count"):
        lab.mark_progress(guest)


def test_pio_poll_reads_the_port_that_it_is_told(start: Starter) -> None:
    usual, other = start("pio-poll"), start("pio-poll", name="pm-timer", port=0x608)
    images = [(guest.folder / "boot.img").read_bytes() for guest in (usual, other)]
    assert b"\xba\xfd\x03" in images[0]  # mov dx, 0x3fd
    assert b"\xba\x08\x06" in images[1]


@pytest.mark.parametrize(("name", "port"), [("idle", 0x3FD), ("pio-poll", -1), ("pio-poll", 0x10000)])
def test_a_port_that_makes_no_sense_is_refused(start: Starter, state_dir: Path, name: str, port: int) -> None:
    with pytest.raises(LabError, match="port"):
        start(name, port=port)
    assert list(state_dir.iterdir()) == []


def test_pio_poll_runs_without_kvm(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crazytrain.lab.machine.kvm_trouble", lambda: "/dev/kvm: No such file or directory")
    guest = start("pio-poll")
    assert b"\0tcg\0" in Path(f"/proc/{guest.pid}/cmdline").read_bytes()
    assert (lab.count_progress(guest) or 0) > 0


class TestClockJump:
    def test_the_clock_is_an_hour_back_and_the_guest_waits(self, start: Starter) -> None:
        need_kvm()
        guest = start("kvmclock-jump")
        did = msgspec.json.decode(guest.actions.read_bytes(), type=lab.LabActions)
        pages = [bytes.fromhex(page.bytes_hex) for page in (did.page_before, did.page_after)]
        times = [int.from_bytes(page[16:24], "little") for page in pages]
        assert times == [did.page_before.system_time_ns, did.page_after.system_time_ns]
        assert -3600 <= signed(times[1] - times[0]) / 1e9 < -3500
        assert signed(did.kvm_clock.set_ns - did.kvm_clock.before_ns) == did.step_ns == -3_600_000_000_000
        assert did.actions[0].mono_ns > did.page_before.mono_ns
        assert did.page_after.mono_ns > did.actions[0].mono_ns

    def test_no_more_dots_come_though_it_runs_on_untraced(self, start: Starter) -> None:
        need_kvm()
        guest = start("kvmclock-jump")
        dots, rounds = guest.debugcon.stat().st_size, lab.mark_progress(guest)
        assert wait_until(lambda: (lab.count_progress(guest) or 0) > rounds.count + 50_000, 120)
        assert guest.debugcon.stat().st_size == dots
        assert "TracerPid:\t0\n" in Path(f"/proc/{guest.pid}/status").read_text()
        assert ask(guest.qmp_socket, "query-status")["status"] == "running"

    def test_it_is_refused_without_kvm(self, start: Starter, state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("crazytrain.lab.starting.kvm_trouble", lambda: "/dev/kvm: Permission denied")
        with pytest.raises(NeedsKvm, match="kvmclock-jump needs KVM, and /dev/kvm: Permission denied"):
            start("kvmclock-jump")
        assert list(state_dir.iterdir()) == []


def signed(number: int) -> int:
    """Read an unsigned 64-bit difference as a signed one."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def test_two_of_a_kind_run_under_two_names(start: Starter, state_dir: Path) -> None:
    first, second = start("idle"), start("idle", name="ct-idle-2")
    assert [guest.qemu_name for guest in lab.running(state_dir, silent)] == ["lab-ct-idle-2", "lab-idle"]
    with pytest.raises(AlreadyThere, match="named idle is there already"):
        start("idle")
    assert lab.running(state_dir, silent) == (second, first)
    assert lab.stop("lab-ct-idle-2", state_dir=state_dir, tell=silent) == second
    with pytest.raises(NoSuchLabGuest) as caught:
        lab.stop("ct-idle-2", state_dir=state_dir, tell=silent)
    assert caught.value.hint == "running now: idle"
    assert lab.stop_all(state_dir=state_dir, tell=silent) == (first,)


def test_a_guest_outlives_the_process_that_started_it(state_dir: Path, cache_dir: Path) -> None:
    subprocess.run([sys.executable, "-c", START, "idle", state_dir, cache_dir], check=True)
    (guest,) = lab.running(state_dir, silent)
    assert guest.ready
    assert ask(guest.qmp_socket, "query-name") == {"name": "lab-idle"}
    assert os.getsid(guest.pid) == guest.pid


def test_a_guest_that_ended_by_itself_is_cleared_up(start: Starter, state_dir: Path) -> None:
    guest = start("pio-poll")
    ask(guest.qmp_socket, "quit")
    assert wait_until(lambda: not is_alive(process_of(guest)), 30)
    told: list[str] = []
    assert lab.running(state_dir, told.append) == ()
    assert len(told) == 1
    assert told[0].startswith("pio-poll ended by itself; cleared up")
    assert list(state_dir.iterdir()) == []


def test_a_qemu_that_refuses_is_quoted(
    start: Starter, state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qemu = tmp_path / "qemu-system-x86_64"
    qemu.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo QEMU emulator version 7.2.0 && exit\necho 'no such \33[1m option'; exit 1\n"
    )
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(LaunchFailed) as caught:
        start("pio-poll")
    assert f"command: {qemu} -name guest=lab-pio-poll,debug-threads=on" in str(caught.value)
    assert "no such \\x1b[1m option" in str(caught.value)
    assert list(state_dir.iterdir()) == []


def test_a_guest_that_never_gets_there_is_tried_twice_and_given_up(
    start: Starter, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = msgspec.structs.replace(lab.find_guest("idle"), ready=Sign(file="console.log", pattern="never"))
    monkeypatch.setattr("crazytrain.lab.starting.find_guest", lambda _: never)
    monkeypatch.setattr("crazytrain.lab.starting._BOOT_LIMIT_S", 0.5)
    with pytest.raises(NotReady, match=r"within 0\.5 s, 2 times"):
        start("idle")
    assert list(state_dir.iterdir()) == []


def test_a_kernel_that_panics_at_boot_is_told_with_its_last_words(
    start: Starter, monkeypatch: pytest.MonkeyPatch, state_dir: Path
) -> None:
    idle = lab.find_guest("idle")
    broken = msgspec.structs.replace(idle, image=msgspec.structs.replace(idle.image, script="\nexit 3\n"))
    monkeypatch.setattr("crazytrain.lab.starting.find_guest", lambda _: broken)
    with pytest.raises(LaunchFailed, match="Attempted to kill init"):
        start("idle")
    assert list(state_dir.iterdir()) == []


def test_what_the_lab_did_is_plain_json(start: Starter) -> None:
    need_kvm()
    did = json.loads(start("kvmclock-jump").actions.read_bytes())
    assert did["step_ns"] == -3_600_000_000_000
    assert len(bytes.fromhex(did["page_before"]["bytes_hex"])) == 32
