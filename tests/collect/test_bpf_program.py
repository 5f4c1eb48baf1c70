"""The program that bpftrace gets, and the short list of events beside it."""

import re

from crazytrain.collect.bpf_kvm import kvm_probes
from crazytrain.collect.bpf_program import ENOUGH, Wish, events_wanted, write_program
from crazytrain.collect.trace_events import fields_of
from crazytrain.model.evidence import Outcome
from tests.collect.test_bpf import OLDER_NAMES, PID, collected, done, format_of, host_with


def here(*without: str) -> dict[str, frozenset[str]]:
    """All events with all their fields, but for these."""
    wanted = (event for event in events_wanted(kvm=True) if event not in without)
    return {event: fields_of(format_of(event)) for event in wanted}


def test_every_event_has_a_block_of_its_own() -> None:
    events = here(*OLDER_NAMES)
    program = write_program(Wish(pids=(PID,), arch="x86_64", end_ns=5, kvm=True), events)
    assert program.left_out == ()
    assert [f"tracepoint:{event} " in program.text for event in events] == [True] * len(events)
    assert program.text.count("{") == program.text.count("}")
    assert program.kvm_events == len(events) - 2


def test_older_and_other_kernels_count_the_same_under_other_names() -> None:
    events = here("kvm:kvm_page_fault", "kvm:kvm_ple_window_update")
    events["kvm:kvm_exit"] = frozenset(("ret", "esr_ec", "vcpu_pc"))
    probes, lacking = kvm_probes(events)
    assert lacking == ()
    by_event = {probe.event: probe for probe in probes}
    assert by_event["kvm:kvm_guest_fault"].maps == ("@kvm_page_fault",)
    assert by_event["kvm:kvm_ple_window"].maps == ("@kvm_ple_window_update",)
    assert "args->esr_ec" in by_event["kvm:kvm_exit"].body


def test_a_guest_that_leaves_all_the_time_is_not_counted_for_longer_than_it_takes() -> None:
    events = here(*OLDER_NAMES)
    one, many = (
        write_program(Wish(pids=tuple(range(1, 1 + count)), arch="x86_64", end_ns=5, kvm=True), events)
        for count in (1, 20)
    )
    assert f"@events > {ENOUGH} &&" in one.text
    assert f"@events > {5 * ENOUGH} &&" in many.text


def test_bpftrace_is_given_a_short_list_of_events_where_we_may_mount() -> None:
    host = host_with(commands={"bpftrace": done(), "unshare": done(), "mount": done()})
    assert collected(host).outcome is Outcome.OK
    (command,) = host.ran
    assert command[:2] == ("unshare", "--mount")
    assert "available_events" in command[6]
    assert "kvm:kvm_pio" in command[8].split()
    assert command[9:11] == ("bpftrace", "-f")
    host.capabilities = {"CAP_BPF", "CAP_PERFMON"}
    collected(host)
    assert host.ran[-1][0] == "bpftrace"


def test_what_is_passed_most_often_is_attached_last_and_let_go_first() -> None:
    """And the clock last of all: what it takes for the beginning is when all else was attached."""
    program = write_program(Wish(pids=(PID,), arch="x86_64", end_ns=5, kvm=True), here(*OLDER_NAMES))
    events = re.findall(r"^(?:tracepoint|interval):([\w:]+)", program.text, re.MULTILINE)
    assert events[0] == "kvm:kvm_pvclock_update"
    assert events[-6:] == [
        "kvm:kvm_userspace_exit",
        "kvm:kvm_entry",
        "kvm:kvm_exit",
        "raw_syscalls:sys_exit",
        "raw_syscalls:sys_enter",
        "ms:10",
    ]
