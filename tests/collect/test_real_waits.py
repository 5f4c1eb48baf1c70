"""Threads that wait, of real guests: in what, since when, who holds whom up, in which functions. Oracles: ps, gdb, the clock."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from crazytrain.collect.stack_walk import Walked
from crazytrain.collect.unwind import BEGINNING
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts import Facts, ThreadRole
from crazytrain.model.finding import Finding, Verdict
from crazytrain.model.waiting import rests
from crazytrain.report.waits_story import waits_story
from tests.collect.real import tracers
from tests.collect.stalls import Blocked, blocked, half_moved, seen, stalled, told, waits_of
from tests.support import skip_real
from tests.tiny import HALT, Tiny, boot, until

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

BLOCKED_CAUSES = {"blocked-sync-io", "storage-stall", "block-drain-deadlock", "postcopy-wait", "blocked-usb-host"}


@pytest.fixture(scope="module")
def guest() -> Iterator[Blocked]:
    with blocked() as held:
        yield held


@pytest.fixture(scope="module")
def look(guest: Blocked) -> tuple[Facts, list[Evidence]]:
    return seen(guest.guest)


def found(facts: Facts) -> set[str]:
    return {f.cause for f in diagnose(facts, CAUSES) if f.verdict is Verdict.FOUND}


def best(facts: Facts) -> Finding:
    finding = headline(diagnose(facts, CAUSES), CAUSES)
    assert finding is not None
    return finding


def test_what_the_main_loop_waits_for(guest: Blocked, look: tuple[Facts, list[Evidence]]) -> None:
    waits = waits_of(look[0])
    main = waits.get(guest.guest.process)
    assert main is not None
    assert (main.role, main.call, main.on) == (ThreadRole.MAIN_LOOP, "openat", str(guest.pipe))
    assert main.lasts
    assert main.has("qmp_pmemsave")
    assert "pmemsave" in main.meaning


def test_since_when(guest: Blocked) -> None:
    """The moment is known to some milliseconds. Never is more told; a little less where the host's own host takes time."""
    facts, kept = seen(guest.guest, 0.3)
    last = [e for e in kept if e.id.startswith("waits.")][-1]
    main = waits_of(facts).get(guest.guest.process)
    assert main is not None
    assert main.timed
    assert main.at_least_ns is not None
    most_ns, least_ns = last.mono_ns + last.took_ns - guest.after_ns, last.mono_ns - guest.before_ns
    assert 0.5 * least_ns <= main.at_least_ns <= most_ns


def test_the_lock_itself_names_who_holds_it(guest: Blocked, look: tuple[Facts, list[Evidence]]) -> None:
    waits = waits_of(look[0])
    lock = waits.big_lock
    assert lock is not None
    assert lock.owner == guest.guest.process
    (vcpu,) = [wait for wait in waits.threads if wait.tid in lock.waiters and wait.role is ThreadRole.VCPU]
    assert vcpu.call == "futex"
    assert vcpu.lasts


def test_the_cause(guest: Blocked, look: tuple[Facts, list[Evidence]]) -> None:
    verdict = best(look[0])
    assert verdict.cause == "blocked-sync-io"
    assert verdict.confidence >= 0.9
    assert str(guest.pipe) in verdict.headline
    assert found(look[0]) & BLOCKED_CAUSES == {"blocked-sync-io"}
    told = [one.says for one in waits_story(look[0])]
    held = r"main loop .* has been inside openat of .*pipe for .* holds QEMU's big lock, for which ([^;]*) waits?\b"
    (waiters,) = (match[1] for says in told if (match := re.search(held, says)))
    assert "vCPU 0" in waiters, told  # QEMU's RCU thread may want it, too


def test_states_and_kernel_functions_are_those_of_ps(guest: Blocked, look: tuple[Facts, list[Evidence]]) -> None:
    ps = subprocess.run(
        ("ps", "-L", "-o", "tid=,stat=,wchan:60=", "-p", str(guest.guest.process)),
        capture_output=True,
        text=True,
        check=True,
    )
    told = {int(tid): (state[0], where) for tid, state, where in (line.split() for line in ps.stdout.splitlines())}
    ours = {w.tid: (w.state, w.wchan) for w in waits_of(look[0]).threads if w.lasts and w.wchan}
    assert len(ours) >= 2
    assert {tid: told[tid] for tid in ours} == ours


