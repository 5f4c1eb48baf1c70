"""What such lines, traces without times and register dumps add to the causes, the whole way from pasted text."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.diagnose.told_signs import PASTED_AT_MOST
from crazytrain.model.case import Case
from crazytrain.model.report import FindingView, Report
from crazytrain.pipeline import conclude

SURE = 0.8
HANGS = 'write(21, "x", 1) = -1 EAGAIN (Resource temporarily unavailable)\n'
GONE = "ppoll([{fd=30, events=POLLIN}], 1, NULL, NULL, 8) = 1 ([{fd=30, revents=POLLHUP|POLLERR}])\n"
REFUSED = "recvfrom(30, 0x1, 1514, 0, 0x2, [16]) = -1 ECONNREFUSED (Connection refused)\n"
REGISTERS = """(qemu) info registers
EAX=000000b5 EBX=00007e80 ECX=00005d53 EDX=00000402
ESI=000f5c50 EDI=00000000 EBP=00006ef8 ESP=00006ee0
EIP=000e{} EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0008 00000000 ffffffff 00c09b00 DPL=0 CS32 [-RA]
CR0=00000011 CR2=00000000 CR3=00000000 CR4=00000000
"""
SLOW = "select(9, [3 5 8], [], [], {1, 0}) = 1 (in [8], left {0, 999000}) <0.000900>\nfsync(12) = 0 <2.100000>\n"
IN_DISK = """Thread 4 (Thread 0x7f1d2bfff700 (LWP 711)):
#0  0x00007f1d35d3d3c3 in pwrite64 () from /lib64/libpthread.so.0
#1  0x0000000000441f10 in bdrv_write ()
#2  0x000000000052e2a7 in fdctrl_transfer_handler ()
#3  0x00000000005c5f10 in kvm_handle_io ()
#4  0x00000000005c6620 in kvm_cpu_exec ()
"""

IN_LIBUSB = """(gdb) bt
#0  0x00007f8ac8e3ee2e in ppoll () from /usr/lib/libc.so.6
#1  0x00007f8ac9f9ed5c in usbi_wait_for_events () from /usr/lib/libusb-1.0.so.0
#2  0x00007f8ac9f9b1c3 in libusb_handle_events_timeout_completed () from /usr/lib/libusb-1.0.so.0
#3  0x000055a1c9c5d8a1 in usb_host_abort_xfers ()
#4  0x000055a1ca0a6c1e in main_loop_wait ()
"""
OPENS = """[pid 870] 10:12:01.002211 openat(AT_FDCWD, "/a", O_RDWR <unfinished ...>
[pid 881] 10:12:01.010101 futex(0x55d0f36b62e0, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>
[pid 870] 10:12:31.993310 <... openat resumed>) = 22
[pid 881] 10:12:31.999921 <... futex resumed>) = 0
"""


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def finding(cause: str, text: str) -> FindingView:
    return next(one for one in report(text).findings if one.cause == cause)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("VM 7 qmp command failed - VM 7 qmp command 'query-status' failed - got timeout\n", "monitor-hung"),
        ("A guest stopped. (vmId='11') abnormal vm stop device ua-9 error eother (vm:4000)\n", "enospc-paused"),
        ("[  7.1] *** Guest State ***\n[  7.2] *** Control State ***\n", "vmentry-failure"),
        ("!!!! X64 Exception Type - 06(#UD - Invalid Opcode)  CPU Apic ID - 00000003 !!!!\n", "firmware-hang"),
        ("[  9.1] usb 3-1: usbfs: USBDEVFS_BULK failed cmd qemu-kvm rqt 2 rq 9 len 31 ret -110\n", "blocked-usb-host"),
        ("[  9.1] Out of memory: Killed process 812 (qemu-kvm) total-vm:9000000kB\n", "memory-pressure"),
        ("virsh # domstate --reason a\nrunning (post-copy)\n", "postcopy-wait"),
        ("qmpstatus: io-error\n", "enospc-paused"),
        ("  data pve twi-aotzD- 1.67t 100.00 4.52\n", "enospc-paused"),
        ("<cputune>\n<period>100000</period>\n<quota>20000</quota>\n</cputune>\n", "cpu-contention"),
        (HANGS * 5, "chardev-spin"),
        (GONE * 5, "dead-client-spin"),
        ((GONE + REFUSED) * 5, "usernet-spin"),
        (SLOW * 4, "blocked-sync-io"),
        (IN_DISK, "blocked-sync-io"),
        (IN_LIBUSB, "blocked-usb-host"),
        (OPENS, "blocked-sync-io"),
        ("# cat /proc/pressure/memory\nsome avg10=51.00 avg60=50.00 avg300=40.00 total=9\n", "memory-pressure"),
        (REGISTERS.format("bc3a") * 2, "firmware-hang"),
    ],
)
def test_the_cause_is_named_and_never_surely(text: str, cause: str) -> None:
    said = report(text).verdict
    assert said.cause == cause
    assert said.confidence < SURE


def test_a_guest_that_runs_in_postcopy_is_not_called_paused() -> None:
    assert finding("paused", "virsh # domstate --reason a\nrunning (post-copy)\n").confidence < 0.1


def test_registers_that_move_or_are_of_a_kernel_do_not_show_a_firmware_that_hangs() -> None:
    still = finding("firmware-hang", REGISTERS.format("bc3a") * 2).confidence
    moving = finding("firmware-hang", REGISTERS.format("bc3a") + REGISTERS.format("9911")).confidence
    kernel = REGISTERS.format("bc3a").replace("CR0=00000011", "CR0=80050033").replace("CR3=00000000", "CR3=01c0e000")
    assert still > moving > finding("firmware-hang", kernel * 2).confidence


def test_once_is_not_again_and_again() -> None:
    for text, cause in ((HANGS, "chardev-spin"), (GONE, "dead-client-spin")):
        assert finding(cause, text).confidence < 0.15


ENDS = (
    "poll([{fd=9, events=POLLIN}], 1, 1000)  = 1 ([{fd=9, revents=POLLIN}])\n"
    'read(9, "", 4096)                       = 0\n'
)
SOCKET = "recvmsg(9, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=, iov_len=4096}], msg_iovlen=1}, 0) = 0\n"


def timed(text: str) -> str:
    return "".join(f"10:00:00.{n * 50:06} {line}\n" for n, line in enumerate(text.splitlines()))


def test_reads_that_meet_the_end_again_and_again_are_a_loop() -> None:
    """Without times, padded as strace prints them; whose it is a listing tells, else the call that read."""
    assert report(ENDS * 5).verdict.cause == "chardev-spin"
    assert report(timed(ENDS * 5)).verdict.cause == "chardev-spin"
    assert report(SOCKET * 5).verdict.cause == "dead-client-spin"
    assert (
        report("lrwx------ 1 root root 64 Jan  1 10:00 9 -> socket:[1234]\n" + ENDS * 5).verdict.cause
        == "dead-client-spin"
    )
    assert report(ENDS * 5 + SOCKET).verdict.confidence < PASTED_AT_MOST


def test_an_end_that_is_served_is_no_loop() -> None:
    for served in ("close(9)                                = 0\n", 'read(9, "abc", 4096)                    = 3\n'):
        assert report((ENDS + served) * 5).verdict.family != "main-loop-spin"
    assert report(ENDS).verdict.family != "main-loop-spin"


def test_a_pipe_that_hangs_up_is_a_character_devices() -> None:
    pty = "lrwx------ 1 root root 64 Jan  1 10:00 30 -> /dev/pts/4\n"
    assert report(pty + GONE * 5).verdict.cause == "chardev-spin"
    port = "lrwx------ 1 root root 64 Jan  1 10:00 30 -> /dev/vport1p1\n"
    assert report(port + GONE * 5).verdict.cause == "guest-agent-spin"
