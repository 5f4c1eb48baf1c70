"""What bpftrace counted of waits, and of KVM's times, interrupts and halts."""

import json

import pytest

from crazytrain.decode.bpf import decode_bpf
from crazytrain.model.evidence import Evidence, Kind, Ref
from crazytrain.model.facts import (
    EmptyRead,
    ExitPlace,
    ExitTime,
    Facts,
    HaltUse,
    IrqLineUse,
    KvmExits,
    LoopReadings,
    ReadyCount,
    SyscallUse,
    TimeoutBucket,
    VcpuWindow,
    VectorUse,
)

# Verbatim, from bpftrace 0.17: the main loop of a guest under TCG whose RTC ticks 8,192 times a second.
TICKING = r"""{"type":"crazytrain","data":{"pid":7,"arch":"x86_64","kvm":false,"left_out":[],"full":[],"kvm_events":0}}
{"type": "map", "data": {"@from": 1000000000}}
{"type": "map", "data": {"@until": 2000000000}}
{"type": "hist", "data": {"@wait_ns": {"7,7,271": [{"min": 65536, "max": 131071, "count": 3000}]}}}
{"type": "map", "data": {"@wait_other": {"7,7,271,0": 3500}}}
{"type": "stats", "data": {"@call": {"7,7,271,4294967295": {"count": 6500, "average": 136000, "total": 884000000}, "7,7,0,5": {"count": 257, "average": 532, "total": 136724}}}}
{"type": "map", "data": {"@empty": {"7,7,0,5": 7}}}
{"type": "hist", "data": {"@waited_ns": {"7,7,271": [{"min": 256, "max": 511, "count": 2900}, {"min": 512, "max": 1023, "count": 0}, {"min": 131072, "max": 262143, "count": 3600}]}}}
{"type": "hist", "data": {"@waited_s": {"7,7,271": [{"min": 1, "max": 1, "count": 1}]}}}
{"type": "map", "data": {"@ready": {"7,7,5,1": 240, "7,7,9,17": 30, "8,8,5,1": 999}}}
{"type": "stats", "data": {"@ready_turns": {"7,7,271": {"count": 260, "average": 1, "total": 275}, "7,9,232": {"count": 40, "average": 1, "total": 40}}}}
{"type": "map", "data": {"@ready_epoll": {"7,9,12,93924998450480,1": 40}}}
"""


def facts_of(text: str) -> Facts:
    return Facts(decode_bpf(Evidence(id="bpf", kind=Kind.BPF, source="bpftrace of pid 7", data=text.encode())))


def test_what_woke_a_loop_and_how_long_it_waited() -> None:
    told = facts_of(TICKING).get(LoopReadings)
    assert told is not None
    main, other = told.readings
    assert (main.tid, main.call, main.looked, main.waited_ns) == (7, "ppoll", True, 884_000_000)
    assert main.waited == (
        TimeoutBucket(256, 512, 2900),
        TimeoutBucket(131072, 262144, 3600),
        TimeoutBucket(1_000_000_000, 2_000_000_000, 1),
    )
    assert (main.ready_turns, main.ready_sum) == (260, 275)
    assert main.ready == (ReadyCount(fd=5, events=1, count=240), ReadyCount(fd=9, events=17, count=30))
    assert (other.tid, other.call) == (9, "epoll_wait")
    assert other.ready == (ReadyCount(epoll_fd=12, data=93924998450480, events=1, count=40),)
    assert told.empty == (EmptyRead(tid=7, call="read", fd=5, count=7),)
    assert told.refs == tuple(Ref("bpf", line) for line in (7, 8, 9, 10, 11, 12))


def test_records_without_readiness_give_none_of_it() -> None:
    assert facts_of(TICKING.partition('{"type": "map", "data": {"@empty"')[0]).get(LoopReadings) is None


def test_where_readiness_was_not_looked_at_that_is_told() -> None:
    unseen = TICKING.replace('"left_out":[]', '"left_out":["which descriptors were ready (no loops)"]')
    told = facts_of(unseen).get(LoopReadings)
    assert told is not None
    assert [reading.looked for reading in told.readings] == [False, False]


