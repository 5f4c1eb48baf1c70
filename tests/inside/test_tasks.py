"""All threads are found by the kernel's own lists; lists that are torn or lie are said to be."""

import struct
from collections.abc import Iterator

import pytest

from crazytrain.inside.kernel import Kernel
from crazytrain.inside.tasks import TaskReader, read_tasks, state_letter
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_btf import M
from tests.inside.made_kernel import TASK, Made

KTHREAD = 0x20_0000
LOTS = 1000


@pytest.fixture
def made() -> Made:
    made = Made()
    made.types()
    return made


def processes(made: Made, count: int = 5) -> list[int]:
    """init and some more, linked as the kernel does."""
    head = made.init_task()
    tasks = [made.task(1, b"init", parent=head)]
    tasks += [made.task(pid, b"worker %d" % pid, parent=tasks[0]) for pid in range(2, count + 1)]
    made.ring("tasks", head + TASK["tasks"], tasks)
    return tasks


def kernel_of(made: Made) -> Kernel:
    made.finish()
    return made.kernel()


def test_tasks_are_read_with_all_that_they_have(made: Made) -> None:
    head = made.init_task()
    first = made.task(1, b"init", parent=head)
    daemon = made.task(2, b"kthreadd", state=0x402, flags=KTHREAD, parent=head)
    stuck = made.task(77, b"dd \xff\x1b[2J", state=2, parent=first)
    made.u32(stuck + TASK["on_cpu"], 1)
    made.ring("tasks", head + TASK["tasks"], [first, daemon, stuck])
    found = read_tasks(kernel_of(made), LOTS)
    assert (found.cut, found.trouble, found.lacks) == (False, "", ())
    assert found.addresses == (first, daemon, stuck)
    init, kthreadd, dd = found.tasks
    assert (init.pid, init.ppid, init.comm, init.state, init.kernel_thread) == (1, 0, "init", "S", False)
    assert (kthreadd.state, kthreadd.kernel_thread, kthreadd.on_cpu) == ("I", True, False)
    assert (dd.comm, dd.state, dd.ppid, dd.cpu, dd.on_cpu) == ("dd \\xff\x1b[2J", "D", 1, 1, True)
    assert (dd.exec_ns, dd.switches) == (77_000_000, 79)


def test_threads_belong_to_their_process(made: Made) -> None:
    head = made.init_task()
    leader = made.task(10, b"qemu")
    threads = [made.task(pid, b"CPU %d" % pid, tgid=10) for pid in (11, 12, 13)]
    other = made.task(20, b"other")
    signal = struct.unpack_from("<Q", made.data, made.at(leader + TASK["signal"]))[0]
    for thread in threads:
        made.u64(thread + TASK["signal"], signal)
    made.ring("thread_node", signal + 24, [leader, *threads])
    made.ring("tasks", head + TASK["tasks"], [leader, other])
    found = read_tasks(kernel_of(made), LOTS)
    assert [(task.pid, task.tgid) for task in found.tasks] == [(10, 10), (11, 10), (12, 10), (13, 10), (20, 20)]
    assert not found.trouble


def test_there_may_be_more_than_are_wanted(made: Made) -> None:
    processes(made, 30)
    found = read_tasks(kernel_of(made), 7)
    assert (len(found.tasks), found.cut, found.trouble) == (7, True, "")


def test_a_list_that_goes_round_is_partial_and_says_so(made: Made) -> None:
    tasks = processes(made, 9)
    made.u64(tasks[6] + TASK["tasks"], tasks[2] + TASK["tasks"])
    found = read_tasks(kernel_of(made), LOTS)
    assert [task.pid for task in found.tasks] == list(range(1, 8))
    assert "circle" in found.trouble


@pytest.mark.parametrize("wrong", [0, 0x1000, 0xFFFF_FFFF_FFFF_FFF8, 0xFFFF_8880_3FFF_0000, 0xFFFF_8880_0040_0003])
def test_a_list_that_leads_nowhere_is_partial_and_says_so(made: Made, wrong: int) -> None:
    tasks = processes(made, 9)
    made.u64(tasks[3] + TASK["tasks"], wrong)
    found = read_tasks(kernel_of(made), LOTS)
    assert [task.pid for task in found.tasks] == [1, 2, 3, 4]
    assert "could not be read to its end" in found.trouble


