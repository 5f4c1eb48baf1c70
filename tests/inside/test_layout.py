"""Layouts are remembered and believed only when they can be; without type information the little that is certain is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.inside.derived import Derived
from crazytrain.inside.kernel import Bits, Field
from crazytrain.inside.layout import WarmLayout, layout_of
from crazytrain.inside.log import read_log
from crazytrain.inside.tasks import read_tasks
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_contents import Line, add_log
from tests.inside.made_kernel import TASK, Made


def made_kernel() -> Made:
    made = Made()
    made.types()
    made.btf.enum("mood", {"GOOD": 3, "BAD": -2})
    made.init_task()
    made.finish()
    return made


def nothing() -> Derived:
    raise AssertionError("the types were asked for")


def ask(layout: WarmLayout) -> tuple[Field, Field, int, int]:
    with pytest.raises(Unreadable, match=r"no task_struct\.state"):
        layout.field("task_struct", "state")
    pid, time = layout.field("task_struct", "pid"), layout.field("task_struct", "se.sum_exec_runtime")
    return pid, time, layout.size("task_struct"), layout.value("mood", "BAD")


def test_what_was_asked_once_is_known_the_next_time() -> None:
    layout = made_kernel().kernel().layout
    assert isinstance(layout, WarmLayout)
    first = ask(layout)
    assert first == (Field(TASK["pid"], 4), Field(TASK["exec"], 8), 0x400, -2)
    assert (layout.source, layout.changed) == ("BTF", True)
    again = WarmLayout(nothing, layout.pack())
    assert ask(again) == first
    assert (again.source, again.changed, again.pack()) == ("BTF", False, layout.pack())
    assert len(layout.pack()) < 4096


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff" * 100,
        b'{"source":"BTF","known":[["m","task_struct","pid",[1]]]}',
        b'{"source":"BTF","known":[["m","task_struct","pid",[-8,4,0,32]]]}',
        b'{"source":"BTF","known":[["m","task_struct","pid",[99999999999,4,0,32]]]}',
        b'{"source":"BTF","known":[["s","task_struct","",[1,2]]]}',
        b'{"source":"","known":[["m","task_struct","pid",[1,4,0,32]]]}',
        b'{"source":"BTF","known":[["m","task_struct","pid",[1.5,4,0,32]]]}',
        b" " * 100_000,
    ],
)
def test_what_was_packed_by_nobody_counts_for_nothing(packed: bytes) -> None:
    kernel = made_kernel().kernel()
    assert layout_of(kernel.space, kernel.symbols, None, packed).field("task_struct", "pid") == Field(TASK["pid"], 4)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_may_come(packed: bytes) -> None:
    WarmLayout(nothing, packed).pack()


def test_types_that_cannot_be_read_now_are_not_given_up_for_ever() -> None:
    made = made_kernel()
    made.put(made.symbols["__start_BTF"], b"\0\0")
    layout = made.kernel().layout
    assert isinstance(layout, WarmLayout)
    with pytest.raises(Unreadable):
        layout.field("rq", "nr_running")
    assert layout.source == "derived"
    assert layout.pack() == b""


def bare(count: int = 12) -> Made:
    """A kernel without types, whose tasks are as they are after a boot."""
    made = Made()
    head = made.init_task()
    made.u32(head + TASK["flags"], 0x0420_0002)
    init = made.task(1, b"init", state=1, parent=head)
    daemon = made.task(2, b"kthreadd", state=1, flags=0x20_8040, parent=head)
    made.u64(head + TASK["real_parent"], head)
    workers = [
        made.task(pid, b"kworker/%d" % pid, state=0x402, flags=0x20_8040, parent=daemon) for pid in range(3, count)
    ]
    made.ring("tasks", head + TASK["tasks"], [init, daemon, *workers])
    return made


def test_tasks_tell_where_their_members_are() -> None:
    kernel = bare().kernel()
    derived = Derived(kernel.space, kernel.symbols, {})
    places = {
        name: derived.member("task_struct", name).offset
        for name in ("comm", "tasks", "pid", "tgid", "flags", "real_parent")
    }
    assert places == {name: TASK[name] for name in places}
    assert derived.member("task_struct", "state").offset == TASK["__state"]
    found = read_tasks(kernel, 1000)
    assert [(task.pid, task.ppid, task.state) for task in found.tasks[:3]] == [(1, 0, "S"), (2, 0, "S"), (3, 2, "I")]
    assert kernel.layout.field("pcpu_hot", "current_task") == Field(0, 8)


@pytest.mark.parametrize("member", ["nvcsw", "stack", "thread.sp"])
def test_what_tasks_do_not_tell_is_not_guessed(member: str) -> None:
    with pytest.raises(Unreadable, match="no type information"):
        bare().kernel().layout.field("task_struct", member)


@pytest.mark.parametrize("count", [3, 6])
def test_too_few_tasks_tell_nothing(count: int) -> None:
    with pytest.raises(Unreadable):
        read_tasks(bare(count).kernel(), 1000)


def test_a_list_that_is_linked_one_way_only_is_none() -> None:
    made = bare()
    tasks = read_tasks(made.kernel(), 1000).addresses
    made.u64(tasks[4] + TASK["tasks"] + 8, tasks[1] + TASK["tasks"])
    kernel = made.kernel()
    with pytest.raises(Unreadable, match="links its tasks"):
        Derived(kernel.space, kernel.symbols, {}).member("task_struct", "pid")


NOTES = {
    "SIZE(printk_ringbuffer)": "72",
    "OFFSET(printk_ringbuffer.desc_ring)": "0",
    "OFFSET(printk_ringbuffer.text_data_ring)": "48",
    "OFFSET(prb_desc_ring.count_bits)": "0",
    "OFFSET(prb_desc_ring.descs)": "8",
    "OFFSET(prb_desc_ring.infos)": "16",
    "OFFSET(prb_desc_ring.head_id)": "24",
    "OFFSET(prb_desc_ring.tail_id)": "32",
    "SIZE(prb_desc)": "32",
    "OFFSET(prb_desc.state_var)": "8",
    "OFFSET(prb_desc.text_blk_lpos)": "16",
    "OFFSET(prb_data_blk_lpos.begin)": "0",
    "OFFSET(prb_data_blk_lpos.next)": "8",
    "OFFSET(prb_data_ring.size_bits)": "0",
    "OFFSET(prb_data_ring.data)": "8",
    "SIZE(printk_info)": "40",
    "OFFSET(printk_info.seq)": "0",
    "OFFSET(printk_info.ts_nsec)": "8",
    "OFFSET(printk_info.text_len)": "16",
}


def test_the_log_is_read_by_the_crash_note_alone() -> None:
    made = Made()
    add_log(made, [Line(b"first", 4, 1), Line(b"second", 2, 2)])
    kernel = made.kernel()
    kernel.layout = layout_of(kernel.space, kernel.symbols, NOTES)
    assert [(record.text, record.level) for record in read_log(kernel, 10).records] == [("first", 4), ("second", 2)]


@pytest.mark.parametrize("number", ["-1", "1e3", "99999999999", "", "x"])
def test_a_crash_note_may_lie(number: str) -> None:
    kernel = Made().kernel()
    notes = NOTES | {"OFFSET(printk_ringbuffer.desc_ring)": number}
    with pytest.raises(Unreadable):
        Derived(kernel.space, kernel.symbols, notes).member("printk_ringbuffer", "desc_ring.descs")


def test_a_bit_field_is_told_as_bits() -> None:
    kernel = Made().kernel()
    assert Derived(kernel.space, kernel.symbols, NOTES).member("printk_info", "level") == Bits(19, 1, 5, 3)
