"""What the child answers: by readers of our own, on our own memory. Whatever a reader does, there is an answer."""

# ruff: noqa: ARG005 - stand-ins take what the readers take
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import msgspec
import pytest

from crazytrain.confined.bare import BareSampler
from crazytrain.confined.hurried import Hurried
from crazytrain.confined.parts import Now, Parts
from crazytrain.confined.serving import Handed, Serving
from crazytrain.confined.talking import Talk
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.memory import Recorded
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.model.facts.inside import (
    FoundBy,
    GuestKernel,
    InsideLog,
    InsideProfile,
    InsideReading,
    LogRecord,
    Mode,
)
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import (
    MOST_MESSAGE_BYTES,
    Ack,
    Begin,
    Failed,
    GotLog,
    GotProfile,
    GotReading,
    Read,
    ReadLog,
    Spot,
    Summarise,
    Watch,
)

REGISTERS = """
CPU#0
RIP=ffffffff81000010 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
RAX=0000000000000000 RSP=ffffffff82603e98 RBP=0000000000000000
CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
CR0=80050033 CR2=0000000000000000 CR3=0000000002610000 CR4=000006f0
EFER=0000000000000d01
CPU#1
EIP=0000fff0 EFL=00000002 [-------] CPL=3 II=0 A20=1 SMM=0 HLT=0
EAX=00000000 ESP=00000000 EBP=00000000
CS =f000 000f0000 0000ffff 00009b00
EFER=0000000000000000
"""
KERNEL = GuestKernel(system="Linux", banner="Linux version 6", found_by=FoundBy.PAGE_TABLE, symbols=1)


def a_kernel() -> Kernel:
    memory = Recorded({})
    return Kernel(memory, AddressSpace(memory, 0), Symbols([1], ["_text"], "T"), None, KERNEL)  # type: ignore[arg-type]


class Sampler:
    def __init__(self, kernel: Kernel, now: Now) -> None:
        del kernel, now
        self.looks = self.spots = 0

    def look(self) -> None:
        self.looks += 1

    def spot(self, registers: str, mono_ns: int, stopped: bool, *, late: bool = False) -> None:
        del registers, mono_ns, stopped, late
        self.spots += 1

    def profile(self, end_ns: int, paused_ns: int) -> InsideProfile:
        return InsideProfile(
            start_ns=0, end_ns=end_ns, vcpus=1, task_samples=self.looks, samples=self.spots, paused_ns=paused_ns
        )


def readers(**other: Callable[..., Any]) -> Parts:
    known: dict[str, Callable[..., Any]] = {
        "find_kernel": lambda memory, registers, cached: (a_kernel(), b"fresh" + cached),
        "find_banners": lambda memory, registers: (),
        "read_instant": lambda kernel, parts, most, now, registers: InsideReading(
            mono_ns=now()[0], took_ns=len(registers), tasks_total=most
        ),
        "read_log": lambda kernel, most: InsideLog(records=(LogRecord(1, 2, 3, "x"),) * most),
        "sampler": Sampler,
        "check": lambda kernel, registers: None,
        "keep": lambda kernel: b"",
    }
    return Parts(**{**known, **other})


def refuse(*_: object) -> NoReturn:
    raise Unreadable("not believed")


def break_down(*_: object) -> NoReturn:
    raise KeyError("what the guest wrote")


@pytest.fixture
def handed() -> Iterator[Handed]:
    known, found = os.memfd_create("known"), os.memfd_create("found")
    os.write(known, b"kept")
    fds = os.open("/proc/self/mem", os.O_RDONLY), os.open("/proc/self/pagemap", os.O_RDONLY), known, found
    yield Handed(*fds)
    for fd in fds:
        os.close(fd)


def begun(handed: Handed, notes: tuple[str, ...] = (), **other: Callable[..., Any]) -> tuple[Serving, GotReading]:
    serving = Serving(handed, readers(**other), notes)
    answer = serving.answer(Begin(segments=(), registers=REGISTERS, cache_bytes=4))
    assert isinstance(answer, GotReading), answer
    return serving, answer


def test_it_begins(handed: Handed) -> None:
    serving, answer = begun(handed, ("calls are not filtered",))
    assert answer.reading.kernel is not None
    assert answer.reading.kernel.banner == KERNEL.banner
    assert [(one.what, one.why) for one in answer.reading.missing] == [("confinement", "calls are not filtered")]
    assert answer.cache_bytes == 9
    assert os.pread(handed.found, 100, 0) == b"freshkept"
    again = serving.answer(Begin(segments=()))
    assert isinstance(again, GotReading)
    assert again.reading.missing == ()
    assert os.pread(handed.found, 100, 0) == b"freshfreshkept"  # what was found the last time is tried first


def test_it_answers(handed: Handed) -> None:
    serving, _ = begun(handed)
    read = serving.answer(Read(parts=("clock",), most_tasks=7, registers=REGISTERS))
    assert isinstance(read, GotReading)
    assert (read.reading.tasks_total, read.reading.took_ns) == (7, 2)
    log = serving.answer(ReadLog(most_records=2))
    assert isinstance(log, GotLog)
    assert len(log.log.records) == 2
    assert serving.answer(Spot(registers=REGISTERS, mono_ns=1)) == Ack()
    profile = serving.answer(Summarise(paused_ns=5))
    assert isinstance(profile, GotProfile)
    assert (profile.profile.samples, profile.profile.paused_ns) == (1, 5)


def test_before_it_has_begun(handed: Handed) -> None:
    serving = Serving(handed, readers(), ())
    for ask in (ReadLog(), Spot(registers="", mono_ns=1), Summarise()):
        assert serving.answer(ask) == Failed(why="nothing was begun")
    assert serving.wait_ns() is None


