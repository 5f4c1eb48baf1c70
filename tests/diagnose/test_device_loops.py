"""Threads that were printed while they ran in the code of a device: who never comes back, and who only waits there."""

import msgspec
import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.facts import KvmExits, ThreadRole
from crazytrain.model.facts.kvm import ExitCount
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude
from tests.diagnose import making as m
from tests.diagnose.cases_devices import CASES

RUNS = """Thread 6 (Thread 0x7f30b3dff700 (LWP 6006)):
#0  0x000056340199aa01 in nic_next_descriptor (s=0x56340418ffa0)
#1  0x000056340199ab02 in nic_transmit (s=0x56340418ffa0)
#2  0x000056340199ac03 in nic_mmio_write (opaque=0x56340418ffa0)
#3  0x000056340199ad04 in memory_region_write_accessor (mr=0x56340418ffb0)
#4  0x000056340199ae05 in access_with_adjusted_size (addr=0)
#5  0x000056340199af06 in memory_region_dispatch_write (mr=0x56340418ffb0)
#6  0x000056340199b007 in address_space_rw (as=0x56340418ffc0)
#7  0x000056340199b108 in kvm_cpu_exec (cpu=0x56340418ffd0)
#8  0x000056340199b209 in kvm_vcpu_thread_fn (arg=0x56340418ffd0)
"""
MAIN_WANTS = """
Thread 1 (Thread 0x7f6be0a3f540 (LWP 6001)):
#0  0x00007f6bdfb1f4dc in __lll_lock_wait () from /lib64/libpthread.so.0
#1  0x00007f6bdfb187c3 in pthread_mutex_lock () from /lib64/libpthread.so.0
#2  0x000055c7cd2d3ba9 in qemu_mutex_lock_impl ()
#3  0x000055c7cd245d0e in bql_lock_impl ()
#4  0x000055c7cd2cf5b1 in os_host_main_loop_wait ()
#5  0x000055c7cd2cf9ee in main_loop_wait ()
#6  0x000055c7cd0bfc34 in main ()
"""
COPIES = RUNS.replace("nic_next_descriptor", "dma_memory_rw")
ASKS_A_DISK = RUNS.replace("nic_transmit", "blk_pwrite").replace("nic_next_descriptor", "bdrv_co_pwrite")
SLEEPS = RUNS.replace("nic_next_descriptor (s=0x56340418ffa0)", "__GI___nanosleep ()")
ASKED_OFTEN = RUNS.replace("nic_mmio_write", "vga_mem_write")
IN_GUEST = RUNS.replace("memory_region_write_accessor", "other").replace("nic_next_descriptor", "ioctl")


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def confidence(text: str) -> float:
    return next(one.confidence for one in report(text).findings if one.cause == "device-loop")


def test_a_device_that_never_comes_back_is_named_and_never_surely() -> None:
    said = report(RUNS + MAIN_WANTS).verdict
    assert (said.family, said.cause) == ("main-loop-spin", "device-loop")
    assert said.confidence < 0.8


def test_who_waits_for_the_big_lock_and_what_moves_data_say_more() -> None:
    assert confidence(RUNS + MAIN_WANTS) > confidence(RUNS)
    assert confidence(COPIES) > confidence(RUNS)


@pytest.mark.parametrize("text", [ASKS_A_DISK, SLEEPS, IN_GUEST, ASKED_OFTEN])
def test_what_waits_or_serves_no_access_is_no_loop(text: str) -> None:
    assert confidence(text + MAIN_WANTS) < 0.1


def test_a_slow_device_whose_accesses_end_is_no_loop() -> None:
    hit, _ = CASES["device-loop"]
    (vcpu,) = m.threads(vcpu=1.0).of(ThreadRole.VCPU)
    left = KvmExits(window_ns=m.WINDOW_NS, userspace=(ExitCount(reason="MMIO", count=900, tid=vcpu.tid),), refs=m.REFS)
    once = msgspec.structs.replace(left, userspace=(ExitCount(reason="MMIO", count=1, tid=vcpu.tid),))
    assert m.found("device-loop", *hit, once).confidence >= 0.5
    assert m.found("device-loop", *hit, left).confidence < 0.1
