"""Event loops from waits: whose they are, how often they turn, and which of several tellings is believed."""

import pytest

from crazytrain.derive.loops import derive_loops
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Facts,
    Loops,
    ProcessFacts,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
    TimeoutBucket,
    WaitUse,
)

MAIN, IO, WORKER, VCPU, OTHER = 100, 101, 102, 103, 104
ROLES = ThreadActivity(
    window_ns=1,
    samples=2,
    refs=(),
    threads=(
        ThreadUse(tid=MAIN, comm="qemu-system-x86", role=ThreadRole.MAIN_LOOP),
        ThreadUse(tid=IO, comm="IO disk0", role=ThreadRole.IOTHREAD),
        ThreadUse(tid=WORKER, comm="worker", role=ThreadRole.WORKER),
        ThreadUse(tid=VCPU, comm="CPU 0/KVM", role=ThreadRole.VCPU, vcpu=0),
        ThreadUse(tid=OTHER, comm="msgr-worker-0", role=ThreadRole.OTHER),
    ),
)


def wait(tid: int | None, count: int, call: str = "ppoll") -> WaitUse:
    return WaitUse(tid=tid, call=call, count=count, refs=(Ref("bpf", 8),))


def use(*waits: WaitUse, method: str = "bpftrace", window_ns: int | None = 2_000_000_000, **more: object) -> SyscallUse:
    known: dict[str, object] = {"coverage": Coverage.ALL_THREADS, "calls": ()} | more
    return SyscallUse(method=method, window_ns=window_ns, waits=waits, **known)  # type: ignore[arg-type]


def loops_of(*facts: object) -> Loops:
    loops = derive_loops(Facts(facts))
    assert loops is not None
    return loops


def test_the_main_loop_comes_first_with_its_rate_and_timeouts() -> None:
    busy = WaitUse(tid=MAIN, call="ppoll", count=8, buckets=(TimeoutBucket(1, 2, 3),), zero=4, infinite=1)
    loops = loops_of(ROLES, use(wait(IO, 500), busy))
    assert [(x.label, x.turns, x.turns_per_s) for x in loops.loops] == [
        ("main loop", 8, 4.0),
        ("iothread disk0", 500, 250.0),
    ]
    assert loops.main is loops.loops[0]
    assert (loops.main.buckets, loops.main.zero, loops.main.infinite) == (busy.buckets, 4, 1)
    assert loops.loops[1].refs == (Ref("bpf", 8),)
    assert Ref("bpf", 8) in loops.refs


def test_threads_that_only_poll_at_times_are_no_loops() -> None:
    loops = loops_of(ROLES, use(wait(MAIN, 1), wait(WORKER, 9), wait(VCPU, 9), wait(OTHER, 7)))
    assert [x.label for x in loops.loops] == ["main loop", f"msgr-worker-0 (thread {OTHER})"]


def test_a_loop_that_waits_in_several_calls_turns_as_often_as_the_most_frequent() -> None:
    (loop,) = loops_of(ROLES, use(wait(IO, 40), wait(IO, 60, "epoll_wait"))).loops
    assert (loop.call, loop.turns) == ("epoll_wait", 60)


def test_what_the_kernel_counted_is_believed_over_strace() -> None:
    traced = use(wait(MAIN, 5), method="strace")
    for facts in ((use(wait(MAIN, 900)), traced), (traced, use(wait(MAIN, 900)))):
        assert loops_of(ROLES, *facts).loops[0].turns == 900
    assert loops_of(ROLES, traced).loops[0].turns == 5


def test_without_roles_the_process_id_tells_the_main_loop() -> None:
    process = ProcessFacts(pid=MAIN, start_ticks=1)
    assert [x.label for x in loops_of(process, use(wait(MAIN, 5), wait(IO, 9))).loops] == ["main loop", f"thread {IO}"]


@pytest.mark.parametrize(
    ("coverage", "label"),
    [(Coverage.ONE_THREAD, "main loop"), (Coverage.ALL_THREADS, "all loops together")],
)
def test_a_trace_without_thread_numbers(coverage: Coverage, label: str) -> None:
    traced = use(wait(None, 5, "select"), method="strace", window_ns=None, coverage=coverage)
    (loop,) = loops_of(traced).loops
    assert (loop.label, loop.call, loop.turns, loop.turns_per_s) == (label, "select", 5, None)


def test_a_table_of_counts_has_turns_without_timeouts() -> None:
    calls = (
        CallUse(tid=None, call="read", fd=None, count=99),
        CallUse(tid=None, call="ppoll", fd=None, count=7, refs=(Ref("summary", 3),)),
    )
    traced = use(method="strace -c", window_ns=None, coverage=Coverage.ONE_THREAD, calls=calls)
    (loop,) = loops_of(traced).loops
    assert (loop.call, loop.turns, loop.buckets, loop.refs) == ("ppoll", 7, (), (Ref("summary", 3),))


def test_nothing_seen_is_no_fact() -> None:
    assert derive_loops(Facts((ROLES,))) is None
    assert derive_loops(Facts((ROLES, use()))) is None
