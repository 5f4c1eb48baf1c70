import subprocess
import sys
from pathlib import Path

import pytest

from crazytrain.lab.daemon import NOTE_THEN_EXEC
from crazytrain.lab.errors import AlreadyThere, LabError
from crazytrain.lab.home import claim, homes, is_running
from crazytrain.lab.process import find_process, is_alive
from crazytrain.lab.running import running, stop
from crazytrain.lab.spawn import spawn
from crazytrain.lab.wait import wait_until
from tests.lab.conftest import silent

CLAIM_AND_DIE = """
import os, pathlib, sys
from crazytrain.lab.home import claim
from crazytrain.lab.spawn import spawn
home = claim(pathlib.Path(sys.argv[1]), "half", "idle")
if len(sys.argv) > 2:
    spawn(["sleep", "1000"], home)
os.kill(os.getpid(), 9)
"""


def test_of_two_that_want_a_name_one_gets_it(state_dir: Path) -> None:
    claim(state_dir, "idle", "idle")
    with pytest.raises(AlreadyThere, match="named idle is there already") as caught:
        claim(state_dir, "idle", "idle")
    assert "lab stop idle" in caught.value.hint
    assert [home.name for home, _ in homes(state_dir)] == ["idle"]
    assert [path.name for path in state_dir.iterdir()] == ["idle"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "Idle", "x" * 41, "a b", "a\n", "a,b", "\u00e4"])
def test_a_name_that_could_do_harm_is_refused(state_dir: Path, name: str) -> None:
    with pytest.raises(LabError, match="cannot name a lab guest"):
        claim(state_dir, name, "idle")


def test_a_path_too_long_for_a_socket_is_refused_at_once(state_dir: Path) -> None:
    with pytest.raises(LabError, match="too long for a socket"):
        claim(state_dir / ("x" * 100), "idle", "idle")


def test_a_path_that_qemu_would_take_apart_is_refused(state_dir: Path) -> None:
    with pytest.raises(LabError, match="comma"):
        claim(state_dir / "a,b", "idle", "idle")


def test_a_folder_that_others_may_write_to_is_refused(state_dir: Path) -> None:
    state_dir.chmod(0o777)
    for act in (lambda: claim(state_dir, "idle", "idle"), lambda: running(state_dir, silent)):
        with pytest.raises(LabError, match="others may write to it") as caught:
            act()
        assert "chmod go-w" in caught.value.hint
    state_dir.chmod(0o700)


def test_other_folders_are_none_of_ours(state_dir: Path) -> None:
    (state_dir / "photos").mkdir()
    (state_dir / "broken").mkdir()
    (state_dir / "broken" / "state.json").write_bytes(b"{}")
    (state_dir / "file").write_bytes(b"")
    assert running(state_dir, silent) == ()
    assert sorted(path.name for path in state_dir.iterdir()) == ["broken", "file", "photos"]


def test_a_spawned_process_is_on_record_under_its_own_name(state_dir: Path) -> None:
    home = claim(state_dir, "idle", "idle")
    process = spawn(["sleep", "1000"], home)
    assert wait_until(lambda: home.qemu() == process, 10)
    assert wait_until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n", 10)
    assert Path(f"/proc/{process.pid}/cwd").readlink() == home.path
    fds = {int(fd.name) for fd in Path(f"/proc/{process.pid}/fd").iterdir()}
    assert fds == {0, 1, 2}
    home.remove()
    assert not is_alive(process)
    assert list(state_dir.iterdir()) == []


def test_a_program_that_does_not_exist_says_so_in_the_log(state_dir: Path) -> None:
    home = claim(state_dir, "idle", "idle")
    process = spawn(["no-such-program"], home)
    assert wait_until(lambda: not is_alive(process), 10)
    assert "not found" in home.qemu_log.read_text()


def test_a_shell_whose_folder_is_gone_does_not_become_qemu(state_dir: Path) -> None:
    home = claim(state_dir, "idle", "idle")
    qemu = ["sh", "-c", NOTE_THEN_EXEC, str(home.path), "touch", str(state_dir / "became")]
    assert subprocess.run(qemu, check=False).returncode == 0
    (state_dir / "became").unlink()
    home.remove()
    assert subprocess.run(qemu, check=False, stderr=subprocess.DEVNULL).returncode != 0
    assert not (state_dir / "became").exists()


@pytest.mark.parametrize("spawned", [[], ["spawned"]], ids=["before there is a process", "with its process running"])
def test_what_a_killed_starter_leaves_is_cleared_by_the_next_look(state_dir: Path, spawned: list[str]) -> None:
    subprocess.run([sys.executable, "-c", CLAIM_AND_DIE, state_dir, *spawned], check=False)
    ((home, state),) = homes(state_dir)
    assert not is_running(home, state)
    if spawned:
        assert wait_until(lambda: home.qemu() is not None, 10)
    left, told = home.qemu(), list[str]()
    assert running(state_dir, told.append) == ()
    assert told == ["half was left half started; cleared up"]
    assert list(state_dir.iterdir()) == []
    assert left is None or not is_alive(left)


def test_only_the_process_that_was_started_is_ended(state_dir: Path) -> None:
    home = claim(state_dir, "idle", "idle")
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        fields = Path(f"/proc/{stranger.pid}/stat").read_text().split()
        fields[21] = "1"
        (home.path / "pid").write_text(" ".join(fields))
        assert stop("idle", state_dir=state_dir, tell=silent).pid == stranger.pid
        assert find_process(stranger.pid) is not None
        stranger.kill()
    assert list(state_dir.iterdir()) == []
