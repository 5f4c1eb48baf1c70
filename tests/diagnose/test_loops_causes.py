"""Causes in event loops and KVM: what tells them from each other, and from guests that are well."""

import msgspec
import pytest

from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import CallUse, ErrorCount, KvmExits, KvmStats, Loops, QemuState, ReadyUse
from crazytrain.model.finding import Verdict
from tests.diagnose import cases_loops as c
from tests.diagnose import making as m

RUNNING = QemuState(monitor=Outcome.OK, status="running", refs=m.REFS)
SPINS = ("dead-client-spin", "chardev-spin", "usernet-spin", "fd-monitor-spin")


def verdicts(*facts: object) -> dict[str, Verdict]:
    return {slug: m.found(slug, *facts).verdict for slug in SPINS}


@pytest.mark.parametrize(
    ("use", "facts", "slug"),
    [
        (c.ready(0.99, "POLLHUP", role="QMP monitor, client connected"), (), "dead-client-spin"),
        (c.ready(0.99, "POLLIN", "POLLHUP"), (c.TAP,), "dead-client-spin"),
        (c.ready(0.99, "POLLNVAL", role="console", kind="pty"), (c.TAP,), "chardev-spin"),
        (c.ready(0.99, "POLLIN", kind="eventfd", role="irqfd"), (c.TAP,), "fd-monitor-spin"),
        (c.ready(0.99, "POLLIN", kind="epoll", role="event loop of an iothread"), (c.TAP,), "fd-monitor-spin"),
        (c.ready(0.99, "POLLIN", "POLLHUP"), (c.USERNET,), "usernet-spin"),
    ],
)
def test_a_spin_is_blamed_on_whose_descriptor_it_is(use: ReadyUse, facts: tuple[object, ...], slug: str) -> None:
    said = verdicts(c.woken(use), m.threads(loop=0.95), *facts)
    assert {name for name, verdict in said.items() if verdict is Verdict.FOUND} == {slug}


def test_a_dead_client_is_the_headline_of_a_guest_that_is_well_but_for_it() -> None:
    spun = c.woken(c.ready(0.99, "POLLIN", "POLLHUP", role="VNC, client connected"))
    assert m.verdict(spun, m.threads(vcpu=0.3, loop=0.9), m.view(halted=0.7), RUNNING) == "dead-client-spin"


@pytest.mark.parametrize(
    "use",
    [
        c.ready(0.99, "POLLIN", kind="io_uring", served=None),  # emptied where no call shows it
        c.ready(0.99, "POLLIN", kind="tun", role="tap tap0", served=80_000),  # a flood of packets, each read
        c.ready(0.2, "POLLIN", role="VNC, client connected"),  # not in most turns
    ],
)
def test_work_is_no_spin(use: ReadyUse) -> None:
    said = verdicts(c.woken(use), m.threads(loop=0.95), c.TAP, c.calls())
    assert Verdict.FOUND not in said.values()


def test_a_loop_that_turns_seldom_does_not_spin() -> None:
    calm = c.woken(c.ready(0.99, "POLLHUP", role="VNC, client connected", per_s=40), per_s=40)
    assert Verdict.FOUND not in verdicts(calm, m.threads(), c.TAP).values()


def test_what_was_not_looked_at_rules_nothing_out() -> None:
    blind = m.loops(9000.0)
    for slug in SPINS[:1] + SPINS[2:]:
        finding = m.found(slug, blind, m.threads(loop=0.9))
        assert finding.verdict is Verdict.UNKNOWN, finding
        assert finding.missing


def test_healthy_guests_stay_healthy_where_their_loops_are_seen() -> None:
    served = ReadyUse(fd=5, events=("POLLIN",), turns=90, label="fd 5", kind="eventfd", taken=90, served=90)
    seen = c.woken(served, per_s=20.0)
    assert m.verdict(m.threads(vcpu=0.01), m.view(halted=0.98), seen, RUNNING, c.TAP) == "healthy-idle"
    assert m.verdict(m.threads(vcpu=0.4), m.view(halted=0.6), seen, RUNNING, c.TAP) == "healthy-busy"


