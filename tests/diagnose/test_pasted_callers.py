"""Who calls a lock, who waits for one, and turns of a loop in which nothing is done: as pasted text tells it."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.diagnose.told_signs import PASTED_AT_MOST
from crazytrain.model.case import Case
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude

LOCKED = """Thread 1 (Thread 0x7f6be0a3f540 (LWP 2001)):
#0  0x00007f6bdfb1f4dc in __lll_lock_wait () from /lib64/libpthread.so.0
#1  0x00007f6bdfb187c3 in pthread_mutex_lock () from /lib64/libpthread.so.0
#2  0x000055c7cd2d3ba9 in qemu_mutex_lock_impl ()
#3  0x000055c7cd245d0e in throttle_group_restart_queue ()
#4  0x000055c7cd2cf5b1 in timerlist_run_timers ()
#5  0x000055c7cd2cf9ee in main_loop_wait ()
#6  0x000055c7cd0bfc34 in main ()
"""
PAUSES = """Thread 1 (Thread 0x7f6be0a3f540 (LWP 2001)):
#0  0x00007f6bdfb1c3fc in pthread_cond_wait () from /lib64/libpthread.so.0
#1  0x000055c7cd2d3e0f in qemu_cond_wait_impl ()
#2  0x000055c7cce7f7a1 in pause_all_vcpus ()
#3  0x000055c7cce7f91d in do_vm_stop ()
#4  0x000055c7cd0b34a1 in qmp_stop ()
"""
CALLED = """# Children      Self  Command          Shared Object       Symbol
    61.10%    60.90%  CPU 5/KVM        [kernel.kallsyms]   [k] native_queued_spin_lock_slowpath
            |
            ---native_queued_spin_lock_slowpath
               _raw_spin_lock
               |
               |--55.20%--{}
"""
EMPTY = "ppoll([{fd=5, events=POLLIN}, {fd=11, events=POLLIN}], 2, NULL, NULL, 8) = 1 ([{fd=11, revents=POLLIN}])\n"
SUMMARY = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 71.20    4.110201           4   1020110           ppoll
 28.80    1.660112           1   1019870   1019801 recvmsg
------ ----------- ----------- --------- --------- ----------------
100.00    5.770313               2039980   1019801 total
"""


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def confidence(cause: str, text: str) -> float:
    return next(one.confidence for one in report(text).findings if one.cause == cause)


@pytest.mark.parametrize(
    ("text", "cause"),
    [(LOCKED, "block-drain-deadlock"), (PAUSES, "monitor-hung"), (EMPTY * 5, "fd-monitor-spin")],
)
def test_the_cause_is_named_and_never_surely(text: str, cause: str) -> None:
    said = report(text).verdict
    assert said.cause == cause
    assert said.confidence <= PASTED_AT_MOST


def test_who_waits_for_a_lock_does_not_spin() -> None:
    assert report(LOCKED).verdict.family == "qemu-blocked"
    assert confidence("iothread-spin", LOCKED) < 0.1


def test_a_lock_is_its_callers() -> None:
    assert confidence("memory-pressure", CALLED.format("deferred_split_scan")) > confidence(
        "memory-pressure", CALLED.format("some_function")
    )


def test_reads_that_fail_once_each_turn_are_a_loop() -> None:
    assert report(SUMMARY).verdict.family == "main-loop-spin"
    drained = SUMMARY.replace("1019801 recvmsg", "  12001 recvmsg")
    assert confidence("usernet-spin", SUMMARY) > confidence("usernet-spin", drained)


def test_a_turn_that_does_something_is_not_empty() -> None:
    served = EMPTY + 'read(11, "\\1\\0\\0\\0\\0\\0\\0\\0", 512) = 8\n' + 'write(5, "\\1\\0\\0\\0\\0\\0\\0\\0", 8) = 8\n'
    assert confidence("fd-monitor-spin", served * 5) < confidence("fd-monitor-spin", EMPTY * 5)
