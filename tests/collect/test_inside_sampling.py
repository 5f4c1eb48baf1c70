"""Looking at registers, and pausing for it: what is asked, in which order, and what is never done."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from crazytrain.collect.inside_pausing import Allowance
from crazytrain.collect.inside_sampling import Sampled, Wish, sample_registers
from crazytrain.collect.look import Look
from crazytrain.host.door import MonitorEnded, Pause
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager, ProcessId
from crazytrain.model.guest_memory import Unreadable

SOCKET = "/run/qmp.sock"
STAT = b"77 (qemu) S 1 77 77 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 500 0 0 " + b"0 " * 30
MS = 1_000_000


class Line:
    """A monitor that answers; each answer takes ``took_ns`` of the fake clock."""

    def __init__(self, host: FakeHost, *, status: str = "running", migration: str = "", took_ns: int = MS) -> None:
        self.host = host
        self.status = status
        self.migration = migration
        self.took_ns = took_ns
        self.told: list[str] = []
        self.events: list[str] = []
        self.armed = False
        self.left_armed = 0
        self.fails_at = ""
        self.meanwhile: Callable[[str], None] = lambda _: None

    async def ask(self, command: bytes) -> bytes:
        execute = json.loads(command)["execute"]
        self.told.append(execute)
        self.host.now_ns += self.took_ns
        if execute == self.fails_at:
            raise MonitorEnded(Outcome.TIMED_OUT, "no answer in time")
        said = self._said(execute)
        self.meanwhile(execute)
        return (
            b'{"event": "NIC_RX_FILTER_CHANGED"}\n' + json.dumps({"execute": execute, "return": said}).encode() + b"\n"
        )

    def _said(self, execute: str) -> object:
        if execute in ("stop", "cont"):
            self.status = "paused" if execute == "stop" else "running"
            self.events.append("STOP" if execute == "stop" else "RESUME")
            return {}
        return {
            "query-status": {"status": self.status},
            "query-migrate": {"status": self.migration} if self.migration else {},
        }.get(execute, "CPU#0\n...")

    def heard(self) -> tuple[str, ...]:
        heard, self.events = tuple(self.events), []
        return heard

    @contextlib.asynccontextmanager
    async def guarded(self) -> AsyncIterator[Pause]:
        try:
            yield self
        finally:
            self.left_armed += self.armed
            self.armed = False

    def arm(self, within_s: float) -> None:
        assert within_s > 0
        self.armed = True

    def disarm(self) -> None:
        self.armed = False


@pytest.fixture
def host() -> FakeHost:
    return FakeHost({"/proc/77/stat": STAT}, tick_ns=1)


def _look(host: FakeHost, window_s: float = 1.0, **more: object) -> Look:
    argv = ("qemu-system-x86_64", "-qmp", f"unix:{SOCKET},server=on,wait=off")
    guest = Guest(process=ProcessId(pid=77, start_ticks=500), name="g", command_line=argv)
    guest = msgspec.structs.replace(guest, **more)
    return Look(
        host=host, guest=guest, start_ns=host.now_ns, end_ns=host.now_ns + int(window_s * 1e9), keep=lambda _: None
    )


class Spots:
    """What was handed over."""

    def __init__(self, *, fails: bool = False) -> None:
        self.seen: list[bool] = []
        self.fails = fails

    async def __call__(self, text: str, mono_ns: int, stopped: bool) -> None:
        assert text.startswith("CPU#0")
        assert mono_ns > 0
        if self.fails:
            raise Unreadable("the child has ended")
        self.seen.append(stopped)


def _sample(look: Look, spots: Spots, wish: Wish) -> Sampled:
    return asyncio.run(sample_registers(look, spots, wish))


def test_the_rate_is_what_was_wished_and_never_more_than_a_hundred(host: FakeHost) -> None:
    for wished, least, most in ((50.0, 45, 51), (10.0, 9, 11), (5000.0, 60, 101), (0.0, 1, 2)):
        line = host.talks[SOCKET] = Line(host, took_ns=MS // 2)
        done = _sample(_look(host), spots := Spots(), Wish(per_s=wished))
        assert least <= done.samples <= most
        assert spots.seen == [False] * done.samples
        assert set(line.told) == {"human-monitor-command"}


def test_a_guest_that_takes_long_to_tell_is_asked_less_often(host: FakeHost) -> None:
    host.talks[SOCKET] = Line(host, took_ns=20 * MS)
    assert _sample(_look(host), Spots(), Wish()).samples <= 6


def test_nothing_pauses_unless_it_may(host: FakeHost) -> None:
    line = host.talks[SOCKET] = Line(host)
    _sample(_look(host), Spots(), Wish())
    assert "stop" not in line.told


def test_a_pause_ends_with_cont_and_all_stay_within_what_is_allowed(host: FakeHost) -> None:
    line = host.talks[SOCKET] = Line(host)
    done = _sample(_look(host, 3.0), spots := Spots(), Wish(may_pause_ns=50 * MS))
    assert done.missing == ()
    assert 4 <= spots.seen.count(True) <= 13
    assert spots.seen.count(False) > spots.seen.count(True)
    assert 0 < done.paused_ns <= 50 * MS
    assert line.told.count("stop") == line.told.count("cont") == spots.seen.count(True)
    assert (line.status, line.armed, line.left_armed) == ("running", False, 0)


@pytest.mark.parametrize("status", ["paused", "io-error", "postmigrate", "suspended", "inmigrate"])
def test_a_guest_that_does_not_run_is_neither_paused_nor_resumed(host: FakeHost, status: str) -> None:
    line = host.talks[SOCKET] = Line(host, status=status)
    done = _sample(_look(host), Spots(), Wish(may_pause_ns=50 * MS))
    assert not {"stop", "cont"} & set(line.told)
    assert status in done.missing[0].why
    assert done.samples > 10


def test_a_guest_that_migrates_is_not_paused(host: FakeHost) -> None:
    line = host.talks[SOCKET] = Line(host, migration="active")
    done = _sample(_look(host), Spots(), Wish(may_pause_ns=50 * MS))
    assert "stop" not in line.told
    assert "migrated" in done.missing[0].why


def test_who_resumed_it_meanwhile_has_the_say(host: FakeHost) -> None:
    line = host.talks[SOCKET] = Line(host)

    def resume_and_pause(execute: str) -> None:
        if execute == "human-monitor-command" and line.status == "paused":
            line.events += ["RESUME", "STOP"]

    line.meanwhile = resume_and_pause
    _sample(_look(host), Spots(), Wish(may_pause_ns=50 * MS))
    assert line.told.count("stop") == 1  # then it is found paused, by somebody else
    assert "cont" not in line.told
    assert (line.armed, line.left_armed) == (False, 0)


def test_a_state_that_came_meanwhile_is_not_resumed(host: FakeHost) -> None:
    line = host.talks[SOCKET] = Line(host)

    def migrate(execute: str) -> None:
        if execute == "stop":
            line.status = "postmigrate"

    line.meanwhile = migrate
    _sample(_look(host), Spots(), Wish(may_pause_ns=50 * MS))
    assert "cont" not in line.told


@pytest.mark.parametrize("fails_at", ["stop", "human-monitor-command", "cont"])
def test_a_monitor_that_hangs_in_a_pause_is_left_to_the_guard(host: FakeHost, fails_at: str) -> None:
    line = host.talks[SOCKET] = Line(host)
    line.fails_at = fails_at
    done = _sample(_look(host), Spots(), Wish(may_pause_ns=50 * MS))
    assert line.left_armed == 1
    assert line.told.count("stop") == 1
    assert any("no answer" in one.why for one in done.missing)


def test_a_child_that_fails_in_a_pause_leaves_no_paused_guest(host: FakeHost) -> None:
    line = host.talks[SOCKET] = Line(host)
    with pytest.raises(Unreadable):
        _sample(_look(host), Spots(fails=True), Wish(may_pause_ns=50 * MS))
    assert (line.status, line.armed, line.left_armed) == ("running", False, 0)


def test_no_socket_is_said(host: FakeHost) -> None:
    done = _sample(_look(host), Spots(), Wish())
    assert (done.samples, done.missing[0].what) == (0, "registers")
    none = _sample(_look(host, command_line=("qemu-system-x86_64",)), Spots(), Wish())
    assert "no QMP socket" in none.missing[0].why


def test_libvirts_guest_is_never_paused(host: FakeHost) -> None:
    done = _sample(
        _look(host, command_line=("qemu-system-x86_64",), manager=Manager.LIBVIRT), Spots(), Wish(may_pause_ns=50 * MS)
    )
    assert {one.what for one in done.missing} == {"registers", "paused looks"}
    assert all("qemu-monitor-command" in ran[-1] for ran in host.ran)


def test_an_allowance_is_spread_and_never_passed() -> None:
    allowance = Allowance(100 * MS, 10_000 * MS)
    now = 0
    while now < 10_000 * MS:
        if allowance.is_due(now):
            allowance.spend(now, now + 7 * MS)
        now += MS
    assert 50 * MS < allowance.used_ns <= 100 * MS
    assert not Allowance(MS, 1000 * MS).suffices
