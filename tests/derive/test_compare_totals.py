"""A table of calls without threads or descriptors is compared by its totals, with the same threads of the other side."""

import msgspec
import pytest

from crazytrain.decode.strace_summary import decode_strace_summary
from crazytrain.derive.compare import compared
from crazytrain.derive.compare_weight import SLOWED
from crazytrain.model.difference import Comparison, Standing
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Descriptor,
    DescriptorTable,
    ErrorCount,
    Facts,
    SyscallUse,
)
from crazytrain.report.diff_answer import answer
from crazytrain.report.summary_story import summary_story
from tests.diagnose import making as m

ALL = "strace: Process 10 attached with 3 threads\n"
ONE = "strace: Process 10 attached\n"
MAIN, VCPU = 10, 11
TABLE = DescriptorTable(
    descriptors=(
        Descriptor(fd=5, target="anon_inode:[eventfd]", kind="eventfd", role="main loop wake-up"),
        Descriptor(fd=9, target="/dev/tap", kind="tap", role="tap of vnet0"),
    ),
    complete=True,
    refs=(),
)


def call(tid: int, name: str, fd: int | None, count: int, failed: int = 0) -> CallUse:
    return CallUse(tid=tid, call=name, fd=fd, count=count, errors=(ErrorCount("EAGAIN", failed),) if failed else ())


CALLS = (
    call(MAIN, "ppoll", None, 4000),
    call(MAIN, "read", 5, 3000, failed=1000),
    call(MAIN, "write", 9, 500),
    call(VCPU, "write", 5, 2500),
    call(VCPU, "futex", None, 4000, failed=400),
)
USE = SyscallUse(method="bpf", coverage=Coverage.ALL_THREADS, window_ns=m.WINDOW_NS, calls=CALLS)
SEEN = Facts((m.threads(vcpu=0.3, loop=0.3), TABLE, USE))


def table(*tids: int, times: int = 7) -> str:
    """What ``strace -c`` prints of these threads, watched ``times`` as long."""
    totals: dict[str, tuple[int, int]] = {}
    for one in CALLS:
        if one.tid in tids:
            count, failed = totals.get(one.call, (0, 0))
            totals[one.call] = count + times * one.count, failed + times * one.failed
    head = "% time     seconds  usecs/call     calls    errors syscall\n"
    return head + "".join(
        f" 10.00    0.100000          10 {count:>9} {failed or '':>9} {name}\n"
        for name, (count, failed) in totals.items()
    )


def told(text: str) -> Facts:
    return Facts(decode_strace_summary(Evidence(id="c", kind=Kind.STRACE_SUMMARY, source="c", data=text.encode())))


def figures(found: Comparison) -> dict[str, tuple[float, float]]:
    return {d.measure: (round(d.here, 3), round(d.there, 3)) for d in found.differences}


@pytest.mark.parametrize(
    ("text", "who", "titles"),
    [
        (
            ALL + table(MAIN, VCPU),
            "all threads together",
            {"ppoll", "read", "read fails", "write", "futex", "futex fails"},
        ),
        (ONE + table(MAIN), "main loop", {"ppoll", "read", "read fails", "write"}),
    ],
)
def test_the_same_calls_do_not_differ(text: str, who: str, titles: set[str]) -> None:
    for found in (compared(SEEN, told(text)), compared(told(text), SEEN)):
        assert set(figures(found)) == {f"{who}: {title}" for title in titles}
        assert all(here == there for here, there in figures(found).values())
        assert all(d.standing is Standing.ALIKE for d in found.differences)


def test_what_does_differ_is_told_and_why_it_is_no_more_than_totals() -> None:
    text = ALL + table(MAIN, VCPU).replace("write", "xyzzy").replace("xyzzy", "openat")
    found = compared(told(text), SEEN)
    assert {d.measure for d in found.notable} == {"all threads together: openat", "all threads together: write"}
    assert found.no_threads == found.no_descriptors == ("here",)
    says = answer(found)
    assert "The calls here name no threads and no descriptors: totals of each call over all threads" in says


def test_how_often_a_call_is_made_is_not_compared_where_strace_slowed_one_side() -> None:
    """The same guest under strace: it gets to do less of what is fast. That a call is made at all still tells."""
    slowed = ALL + table(MAIN, VCPU).replace("28000 ", "2800 ").replace("21000 ", "300 ")
    found = compared(told(slowed), SEEN)
    assert not found.notable
    assert {d.nothing for d in found.harmless} == {SLOWED}
    again = compared(told(slowed), told(ALL + table(MAIN, VCPU)))
    assert again.notable, "strace slowed both"


def test_two_sides_that_tell_all_are_compared_as_finely_as_ever() -> None:
    found = compared(SEEN, SEEN)
    assert {"main loop: read on main loop wake-up", "vCPU: write on main loop wake-up"} <= set(figures(found))
    assert (found.no_threads, found.no_descriptors) == ((), ())


@pytest.mark.parametrize(
    ("text", "coverage"),
    [
        (ALL + table(MAIN), Coverage.ALL_THREADS),
        (ONE + table(MAIN), Coverage.ONE_THREAD),
        (ONE + ONE + table(MAIN), Coverage.SOME_THREADS),
        (ONE + table(VCPU), Coverage.SOME_THREADS),  # it waits for nothing: no loop
        (table(MAIN), Coverage.SOME_THREADS),
    ],
)
def test_which_threads_strace_was_given(text: str, coverage: Coverage) -> None:
    use = told(text).get(SyscallUse)
    assert use
    assert use.coverage is coverage


def test_a_garbled_row_with_more_errors_than_calls_is_compared() -> None:
    garbled = told(
        "% time     seconds  usecs/call     calls    errors syscall\n 10.00    0.1          10       300      7000 read\n"
    )
    assert any(d.measure.endswith("read fails") for d in compared(garbled, told(table(MAIN))).differences)


def test_such_a_table_is_told_in_words() -> None:
    calls, time = summary_story(told(ALL + table(MAIN, VCPU, times=1)))
    assert calls.says.startswith(
        "14,000 calls of all threads together were counted: ppoll 29 %, futex 29 % (10 % of them"
    )
    assert "no rates" in calls.says
    assert "25 % is in ppoll" in time.says
    assert summary_story(Facts((msgspec.structs.replace(USE, calls=()),))) == ()


def test_a_table_by_threads_is_told_by_threads() -> None:
    (main, vcpu) = summary_story(Facts((msgspec.structs.replace(USE, method="perf trace -s"),)))
    assert main.says.startswith("7,500 calls of thread 10, 1,500/s were counted: ppoll 53 %")
    assert vcpu.says.startswith("6,500 calls of thread 11, 1,300/s were counted: futex 62 % (10 % of them")