def test_a_call_under_way_keeps_its_number_below_the_kind_of_its_wait() -> None:
    kind_of_wait = 2 << 56
    maps = {"@entered": {"7,7": 1_500_000_000}, "@entered_call": {"7,7": kind_of_wait | 271 << 32 | 0xFFFFFFFF}}
    lines = [json.dumps({"type": "map", "data": {name: counts}}) for name, counts in maps.items()]
    use = facts_of("\n".join((*TICKING.splitlines()[:3], *lines))).get(SyscallUse)
    assert use is not None
    (call,) = use.calls
    assert (call.call, call.fd, call.time_ns) == ("ppoll", None, 500_000_000)


KVM = r"""{"type":"crazytrain","data":{"pid":7,"arch":"x86_64","kvm":true,"left_out":[],"full":[],"kvm_events":16,"one_in":64}}
{"type": "map", "data": {"@from": 1000000000}}
{"type": "map", "data": {"@until": 2000000000}}
{"type": "map", "data": {"@kvm_exit": {"7,8,1,30": 64000, "7,8,1,12": 640, "7,9,64,8589934628": 5}}}
{"type": "stats", "data": {"@exit_ns": {"7,8,1,30": {"count": 1000, "average": 2000, "total": 2000000}}}}
{"type": "map", "data": {"@exit_rip": {"7,8,31755": 900, "7,8,-2130706432": 100}}}
{"type": "map", "data": {"@kvm_userspace_exit": {"7,8,2,0": 6400, "7,8,2,-4": 5}}}
{"type": "stats", "data": {"@outside": {"7,8,2": {"count": 100, "average": 5000, "total": 500000}}}}
{"type": "map", "data": {"@kvm_set_irq": {"7,4,1": 30, "7,4,0": 30, "7,11,1": 50}}}
{"type": "map", "data": {"@kvm_msi_set_irq": {"7,37": 12}}}
{"type": "map", "data": {"@kvm_apic_accept_irq": {"7,0,236": 250, "7,1,236": 260, "7,0,37": 9}}}
{"type": "stats", "data": {"@kvm_vcpu_wakeup": {"7,8,0,1": {"count": 10, "average": 50, "total": 500}, "7,8,1,0": {"count": 2, "average": 90, "total": 180}}}}
{"type": "stats", "data": {"@kvm_halt_poll_ns": {"7,0": {"count": 4, "average": 50000, "total": 200000}}}}
{"type": "stats", "data": {"@kvm_ple_window_update": {"7,1": {"count": 2, "average": 8192, "total": 16384}}}}
"""


@pytest.fixture
def exits() -> KvmExits:
    found = facts_of(KVM).get(KvmExits)
    assert found is not None
    return found


def test_time_per_exit_reason_is_that_of_the_sampled_ones_times_all(exits: KvmExits) -> None:
    assert [(e.reason, e.count, e.tid) for e in exits.exits] == [
        ("IO_INSTRUCTION", 64000, 8),
        ("HLT", 640, 8),
        ("DABT_LOW", 5, 9),
    ]
    timed = ExitTime(reason="IO_INSTRUCTION", tid=8, samples=1000, mean_ns=2000.0, time_ns=128_000_000)
    assert exits.times == (timed,)
    assert exits.outside == (ExitTime(reason="IO", tid=8, samples=100, mean_ns=5000.0, time_ns=32_000_000),)
    assert exits.places == (ExitPlace(0x7C0B, 900), ExitPlace(0xFFFFFFFF81000000, 100))
    assert exits.hardware


def test_interrupts_halts_and_windows(exits: KvmExits) -> None:
    assert exits.irq_lines == (IrqLineUse(gsi=4, raised=30, lowered=30), IrqLineUse(gsi=11, raised=50, lowered=0))
    assert (exits.msis, exits.accepted) == ((VectorUse(37, 12),), (VectorUse(236, 510), VectorUse(37, 9)))
    assert exits.halts == (HaltUse(tid=8, polled=10, polled_ns=500, waited=2, waited_ns=180, in_vain=2),)
    assert exits.halt_polls == (VcpuWindow(vcpu=0, changes=4, mean=50000.0),)
    assert exits.pause_windows == (VcpuWindow(vcpu=1, changes=2, mean=8192.0),)
