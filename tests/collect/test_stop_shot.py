"""One stop of each of QEMU's loops, on request: which threads, within which budget, and what is told of it."""

import asyncio
import base64
import json
import sys

import msgspec
import pytest

from crazytrain.collect.purse import Purse
from crazytrain.collect.stop_shot import COLLECTOR, collect_stop_shot
from crazytrain.derive.waits import derive_waits
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.budget import Budget
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import Facts
from crazytrain.model.facts.stacks import UserStacks
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import read
from crazytrain.report.stop_story import stop_story
from tests.collect.making import HOST_FILES, a_guest, look_at, process, stat
from tests.collect.real import look_at as real_look_at
from tests.collect.real import need
from tests.tiny import boot, until

PID = 700
THREADS = {
    PID: "qemu-system-x86",
    701: "CPU 0/KVM",
    702: "IO iothread0",
    703: "worker",
    704: "qemu-system-x86",
    705: "vnc_worker",
}
FILES = {**HOST_FILES, **process(PID, "qemu", ["q"], threads=THREADS), f"/proc/{PID}/maps": b""}


def line(tid: int, stopped_ns: int = 90_000, why: str = "") -> bytes:
    told: dict[str, object] = {"tid": tid, "mono_ns": 5}
    if why:
        return json.dumps({**told, "why": why}).encode() + b"\n"
    registers = {"rip": 0x1000, "rsp": 0x2000}
    words = base64.b64encode(bytes(64)).decode()
    return json.dumps({**told, "stopped_ns": stopped_ns, "registers": registers, "stack": words}).encode() + b"\n"


def printed(*lines: bytes, stderr: bytes = b"", status: int = 0) -> dict[str, Finished]:
    done = Finished(status=status, stdout=b"".join(lines), stderr=stderr, outcome=Outcome.OK, took_ns=9, cpu_ns=7)
    return {sys.executable: done}


def shot(host: FakeHost, **more: object) -> list[Evidence]:
    look, kept = look_at(host, a_guest(PID), seconds=5, light=bool(more.pop("light", False)))
    asyncio.run(collect_stop_shot(msgspec.structs.replace(look, **more)))
    return kept


def test_it_is_for_those_who_ask() -> None:
    assert (COLLECTOR.cost, COLLECTOR.name) == (Cost.STOPS, "shot")
    assert shot(FakeHost(FILES, commands=printed(line(PID))), light=True) == []


def test_vcpus_and_threads_that_may_be_some_are_left_alone() -> None:
    host = FakeHost(FILES, commands=printed(line(PID), line(702), line(703)))
    (kept,) = shot(host)
    assert [int(tid) for tid in host.ran[0][-4:]] == [PID, 702, 703, 705]
    assert (kept.id, kept.kind, kept.cost, kept.outcome) == ("shot", Kind.STACKS, Cost.STOPS, Outcome.OK)
    assert (kept.stall_ns, kept.cpu_ns) == (90_000, 7)
    (stacks,) = Facts(read((kept,)).facts.all(UserStacks)).all(UserStacks)
    assert [(s.tid, s.comm, s.stopped_ns) for s in stacks.stacks][:2] == [
        (PID, "qemu-system-x86", 90_000),
        (702, "IO iothread0", 90_000),
    ]


@pytest.mark.parametrize("why", ["Operation not permitted", "Permission denied"])
def test_what_was_refused_is_told(why: str) -> None:
    (kept,) = shot(FakeHost(FILES, commands=printed(line(PID, why=why))))
    assert kept.outcome is Outcome.DENIED
    assert kept.detail.startswith(f"thread {PID}: {why} (it takes root or CAP_SYS_PTRACE")


def test_one_that_broke_is_told() -> None:
    (kept,) = shot(FakeHost(FILES, commands=printed(stderr=b"Traceback\nOSError: no\n", status=1)))
    assert (kept.outcome, kept.detail) == (Outcome.BROKE, "OSError: no")


@pytest.mark.parametrize("state", ["t", "T"])
def test_who_is_held_by_somebody_is_left_alone(state: str) -> None:
    host = FakeHost({**FILES, f"/proc/{PID}/stat": stat(PID, "qemu", state=state)}, commands=printed(line(PID)))
    (kept,) = shot(host)
    assert (kept.outcome, host.ran) == (Outcome.ABSENT, [])


def test_the_budget_is_asked_first_and_told_what_it_really_was() -> None:
    host = FakeHost(FILES, commands=printed(line(PID, 300_000), line(702)))
    none = Purse(Budget(cpu_ns=10**12, stall_ns=0), host.cpu_ns)
    (kept,) = shot(host, purse=none)
    assert (kept.outcome, host.ran) == (Outcome.ABSENT, [])
    assert "--budget-stall" in kept.detail
    some = Purse(Budget(cpu_ns=10**12, stall_ns=10**8), host.cpu_ns)
    shot(host, purse=some)
    assert some.longest_stall_ns == 300_000


def test_where_it_was_is_told_in_a_sentence_and_no_wait_is_made_of_it() -> None:
    (kept,) = shot(FakeHost(FILES, commands=printed(line(PID))))
    facts = read((kept,)).facts
    (says, *_) = [one.says for one in stop_story(facts)]
    assert says.startswith("qemu-system-x86 (thread 700) was stopped once, for 90 µs at most; it was in ")
    assert derive_waits(facts) is None


@pytest.mark.real
def test_a_real_main_loop_that_never_sleeps() -> None:
    need("nasm")
    with boot("mov dx, 0x3fd\nagain: in al, dx\njmp again\n", Accelerator.TCG) as tiny:
        until(lambda: tiny.guest.pid > 0, "it runs")
        for _ in range(10):  # a thread that gets no CPU in time is let go, and that is told
            look, kept = real_look_at(tiny.guest, 0.2)
            asyncio.run(collect_stop_shot(look))
            (seen,) = kept
            if seen.usable and any(s.frames for s in read(kept).facts.all(UserStacks)[0].stacks):
                break
        (stacks,) = read(kept).facts.all(UserStacks)
    main = next(stack for stack in stacks.stacks if stack.tid == tiny.guest.pid)
    names = [frame.symbol for frame in main.frames]
    assert "main" in names or "__libc_start_main" in " ".join(names) or main.ended, names
    assert main.frames
    assert main.stopped_ns is not None
    assert 0 < main.stopped_ns < 1e9