def test_functions_are_those_of_gdb(guest: Blocked, look: tuple[Facts, list[Evidence]]) -> None:
    """Frame by frame: gdb stops the guest and reads registers, we did neither."""
    if shutil.which("gdb") is None:
        skip_real("gdb is not installed")
    walked = {line.tid: line for line in stack_lines(look[1])}
    before = switches(guest.guest.process)
    argv = ("gdb", "-nx", "-batch", "-p", str(guest.guest.process), "-ex", "thread apply all bt")
    told = gdb_frames(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    still = [tid for tid, walk in walked.items() if walk.ended == BEGINNING and before[tid] == walk.switches]
    assert guest.guest.process in still
    named = 0
    for tid in still:
        ours = {frame.ip: frame.symbol for frame in walked[tid].frames[1:]}
        # gdb shows tail calls, too, of which nothing is left on the stack; whatever we have it has in the same order.
        assert list(ours) == [ip for ip in told[tid] if ip in ours], f"thread {tid}"
        for ip, name in ours.items():
            theirs = {bare(one) for one in told[tid][ip]} - {"??"}
            assert not name or not theirs or bare(name) in theirs
            named += bool(name and theirs)
    assert named >= 8


def switches(pid: int) -> dict[int, int]:
    """How often each thread was on a CPU."""
    return {int(p.parent.name): int(p.read_text().split()[2]) for p in Path(f"/proc/{pid}/task").glob("*/schedstat")}


def gdb_frames(text: str) -> dict[int, dict[int, list[str]]]:
    """By thread and address, in order: the names that gdb gives. What an inlined function is in stands behind it without address."""
    found: dict[int, dict[int, list[str]]] = {}
    for part in text.split("\nThread ")[1:]:
        lwp = re.search(r"LWP (\d+)", part)
        assert lwp is not None
        own = found.setdefault(int(lwp[1]), {})
        last = 0
        for address, name in re.findall(r"^#\d+ +(?:0x([0-9a-f]+) in )?(\S+)", part, re.MULTILINE):
            last = int(address, 16) if address else last
            own.setdefault(last, []).append(name)
    return found


def bare(name: str) -> str:
    """A function has several names (open, __open64, __libc_open64): what is left of all of them."""
    return re.sub(r"^_*(?:GI_+)?(?:libc_|IO_new_|IO_)?|(?:64|_impl)$", "", name).lstrip("_")


def stack_lines(kept: list[Evidence]) -> list[Walked]:
    last = [e for e in kept if e.id.startswith("stacks.")][-1]
    assert last.outcome is Outcome.OK
    return [msgspec.json.decode(line, type=Walked) for line in last.data.splitlines()]


def test_looking_costs_little_and_stops_nobody(guest: Blocked) -> None:
    before = time.process_time()
    _, kept = seen(guest.guest, 0.3)
    assert time.process_time() - before < 3
    assert tracers(guest.guest.process) == {"0"}
    assert {e.outcome for e in kept if e.id.startswith(("waits.", "stacks."))} == {Outcome.OK}


def test_when_it_goes_on_nothing_is_blocked_any_more() -> None:
    with blocked() as held:
        held.release()
        facts, _ = seen(held.guest)
    assert not found(facts) & BLOCKED_CAUSES


def test_an_idle_guest_waits_as_it_should() -> None:
    with boot(HALT) as idle:
        facts, _ = seen(idle)
    waits = waits_of(facts)
    assert [wait for wait in waits.threads if not rests(wait)] == []
    assert waits.locks == ()
    assert not found(facts) & BLOCKED_CAUSES


def lasting(guest: Tiny, cause: str) -> Facts:
    """Look again and again until a wait has lasted long enough to be this cause."""
    limit = time.monotonic() + 60
    facts, _ = seen(guest, 0.5)
    while cause not in found(facts) and time.monotonic() < limit:
        facts, _ = seen(guest, 0.5)
    return facts


def test_a_storage_that_does_not_answer_and_a_drain_that_waits_for_it() -> None:
    with stalled() as (guest, image):
        facts = lasting(guest, "storage-stall")
        with told(guest.qmp, ("stop", {})):
            until(lambda: draining(guest), "QEMU drains its disks before it stops")
            later, _ = seen(guest, 0.8)
    waits = waits_of(facts)
    (worker,) = [wait for wait in waits.threads if wait.in_kernel("fuse_*") and wait.role is not ThreadRole.MAIN_LOOP]
    assert worker.call in ("pread64", "preadv", "preadv2")
    assert str(image) in worker.on
    verdict = best(facts)
    assert verdict.cause == "storage-stall"
    assert verdict.confidence >= 0.7
    assert found(facts) & BLOCKED_CAUSES == {"storage-stall"}
    assert found(later) & BLOCKED_CAUSES == {"storage-stall"}, "the drain is right to wait"


def draining(guest: Tiny) -> bool:
    main = waits_of(seen(guest, 0.3)[0]).get(guest.process)
    return main is not None and main.has("aio_poll") and main.has("bdrv_drain*")


def test_a_guest_that_waits_for_its_memory_from_another_host() -> None:
    with half_moved() as guest:
        facts = lasting(guest, "postcopy-wait")
    (vcpu,) = [wait for wait in waits_of(facts).threads if wait.in_kernel("handle_userfault")]
    assert vcpu.role is ThreadRole.VCPU
    assert vcpu.call == "page fault"
    verdict = best(facts)
    assert verdict.cause == "postcopy-wait"
    assert found(facts) & BLOCKED_CAUSES == {"postcopy-wait"}
