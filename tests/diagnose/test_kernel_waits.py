"""Threads of QEMU that the host's kernel keeps asleep: what they wait for tells which trouble it is."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.kernel_waits import WaitsFor, waits_for
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude

HUNG = """[ 5011.201010] INFO: task CPU 3/KVM:4471 blocked for more than 122 seconds.
[ 5011.201019]       Not tainted 6.1.0-18-amd64 #1
[ 5011.201022] "echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.
[ 5011.201026] task:CPU 3/KVM       state:D stack:0     pid:4471  ppid:1      flags:0x00004002
[ 5011.201031] Call Trace:
[ 5011.201033]  <TASK>
[ 5011.201037]  __schedule+0x34d/0x9e0
[ 5011.201049]  schedule+0x5a/0xd0
{}[ 5011.201133]  __x64_sys_ioctl+0x90/0xd0
[ 5011.201140]  </TASK>
"""


def hung(*functions: str) -> str:
    return HUNG.format("".join(f"[ 5011.2010{50 + n}]  {name}+0x4f/0x110\n" for n, name in enumerate(functions)))


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def confidence(cause: str, text: str) -> float:
    return next(one.confidence for one in report(text).findings if one.cause == cause)


@pytest.mark.parametrize(
    ("functions", "what"),
    [
        (("io_schedule", "__lock_page", "deferred_split_scan", "shrink_slab"), WaitsFor.MEMORY),
        (("io_schedule", "folio_wait_bit", "ext4_writepages"), WaitsFor.STORAGE),
        (("wait_transaction_locked", "jbd2__journal_start", "handle_mm_fault"), WaitsFor.STORAGE),
        (("schedule_timeout", "wait_for_completion", "__synchronize_srcu"), WaitsFor.GRACE),
        (("schedule", "mutex_lock", "kvm_vcpu_ioctl"), None),
        ((), None),
    ],
)
def test_the_innermost_function_that_tells(functions: tuple[str, ...], what: WaitsFor | None) -> None:
    assert waits_for(functions) is what


def test_a_vcpu_that_sleeps_in_storage_tells_of_storage() -> None:
    said = report(hung("jbd2_log_wait_commit", "ext4_sync_file", "handle_mm_fault")).verdict
    assert said.family == "qemu-blocked"


def test_one_that_sleeps_for_memory_tells_of_memory() -> None:
    text = hung("io_schedule", "__lock_page", "deferred_split_scan", "do_shrink_slab", "shrink_node")
    assert report(text).verdict.cause == "memory-pressure"
    assert confidence("storage-stall", text) < 0.2


def test_one_that_waits_for_other_cpus_tells_of_no_storage() -> None:
    text = hung("schedule_timeout", "wait_for_completion", "__synchronize_srcu", "kvm_swap_active_memslots")
    assert confidence("host-kernel-regression", text) > confidence("storage-stall", text)


def test_a_stack_without_a_name_is_of_what_hangs() -> None:
    calls = ("{}", "do_one", "do_two", "sys_open", "entry")
    stack = "".join(f"[<ffffffff811dc{n}7c>] {name}+0xcc/0x480\n" for n, name in enumerate(calls))
    text = "The guest hangs. Its process:\n\n" + stack
    assert confidence("storage-stall", text.format("zvol_open")) > confidence("storage-stall", text.format("no_such"))


def test_a_kernel_made_for_hosts_is_a_hosts() -> None:
    log = "[  9.100001] INFO: task z_wr_iss:2937 blocked for more than 120 seconds.\n[  9.100002]       Tainted: P           O     {} #1\n"
    assert report(log.format("4.15.18-9-pve")).verdict.cause == "storage-stall"
    assert report(log.format("4.15.18-9-amd64")).verdict.cause != "storage-stall"


def test_a_kernel_that_gets_no_memory_says_so() -> None:
    line = "XFS: CPU 2/KVM(4471) possible memory allocation deadlock size 65552 in kmem_alloc (mode:0x250)\n"
    text = "".join(f"[ {7100 + 2 * n}.119201] {line}" for n in range(6))
    assert report(text).verdict.cause == "memory-pressure"
