"""Evidence of what is inside: what the child says becomes evidence; what it cannot say, or lies about, is told."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import pytest

from crazytrain.collect.inside import COLLECTOR
from crazytrain.collect.inside_answers import (
    answer_of,
    believed_log,
    believed_profile,
    believed_reading,
)
from crazytrain.collect.purse import Purse
from crazytrain.host import FakeHost
from crazytrain.host.metered import Tally, metered
from crazytrain.model.budget import Budget
from crazytrain.model.evidence import Cost, Evidence, Outcome, Ref
from crazytrain.model.facts.inside import (
    ClockReading,
    FoundBy,
    GuestFrame,
    GuestKernel,
    GuestTask,
    InsideLog,
    InsideProfile,
    InsideReading,
    LogRecord,
    Missing,
    Mode,
    StackCount,
    WhoCount,
)
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import Ack, Answer, Failed, GotLog, GotProfile, GotReading, Read
from tests.collect.making import HOST_FILES, a_guest, look_at, process

MAPS = b"7f0000000000-7f0004000000 rw-p 00000000 00:00 0 \n"
KERNEL = GuestKernel(system="Linux", banner="Linux version 6", found_by=FoundBy.PAGE_TABLE, symbols=9)
READING = InsideReading(mono_ns=1, took_ns=2, kernel=KERNEL)
ANSWERS: dict[str, Answer] = {
    "Begin": GotReading(reading=READING, cache_bytes=7),
    "Read": GotReading(reading=msgspec.structs.replace(READING, tasks_total=3)),
    "ReadLog": GotLog(log=InsideLog(records=(LogRecord(1, 2, 3, "x"),))),
    "Watch": Ack(),
    "Spot": Ack(),
    "Summarise": GotProfile(profile=InsideProfile(start_ns=1, end_ns=2, vcpus=1, task_samples=4)),
}


class Child:
    """Answers by the name of the ask; ``Unreadable`` is raised."""

    def __init__(self, answers: dict[str, Answer | Unreadable | bytes]) -> None:
        self.cache_bytes, self.cpu_ns = 5, 0
        self.answers = answers
        self.asked: list[dict[str, Any]] = []
        self.kept = 0
        self.closed = False

    async def ask(self, message: bytes, timeout_s: float) -> bytes:
        assert timeout_s > 0
        assert not self.closed
        self.asked.append(json.loads(message))
        answer = self.answers[self.asked[-1]["type"]]
        if isinstance(answer, Unreadable):
            raise answer
        return answer if isinstance(answer, bytes) else msgspec.json.encode(answer)

    def keep_cache(self, size_bytes: int) -> None:
        self.kept = size_bytes

    async def close(self) -> None:
        self.closed = True


def a_host(child: Child | None) -> FakeHost:
    host = FakeHost({**HOST_FILES, **process(7, "qemu-system-x86", ["q"]), "/proc/7/maps": MAPS})
    host.child = child
    return host


def the_guest(program: str = "/usr/bin/qemu-system-x86_64") -> Guest:
    return msgspec.structs.replace(a_guest(7), command_line=(program, "-m", "64M"), memory_bytes=64 << 20)


def collected(
    child: Child | None, guest: Guest | None = None, *, light: bool = False, host: FakeHost | None = None
) -> dict[str, Evidence]:
    look, kept = look_at(host or a_host(child), guest or the_guest(), light=light)
    asyncio.run(COLLECTOR.run(msgspec.structs.replace(look, ceiling=Cost.READS)))
    assert child is None or child.closed
    return {one.id: one for one in kept}


def test_evidence_of_both_ends_and_what_is_between() -> None:
    child = Child(dict(ANSWERS))
    seen = collected(child)
    assert list(seen) == ["inside.0", "inside.profile", "inside.1", "inside.log"]
    assert all(one.usable and one.cost is Cost.READS for one in seen.values())
    reading = msgspec.json.decode(seen["inside.1"].data, type=InsideReading)
    assert (reading.tasks_total, reading.kernel) == (3, KERNEL)
    assert [one.why for one in reading.missing] == ["the monitor was not to be asked"]
    profile = msgspec.json.decode(seen["inside.profile"].data, type=InsideProfile)
    assert [one.why for one in profile.missing] == ["the monitor was not asked: --cost reads"]
    asks = [one["type"] for one in child.asked]
    assert asks == ["Begin", "Read", "Watch", "Summarise", "Begin", "Read", "ReadLog"]
    assert child.asked[0]["segments"] == [{"address": 0, "size_bytes": 64 << 20, "place": 0x7F0000000000}]
    assert (child.asked[0]["cache_bytes"], child.kept) == (5, 7)


class Telling(FakeHost):
    """Tells registers while a window is waited for."""

    tells: Callable[[], None] | None = None

    async def sleep_until(self, mono_ns: int) -> None:
        if self.tells:
            self.tells()
        await super().sleep_until(mono_ns)


def test_registers_that_others_ask_for_are_looked_up() -> None:
    child = Child(dict(ANSWERS))
    host = Telling({**HOST_FILES, **process(7, "qemu-system-x86", ["q"]), "/proc/7/maps": MAPS})
    host.child = child
    guest = msgspec.structs.replace(
        the_guest(), command_line=("/usr/bin/qemu-system-x86_64", "-qmp", "unix:/q,server=on")
    )
    host.monitors["/q"] = (b"", Outcome.ABSENT, "no such socket")
    look, kept = look_at(host, guest)

    def tell_twenty() -> None:
        for number in range(20):
            look.registers.tell(f"CPU#0 {number}", number)

    host.tells = tell_twenty
    asyncio.run(COLLECTOR.run(look))
    spots = [one for one in child.asked if one["type"] == "Spot"]
    assert [one["mono_ns"] for one in spots] == list(range(8)), (
        "the child is behind: later ones would tell of another moment"
    )
    (profile,) = [msgspec.json.decode(e.data, type=InsideProfile) for e in kept if e.id == "inside.profile"]
    assert not profile.missing
    host.tells, child.closed = None, False
    kept.clear()
    asyncio.run(COLLECTOR.run(look))
    (profile,) = [msgspec.json.decode(e.data, type=InsideProfile) for e in kept if e.id == "inside.profile"]
    assert [one.why for one in profile.missing] == ["none came while it was looked: vcpus says why"]


@pytest.mark.parametrize(
    ("told", "spots"), [(range(3, 7), [3, 4, 5, 6]), (range(3, 40), list(range(16, 40))), ((0, 9), [9])]
)
def test_registers_from_before_the_kernel_was_found_are_looked_up_afterwards(
    told: Iterable[int], spots: list[int]
) -> None:
    child = Child(dict(ANSWERS))
    host = Telling({**HOST_FILES, **process(7, "qemu-system-x86", ["q"]), "/proc/7/maps": MAPS})
    host.child = child
    command_line = ("/usr/bin/qemu-system-x86_64", "-qmp", "unix:/q,server=on")
    host.monitors["/q"] = (b"", Outcome.ABSENT, "no such socket")
    look, kept = look_at(host, msgspec.structs.replace(the_guest(), command_line=command_line))
    look = msgspec.structs.replace(look, start_ns=2)
    for number in told:
        look.registers.tell(f"CPU#0 {number}", number)
    asyncio.run(COLLECTOR.run(look))
    late = [one for one in child.asked if one["type"] == "Spot"]
    assert [one["mono_ns"] for one in late] == spots
    assert all(one["late"] for one in late)
    (profile,) = [msgspec.json.decode(e.data, type=InsideProfile) for e in kept if e.id == "inside.profile"]
    assert not profile.missing
    assert look.registers.unheard() == ()


def test_a_light_look_reads_only() -> None:
    child = Child(dict(ANSWERS))
    assert list(collected(child, light=True)) == ["inside.0", "inside.1"]
    assert next(one for one in child.asked if one["type"] == "Read")["parts"] == ["clock", "cpus", "tasks"]


def test_samples_are_left_out_when_nothing_is_left() -> None:
    child = Child(dict(ANSWERS))
    look, kept = look_at(a_host(child), the_guest())
    purse = Purse(Budget(cpu_ns=0, stall_ns=0), lambda: 0)
    asyncio.run(COLLECTOR.run(msgspec.structs.replace(look, ceiling=Cost.READS, purse=purse)))
    seen = {one.id: one for one in kept}
    assert seen["inside.profile"].outcome is Outcome.ABSENT
    assert "budget" in seen["inside.profile"].detail
    assert seen["inside.1"].usable
    assert "Watch" not in [one["type"] for one in child.asked]


def test_its_cpu_time_is_counted() -> None:
    child, tally = Child(dict(ANSWERS)), Tally()
    handed = metered(a_host(child), tally, lambda: "").confined(the_guest().process)
    child.cpu_ns = 5
    assert json.loads(asyncio.run(handed.ask(b'{"type":"Watch"}', 1)))["type"] == "Ack"
    handed.keep_cache(9)
    assert (handed.cache_bytes, child.kept, tally.commands_ns) == (5, 9, 0)
    for _ in range(2):
        asyncio.run(handed.close())
    assert tally.commands_ns == 5


def test_a_kernel_that_is_not_known_is_not_read() -> None:
    begun = InsideReading(mono_ns=1, took_ns=2, missing=(Missing("kernel", "no Linux kernel was found"),))
    child = Child({**ANSWERS, "Begin": GotReading(reading=begun), "ReadLog": Failed(why="no Linux kernel was found")})
    seen = collected(child)
    assert seen["inside.0"].outcome is Outcome.OK
    assert "Read" not in [one["type"] for one in child.asked]
    assert (seen["inside.log"].outcome, seen["inside.log"].detail) == (Outcome.ABSENT, "no Linux kernel was found")
    assert seen["inside.profile"].usable


@pytest.mark.parametrize("answer", [Unreadable("it ended by SIGSYS"), b"\xff", Failed(why="it ended by SIGSYS")])
def test_what_the_child_does_not_answer_is_told(answer: Answer | Unreadable | bytes) -> None:
    (seen,) = collected(Child({**ANSWERS, "Begin": answer})).values()
    assert (seen.id, seen.outcome) == ("inside.0", Outcome.ABSENT)
    assert "SIGSYS" in seen.detail or "said something that is no answer" in seen.detail
    later = collected(Child({**ANSWERS, "Summarise": answer}))
    assert later["inside.profile"].outcome is Outcome.ABSENT
    assert later["inside.1"].usable


def test_why_there_is_no_look() -> None:
    (denied,) = collected(None).values()
    assert (denied.outcome, denied.detail) == (
        Outcome.DENIED,
        "reading the guest's memory needs CAP_SYS_PTRACE (be root)",
    )
    (foreign,) = collected(None, the_guest("/usr/bin/qemu-system-aarch64")).values()
    assert foreign.detail == "it is a guest of aarch64: only guests of x86 are looked into"
    (other,) = collected(None, msgspec.structs.replace(a_guest(7, start=501))).values()
    assert other.detail == "pid 7 is another process now"
    child = Child(dict(ANSWERS))
    host = a_host(child)
    host.files["/proc/7/maps"] = b""
    (lost,) = collected(child, host=host).values()
    assert "no mappings may be the guest's RAM" in lost.detail


# What the child may not say.


def task(**other: object) -> GuestTask:
    return msgspec.structs.replace(GuestTask(pid=1, tgid=1, comm="x", state="R"), **other)


def stack(**other: object) -> StackCount:
    return msgspec.structs.replace(StackCount(cpu=0, mode=Mode.USER), **other)


FRAME = GuestFrame("f", 1, 2)
CLOCK = ClockReading(mono_ns=1, wall_ns=1, clocksource="tsc")


@pytest.mark.parametrize(
    "reading",
    [
        {"tasks": (task(),) * (1 << 17 | 1)},
        {"tasks": (task(stack=(FRAME,) * 257),)},
        {"tasks": (task(comm="x" * 2000),)},
        {"tasks": (task(stack=(GuestFrame("f" * 5000, 1, 2),)),)},
        {"load": (1.0,) * 17},
        {"missing": (Missing("x", "y"),) * 5000},
        {"missing": (Missing("x", "y" * 10_000),)},
        {"clock": msgspec.structs.replace(CLOCK, clocksource="x" * 2000)},
        {"kernel": msgspec.structs.replace(KERNEL, banner="x" * 10_000)},
    ],
)
def test_too_much_in_a_reading(reading: dict[str, object]) -> None:
    with pytest.raises(Unreadable, match="the process that reads the guest's memory said"):
        believed_reading(msgspec.structs.replace(READING, **reading))


def test_too_much_elsewhere() -> None:
    profile = InsideProfile(start_ns=1, end_ns=2, vcpus=1)
    who = WhoCount(cpu=0, pid=1, comm="x" * 2000, count=1)
    for other in ({"stacks": (stack(),) * (1 << 17 | 1)}, {"stacks": (stack(frames=(FRAME,) * 257),)}, {"who": (who,)}):
        with pytest.raises(Unreadable):
            believed_profile(msgspec.structs.replace(profile, **other))
    with pytest.raises(Unreadable):
        believed_log(InsideLog(records=(LogRecord(1, 2, 3, "x" * 100_000),)))
    odd = believed_log(InsideLog(records=(LogRecord(1, 2, 1234, "x"),)))
    assert odd.records[0].level in range(8)


def test_references_are_ours_to_make() -> None:
    refs = (Ref("inside.0", 1),)
    assert believed_reading(msgspec.structs.replace(READING, refs=refs)).refs == ()
    assert believed_log(InsideLog(records=(), refs=refs)).refs == ()
    assert believed_profile(InsideProfile(start_ns=1, end_ns=2, vcpus=1, refs=refs)).refs == ()


def test_long_numbers_are_only_in_texts() -> None:
    digits = "1" * 40
    texts: Sequence[str] = (digits, f'"{digits}', f"\\{digits}")
    for text in texts:
        log = GotLog(log=InsideLog(records=(LogRecord(1, 2, 3, text),)))
        assert answer_of(msgspec.json.encode(log), GotLog).log.records[0].text == text
    with pytest.raises(Unreadable):
        answer_of(b'{"type":"GotReading","reading":{"mono_ns":%s,"took_ns":2}}' % digits.encode(), GotReading)
    with pytest.raises(Unreadable):
        answer_of(msgspec.json.encode(Read(parts=())), GotReading)
