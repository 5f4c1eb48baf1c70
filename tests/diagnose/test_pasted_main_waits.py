"""A main thread that was caught while it waited for another thread of QEMU, as backtraces show it."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.diagnose.told_signs import PASTED_AT_MOST
from crazytrain.model.case import Case
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude

JOINS = """Thread 1 (Thread 0x7f6be0a3f540 (LWP 2001)):
#0  0x00007f6bdfb1f4dc in __pthread_clockjoin_ex () from /lib64/libc.so.6
#1  0x000055c7cd2d3ba9 in qemu_thread_join (thread=0x55c7ceb02610) at util/qemu-thread-posix.c:587
#2  0x000055c7cd245d0e in qemu_cleanup () at ../system/runstate.c:900
#3  0x000055c7cd0bfc34 in main ()
"""
WANTS = """
Thread 7 (Thread 0x7f30b3dff700 (LWP 2017)):
#0  __lll_lock_wait (futex=futex@entry=0x56340218ffa0 <qemu_global_mutex>, private=0) at lowlevellock.c:52
#1  0x00007f34efa000a3 in __pthread_mutex_lock (mutex=0x56340218ffa0 <qemu_global_mutex>) at pthread_mutex_lock.c:80
#2  0x0000563401997f99 in qemu_mutex_lock_impl (mutex=0x56340218ffa0 <qemu_global_mutex>)
#3  0x0000563401407144 in qemu_mutex_lock_iothread_impl ()
"""
CONTENDED = """Thread 1 (Thread 0x7f6be0a3f540 (LWP 2001)):
#0  0x00007f6bdfb1f4dc in __lll_lock_wait () from /lib64/libpthread.so.0
#1  0x00007f6bdfb187c3 in pthread_mutex_lock () from /lib64/libpthread.so.0
#2  0x000055c7cd2d3ba9 in qemu_mutex_lock_impl ()
#3  0x000055c7cd245d0e in qemu_mutex_lock_iothread_impl ()
#4  0x000055c7cd2cf5b1 in os_host_main_loop_wait ()
#5  0x000055c7cd2cf9ee in main_loop_wait ()
#6  0x000055c7cd0bfc34 in main ()
"""


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def confidence(text: str) -> float:
    return next((one.confidence for one in report(text).findings if one.cause == "monitor-hung"), 0.0)


@pytest.mark.parametrize("text", [JOINS, JOINS + WANTS])
def test_a_main_thread_that_waits_for_another_is_blocked_and_never_surely(text: str) -> None:
    said = report(text).verdict
    assert (said.family, said.cause) == ("qemu-blocked", "monitor-hung")
    assert said.confidence <= PASTED_AT_MOST


def test_who_wants_the_big_lock_meanwhile_says_more() -> None:
    assert confidence(JOINS + WANTS) > confidence(JOINS)


def test_a_wait_for_the_big_lock_itself_is_everyday() -> None:
    assert confidence(CONTENDED) < 0.1


def test_another_thread_that_joins_says_nothing() -> None:
    other = JOINS.replace("Thread 1 ", "Thread 9 ").replace(
        "#3  0x000055c7cd0bfc34 in main ()", "#3  0x1 in start_thread ()"
    )
    assert confidence(other.replace("qemu_cleanup", "migration_thread")) < 0.1


CANCELS = """Thread 1 (Thread 0x7f6be0a3f540 (LWP 2001)):
#4  0x0000564b03027c3c in aio_poll (ctx=0x564b03ce9070, blocking=true) at ../util/aio-posix.c:607
#5  0x0000564b02ee431c in bdrv_aio_cancel (acb=0x7fc5003e8750) at ../block/io.c:2909
#6  0x0000564b02cc9343 in ide_bus_reset (bus=0x564b04957bb8) at ../hw/ide/core.c:2459
"""


def test_a_request_that_is_cancelled_is_waited_for() -> None:
    said = report(CANCELS)
    assert said.verdict.cause == "block-drain-deadlock"
    assert any("inside aio_poll" in point.fact for one in said.findings for point in one.because)


NOTIFIES = """[  120.418409] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [systemd-udevd:346]
[  120.418440] CPU: 1 PID: 346 Comm: systemd-udevd Not tainted 5.10.0-9-amd64 #1
[  120.418443] RIP: 0010:{}+0x38/0x40
[  120.418450] Call Trace:
[  120.418460]  virtqueue_notify+0x1d/0x40
[  120.418461]  virtio_queue_rq+0x2f1/0x4d0
"""


def test_a_cpu_that_is_caught_in_a_write_to_a_device_waits_for_qemu() -> None:
    def blocked(function: str) -> float:
        every = report(NOTIFIES.format(function)).findings
        return next((one.confidence for one in every if one.cause == "blocked-sync-io"), 0.0)

    assert blocked("iowrite16") > blocked("memcpy")


GONE = "qemu-system-x86_64: Failed to read msg header. Read 0 instead of 12. Original request 1.\n"


def test_a_peer_that_is_gone_is_told_by_qemu_itself() -> None:
    def dead(text: str) -> float:
        return next((one.confidence for one in report(text).findings if one.cause == "dead-client-spin"), 0.0)

    assert dead(GONE) > dead(GONE.replace("read msg header", "set the colour"))
