"""What libvirt is asked, when it is not, and how it ends."""

import asyncio

import msgspec
import pytest

from crazytrain.collect.domstats import collect_domstats
from crazytrain.collect.libvirt_events import collect_libvirt_events
from crazytrain.collect.status import status_now
from crazytrain.decode.domstats import decode_domstats
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import QemuState
from crazytrain.model.guest import Guest, Manager
from tests.collect.making import HOST_FILES, a_guest, look_at, process, stat

ARGV = ("qemu", "-chardev", "socket,id=charmonitor,fd=3,server=on", "-mon", "chardev=charmonitor,mode=control")
FILES = {**HOST_FILES, **process(700, "qemu", ["q"])}


def guest(manager: Manager = Manager.LIBVIRT) -> Guest:
    return msgspec.structs.replace(a_guest(700), command_line=ARGV, manager=manager, uuid="u-1")


def said(*texts: str, status: int = 0, stderr: bytes = b"", outcome: Outcome = Outcome.OK) -> Finished:
    stdout = b"".join(b"%b\n\n(Time: 1.000 ms)\n\n" % text.encode() for text in texts)
    return Finished(status=status, stdout=stdout, stderr=stderr, outcome=outcome)


GOOD = said("running (booted)", "Domain: 'web01'\n  state.state=1", "Job type: None", "No errors found")


def collected(host: FakeHost, asked: Guest, *, seconds: float = 5.0) -> list[Evidence]:
    look, kept = look_at(host, asked, seconds=seconds)
    asyncio.run(collect_domstats(look))
    return kept


def lines(host: FakeHost) -> list[str]:
    return [argv[-1] for argv in host.ran]


def test_both_ends_of_the_window_in_one_process_each() -> None:
    host = FakeHost(FILES, commands={"virsh": GOOD})
    begin = host.now_ns
    kept = collected(host, guest())
    assert [(e.id, e.kind, e.outcome) for e in kept] == [(f"domstats.{n}", Kind.DOMSTATS, Outcome.OK) for n in (0, 1)]
    assert kept[1].mono_ns - begin >= 5 * 10**9
    assert (
        lines(host)
        == ["'domstate' '--reason' 'u-1'; 'domstats' '--nowait' 'u-1'; 'domjobinfo' 'u-1'; 'domblkerror' 'u-1'"] * 2
    )
    assert [part.name for part in unpack(kept[0].data) if "/" not in part.name] == [
        *("domstate", "domstats", "domjobinfo", "domblkerror")
    ]
    (state,) = [fact for fact in decode_domstats(kept[0]) if isinstance(fact, QemuState)]
    assert state.status == "running"


@pytest.mark.parametrize("manager", [Manager.PLAIN, Manager.PROXMOX, Manager.UNKNOWN])
def test_guests_of_others_are_not_libvirts(manager: Manager) -> None:
    host = FakeHost(FILES, commands={"virsh": GOOD})
    assert collected(host, guest(manager)) == []
    assert host.ran == []


def test_disks_are_left_out_while_a_thread_waits_for_storage() -> None:
    waits = {**FILES, "/proc/700/task/700/stat": stat(700, "qemu", state="D")}
    host = FakeHost(waits, commands={"virsh": GOOD})
    collected(host, guest())
    assert "domblkerror" not in lines(host)[0]
    assert "'--state' '--cpu-total' '--balloon' '--vcpu'" in lines(host)[0]


def test_of_a_stopped_process_only_what_libvirt_knows_by_heart() -> None:
    host = FakeHost(
        {**HOST_FILES, **process(700, "qemu", ["q"], state="T")}, commands={"virsh": said("running (booted)")}
    )
    collected(host, guest())
    assert lines(host) == ["'domstate' '--reason' 'u-1'"] * 2


@pytest.mark.parametrize(
    ("told", "outcome", "detail"),
    [
        (None, Outcome.NO_TOOL, "virsh is not installed"),
        (said("", status=1, stderr=b"error: access denied\n"), Outcome.DENIED, "access denied"),
        (
            said("", status=1, stderr=b"error: failed to get domain 'u-1'\n"),
            Outcome.ABSENT,
            "failed to get domain 'u-1'",
        ),
        (
            said(outcome=Outcome.TIMED_OUT),
            Outcome.TIMED_OUT,
            "virsh got no answer within 3 s: libvirtd or QEMU's monitor hangs",
        ),
    ],
)
def test_no_answer_is_asked_for_once(told: Finished | None, outcome: Outcome, detail: str) -> None:
    host = FakeHost(FILES, commands={"virsh": told} if told else {})
    kept = collected(host, guest())
    assert [(e.outcome, e.detail, e.data) for e in kept] == [(outcome, detail, b"")]


def test_an_old_libvirt_that_lacks_a_command_tells_the_rest() -> None:
    old = said("running (booted)", "", "", status=1, stderr=b"error: Operation not supported\n")
    kept = collected(FakeHost(FILES, commands={"virsh": old}), guest())
    assert (kept[0].outcome, kept[0].detail) == (Outcome.OK, "Operation not supported")


def test_another_process_by_the_same_pid() -> None:
    host = FakeHost({**HOST_FILES, **process(700, "vim", ["vim"], start=501)}, commands={"virsh": GOOD})
    (only,) = collected(host, guest())
    assert (only.outcome, host.ran) == (Outcome.ABSENT, [])


def test_the_state_of_libvirts_guests_is_asked_without_a_mark_on_them() -> None:
    host = FakeHost(FILES, commands={"virsh": said("paused (user)")})
    seen = asyncio.run(status_now(host, guest()))
    (state,) = [fact for fact in decode_domstats(seen) if isinstance(fact, QemuState)]
    assert state.status == "paused"
    assert lines(host) == ["'domstate' '--reason' 'u-1'"]


@pytest.mark.parametrize(
    ("done", "outcome", "detail"),
    [
        (Finished(status=0, stdout=b"2026", stderr=b"", outcome=Outcome.OK), Outcome.OK, ""),
        (Finished(status=1, stdout=b"", stderr=b"", outcome=Outcome.OK), Outcome.OK, "QEMU said nothing unasked"),
        (Finished(status=1, stdout=b"", stderr=b"error: no domain", outcome=Outcome.OK), Outcome.ABSENT, "no domain"),
    ],
)
def test_events(done: Finished, outcome: Outcome, detail: str) -> None:
    host = FakeHost(FILES, commands={"virsh": done})
    look, kept = look_at(host, guest(), seconds=5)
    asyncio.run(collect_libvirt_events(look))
    assert [(e.outcome, e.detail) for e in kept] == [(outcome, detail)]
    assert host.ran[0][4:] == ("qemu-monitor-event", "u-1", "--loop", "--timestamp", "--timeout", "5")