def test_looks_between_asks(handed: Handed) -> None:
    serving, _ = begun(handed)
    assert serving.wait_ns() is None
    assert serving.answer(Watch(until_ns=1 << 62, per_s=1e9)) == Ack()
    for _ in range(3):
        waits = serving.wait_ns()
        assert waits is not None
        assert waits < 10**6
        serving.look()
    assert serving.answer(Spot(registers=REGISTERS, mono_ns=1)) == Ack()
    assert serving.wait_ns() is not None  # a spot may come between looks
    profile = serving.answer(Summarise())
    assert isinstance(profile, GotProfile)
    assert profile.profile.task_samples == 3
    assert serving.wait_ns() is None  # anything else ends them


def test_looks_that_go_wrong_end(handed: Handed) -> None:
    class Broken(Sampler):
        def look(self) -> None:
            break_down()

    serving, _ = begun(handed, sampler=Broken)
    serving.answer(Watch(until_ns=1 << 62, per_s=100))
    serving.look()
    assert serving.wait_ns() is None


def test_what_is_not_believed_is_said(handed: Handed) -> None:
    serving, _ = begun(handed, read_log=refuse, read_instant=break_down)
    assert serving.answer(ReadLog()) == Failed(why="not believed")
    failed = serving.answer(Read(parts=("clock",)))
    assert isinstance(failed, Failed)
    assert failed.why.startswith("reading it went wrong: KeyError (break_down, line ")
    assert "what the guest wrote" not in failed.why


def test_a_kernel_that_went_away(handed: Handed) -> None:
    serving, _ = begun(handed, check=refuse)
    answer = serving.answer(Read(parts=("clock", "tasks")))
    assert isinstance(answer, GotReading)
    assert [(one.what, one.why) for one in answer.reading.missing] == [
        ("clock", "not believed"),
        ("tasks", "not believed"),
    ]
    assert serving.answer(ReadLog()) == Failed(why="not believed")


@pytest.mark.parametrize("banners", [(), (msgspec.structs.replace(KERNEL, system="FreeBSD"),)])
def test_without_a_kernel_the_registers_remain(handed: Handed, banners: Sequence[GuestKernel]) -> None:
    serving, answer = begun(handed, find_kernel=refuse, find_banners=lambda memory, registers: banners)
    assert [(one.what, one.why) for one in answer.reading.missing] == [("kernel", "not believed")]
    assert (answer.reading.kernel.system if answer.reading.kernel else "") == ("FreeBSD" if banners else "")
    serving.answer(Watch(until_ns=1 << 62, per_s=100))
    assert serving.wait_ns() is None  # who is current only the kernel knows
    for _ in range(2):
        assert serving.answer(Spot(registers=REGISTERS, mono_ns=1)) == Ack()
    got = serving.answer(Summarise())
    assert isinstance(got, GotProfile)
    seen = [(one.cpu, one.mode, one.frames[0].address, one.count) for one in got.profile.stacks]
    assert seen == [(0, Mode.HALTED, 0xFFFFFFFF81000010, 2), (1, Mode.USER, 0xFFFF0, 2)]
    assert (got.profile.vcpus, got.profile.samples) == (2, 2)
    assert got.profile.missing[0].what == "names"


def test_a_search_ends_in_time(handed: Handed) -> None:
    memory = Recorded({page: bytes(4096) for page in range(64)})
    patient, hurried = Hurried(memory, 1 << 62), Hurried(memory, 0)
    assert len(patient.read(0, 1 << 17)) == 1 << 17
    assert len(list(patient.present(0, 1 << 17))) == 32
    assert len(hurried.read(0, 4096)) == 4096
    with pytest.raises(Unreadable, match="the time for looking through"):
        hurried.read(0, 1 << 17)
    with pytest.raises(Unreadable, match="the time for looking through"):
        next(hurried.present(0, 1 << 17))
    seen: list[object] = []
    kernel = a_kernel()

    def find(memory: object, registers: object, cached: bytes) -> tuple[Kernel, bytes]:
        seen.extend((memory, registers))
        return kernel, cached

    begun(handed, find_kernel=find)
    assert isinstance(seen[0], Hurried)
    assert isinstance(kernel.memory, OpenedMemory)  # what is known is read without hurry
    assert kernel.space.memory is kernel.memory


def test_places_are_bounded() -> None:
    sampler = BareSampler(lambda: (1, 1), "why")
    for ip in range(5000):
        sampler.spot(REGISTERS.replace("ffffffff81000010", f"{ip:016x}"), 1, stopped=False)
    profile = sampler.profile(2, 0)
    assert len(profile.stacks) <= 4096 + 3
    assert sum(one.count for one in profile.stacks) == 10_000
    assert sampler.profile(3, 0).stacks == ()


def test_an_answer_that_is_too_long_is_not_said() -> None:
    record = LogRecord(1, 2, 3, "x" * (1 << 20))
    said = Talk()._bounded(GotLog(log=InsideLog(records=(record,) * 40)))
    assert msgspec.json.decode(said, type=Failed).why == f"the answer is larger than {MOST_MESSAGE_BYTES >> 20} MiB"
    odd = Talk()._bounded(Failed(why="\ud800"))
    assert "cannot be said" in msgspec.json.decode(odd, type=Failed).why


def test_what_is_no_ask_is_answered(handed: Handed) -> None:
    serving = Serving(handed, readers(), ())
    for message in (b"", b"{}", b"\xff", b'{"type":"Read"}', b"[" * 100_000):
        assert Talk()._answer(serving, message) == Failed(why="the ask is none")
