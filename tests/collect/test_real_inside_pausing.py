"""A guest that was paused for a look runs on, whatever happens to who looked. CRAZYTRAIN_KILLS says how often that is tried."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from tests.lab.conftest import silent
from tests.lab.monitor import ask
from tests.support import ROOT, skip_real

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]
_KILLS = int(os.environ.get("CRAZYTRAIN_KILLS", "8"))
_ALLOWED_S = {True: 30.0, False: 0.0}


@pytest.fixture(scope="module")
def guest() -> Iterator[lab.Running]:
    if os.geteuid() != 0:
        skip_real("not root: another user's monitor is out of reach")
    base = os.environ.get("CRAZYTRAIN_CACHE")
    cache = Path(base) if base else Path.home() / ".cache" / "crazytrain" / "lab"
    with tempfile.TemporaryDirectory(prefix="ct-psg-") as name:
        try:
            yield lab.start("busy", state_dir=Path(name), cache_dir=cache, tell=silent)
        finally:
            lab.stop_all(state_dir=Path(name), tell=silent)


def _looking(guest: lab.Running, *, pauses: bool) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "tests.collect.pausing", str(guest.pid), str(_ALLOWED_S[pauses])]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)


def _hear(looking: "subprocess.Popen[bytes]", word: bytes) -> None:
    assert looking.stdout is not None
    for line in looking.stdout:
        if line.strip() == word:
            return
    pytest.fail(f"it ended before it said {word!r}")


def _end(looking: "subprocess.Popen[bytes]") -> None:
    looking.kill()
    looking.wait(20)
    assert looking.stdout is not None
    looking.stdout.close()


def _runs(guest: lab.Running) -> bool:
    """Whether it runs, as QEMU says when it serves the next client: so the guard has let go."""
    return bool(ask(guest.folder / "qmp.sock", "query-status")["running"])


@pytest.mark.parametrize("pauses", [True, False])
def test_killed_at_any_moment_the_guest_runs_on(guest: lab.Running, pauses: bool) -> None:
    for _ in range(_KILLS if pauses else max(2, _KILLS // 4)):
        looking = _looking(guest, pauses=pauses)
        _hear(looking, b"paused" if pauses else b"live")
        time.sleep(random.uniform(0, 0.25))  # the moment is the point
        _end(looking)
        assert _runs(guest)


def test_stopped_in_a_pause_the_guest_runs_on(guest: lab.Running) -> None:
    looking = _looking(guest, pauses=True)
    _hear(looking, b"paused")  # it is said while the guest is paused
    looking.send_signal(signal.SIGSTOP)
    moved = lab.mark_progress(guest).count
    try:
        assert lab.mark_progress(guest).count > moved
    finally:
        looking.send_signal(signal.SIGCONT)
        _end(looking)
    assert _runs(guest)


def test_a_guest_that_its_owner_paused_stays_paused(guest: lab.Running) -> None:
    socket = guest.folder / "qmp.sock"
    ask(socket, "stop")
    try:
        looking = _looking(guest, pauses=True)
        _hear(looking, b"live")
        _end(looking)
        assert not _runs(guest)
    finally:
        ask(socket, "cont")


def test_interrupted_by_hand_the_guest_runs_on(guest: lab.Running) -> None:
    looking = _looking(guest, pauses=True)
    _hear(looking, b"paused")
    looking.send_signal(signal.SIGINT)
    looking.wait(30)
    _end(looking)
    assert _runs(guest)
