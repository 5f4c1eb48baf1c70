"""Reports to the kernel: warnings of the host's kernel in a guest's thread, memory that KVM does not get, and settings nobody suffers from."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.finding import Family
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude

HOST = "host-kernel-regression"


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def confidence(cause: str, text: str) -> float:
    return next((one.confidence for one in report(text).findings if one.cause == cause), 0.0)


WARNING = """[  911.120010] WARNING: CPU: 5 PID: 4120 at {where}
[  911.120020] CPU: 5 PID: 4120 Comm: CPU 1/KVM Not tainted 4.15.3 #1
[  911.120021] Hardware name: Somebody Ltd. SERVER/BOARD, BIOS 1.1 01/01/2020
[  911.120030] RIP: 0010:{place}+0x6f4/0x710
[  911.120040] Call Trace:
[  911.120041]  {then}+0x11/0x20
[  911.120042]  __gfn_to_pfn_memslot+0x18b/0x3b0 [kvm]
[  911.120043]  tdp_page_fault+0x14b/0x2b0 [kvm]
[  911.120044]  vcpu_enter_guest+0x414/0x1260 [kvm]
[  911.120045]  kvm_vcpu_ioctl+0x33a/0x610 [kvm]
"""
PAGE = WARNING.format(
    where="include/linux/mm.h:852 follow_page_pte+0x6f4/0x710", place="follow_page_pte", then="get_user_pages"
)
DEVICE = WARNING.format(
    where="drivers/vfio/a.c:1 vfio_pci_mmap_fault+0x1/0x2", place="follow_pfn", then="vfio_pci_mmap_fault"
)
BAD = "error: kvm run failed Bad address\nRAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000\n"


def test_plain_memory_that_the_host_stumbles_over() -> None:
    assert report(BAD).verdict.cause == "vfio-memory-fault"
    assert report(BAD + PAGE).verdict.cause == HOST
    assert report(BAD + DEVICE).verdict.cause == "vfio-memory-fault"


@pytest.mark.parametrize(
    ("place", "counts"), [("kvm_arch_vcpu_ioctl_run", True), ("native_smp_send_reschedule", False)]
)
def test_a_warning_of_kvm_itself(place: str, *, counts: bool) -> None:
    text = WARNING.format(where=f"arch/x86/a.c:7 {place}+0x1/0x2", place=place, then="try_to_wake_up")
    assert (
        any("where it never should" in point.fact for one in report(text).findings for point in one.because) is counts
    )


def test_memory_that_kvm_does_not_get_is_no_failed_entry() -> None:
    text = "error: kvm run failed Cannot allocate memory\nPSW=mask 0000000180000000 addr 000000007fd00600\n"
    assert report(text).verdict.family in (Family.HOST_PRESSURE, Family.UNKNOWN)
    assert confidence("vmentry-failure", text) < 0.05


def test_who_comes_back_was_not_given_up() -> None:
    told = "On host kernel 5.2 the VM does not start (KVM internal error, emulation failure). On others it freezes. {}"
    again = told.format("After some minutes it recovers by itself and goes on.")
    assert confidence("emulation-failure", again) < 0.8 * confidence("emulation-failure", told.format(""))


TASK = """[ 5011.201010] INFO: task CPU 3/KVM:4471 blocked for more than 122 seconds.
[ 5011.201026] task:CPU 3/KVM       state:D stack:0     pid:4471  ppid:1      flags:0x00004002
[ 5011.201031] Call Trace:
[ 5011.201037]  __schedule+0x34d/0x9e0
[ 5011.201049]  schedule+0x5a/0xd0
[ 5011.201060]  {}+0x4f/0x110
[ 5011.201133]  kvm_vm_ioctl+0x90/0xd0
"""


def test_a_thread_that_waits_for_something_else_does_not_wait_for_a_disk() -> None:
    assert confidence("storage-stall", TASK.format("__synchronize_srcu")) < 0.1
    assert confidence("storage-stall", TASK.format("nfs_wait_bit_killable")) > 0.3


MSRS = """[    0.110000] unchecked MSR access error: RDMSR from 0x34 at rIP: 0xffffffff8106a0b4 (native_read_msr+0x4/0x20)
[    0.110001] Call Trace:
[    0.110002]  some_probe+0x11/0x20
[    0.110003]  do_one_initcall+0x41/0x1e0
"""


def test_a_register_that_is_not_there_is_no_harm() -> None:
    assert confidence("misread", MSRS) > 0.2


def test_a_setting_alone_troubles_nobody() -> None:
    command = "qemu-system-x86_64 -enable-kvm -cpu host -smp 4 -overcommit cpu-pm=on -m 4G disk.img\n"
    dead = "The guest hangs at its start.\n" + command
    busy = "The guest is idle and QEMU takes 400% CPU on the host.\n" + command
    assert confidence("idle-poll", busy) > 2 * confidence("idle-poll", dead)


STUCK = """[ 2201.500001] watchdog: BUG: soft lockup - CPU#{0} stuck for 22s! [CPU 7/KVM:5501]
[ 2209.500002] watchdog: BUG: soft lockup - CPU#{1} stuck for 22s! [worker:5533]
[ 2211.500003] watchdog: BUG: soft lockup - CPU#{2} stuck for 23s! [ksmd:611]
"""
HUNG = "[ 2401.500004] INFO: task worker:5540 blocked for more than 120 seconds.\n"


def test_many_cpus_of_the_host_that_do_not_get_out() -> None:
    many, one = STUCK.format(3, 17, 40), STUCK.format(3, 3, 3)
    assert report(many).verdict.cause == HOST
    assert confidence(HOST, many) > 2 * confidence(HOST, one)


def test_who_hangs_after_a_lockup_may_hang_for_that() -> None:
    assert confidence("storage-stall", HUNG + STUCK.format(3, 17, 40)) > 0.3
    assert confidence("storage-stall", STUCK.format(3, 17, 40) + HUNG) < 0.1


TABLE = """Analyze events for all VMs, all VCPUs:

             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

       EPT_MISCONFIG    {0}    88.00%    {1}%      1.10us    512.00us      5.21us ( +-   0.31% )
                 HLT      40111     3.24%    {2}%      0.80us  10000.10us     55.10us ( +-   2.31% )

Total Samples:1238543, Total events handled time:7981112.11us.
"""


def test_most_of_the_time_for_one_reason_and_very_often() -> None:
    assert confidence("mmio-poll", TABLE.format(1091211, "71.22", "27.00")) > 0.3
    assert confidence("mmio-poll", TABLE.format(9121, "2.22", "97.00")) < 0.1
