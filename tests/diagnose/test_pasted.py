"""Tables and logs without a window: shares and single lines, as points that never go far."""

import pytest

from crazytrain.diagnose.pasted_signs import pasted_points
from crazytrain.diagnose.told_signs import PASTED_AT_MOST
from crazytrain.model.facts import ExitCount, Facts, KvmExits, PortUse
from crazytrain.model.facts.kernel_traces import KernelTrace, LogClock
from crazytrain.model.facts.kvm import ExitTime
from crazytrain.model.facts.logs import HostLog
from crazytrain.model.facts.stacks import StackFrame, UserStack, UserStacks
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m


def table(idle: float, **counts: int) -> KvmExits:
    """Exits by reason, and the share of the time that is HLT."""
    times = (("HLT", idle), ("IO_INSTRUCTION", 1 - idle))
    return KvmExits(
        window_ns=0,
        exits=tuple(ExitCount(reason=name, count=number) for name, number in counts.items()),
        times=tuple(ExitTime(reason=n, tid=0, samples=1, mean_ns=1, time_ns=int(s * 10**9)) for n, s in times),
        hardware=True,
        refs=m.REFS,
    )


def ratio(cause: str, *values: object) -> float:
    product = 1.0
    for point in pasted_points(cause, Facts(values)):
        product *= point.ratio
    return product


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("rtc-periodic-storm", "IO_INSTRUCTION"),
        ("msr-storm", "MSR_WRITE"),
        ("mmio-poll", "EPT_MISCONFIG"),
        ("page-fault-loop", "EPT_VIOLATION"),
        ("pause-contention", "PAUSE_INSTRUCTION"),
    ],
)
def test_exits_that_dominate_speak_for_their_cause(cause: str, reason: str) -> None:
    assert ratio(cause, table(0.3, HLT=900, **{reason: 9000})) > 1
    assert ratio(cause, table(0.99, HLT=9000, **{reason: 9000})) < 1, "it rests nearly all the time"
    assert ratio(cause, table(0.3, HLT=900, CPUID=9000)) < 1


def test_time_in_hlt_is_rest() -> None:
    assert ratio("misread", table(0.97, HLT=900, MSR_WRITE=9000)) > 1
    assert not pasted_points("misread", Facts((table(0.4, HLT=900, MSR_WRITE=9000),)))


def test_a_table_with_ports_is_for_the_causes_themselves() -> None:
    full = KvmExits(window_ns=10**9, ports=(PortUse(port=0x70, write=True, count=9),), refs=m.REFS)
    assert not pasted_points("rtc-periodic-storm", Facts((full,)))


def test_a_trace_of_the_host_is_not_one_of_the_guest() -> None:
    name = "native_queued_spin_lock_slowpath"
    guest = KernelTrace(host=False, sure=True, functions=(), place=name, refs=m.REFS)
    assert ratio("guest-spinlock", guest) > 1
    assert not pasted_points("guest-spinlock", Facts((KernelTrace(host=True, sure=True, functions=(name,)),)))


def test_a_lockup_in_kvms_timer_needs_no_window() -> None:
    log = HostLog(lines=(), read=9, since_ns=None, refs=m.REFS)
    place = "advance_periodic_target_expiration"
    trace = KernelTrace(
        host=True, sure=True, functions=("apic_timer_fn",), place=place, complaint="hard LOCKUP on cpu 1", refs=m.REFS
    )
    assert m.found("lapic-catchup", log, trace).verdict is Verdict.FOUND
    elsewhere = KernelTrace(host=True, sure=True, functions=("do_idle",), complaint="hard LOCKUP on cpu 1", refs=m.REFS)
    assert m.found("lapic-catchup", log, elsewhere).verdict is not Verdict.FOUND


@pytest.mark.parametrize(
    ("cause", "function"),
    [
        ("chardev-spin", "qemu_chr_fe_write_all"),
        ("usb-polling", "uhci_frame_timer"),
        ("balloon-deflate", "balloon_inflate_page"),
    ],
)
def test_a_backtrace_names_who_is_at_work(cause: str, function: str) -> None:
    assert ratio(cause, backtrace(function)) > 1
    assert not pasted_points(cause, Facts((backtrace("main_loop_wait"),)))
    assert not pasted_points(cause, Facts((backtrace(function, mono_ns=5),))), "a look's own stacks are the causes'"


def backtrace(function: str, mono_ns: int = 0) -> UserStacks:
    frames = tuple(StackFrame(module="qemu", offset=1, symbol=name) for name in ("write", function, "main"))
    stack = UserStack(tid=7, comm="qemu", mono_ns=mono_ns, frames=frames, refs=m.REFS)
    return UserStacks(mono_ns=mono_ns, stacks=(stack,), refs=m.REFS)


def test_a_stamp_of_centuries_speaks_for_a_clock_that_jumped() -> None:
    mad = LogClock(host=False, stamp_ns=9_223_372_037 * 10**9, before_ns=10**9, refs=m.REFS)
    assert ratio("kvmclock-jump", mad) > 1
    assert "292 years" in pasted_points("kvmclock-jump", Facts((mad,)))[0].says
    assert not pasted_points("tsc-unstable", Facts((mad,)))


def test_alone_they_go_no_further_than_likely() -> None:
    finding = m.found("msr-storm", table(0.1, HLT=9, MSR_WRITE=90_000))
    assert finding.confidence <= PASTED_AT_MOST
