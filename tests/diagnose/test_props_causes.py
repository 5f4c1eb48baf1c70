"""More of the causes of guests that the host or their own traffic holds."""

import msgspec
import pytest

from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import LoopActivity, Loops, QemuState, ReadyUse, ThreadActivity
from crazytrain.model.facts.services import NetBackend, Network
from crazytrain.model.facts.storage import GuestStorage, ImageReading
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m
from tests.diagnose.cases_props import disk

HUNG = QemuState(monitor=Outcome.TIMED_OUT, monitor_detail="no greeting within 1 s", refs=m.REFS)
SOCKET_NET = Network(backends=(NetBackend(name="net0", kind="dgram"),), refs=m.REFS)


def paused(*errors: str) -> QemuState:
    return QemuState(monitor=Outcome.OK, status="io-error", io_errors=errors, refs=m.REFS)


def storage(free_bytes: int) -> GuestStorage:
    image = ImageReading(
        path="/vm/a.qcow2",
        fds=(9,),
        writable=True,
        mount_point="/vm",
        fs_type="ext4",
        total_bytes=1 << 30,
        free_bytes=free_bytes,
    )
    return GuestStorage(
        window_ns=m.WINDOW_NS, images=(image,), devices=(), blocked=(), own_blocked=(), tasks_seen=100, refs=m.REFS
    )


def in_states(*states: str) -> ThreadActivity:
    usual = m.threads()
    threads = tuple(msgspec.structs.replace(t, states=states) for t in usual.threads)
    return msgspec.structs.replace(usual, threads=threads)


def packets(taken_per_s: float, kind: str, role: str = "") -> Loops:
    seconds = m.WINDOW_NS / 1e9
    taken = int(taken_per_s * seconds)
    use = ReadyUse(fd=11, events=("POLLIN",), turns=taken, label="fd 11", taken=taken, kind=kind, role=role)
    loop = LoopActivity(
        tid=10,
        label="main loop",
        call="ppoll",
        turns=taken + 5,
        turns_per_s=taken_per_s + 1,
        ready=(use,),
        refs=m.REFS,
    )
    return Loops(loops=(loop,), refs=m.REFS)


def test_a_full_file_system_is_named_with_what_is_left() -> None:
    finding = m.found("enospc-paused", paused("drive0: nospace"), storage(0))
    assert finding.verdict is Verdict.FOUND
    assert "no space left" in finding.headline
    assert any("/vm (ext4), which is full: 0 B free of 1 GiB" in point.says for point in finding.because)


def test_a_failed_disk_with_space_behind_it_is_not_called_full() -> None:
    finding = m.found("enospc-paused", paused("drive0: failed"), storage(1 << 29))
    assert "no space left" not in finding.headline
    assert finding.confidence <= 0.7


def test_a_full_file_system_beside_a_running_guest_is_no_cause() -> None:
    running = QemuState(monitor=Outcome.OK, status="running", refs=m.REFS)
    assert m.found("enospc-paused", running, storage(0)).verdict is Verdict.RULED_OUT


@pytest.mark.parametrize(("state", "who"), [("T", "SIGSTOP"), ("t", "debugger or tracer holds it")])
def test_a_stopped_process_says_who_may_have_stopped_it(state: str, who: str) -> None:
    finding = m.found("monitor-hung", HUNG, in_states("S", state))
    assert finding.verdict is Verdict.FOUND
    assert who in finding.headline


def test_a_thread_that_was_stopped_for_a_moment_is_not_stopped() -> None:
    assert "SIGSTOP" not in m.found("monitor-hung", HUNG, in_states("t", "S")).headline


@pytest.mark.parametrize("lives", [(m.loops(20.0),), (m.view(),), (m.loops(20.0), m.view())])
def test_a_monitor_that_is_late_on_a_loaded_host_does_not_hang(lives: tuple[object, ...]) -> None:
    assert m.found("monitor-hung", HUNG).verdict is Verdict.FOUND
    assert m.found("monitor-hung", HUNG, *lives).confidence < 0.15
    stopped = m.found("monitor-hung", HUNG, in_states("S", "T"), *lives)
    assert stopped.verdict is Verdict.FOUND, "it was stopped in the middle of the window"


@pytest.mark.parametrize(
    ("facts", "hits"),
    [
        ((packets(20_000.0, kind="tun"),), True),
        ((packets(20_000.0, kind="socket"), SOCKET_NET), True),
        ((packets(20_000.0, kind="socket"),), False),  # a socket of whom? there is no network of sockets
        ((packets(20_000.0, kind="socket", role="VNC, client connected"), SOCKET_NET), False),
        ((packets(800.0, kind="tun"),), False),
    ],
)
def test_packets_are_traffic_where_they_come_from_the_network(facts: tuple[object, ...], hits: bool) -> None:
    finding = m.found("guest-io-heavy", *facts, m.threads(loop=0.3), m.view(halted=1.0))
    assert (finding.verdict is Verdict.FOUND) is hits


def test_traffic_beside_threads_that_rest_is_no_load() -> None:
    assert m.found("guest-io-heavy", disk(1100.0), m.threads(vcpu=0.01)).verdict is not Verdict.FOUND
