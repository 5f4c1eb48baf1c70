"""Single pieces of text about QEMU's own threads and descriptors, the whole way: which cause they lead to, and which not."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.diagnose.told_signs import PASTED_AT_MOST
from crazytrain.model.case import Case
from crazytrain.model.report import FindingView, Report
from crazytrain.pipeline import conclude

TABLE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.90    1.101080           2    {calls}    {errors} write
  0.10    0.000314          11        30           futex
------ ----------- ----------- --------- --------- ----------------
100.00    1.101394                {calls}    {errors} total
"""
PTY = (
    "select(12, [3 6 11], [], [], {1, 0})    = 1 (in [11], left {0, 999990})\n"
    "read(11, 0x7ffd0a5d20, 1024)            = -1 EIO (Input/output error)\n"
)
URGENT = (
    "ppoll([{fd=5, events=POLLIN}, {fd=31, events=POLLIN|POLLPRI|POLLHUP}], 2, {0, 1000000}, NULL, 8) = 1 "
    "([{fd=31, revents=POLLERR|POLLHUP}])\n"
)
STDIN = "ppoll([{fd=0, events=POLLIN}, {fd=5, events=POLLIN}], 2, NULL, NULL, 8) = 1 ([{fd=0, revents=POLLHUP}])\n"
SUBMITS = """# cat /proc/4420/stack
[<ffffffff8135a3f1>] get_request+0x221/0x7b0
[<ffffffff8135c9d4>] blk_queue_bio+0xf4/0x3b0
[<ffffffff81225c1e>] do_io_submit+0x37e/0x8a0
[<ffffffff81226150>] SyS_io_submit+0x10/0x20
"""
IN_USB = """(gdb) bt
#0  0x00007f10a1d3050f in ioctl () from /lib64/libc.so.6
#1  0x00007f10a2a1f1f6 in ?? () from /lib64/libusb-1.0.so.0
#2  0x00007f10a2a1a0d5 in libusb_clear_halt () from /lib64/libusb-1.0.so.0
#3  0x000055fd0f6b2f5d in ?? ()
"""
HALF_CLOSED = 'CLOSE-WAIT 1 0 10.0.0.5:5901 10.0.0.77:40122 users:(("qemu-kvm",pid=811,fd=31))\n'
SAVES = """#0  0x00007fa8a9b6bb90 in pwrite64 () from /lib64/libpthread.so.0
#1  0x00007fa8ad1ff0a5 in qemu_pwritev ()
#2  0x00007fa8ad2f6e17 in qemu_fflush ()
#3  0x00007fa8ad2f8e63 in do_savevm ()
#4  0x00007fa8ad25b1c2 in handle_user_command ()
"""


FOLDED = (
    "qemu-kvm;main;main_loop_wait;aio_dispatch;ioq_submit;do_io_submit;blk_mq_get_tag;io_schedule;schedule 6188211\n"
)
USB_LATE = "ioctl(44, USBDEVFS_BULK, 0x7ffd2a1b2c10) = -1 ETIMEDOUT (Connection timed out) <5.003112>\n"
SERVANT = """# cat /proc/713/comm /proc/713/stack
vhost-702
[<0>] handle_rx+0x52b/0x9f0 [vhost_net]
[<0>] vhost_worker+0x92/0xe0 [vhost]
[<0>] kthread+0xe9/0x110
"""
PIDSTAT = """10:00:01      UID      TGID       TID    %usr %system  %guest   %wait    %CPU   CPU  Command
10:00:06        0      4002         -   71.20   28.60    0.80    0.00  100.60    12  qemu-system-x86
10:00:06        0         -      4002    0.20    0.20    0.00    0.00    0.40    12  |__qemu-system-x86
10:00:06        0         -      4009   {busy}    0.00    0.00    0.00   {busy}    14  |__IO iothread0
10:00:06        0         -      4013    0.20    0.00    0.80    0.00    1.00     3  |__CPU 0/KVM
"""


def report(text: str) -> Report:
    return conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))


def finding(cause: str, text: str) -> FindingView:
    return next(one for one in report(text).findings if one.cause == cause)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (TABLE.format(calls=500100, errors=500100), "chardev-spin"),
        (PTY * 4, "chardev-spin"),
        (STDIN * 4, "chardev-spin"),
        (URGENT * 4, "usernet-spin"),
        (SUBMITS, "blocked-sync-io"),
        (IN_USB, "blocked-usb-host"),
        (HALF_CLOSED, "dead-client-spin"),
        (SAVES, "blocked-sync-io"),
        (FOLDED, "blocked-sync-io"),
        (SERVANT, "vhost-busy"),
        (USB_LATE * 3, "blocked-usb-host"),
    ],
)
def test_the_cause_is_named_and_never_surely(text: str, cause: str) -> None:
    said = report(text).verdict
    assert said.cause == cause
    assert said.confidence <= PASTED_AT_MOST


def test_writes_that_mostly_succeed_or_are_few_show_no_full_device() -> None:
    assert finding("chardev-spin", TABLE.format(calls=500100, errors=1200)).confidence < 0.15
    assert finding("chardev-spin", TABLE.format(calls=40, errors=40)).confidence < 0.15


def test_a_program_of_the_guest_asks_for_urgent_data_too_and_is_no_user_networking() -> None:
    agent = "poll([{fd=5, events=POLLIN|POLLPRI}], 1, -1) = 1 ([{fd=5, revents=POLLHUP}])\n"
    ends = 'read(5, "", 4096) = 0\n'
    assert finding("usernet-spin", (agent + ends) * 4).confidence < 0.15


def test_a_save_to_a_share_is_no_storage_that_does_not_answer() -> None:
    told = "A savevm of the guest on NFS freezes guest, console and monitor for minutes.\n"
    assert finding("storage-stall", told + SAVES).confidence < finding("blocked-sync-io", told + SAVES).confidence


def test_an_iothread_that_never_rests_is_no_idle_health() -> None:
    assert finding("healthy-idle", PIDSTAT.format(busy="99.20")).confidence < 0.15
    assert finding("healthy-idle", PIDSTAT.format(busy=" 0.20")).confidence > 0.3
