"""The guard of a pause: a guest that we paused runs on whatever becomes of us, and only that one."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from crazytrain.host.guarding import ResumeGuard


class Qemu:
    """The monitor's side of a connection: it keeps what it is told, and stops and goes."""

    def __init__(self, line: socket.socket, status: str) -> None:
        self.status = status
        self.told: list[str] = []
        self.ended = threading.Event()
        self._line = line
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._line.makefile("rwb") as talk:
            for line in talk:
                if not line.strip():
                    continue
                asked = json.loads(line)
                self.told.append(asked["execute"])
                talk.write(self._answer(asked))
                talk.flush()
        self.ended.set()

    def _answer(self, asked: dict[str, object]) -> bytes:
        if asked["execute"] == "cont":
            self.status = "running"
        said = {"return": {"status": self.status}, **({"id": asked["id"]} if "id" in asked else {})}
        return b'{"event": "X"}\nno json\n' + json.dumps(said).encode() + b"\n"

    def close(self) -> None:
        self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._line.close()


class Setting:
    """A monitor, our end of it, and a guard that listens."""

    def __init__(self, status: str) -> None:
        ours, theirs = socket.socketpair()
        self.qemu = Qemu(theirs, status)
        self.line = ours
        self.guard = ResumeGuard(ours)
        asyncio.run(self.guard.ready())

    def we_die(self) -> None:
        """What the kernel does when we are killed: every descriptor of ours is closed, and nothing is shut."""
        self.line.close()
        self.guard.close()


@pytest.fixture
def settings() -> Iterator[list[Setting]]:
    made: list[Setting] = []
    yield made
    for one in made:
        one.qemu.close()
        one.line.close()
        one.guard.close()


def _setting(settings: list[Setting], status: str) -> Setting:
    settings.append(Setting(status))
    return settings[-1]


def test_it_resumes_a_paused_guest_when_we_die(settings: list[Setting]) -> None:
    here = _setting(settings, "paused")
    here.guard.arm(600)
    here.we_die()
    assert here.qemu.ended.wait(20)
    assert here.qemu.told == ["query-status", "cont", "query-status"]


def test_it_leaves_a_guest_alone_that_is_not_paused(settings: list[Setting]) -> None:
    for status in ("running", "io-error", "postmigrate", "internal-error", "prelaunch"):
        here = _setting(settings, status)
        here.guard.arm(600)
        here.we_die()
        assert here.qemu.ended.wait(20)
        assert here.qemu.told == ["query-status"]


def test_it_says_nothing_when_there_is_no_pause_of_ours(settings: list[Setting]) -> None:
    never, over = _setting(settings, "paused"), _setting(settings, "paused")
    over.guard.arm(600)
    over.guard.disarm()
    for here in (never, over):
        here.we_die()
        assert here.qemu.ended.wait(20)
        assert here.qemu.told == []


def test_it_takes_over_when_we_are_late_and_hangs_up(settings: list[Setting]) -> None:
    here = _setting(settings, "paused")
    here.guard.arm(0.01)
    assert here.qemu.ended.wait(20)  # the line is shut, although we still hold it
    assert here.qemu.told == ["query-status", "cont", "query-status"]
    here.guard._process.wait(20)
    with pytest.raises(OSError, match="has ended"):
        here.guard.arm(1)


def test_it_skips_what_we_left_unread(settings: list[Setting]) -> None:
    here = _setting(settings, "paused")
    here.line.sendall(b'{"execute": "stop"}\n{"execute": "query-block"}\n')
    here.guard.arm(600)
    here.we_die()
    assert here.qemu.ended.wait(20)
    assert here.qemu.told == ["stop", "query-block", "query-status", "cont", "query-status"]


def test_it_is_in_a_session_of_its_own(settings: list[Setting]) -> None:
    here = _setting(settings, "running")
    assert os.getsid(here.guard.pid) == here.guard.pid
    assert os.getpgid(here.guard.pid) != os.getpgid(0)
