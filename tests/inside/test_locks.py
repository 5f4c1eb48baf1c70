"""Who waits for a lock and who holds it is told where it is sure, and not where it is not."""

import struct

import msgspec
import pytest

from crazytrain.inside.attempts import Attempts
from crazytrain.inside.locks import read_locks
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.tasks import Tasks, read_tasks
from crazytrain.model.facts.inside import GuestFrame, GuestTask, LockWait
from tests.inside.made_contents import add_cpus, add_lock
from tests.inside.made_kernel import IMAGE, TASK, Made

SPIN, OTHER = IMAGE + 0x1000, IMAGE + 0x2000


def made_kernel() -> tuple[Made, list[int]]:
    made = Made()
    made.types()
    head = made.init_task()
    tasks = [made.task(pid, b"task %d" % pid, state=2) for pid in (1, 2, 3)]
    made.ring("tasks", head + TASK["tasks"], tasks)
    add_cpus(made, (tasks[0], tasks[1]))
    made.symbols |= {
        "_stext": IMAGE,
        "native_queued_spin_lock_slowpath": SPIN,
        "do_other": OTHER,
        "_etext": IMAGE + 0x8000,
    }
    return made, tasks


def asleep(task: GuestTask, function: str) -> GuestTask:
    frames = (GuestFrame("__schedule", 10, 0), GuestFrame(function, 20, 0), GuestFrame("ksys_read", 3, 0))
    return msgspec.structs.replace(task, stack=frames, stack_whole=True)


def look(
    made: Made,
    sleeping: tuple[int, ...] = (),
    registers: tuple[CpuRegisters, ...] = (),
    function: str = "__mutex_lock.constprop.0",
) -> tuple[LockWait, ...]:
    made.finish()
    kernel = made.kernel()
    found = read_tasks(kernel, 100)
    tasks = tuple(asleep(task, function) if task.pid in sleeping else task for task in found.tasks)
    attempts = Attempts()
    locks = read_locks(kernel, Tasks(tasks, found.addresses, cut=False, trouble=""), registers, attempts)
    assert not attempts.missing
    return locks


@pytest.mark.parametrize("ringed", [True, False])
def test_a_mutex_and_its_owner_are_told(ringed: bool) -> None:
    made, tasks = made_kernel()
    lock = add_lock(made, "mutex", tasks[0] | 1, tasks[1:], ringed=ringed)
    waits = look(made, sleeping=(2, 3))
    assert [(wait.kind, wait.pid, wait.comm, wait.lock) for wait in waits] == [
        ("mutex", 2, "task 2", lock),
        ("mutex", 3, "task 3", lock),
    ]
    assert all((wait.holder_pid, wait.holder_comm, wait.holder_why) == (1, "task 1", "") for wait in waits)
    assert waits[0].function == "__mutex_lock.constprop.0"


@pytest.mark.parametrize("ringed", [True, False])
def test_an_owner_that_is_no_task_is_not_believed(ringed: bool) -> None:
    made, tasks = made_kernel()
    add_lock(made, "mutex", tasks[0] + 0x40, tasks[1:], ringed=ringed)
    for wait in look(made, sleeping=(2, 3)):
        assert (wait.lock, wait.holder_pid) == (0, None)
        assert "not be told" in wait.holder_why


def test_a_lock_that_nobody_holds_any_more_is_said_to_be_free() -> None:
    made, tasks = made_kernel()
    lock = add_lock(made, "mutex", 1, tasks[1:], ringed=True)
    (wait, _) = look(made, sleeping=(2, 3))
    assert (wait.lock, wait.holder_pid) == (lock, None)
    assert "nobody" in wait.holder_why


@pytest.mark.parametrize(
    ("flags", "holder", "why"), [(0, 1, ""), (2, 1, ""), (1, None, "readers hold it"), (3, None, "readers hold it")]
)
@pytest.mark.parametrize("ringed", [True, False])
def test_a_read_write_semaphore_knows_its_writer_but_not_its_readers(
    ringed: bool, flags: int, holder: int | None, why: str
) -> None:
    made, tasks = made_kernel()
    lock = add_lock(made, "rw_semaphore", tasks[0] | flags, tasks[1:], ringed=ringed)
    for wait in look(made, sleeping=(2, 3), function="rwsem_down_write_slowpath"):
        assert (wait.kind, wait.lock, wait.holder_pid) == ("rwsem", lock, holder)
        assert wait.holder_why.startswith(why)
        assert bool(wait.holder_why) == bool(why)


def test_waiters_that_are_linked_one_way_only_tell_no_lock() -> None:
    made, tasks = made_kernel()
    lock = add_lock(made, "mutex", tasks[0] | 1, tasks[1:], ringed=True)
    made.u64(lock + 16 + 8, lock)
    assert [wait.lock for wait in look(made, sleeping=(2, 3))] == [0, 0]


def vcpu(number: int, ip: int, *, interrupts: bool = True, **values: int) -> CpuRegisters:
    flags = {"RFL": 0x202 if interrupts else 2, "GDT": 0}
    return CpuRegisters(
        vcpu=number,
        ip=ip,
        sp=0,
        bp=0,
        cpl=0,
        halted=False,
        smm=False,
        cs=16,
        cs_base=0,
        gs_base=0,
        values=flags | values,
    )


def on(made: Made, cpu: int, registers: CpuRegisters) -> CpuRegisters:
    """GS tells which CPU it is."""
    return msgspec.structs.replace(registers, gs_base=made.cpu_area(cpu))


@pytest.mark.parametrize("word", [1, 0x101, 2 << 18 | 1, 0x100])
def test_a_spinlock_is_told_and_why_its_holder_is_not(word: int) -> None:
    made, _ = made_kernel()
    lock = made.variable("some_lock", struct.pack("<I", word))
    spinning = on(made, 1, vcpu(1, SPIN + 48, RDI=lock, RBX=lock))
    (wait,) = look(made, registers=(on(made, 0, vcpu(0, OTHER, interrupts=False)), spinning))
    assert (wait.kind, wait.cpu, wait.pid, wait.lock, wait.lock_name) == ("spinlock", 1, 2, lock, "some_lock")
    assert (wait.holder_pid, wait.holder_cpu) == (None, None)
    assert "does not note who holds it" in wait.holder_why
    assert wait.holder_why.endswith("interrupts off meanwhile: CPU 0")


@pytest.mark.parametrize("word", [0, 7, 0x201, 0xFFFF_FFFF, 100 << 18 | 1])
def test_what_is_no_lock_that_is_taken_is_not_taken_for_one(word: int) -> None:
    made, _ = made_kernel()
    place = made.variable("some_number", struct.pack("<I", word))
    (wait,) = look(made, registers=(on(made, 1, vcpu(1, SPIN + 48, RDI=place)),))
    assert (wait.lock, wait.lock_name) == (0, "")


def test_of_two_that_may_be_it_neither_is_named() -> None:
    made, _ = made_kernel()
    one, other = made.variable("one", struct.pack("<I", 1)), made.variable("other", struct.pack("<I", 1))
    (wait,) = look(made, registers=(on(made, 1, vcpu(1, SPIN + 48, RBX=one, R12=other)),))
    assert wait.lock == 0


def test_a_cpu_that_does_something_else_waits_for_nothing() -> None:
    made, _ = made_kernel()
    at_work = on(made, 0, vcpu(0, OTHER))
    in_user = msgspec.structs.replace(on(made, 1, vcpu(1, SPIN)), cpl=3)
    assert look(made, registers=(at_work, in_user)) == ()
