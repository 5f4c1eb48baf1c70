"""Props: made with a guest, on record, and gone with it, whatever becomes of the lab."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from crazytrain import lab
from crazytrain.lab.actions import Action, PropActions, noted, write_actions
from crazytrain.lab.errors import LabError, MissingTool, NotReady, ToolFailed
from crazytrain.lab.guests import GUESTS
from crazytrain.lab.home import Home, claim, homes
from crazytrain.lab.monitor import Monitor
from crazytrain.lab.process import end, find_process, is_alive
from crazytrain.lab.props.groups import find_cpu_root, limit_cpu, remove_group
from crazytrain.lab.props.mounts import mount_tmpfs, mounts_below, unmount_below
from crazytrain.lab.props.stage import Stage
from crazytrain.lab.running import running
from crazytrain.lab.wait import wait_until
from tests.lab.conftest import silent
from tests.support import skip_real

START_AND_SAY = """
import pathlib, sys
import msgspec
from crazytrain import lab
from crazytrain.lab.props.quota import CpuQuota
import crazytrain.lab.starting as starting
kind = lab.find_guest(sys.argv[1])
if kind.name == "hlt-idle":  # one that a quota never holds back: its start goes on for a while
    kind = msgspec.structs.replace(kind, props=(CpuQuota(percent=50),))
