"""Sentences about loops and about KVM: figures in plain words, and nothing said that was not seen."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    Coverage,
    Eventfds,
    EventfdUse,
    ExitCount,
    ExitPlace,
    ExitTime,
    Facts,
    HaltUse,
    IrqLineUse,
    KvmExits,
    KvmStat,
    KvmStats,
    LoopActivity,
    Loops,
    MmioUse,
    ReadyUse,
    SyscallUse,
    TimeoutBucket,
    VcpuWindow,
    VectorUse,
)
from crazytrain.report.kvm_story import kvm_story
from crazytrain.report.loop_story import loop_story

REFS = (Ref("bpf", 8),)
USE = SyscallUse(method="bpftrace", coverage=Coverage.ALL_THREADS, window_ns=10**9, calls=(), refs=REFS)
DEAD = ReadyUse(
    fd=12, events=("POLLHUP",), turns=990, label="fd 12 (VNC, client connected)", kind="socket", served=0, refused=3
)
READ = ReadyUse(fd=5, events=("POLLIN",), turns=500, label="fd 5 (main loop wake-up)", taken=500, sent=20, served=500)
RING = ReadyUse(fd=9, events=("POLLIN",), turns=100, label="fd 9 (io_uring)", served=None)
LOOP = LoopActivity(
    tid=7,
    label="main loop",
    call="ppoll",
    turns=1000,
    turns_per_s=1000.0,
    waited=(TimeoutBucket(256, 512, 600), TimeoutBucket(1 << 20, 1 << 21, 400)),
    waited_ns=500_000_000,
    ready=(DEAD, READ, RING),
    ready_turns=1000,
    refs=REFS,
)


def told(*facts: object) -> list[str]:
    lines = (*loop_story(Facts(facts)), *kvm_story(Facts(facts)))
    assert all(line.evidence for line in lines)
    return [line.says for line in lines]


def test_a_loop_that_spins_is_said_in_one_sentence() -> None:
    first, dead, read, ring = told(USE, Loops(loops=(LOOP,), refs=REFS))
    assert first == (
        "the main loop really waited 50 % of the time, mostly for 256 ns to 512 ns (60 % of the waits); "
        "100 % of its waits ended because a descriptor was ready"
    )
    assert dead.strip() == (
        "fd 12 (VNC, client connected) was ready (POLLHUP) in 99 % of turns and nothing was read from it, "
        "3 calls on it failed: the loop spins on it"
    )
    assert read.strip() == (
        "fd 5 (main loop wake-up) was ready (POLLIN) in 50 % of turns; it was taken from 500/s and written to 20/s"
    )
    assert ring.strip().endswith("whether anything was done with it cannot be seen")


def test_a_loop_that_hardly_turns_or_was_not_timed_says_nothing() -> None:
    assert told(USE, Loops(loops=(msgspec.structs.replace(LOOP, turns_per_s=1.0),), refs=REFS)) == []
    untold = msgspec.structs.replace(LOOP, waited=(), waited_ns=None, ready=(), ready_turns=None)
    assert told(USE, Loops(loops=(untold,), refs=REFS)) == []
    unseen = msgspec.structs.replace(untold, unseen="what woke it is not seen")
    assert told(USE, Loops(loops=(unseen,), refs=REFS)) == ["    what woke it is not seen"]


def test_a_counter_that_nobody_reads_is_told() -> None:
    grows = EventfdUse(fds=(5,), label="fd 5 (irqfd)", writes=7, count_before=1, count_after=90)
    calm = EventfdUse(fds=(6,), label="fd 6", writes=7, reads=7, count_before=0, count_after=0)
    assert told(Eventfds(uses=(grows, calm), window_ns=10**9, refs=REFS)) == [
        "eventfd fd 5 (irqfd): written 7.0/s, read 0/s by QEMU's threads; its counter grew from 1 to 90: nobody reads it"
    ]


def test_exits_are_told_with_their_time() -> None:
    exits = KvmExits(
        window_ns=10**9,
        exits=(
            ExitCount(reason="IO_INSTRUCTION", count=60_000, tid=8),
            ExitCount(reason="IO_INSTRUCTION", count=40_000, tid=9),
        ),
        times=(ExitTime(reason="IO_INSTRUCTION", tid=8, samples=900, mean_ns=2000.0, time_ns=120_000_000),),
        userspace=(ExitCount(reason="IO", count=100, tid=8),),
        places=(ExitPlace(0x7C0B, 3), ExitPlace(0x7C10, 1)),
        mmio=(MmioUse(page=0xFEBF0000, write=True, count=40, owner="e1000"),),
        vectors=(VectorUse(236, 250),),
        irq_lines=(IrqLineUse(gsi=11, raised=50, lowered=0),),
        halts=(HaltUse(tid=8, polled=30, polled_ns=200_000_000, waited=10, waited_ns=100, in_vain=20),),
        pause_windows=(VcpuWindow(vcpu=1, changes=40, mean=8192.0),),
        hardware=True,
        refs=REFS,
    )
    assert told(exits) == [
        "exits in KVM: IO_INSTRUCTION 100,000/s (2 µs each, 12 % of one CPU's time)",
        "exits to QEMU: IO 100/s",
        "instructions that leave most often: 0x7c0b 75 %, 0x7c10 25 %",
        "MMIO page 0xfebf0000 (e1000): write 40/s",
        "injected vectors: 0xec 250/s",
        "interrupt line (GSI) 11 was raised 50/s, and it was never lowered",
        (
            "thread 8 halted 40/s; in 75 % of them KVM's halt polling found work before it slept, "
            "which took 20 % of a CPU; 50 % woke up for nothing"
        ),
        "vCPU 1: KVM changed its window for PAUSE loops 40/s: the guest waits for locks",
    ]


def test_where_nothing_was_traced_kvms_own_counters_speak() -> None:
    stats = KvmStats(
        window_ns=10**9, stats=(KvmStat(name="exits", per_s=5000.0), KvmStat(name="halt_exits", per_s=0.2)), refs=REFS
    )
    assert told(stats) == ["KVM's own counters: exits 5,000/s"]
    assert told(stats, KvmExits(window_ns=10**9, refs=REFS)) == []


def test_the_monitors_loop_turns_for_us_and_is_told_only_where_it_spins() -> None:
    ours = msgspec.structs.replace(LOOP, label="iothread mon_iothread", ready=(READ,))
    assert told(USE, Loops(loops=(ours,), refs=REFS)) == []
    assert len(told(USE, Loops(loops=(msgspec.structs.replace(ours, ready=(DEAD,)),), refs=REFS))) == 2


def test_eventfds_that_are_read_are_not_worth_a_sentence() -> None:
    read = EventfdUse(fds=(5,), label="fd 5", writes=900, reads=300, count_before=0, count_after=0)
    unread = EventfdUse(fds=(6,), label="fd 6 (irqfd)", writes=900, reads=0, count_before=0, count_after=0)
    assert told(Eventfds(uses=(read, unread), window_ns=10**9, refs=REFS)) == [
        "eventfd fd 6 (irqfd): written 900/s, read 0/s by QEMU's threads"
    ]
