"""A case for others to read keeps what a guest did, without its log, its stacks and its addresses."""

import msgspec
import pytest

from crazytrain.model.case import Case
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts.inside import (
    FoundBy,
    GuestFrame,
    GuestKernel,
    GuestTask,
    InsideLog,
    InsideProfile,
    InsideReading,
    LockWait,
    LogRecord,
    Mode,
    StackCount,
)
from crazytrain.store.inside_redaction import without_stacks
from crazytrain.store.redaction import redacted
from tests.store.samples import WINDOW, guest

FRAMES = (GuestFrame("schedule", 7, 0xFFFFFFFF81234567), GuestFrame("io_schedule", 9, 0xFFFFFFFF81765432))
READING = InsideReading(
    mono_ns=1,
    took_ns=2,
    kernel=GuestKernel(system="Linux", banner="b", found_by=FoundBy.PAGE_TABLE, text=0xFFFFFFFF81000000),
    tasks=(GuestTask(pid=71, tgid=71, comm="dd", state="D", stack=FRAMES, stack_whole=True),),
    locks=(LockWait(kind="mutex", function="f", lock=0xFFFF888812345678),),
)
PROFILE = InsideProfile(
    start_ns=1, end_ns=2, vcpus=1, stacks=(StackCount(cpu=0, mode=Mode.KERNEL, comm="dd", frames=FRAMES, whole=True),)
)
LOG = InsideLog(records=(LogRecord(1, 2, 3, "password is hunter2"),))


def packed(kind: Kind, value: object) -> Evidence:
    evidence = Evidence(id="inside", kind=kind, source="s", data=msgspec.json.encode(value) + b"\n")
    case = Case(id="c", guest=guest(), window=WINDOW, evidence=(evidence,))
    (left,) = redacted(case, None)[0].evidence
    return left


def test_a_reading() -> None:
    left = msgspec.json.decode(packed(Kind.INSIDE, READING).data, type=InsideReading)
    (task,), (lock,) = left.tasks, left.locks
    assert (task.comm, task.state, task.stack, task.stack_whole) == ("dd", "D", (), False)
    assert (lock.function, lock.lock) == ("f", 0)
    assert left.kernel is not None
    assert (left.kernel.banner, left.kernel.text) == ("b", 0)


def test_a_profile() -> None:
    left = msgspec.json.decode(packed(Kind.INSIDE_PROFILE, PROFILE).data, type=InsideProfile)
    (stack,) = left.stacks
    assert (stack.comm, stack.frames, stack.whole) == ("dd", (GuestFrame("schedule", 7, 0),), False)


def test_the_guests_log_is_left_out() -> None:
    left = packed(Kind.INSIDE_LOG, LOG)
    assert (left.outcome, left.data) == (Outcome.TRUNCATED, b"")


@pytest.mark.parametrize("data", [b"", b"{}", b"garbage \xff", b"[" * 100_000])
def test_what_cannot_be_read_is_left_out(data: bytes) -> None:
    assert without_stacks(Kind.INSIDE, data) == b""
    assert without_stacks(Kind.INSIDE_PROFILE, data) == b""
