"""A host's CPU that does not leave its kernel with a thread of QEMU, and threads of QEMU that end: what their lines speak for."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude

STUCK = """[ 9120.441200] watchdog: BUG: soft lockup - CPU#6 stuck for 22s! [qemu-system-x86:10185]
[ 9120.441204] CPU: 6 PID: 10185 Comm: qemu-system-x86 Not tainted 5.10.0-9-amd64 #1
[ 9120.441206] RIP: 0010:{}+0x4e/0xa0 [kvm]
[ 9120.441208] Call Trace:
[ 9120.441210]  {}+0x5a/0x80 [kvm]
[ 9120.441212]  kvm_arch_vcpu_ioctl_run+0x4b4/0x1690 [kvm]
[ 9120.441214]  kvm_vcpu_ioctl+0x33a/0x620 [kvm]
"""
ENDS = """[ 5255.923299] INFO: task kvm:31919 blocked for more than 120 seconds.
[ 5255.923770] kvm             D 000000000000000c     0 31919      1 0x00000000
[ 5255.923787] Call Trace:
[ 5255.923799]  [<ffffffff81658f2f>] schedule+0x3f/0x60
[ 5255.923801]  [<ffffffff8106b333>] {}+0x85/0x130
[ 5255.923806]  [<ffffffff8106b6ae>] do_exit+0x16e/0x420
[ 5255.923831]  [<ffffffff8106bb04>] do_group_exit+0x44/0xa0
"""


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def confidence(cause: str, text: str) -> float:
    return next((one.confidence for one in report(text).findings if one.cause == cause), 0.0)


def test_a_loop_in_kvm_itself_is_the_hosts_kernel() -> None:
    said = report(STUCK.format("kvm_get_time_scale", "get_time_ref_counter")).verdict
    assert (said.family, said.cause) == ("host-pressure", "host-kernel-regression")
    assert said.confidence < 0.8


@pytest.mark.parametrize(
    "functions", [("native_queued_spin_lock_slowpath", "_raw_spin_lock"), ("clear_page_erms", "do_fault")]
)
def test_who_waits_or_clears_memory_is_not(functions: tuple[str, str]) -> None:
    own = "host-kernel-regression"
    assert confidence(own, STUCK.format(*functions)) < confidence(
        own, STUCK.format("kvm_get_time_scale", "get_time_ref_counter")
    )


def test_who_ends_waits_for_no_storage() -> None:
    assert report(ENDS.format("exit_mm")).verdict.cause != "storage-stall"
    assert confidence("storage-stall", ENDS.format("exit_mm")) < 0.3


def test_who_ends_and_has_requests_on_their_way_does() -> None:
    assert report(ENDS.format("exit_aio")).verdict.cause == "storage-stall"