def test_what_is_no_task_is_not_taken_for_one(made: Made) -> None:
    tasks = processes(made, 9)
    made.put(tasks[4] + TASK["comm"], b"A" * 16)
    made.u32(tasks[4] + TASK["pid"], 0x4141_4141)
    found = read_tasks(kernel_of(made), LOTS)
    assert [task.pid for task in found.tasks] == [1, 2, 3, 4]
    assert "no task" in found.trouble


def test_threads_that_lead_into_another_process_are_said_to(made: Made) -> None:
    tasks = processes(made, 4)
    stray = made.task(99, b"stray")
    made.u64(tasks[1] + TASK["thread_node"], stray + TASK["thread_node"])
    found = read_tasks(kernel_of(made), LOTS)
    assert [task.pid for task in found.tasks if task.pid != 99] == [1, 2, 3, 4]
    assert "another process" in found.trouble


class Healing:
    """Memory whose torn list is whole again after some reads, as it is in a guest that runs."""

    def __init__(self, torn: Made, whole: Made, after: int) -> None:
        self.torn, self.whole, self.left = torn.kernel().memory, whole.kernel().memory, after

    def read(self, address: int, length: int) -> bytes:
        self.left -= 1
        return (self.torn if self.left > 0 else self.whole).read(address, length)

    def present(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        return self.whole.present(address, length)


def test_a_torn_list_is_read_again() -> None:
    kinds = []
    for broken in (True, False):
        made = Made()
        made.types()
        tasks = processes(made, 9)
        if broken:
            made.u64(tasks[6] + TASK["tasks"], tasks[2] + TASK["tasks"])
        made.finish()
        kinds.append(made)
    kernel = kinds[1].kernel()
    kernel.layout.field("task_struct", "pid")
    kernel.space.memory = Healing(kinds[0], kinds[1], 15)
    found = read_tasks(kernel, LOTS)
    assert len(found.tasks) == 9
    assert not found.trouble


def test_a_kernel_without_some_members_says_which() -> None:
    made = Made()
    made.btf.structure("list_head", 16, [M("next", "*", 0), M("prev", "*", 8)])
    made.btf.structure(
        "task_struct",
        1024,
        [
            M(name, kind, TASK[name])
            for name, kind in (("pid", "u32"), ("tgid", "u32"), ("comm", "char[16]"), ("tasks", "list_head"))
        ],
    )
    processes(made, 3)
    found = read_tasks(kernel_of(made), LOTS)
    assert [task.pid for task in found.tasks] == [1, 2, 3]
    assert {"__state", "se.sum_exec_runtime", "on_cpu"} <= set(found.lacks)
    assert "first thread" in found.trouble
    assert found.tasks[0].state == "?"
    assert found.tasks[0].cpu is found.tasks[0].on_cpu is found.tasks[0].switches is None


def test_types_that_cannot_be_are_refused() -> None:
    broken = Made()
    broken.btf.structure("list_head", 16, [M("next", "*", 0), M("prev", "*", 8)])
    members = [M("pid", "u32", 0), M("tgid", "u32", 2), M("comm", "char[16]", 1 << 20), M("tasks", "list_head", 8)]
    broken.btf.structure("task_struct", 1024, members)
    processes(broken, 3)
    with pytest.raises(Unreadable, match="nonsense"):
        read_tasks(kernel_of(broken), LOTS)


def test_one_task_alone(made: Made) -> None:
    processes(made, 3)
    address = made.task(5, b"alone", state=0)
    task = TaskReader(kernel_of(made)).one(address)
    assert (task.pid, task.comm, task.state) == (5, "alone", "R")


@pytest.mark.parametrize(
    ("state", "exit_state", "letter"),
    [
        (0, 0, "R"),
        (1, 0, "S"),
        (2, 0, "D"),
        (4, 0, "T"),
        (8, 0, "t"),
        (64, 0, "P"),
        (1026, 0, "I"),
        (33794, 0, "I"),
        (128, 32, "Z"),
        (128, 16, "X"),
        (8193, 0, "S"),
        (4096, 0, "D"),
        (258, 0, "D"),
        (4294967295, 0, "I"),
    ],
)
def test_states_have_the_letters_of_ps(state: int, exit_state: int, letter: str) -> None:
    assert state_letter(state, exit_state) == letter
