"""A start that is interrupted, killed, or stopped from elsewhere, while the guest boots."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.lab.home import Home
from crazytrain.lab.process import find_process, is_alive
from crazytrain.lab.wait import wait_until
from crazytrain.model.guest import ProcessId
from tests.lab.conftest import silent
from tests.support import skip_real

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

# A guest that boots for ever: its sign never comes.
START = """
import pathlib, sys
import msgspec
from crazytrain import lab
from crazytrain.lab import starting
from crazytrain.lab.guest import Sign
never = msgspec.structs.replace(lab.find_guest("idle"), ready=Sign(file="console.log", pattern="never"))
starting.find_guest = lambda _: never
lab.start("idle", state_dir=pathlib.Path(sys.argv[1]), cache_dir=pathlib.Path(sys.argv[2]), tell=print)
"""


@pytest.fixture
def starter(state_dir: Path, cache_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that starts a guest and waits for it."""
    if shutil.which("qemu-system-x86_64") is None:
        skip_real("qemu-system-x86_64 is not installed")
    argv = [sys.executable, "-c", START, str(state_dir), str(cache_dir)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        yield child
        child.kill()


def booting(state_dir: Path) -> ProcessId:
    """Wait until there is a QEMU, and return it."""

    def is_qemu() -> bool:
        qemu = Home(state_dir / "idle").qemu()
        return qemu is not None and "qemu" in Path(f"/proc/{qemu.pid}/comm").read_text()

    assert wait_until(is_qemu, 300)
    qemu = Home(state_dir / "idle").qemu()
    assert qemu is not None
    return qemu


def makings_in(folder: Path) -> list[Path]:
    return list(folder.rglob(".making-*"))


def test_ctrl_c_leaves_nothing(starter: subprocess.Popen[str], state_dir: Path, cache_dir: Path) -> None:
    qemu = booting(state_dir)
    starter.send_signal(signal.SIGINT)
    assert starter.wait(timeout=60) != 0
    assert not is_alive(qemu)
    assert list(state_dir.iterdir()) == []
    assert makings_in(cache_dir) == []


def test_after_kill_9_qemu_is_found_and_ended(starter: subprocess.Popen[str], state_dir: Path) -> None:
    qemu = booting(state_dir)
    starter.kill()
    starter.wait()
    assert is_alive(qemu)
    told: list[str] = []
    assert lab.running(state_dir, told.append) == ()
    assert [line.partition(";")[0] for line in told] == ["idle was left half started"]
    assert not is_alive(qemu)
    assert list(state_dir.iterdir()) == []


def test_after_kill_9_the_name_can_be_stopped(starter: subprocess.Popen[str], state_dir: Path) -> None:
    qemu = booting(state_dir)
    starter.kill()
    starter.wait()
    assert lab.stop("idle", state_dir=state_dir, tell=silent).process == qemu
    assert find_process(qemu.pid) is None
    assert list(state_dir.iterdir()) == []


def test_a_guest_that_is_being_started_is_listed_and_can_be_stopped(
    starter: subprocess.Popen[str], state_dir: Path
) -> None:
    qemu = booting(state_dir)
    (guest,) = lab.running(state_dir, silent)
    assert (guest.ready, guest.process) == (False, qemu)
    lab.stop("idle", state_dir=state_dir, tell=silent)
    _, said = starter.communicate(timeout=60)
    assert "NotReady: idle was stopped while it started" in said
    assert not is_alive(qemu)
    assert list(state_dir.iterdir()) == []