def test_a_console_that_is_full_now_and_then_is_no_spin() -> None:
    slow = c.writes(10.0, 1.0)
    assert m.found("chardev-spin", slow, c.table("pty", "console"), m.threads()).verdict is not Verdict.FOUND


@pytest.mark.parametrize("role", ["tap net0", "VNC, client connected"])
def test_other_sockets_that_are_full_are_no_character_devices(role: str) -> None:
    kind = "tun" if role.startswith("tap") else "socket"
    assert m.found("chardev-spin", c.writes(4000, 1.0), c.table(kind, role), m.threads()).verdict is not Verdict.FOUND


def test_an_interrupted_call_of_another_kind_is_not_a_retry() -> None:
    waits = CallUse(
        tid=c.VCPU, call="futex", fd=None, count=50_000, errors=(ErrorCount("EAGAIN", 50_000),), refs=m.REFS
    )
    assert m.found("chardev-spin", c.calls(waits), m.threads()).verdict is not Verdict.FOUND


def test_the_monitors_own_iothread_is_not_blamed_for_our_questions() -> None:
    asked = m.threads(vcpu=0.05)
    ours = msgspec.structs.replace(c.with_iothread(0.95).threads[-1], comm="IO mon_iothread")
    threads = msgspec.structs.replace(asked, threads=(*asked.threads, ours))
    assert m.found("iothread-spin", threads, c.FEW_CALLS).verdict is not Verdict.FOUND


def counted(**rates: float) -> KvmStats:
    return c.stats(**rates)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ((counted(halt_poll_success_ns=3e8, halt_poll_fail_ns=1e8), m.view(halted=0.9)), Verdict.FOUND),
        ((counted(halt_poll_success_ns=1e6, halt_poll_fail_ns=0.0), m.view(halted=0.9)), Verdict.RULED_OUT),
        ((), Verdict.UNKNOWN),
    ],
)
def test_halt_polling_is_also_known_by_kvms_counters(facts: tuple[object, ...], verdict: Verdict) -> None:
    assert m.found("halt-polling", m.threads(vcpu=0.5), *facts).verdict is verdict


@pytest.mark.parametrize("exits", [c.kvm(), None])
def test_pauses_that_cannot_be_traced_are_not_zero(exits: KvmExits | None) -> None:
    finding = m.found("pause-contention", c.two_vcpus(0.6, delay=0.4), *((exits,) if exits else ()))
    assert finding.verdict is Verdict.UNKNOWN
    assert finding.missing


def test_one_vcpu_waits_for_no_other() -> None:
    assert m.found("pause-contention", m.threads(vcpu=0.9), c.pauses(20_000.0)).verdict is not Verdict.FOUND


def test_one_vcpu_alone_is_not_said_to_idle_by_polling() -> None:
    finding = m.found("idle-poll", m.threads(vcpu=1.0), c.at(0xFFFFFFFF81000010), c.kvm(), c.stats(halt_exits=0.0))
    assert finding.verdict is not Verdict.FOUND
    assert finding.missing


def test_faults_over_many_pages_are_no_loop() -> None:
    spread = c.faults(*([4000.0] * 8))
    assert (
        m.found("page-fault-loop", spread, c.stats(pf_taken=32_000.0, pf_fixed=31_000.0)).verdict is not Verdict.FOUND
    )


def test_a_loop_told_not_to_wait_has_a_timer_due_and_no_broken_monitor() -> None:
    (loop,) = c.woken(waited=c.AT_ONCE).loops
    due = Loops(loops=(msgspec.structs.replace(loop, zero=loop.turns, infinite=0),), refs=m.REFS)
    assert m.found("fd-monitor-spin", due, c.calls(), m.threads(loop=0.9)).verdict is not Verdict.FOUND