starting.find_guest = lambda _: kind
lab.start(kind.name, state_dir=pathlib.Path(sys.argv[2]), cache_dir=pathlib.Path(sys.argv[3]), tell=print)
"""
SLEEP = ("sleep", "1000")


def need_root() -> None:
    if os.geteuid() != 0:
        skip_real("not root: no mounts, no control groups")


def need_group() -> None:
    need_root()
    try:
        find_cpu_root()
    except LabError as error:
        skip_real(str(error))


@pytest.fixture
def stage(state_dir: Path) -> Iterator[Stage]:
    home = claim(state_dir, "idle", "idle")
    yield Stage(home, silent)
    home.remove()
    assert list(state_dir.iterdir()) == []


def processes_of(folder: Path) -> list[str]:
    """Processes that name the folder on their command line."""
    word = os.fsencode(folder) + b"/"
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] if word in path.read_bytes() else []
        except OSError:
            continue
    return found


class TestProcesses:
    def test_a_prop_is_on_record_and_ends_with_the_guest(self, stage: Stage) -> None:
        process = stage.run("sleeper", SLEEP)
        assert wait_until(lambda: stage.home.props() == (process,), 10)
        stage.home.remove()
        assert not is_alive(process)

    def test_one_that_is_stopped_hears_that_it_shall_end(self) -> None:
        with subprocess.Popen(SLEEP) as child:
            process = find_process(child.pid)
            assert process is not None
            child.send_signal(signal.SIGSTOP)
            end(process)
            assert not is_alive(process)

    def test_a_prop_of_another_boot_is_none_of_ours(self, stage: Stage) -> None:
        process = stage.run("sleeper", SLEEP)
        assert wait_until(lambda: stage.home.props() == (process,), 10)
        state = stage.home.state()
        assert state is not None
        other = msgspec.structs.replace(state, starter=msgspec.structs.replace(state.starter, boot_id="other"))
        stage.home.write_state(other)
        assert stage.home.props() == ()
        stage.home.write_state(state)

    def test_a_prop_that_ends_is_quoted(self, stage: Stage) -> None:
        argv = ("sh", "-c", "echo no such disk; exit 3")
        stage.run("server", argv)
        with pytest.raises(ToolFailed, match="no such disk"):
            stage.wait(lambda: False, "the server", argv=argv, name="server")

    def test_a_condition_that_never_comes_is_told(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("crazytrain.lab.props.stage._LIMIT_S", 0.05)
        with pytest.raises(NotReady, match=r"not within 0\.05 s: the moon"):
            stage.wait(lambda: False, "the moon")

    def test_only_the_guests_own_processes_get_signals(self, stage: Stage) -> None:
        with subprocess.Popen(SLEEP) as stranger:
            process = find_process(stranger.pid)
            assert process is not None
            with pytest.raises(NotReady, match="has ended"):
                stage.signal(msgspec.structs.replace(process, start_ticks=1), signal.SIGKILL)
            assert stranger.poll() is None
            stranger.kill()

    def test_there_is_no_qemu_before_it_is_started(self, stage: Stage) -> None:
        with pytest.raises(NotReady, match="no QEMU yet"):
            _ = stage.qemu


@pytest.mark.real
class TestMounts:
    @pytest.mark.parametrize("name", ["small", "with space", "back\\slash", "t\tab"])
    def test_a_mount_is_found_and_taken_away_whatever_its_name(self, tmp_path: Path, name: str) -> None:
        need_root()
        folder = tmp_path / name
        folder.mkdir()
        mount_tmpfs(folder, 1 << 20)
        try:
            assert mounts_below(tmp_path) == [folder]
            assert os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize == 1 << 20
            with pytest.raises(OSError, match="No space left"):
                (folder / "file").write_bytes(bytes(2 << 20))
        finally:
            unmount_below(tmp_path)
        assert mounts_below(tmp_path) == []

    def test_one_that_is_in_use_goes_too_and_a_neighbour_stays(self, tmp_path: Path) -> None:
        need_root()
        ours, other = tmp_path / "a", tmp_path / "ab"
        for folder in (ours, other):
            folder.mkdir()
            mount_tmpfs(folder, 1 << 20)
        try:
            with (ours / "held").open("w"):
                unmount_below(ours)
                assert mounts_below(tmp_path) == [other]
        finally:
            unmount_below(tmp_path)

    def test_what_may_not_be_mounted_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="no file system can be mounted"):
            mount_tmpfs(tmp_path / "missing", 1 << 20)


@pytest.mark.real
class TestGroups:
    def test_a_group_holds_the_process_and_goes_after_it(self, stage: Stage) -> None:
        need_group()
        process = stage.run("sleeper", SLEEP)
        group = limit_cpu(process, stage.folder, 10)
        assert str(process.pid) in (group / "cgroup.procs").read_text().split()
        assert group.parent == find_cpu_root().path
        stage.home.remove()
        assert not group.exists()

    def test_a_note_that_names_another_group_removes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "cgroup").write_text(str(tmp_path / "other"))
        remove_group(tmp_path)
        assert (tmp_path / "other").exists()

    def test_without_a_note_there_is_none(self, tmp_path: Path) -> None:
        remove_group(tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in GUESTS if "root" in kind.needs], ids=lambda kind: kind.name)
def test_without_root_nothing_is_begun(
    kind: lab.LabGuest, state_dir: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crazytrain.lab.props.rights.os.geteuid", lambda: 1000)
    with pytest.raises((LabError, MissingTool)):
        lab.start(kind.name, state_dir=state_dir, cache_dir=cache_dir, tell=silent)
    assert list(state_dir.iterdir()) == []


def test_what_was_done_is_kept_with_its_time(tmp_path: Path) -> None:
    actions: list[Action] = []
    with noted(actions, "SIGSTOP to QEMU"):
        pass
    with pytest.raises(ZeroDivisionError), noted(actions, "what fails is not done"):
        raise ZeroDivisionError
    write_actions(tmp_path / "did.json", "monitor-hung", actions)
    did = msgspec.json.decode((tmp_path / "did.json").read_bytes(), type=PropActions)
    assert [action.what for action in did.actions] == ["SIGSTOP to QEMU"]
    assert did.actions[0].took_ns >= 0
    assert "monitor-hung" in did.on_purpose


def answering(path: Path, *lines: bytes) -> threading.Thread:
    """A monitor that says these lines, one after each it hears (the first unasked), then hangs up."""
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(path))
    door.listen()

    def serve() -> None:
        with door, door.accept()[0] as line, line.makefile("rwb") as talk:
            for said in lines:
                talk.write(said + b"\n")
                talk.flush()
                talk.readline()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


GREETING, READY = b'{"QMP": {"version": {}}}', b'{"return": {}}'


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b'{"event": "STOP"}\n{"return": {"status": "paused"}}', ""),
        (b'{"error": {"class": "CommandNotFound", "desc": "no"}}', "refuses query-status: .*CommandNotFound"),
        (b"hello", "is no monitor of QEMU"),
    ],
)
def test_the_monitor_is_understood(state_dir: Path, answer: bytes, trouble: str) -> None:
    thread = answering(state_dir / "q", GREETING, READY, answer)
    try:
        with Monitor(state_dir / "q") as monitor:
            if not trouble:
                assert monitor.status() == "paused"
            else:
                with pytest.raises(LabError, match=trouble):
                    monitor.status()
    finally:
        thread.join()


def test_a_monitor_that_hangs_up_is_told(state_dir: Path) -> None:
    thread = answering(state_dir / "q", GREETING)
    with pytest.raises(LabError, match="hung up"), Monitor(state_dir / "q"):
        pass
    thread.join()


def _mounted(home: Home) -> bool:
    return bool(mounts_below(home.path))


def _grouped(home: Home) -> bool:
    note = home.path / "cgroup"
    return note.exists() and bool(note.read_text()) and Path(note.read_text()).exists()


@pytest.mark.real
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "has_begun"),
    [("enospc", _mounted), ("blocked-io", _mounted), ("hlt-idle", _grouped)],
    ids=["a small file system", "a disk over FUSE", "a control group"],
)
def test_of_a_lab_that_was_killed_nothing_stays(
    kind: str, has_begun: Callable[[Home], bool], state_dir: Path, cache_dir: Path
) -> None:
    need_group()
    for tool in ("qemu-system-x86_64", "qemu-storage-daemon", "nasm"):
        if shutil.which(tool) is None:
            skip_real(f"{tool} is not installed")
    with subprocess.Popen([sys.executable, "-c", START_AND_SAY, kind, state_dir, cache_dir]) as starter:
        assert wait_until(lambda: any(has_begun(home) for home, _ in homes(state_dir)), 120)
        starter.kill()
    ((home, _),) = homes(state_dir)
    note = home.path / "cgroup"
    group = Path(note.read_text()) if note.exists() else None
    assert running(state_dir, silent) == ()
    assert mounts_below(state_dir) == []
    assert processes_of(home.path) == []
    assert group is None or not group.exists()
    assert list(state_dir.iterdir()) == []
