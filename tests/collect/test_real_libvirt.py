"""A real libvirtd's guests: named, asked about without a mark where that can be, by root and by one of libvirt's group."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts import Facts, KvmExits, KvmStatReading, QemuState
from crazytrain.model.facts.block import BlockReading
from crazytrain.model.facts.services import QemuEvent
from crazytrain.pipeline import read
from crazytrain.store.loader import load
from tests.cage import Cage, caged
from tests.tiny import REAL, until

pytestmark = pytest.mark.real

OURS = (sys.executable, "-m", "crazytrain")
MARK = "custom-monitor"


@pytest.fixture(scope="module")
def cage() -> Iterator[Cage]:
    with caged() as libvirt:
        libvirt.start("k1", REAL, "kvm")
        libvirt.start("t1", REAL, "qemu")
        yield libvirt


def log_of(cage: Cage, name: str) -> str:
    return (cage.base / "log" / "qemu" / f"{name}.log").read_text()


def pid_of(cage: Cage, name: str) -> int:
    return int((cage.base / "run" / "qemu" / f"{name}.pid").read_text())


def ours(cage: Cage, *words: str, state: Path, user: bool = False) -> str:
    state.mkdir(exist_ok=True)
    state.chmod(0o777)
    environment = {"CRAZYTRAIN_STATE": str(state), "HOME": str(state)}
    return cage.run(*OURS, *words, user=user, limit_s=120, **environment)


def why(
    cage: Cage, name: str, *, user: bool = False, seconds: str = "1"
) -> tuple[dict[str, Any], Facts, dict[str, Evidence]]:
    state = cage.base / f"state-{name}-{time.monotonic_ns()}"
    report: dict[str, Any] = json.loads(ours(cage, "why", name, "--for", seconds, "--json", state=state, user=user))
    (folder,) = (state / "cases").iterdir()
    case = load(folder)
    return report, read(case.evidence).facts, {e.id: e for e in case.evidence}


@contextlib.contextmanager
def stirred(cage: Cage, name: str) -> Iterator[None]:
    """Suspend and resume a guest again and again: QEMU tells of it."""
    over = threading.Event()

    def stir() -> None:
        while not over.wait(0.5):
            cage.virsh(f"suspend {name}; resume {name}")

    thread = threading.Thread(target=stir)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("user", [False, True], ids=["root", "libvirt-group"])
def test_guests_are_named_with_their_state_and_not_marked(cage: Cage, *, user: bool) -> None:
    listed = ours(cage, "guests", "--json", state=cage.base / f"listed-{user}", user=user)
    rows = {row["guest"]["name"]: row for row in json.loads(listed) if row["guest"]["name"] in ("k1", "t1")}
    assert {name: (row["guest"]["manager"], row["status"]) for name, row in rows.items()} == dict.fromkeys(
        ("k1", "t1"), ("libvirt", "running")
    )
    if not user:  # the first test of all: nobody has asked QEMU yet
        assert MARK not in log_of(cage, "k1") + log_of(cage, "t1")


def test_root_sees_all_of_a_kvm_guest_and_hears_what_qemu_says(cage: Cage) -> None:
    with stirred(cage, "k1"):
        report, facts, evidence = why(cage, "k1", seconds="3")
    for name in ("domstats.0", "domstats.1", "qmp.0", "qmp.1", "vcpus.0", "devices.0", "events.0"):
        assert evidence[name].outcome is Outcome.OK, (name, evidence[name].detail)
    state = facts.get(QemuState)
    assert state is not None
    assert state.status in ("running", "paused")  # it is being stirred
    assert state.status_reason.startswith(state.status)
    assert state.marked
    assert {"STOP", "RESUME"} <= {event.name for event in facts.all(QemuEvent)}
    assert report["verdict"]["cause"] in ("pio-poll", "cpu-contention")  # a loaded machine has its say
    exits = facts.get(KvmExits)
    if exits and exits.ports:
        assert "info mtree" in max(exits.ports, key=lambda port: port.count).owner_known_by
    assert MARK in log_of(cage, "k1")
    assert any(MARK in line["says"] for line in report["story"])


def test_one_of_libvirts_group_sees_by_virsh_what_proc_denies(cage: Cage) -> None:
    _, facts, evidence = why(cage, "t1", user=True)
    for name in ("domstats.0", "domstats.1", "qmp.0", "vcpus.0", "devices.0", "tasks.0"):
        assert evidence[name].outcome is Outcome.OK, (name, evidence[name].detail)
    assert evidence["descriptors.0"].outcome is Outcome.DENIED
    state = facts.get(QemuState)
    assert state is not None
    assert (state.status, state.kvm) == ("running", False)


def test_our_counters_are_those_of_domstats_and_of_query_stats(cage: Cage) -> None:
    """The guest is suspended, so that all of them were read at the same moment of its life."""
    cage.virsh("suspend", "k1")
    try:
        stats = '{"execute":"query-stats","arguments":{"target":"vcpu"}}'
        asked = json.loads(cage.virsh("qemu-monitor-command", "k1", stats))["return"]
        printed = cage.virsh("domstats", "k1", "--raw")
        blocks = json.loads(cage.virsh("qemu-monitor-command", "k1", '{"execute":"query-blockstats"}'))["return"]
        # On a host that is busy the monitor is left before all is asked: what was not asked is asked again.
        tries = (why(cage, "k1")[1] for _ in range(5))
        facts = next(found for found in tries if found.get(KvmStatReading) and found.get(BlockReading))
    finally:
        cage.virsh("resume", "k1")
    reading, disks, state = facts.get(KvmStatReading), facts.get(BlockReading), facts.get(QemuState)
    assert reading is not None
    mine = {counter.name: counter.value for counter in reading.counters}
    for name in ("exits", "insn_emulation", "halt_exits"):
        theirs = [s["value"] for vcpu in asked for s in vcpu["stats"] if s["name"] == name]
        assert f"vcpu.0.{name}.sum={mine[name]}" in printed.split()
        # Asking for registers makes a stopped vCPU leave once more.
        assert mine[name] == pytest.approx(sum(theirs), rel=0.05)
    assert mine["insn_emulation"] > 0
    assert disks is not None
    assert [d.reads for d in disks.disks] == [b["stats"]["rd_operations"] for b in blocks]
    assert state is not None
    assert (state.status, state.status_reason) == ("paused", "paused (user)")


def test_a_stopped_qemu_is_not_asked_and_libvirt_keeps_no_lock_on_it(cage: Cage) -> None:
    pid = pid_of(cage, "t1")
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: b") T " in Path(f"/proc/{pid}/stat").read_bytes(), "QEMU stops")
        report, facts, evidence = why(cage, "t1")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert evidence["qmp.0"].outcome is Outcome.TIMED_OUT
    assert "is stopped" in evidence["qmp.0"].detail
    assert evidence["domstats.0"].outcome is Outcome.OK
    state = facts.get(QemuState)
    assert state is not None
    assert (state.monitor, state.status) == (Outcome.TIMED_OUT, "running")
    assert report["verdict"]["cause"] == "monitor-hung"
    assert "state.state=1" in cage.run("virsh", "-q", "domstats", "--nowait", "t1", limit_s=20)
