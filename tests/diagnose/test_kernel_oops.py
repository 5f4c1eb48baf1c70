"""A host's kernel that failed itself in a guest's thread; a guest's own oops, and a warning, say no such thing."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.report import FindingView
from crazytrain.pipeline import conclude

OOPS = """{complaint}
#PF: supervisor write access in kernel mode
#PF: error_code(0x0002) - not-present page
PGD 0 P4D 0
Oops: 0002 [#1] PREEMPT SMP
CPU: 11 PID: 70111 Comm: {comm} Not tainted 6.0.3 #4
Hardware name: {machine}
RIP: 0010:rmap_walk_anon+0x12/0x1b0
Code: 0f 1f 44 00 00 41 57 41 56 41 55 41 54 55 53 48 83 ec 18
RSP: 0018:ffffa701c4d5bb40 EFLAGS: 00010046
Call Trace:
 try_to_unmap+0x13/0x20
 {function}+0x12d/0x240
 do_syscall_64+0x3b/0xc0
---[ end trace 0000000000000000 ]---
"""
NULL = "BUG: kernel NULL pointer dereference, address: 0000000000000018"
BOARD = "Somebody Ltd. B550 BOARD/B550 BOARD, BIOS F2 01/01/2021"


def finding(text: str) -> FindingView:
    report = conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))
    return next(one for one in report.findings if one.cause == "host-kernel-regression")


def oops(complaint: str = NULL, comm: str = "CPU 3/KVM", machine: str = BOARD, function: str = "kvm_mmu_load") -> str:
    return OOPS.format(complaint=complaint, comm=comm, machine=machine, function=function)


def test_an_oops_in_a_thread_of_a_guest() -> None:
    found = finding(oops())
    assert 0.5 <= found.confidence < 0.8
    assert any("failed itself in rmap_walk_anon, in CPU 3/KVM" in point.fact for point in found.because)


def test_the_lines_of_an_oops_stay_together() -> None:
    kinds = [one.kind.value for one in split("paste.txt", oops().encode())]
    assert kinds == ["log-text"]


@pytest.mark.parametrize(
    "text",
    [
        oops(comm="find", machine="QEMU Standard PC (Q35 + ICH9, 2009)", function="vfs_read"),
        oops(comm="find", function="vfs_read"),
        oops(complaint="WARNING: CPU: 3 PID: 70111 at kernel/softirq.c:1", comm="CPU 3/KVM").replace("Oops", "Note"),
    ],
)
def test_another_one(text: str) -> None:
    assert not any("failed itself" in point.fact for point in finding(text).because)


MUTEX = """[ 5011.201010] INFO: task CPU 3/KVM:4471 blocked for more than 122 seconds.
[ 5011.201026] task:CPU 3/KVM       state:D stack:0     pid:4471  ppid:1      flags:0x00004002
[ 5011.201031] Call Trace:
[ 5011.201037]  __schedule+0x34d/0x9e0
[ 5011.201049]  schedule+0x5a/0xd0
[ 5011.201059]  __mutex_lock.constprop.0+0x4f/0x110
[ 5011.201060]  {}+0x4f/0x110
[ 5011.201133]  vfs_read+0x90/0xd0
"""


def test_a_driver_of_the_host_that_never_lets_go() -> None:
    assert finding(MUTEX.format("vfio_pci_rw")).confidence > 2 * finding(MUTEX.format("pipe_read")).confidence


def test_a_first_line_without_its_stamp_belongs_to_the_log() -> None:
    text = MUTEX.format("vfio_pci_rw").replace("[ 5011.201010] INFO", "INFO")
    assert [one.kind.value for one in split("paste.txt", text.encode())] == ["log-text"]
