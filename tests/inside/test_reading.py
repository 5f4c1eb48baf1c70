"""A reading has all parts that can be read, and the reason for each that cannot; hostile memory changes neither."""

import itertools
import time
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.inside.log import read_log
from crazytrain.inside.reading import read_instant
from crazytrain.model.facts.inside import InsideReading
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable
from tests.inside.made_contents import Line, add_clock, add_cpus, add_log
from tests.inside.made_kernel import TASK, Made

ALL = ("clock", "cpus", "tasks", "stacks", "locks")


def ticking() -> Iterator[int]:
    return itertools.count(1000, 10)


def read(
    made: Made, parts: tuple[str, ...] = ALL, most: int = 100, pages: dict[int, bytes] | None = None
) -> InsideReading:
    times = ticking()
    return read_instant(made.kernel(pages), parts, most, lambda: (next(times), 5))


def whole() -> Made:
    made = Made()
    made.types()
    head = made.init_task()
    tasks = [made.task(pid, b"task %d" % pid) for pid in range(1, 20)]
    made.ring("tasks", head + TASK["tasks"], tasks)
    add_clock(made)
    add_cpus(made, (tasks[3], head))
    add_log(made, [Line(b"one"), Line(b"two")])
    made.finish()
    return made


def test_all_parts_are_there() -> None:
    reading = read(whole())
    assert (reading.mono_ns, reading.took_ns) == (1000, 10)
    assert reading.clock is not None
    assert len(reading.cpus) == 2
    assert (len(reading.tasks), reading.tasks_total, reading.tasks_cut) == (19, 19, False)
    assert (reading.load, reading.panicked, reading.missing) == ((1.5, 1.0, 0.0), False, ())


def test_only_what_is_asked_for_is_read() -> None:
    reading = read(whole(), ("clock",))
    assert (reading.cpus, reading.tasks, reading.tasks_total) == ((), (), 0)
    assert reading.clock is not None


def test_tasks_that_are_not_listed_are_counted() -> None:
    reading = read(whole(), ("tasks",), 5)
    assert (len(reading.tasks), reading.tasks_total, reading.tasks_cut) == (5, 12_345, True)


@pytest.mark.parametrize(
    ("symbol", "part", "still"),
    [
        ("init_task", "tasks", "clock"),
        ("tk_core", "timekeeper", "clock"),
        ("__cpu_online_mask", "cpus", "tasks"),
        ("runqueues", "ready tasks", "cpus"),
        ("kernel_cpustat", "times of CPUs", "cpus"),
        ("avenrun", "load", "clock"),
        ("panic_cpu", "panic", "tasks"),
    ],
)
def test_each_part_fails_alone_and_says_why(symbol: str, part: str, still: str) -> None:
    made = whole()
    del made.symbols[symbol]
    reading = read(made)
    assert {one.what for one in reading.missing} == {part}
    assert all(symbol in one.why for one in reading.missing)
    assert getattr(reading, still)


def test_stacks_that_cannot_be_read_are_missing_alone() -> None:
    made = whole()
    task = made.task(500, b"stuck", state=2)
    made.ring("tasks", made.symbols["init_task"] + TASK["tasks"], [task])
    reading = read(made)
    assert [(one.pid, one.state, one.stack) for one in reading.tasks] == [(500, "D", ())]
    assert {one.what for one in reading.missing} == {"stacks"}


MADE = whole()
PAGES = MADE.pages()
TOUCHED = sorted(number for number, page in PAGES.items() if any(page))


@settings(deadline=None, max_examples=250)
@given(
    st.lists(
        st.tuples(st.sampled_from(TOUCHED), st.integers(0, PAGE_BYTES - 1), st.binary(min_size=1, max_size=8)),
        min_size=1,
        max_size=40,
    )
)
def test_a_guest_may_write_whatever_it_likes(changes: list[tuple[int, int, bytes]]) -> None:
    pages = {number: bytearray(page) for number, page in PAGES.items()}
    for number, place, value in changes:
        pages[number][place : place + len(value)] = value[: PAGE_BYTES - place]
    changed = {number: bytes(page) for number, page in pages.items()}
    start = time.process_time()
    reading = read(MADE, pages=changed)
    assert time.process_time() - start < 5
    assert msgspec.json.decode(msgspec.json.encode(reading), type=InsideReading) == reading
    try:
        log = read_log(MADE.kernel(changed), 1000)
        assert msgspec.json.encode(log)
    except Unreadable:
        pass


@settings(deadline=None, max_examples=60)
@given(st.sets(st.sampled_from(TOUCHED), max_size=20))
def test_any_page_may_be_away(gone: set[int]) -> None:
    reading = read(MADE, pages={number: page for number, page in PAGES.items() if number not in gone})
    assert reading.missing or len(reading.tasks) == 19
