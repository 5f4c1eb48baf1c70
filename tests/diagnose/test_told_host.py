"""Pasted words and lines of QEMU's and the host's side, from the text to the answer. All texts are made up for this."""

from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.diagnose.causes import CAUSES
from crazytrain.model.report import Report

CONFIDENT = 0.8

HUNG = """\
The guests on this machine stand still.

[ 4242.100000] INFO: task zvol/7:991 blocked for more than 120 seconds.
[ 4242.100010]       Not tainted 5.10.0 #1
[ 4242.100020] "echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.
"""
OOM = """\
One of our guests is gone.

Mar  3 04:05:06 box1 kernel: CPU 1/KVM invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
Mar  3 04:05:06 box1 kernel: CPU: 3 PID: 4711 Comm: CPU 1/KVM Not tainted 5.10.0 #1
"""
MSRS = """\
Is this harmful?

[  100.000001] kvm [4711]: vcpu0 unhandled rdmsr: 0x1c9
[  100.000002] kvm [4711]: vcpu1 unhandled rdmsr: 0x34
"""
PANIC = """\
Our test guest with little memory ends so:

Freeing unused kernel memory: 900K
Kernel panic - not syncing: No working init found.
---[ end Kernel panic - not syncing: No working init found. ]---
"""
HOLES = """\
While the guest stands still for seconds, strace -f -tt -T of its process says:

4711 10:00:00.000000 lseek(20, 65536, SEEK_HOLE) = 131072 <1.800000>
4711 10:00:01.800000 ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=0}, NULL, 8) = 0 (Timeout) <0.000010>
4711 10:00:01.900000 write(6, "\\1\\0", 2) = 2 <0.000009>
4711 10:00:02.000000 lseek(20, 65536, SEEK_HOLE) = 131072 <1.800000>
4711 10:00:03.800000 ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=0}, NULL, 8) = 0 (Timeout) <0.000010>
4711 10:00:03.900000 write(6, "\\1\\0", 2) = 2 <0.000009>
4711 10:00:04.000000 lseek(20, 65536, SEEK_HOLE) = 131072 <1.800000>
4711 10:00:05.800000 ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=0}, NULL, 8) = 0 (Timeout) <0.000010>
4711 10:00:05.900000 write(6, "\\1\\0", 2) = 2 <0.000009>
4711 10:00:06.000000 lseek(20, 65536, SEEK_HOLE) = 131072 <1.800000>
4711 10:00:07.800000 ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=0}, NULL, 8) = 0 (Timeout) <0.000010>
4711 10:00:07.900000 write(6, "\\1\\0", 2) = 2 <0.000009>
4711 10:00:08.000000 lseek(20, 65536, SEEK_HOLE) = 131072 <1.800000>
4711 10:00:09.800000 ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=0}, NULL, 8) = 0 (Timeout) <0.000010>
4711 10:00:09.900000 write(6, "\\1\\0", 2) = 2 <0.000009>
"""
LISTED = """\
The guest cannot be started, it is said to be running already.

 Id   Name   State
----------------------
 23   web    paused
"""
SLOW_OPS = """\
The guest hangs when it installs its system.

Jul 12 17:00:00 box3 mystore-osd[248]: [OSD 4] Slow op from client 3: write id=1
Jul 12 17:00:01 box3 mystore-osd[248]: [OSD 4] Slow op from client 3: write id=2
"""
OLD = """\
Sometimes a guest does not start at all:

kvm: unhandled exit 80000021
kvm_run returned -22
"""
QUOTED = r"""The engine says:

error: machine ended: exit status 1, it wrote: qemu-kvm: error: failed to set MSR 0x122 to 0x3\nqemu-kvm: ../target/i386/kvm/kvm.c:3100: kvm_buf_set_msrs: Assertion `ret == n' failed.
"""
STOLEN = """\
The VM is slow. Its top:

top - 10:00:00 up 5 days,  0:18,  1 user,  load average: 4.06, 3.79, 3.74
Tasks:  92 total,   2 running,  90 sleeping,   0 stopped,   0 zombie
%Cpu(s): 10.0 us,  4.0 sy,  0.0 ni, 25.0 id,  0.0 wa,  0.0 hi,  0.0 si, 61.0 st
MiB Mem :   3843.0 total,   2321.0 free,   1000.0 used,    500.0 buff/cache

  PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
  511 root      20   0    9952   2376   1116 R   8.0   0.1   2:10.47 mysqld
"""
BAD_ADDRESS = """\
The guest was paused all of a sudden:

error: kvm run failed Bad address
"""
ANSWERS = (
    ("qemu-blocked", "storage-stall", HUNG),
    ("host-pressure", "memory-pressure", OOM),
    ("healthy", "misread", MSRS),
    ("guest-stuck", "guest-panic-spin", PANIC),
    ("healthy", "paused", LISTED),
    ("qemu-blocked", "storage-stall", SLOW_OPS),
    ("vcpu-cannot-run", "vmentry-failure", OLD),
    ("vcpu-cannot-run", "cpu-mismatch", QUOTED),
    ("vcpu-cannot-run", "vfio-memory-fault", BAD_ADDRESS),
    ("qemu-blocked", "blocked-sync-io", HOLES),
    ("host-pressure", "cpu-contention", STOLEN),
)


def read(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "paste.txt"
    path.write_text(text, encoding="utf-8")
    return read_all([path])[0]


@pytest.mark.parametrize(("family", "cause", "text"), ANSWERS, ids=[f"{a}-{n}" for n, (_, a, _) in enumerate(ANSWERS)])
def test_the_answer(tmp_path: Path, family: str, cause: str, text: str) -> None:
    verdict = read(tmp_path, text).verdict
    assert (verdict.family, verdict.cause) == (family, cause)


@pytest.mark.parametrize("text", [HUNG, OOM, PANIC, LISTED, SLOW_OPS, BAD_ADDRESS])
def test_single_lines_make_nobody_sure(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).verdict.confidence < CONFIDENT


def test_a_list_with_an_error_beside_it_is_no_pause_by_hand(tmp_path: Path) -> None:
    text = LISTED + "\nblock I/O error in device 'drive-virtio-disk0': No space left on device (28)\n"
    assert read(tmp_path, text).verdict.cause == "enospc-paused"


@pytest.mark.parametrize(
    ("family", "cause", "text"),
    [
        ("host-pressure", "cpu-contention", "The VM is slow. Its pod has a CPU limit and nr_throttled grows all the time."),
        ("healthy", "paused", "The VM does not respond. It turned out that it was paused by virsh suspend."),
        ("host-pressure", "host-kernel-regression", "Since the host was upgraded to kernel 6.1 its guests freeze; with the older kernel all is fine."),
        ("firmware", "firmware-hang", "An UEFI guest hangs at the TianoCore logo for ever."),
        ("healthy", "paused", "The VM does not answer a ping. virsh domstate --reason says: paused (user)."),
        ("qemu-blocked", "enospc-paused", "The VM was paused with an I/O error; the thin pool has its data usage at 100%."),
        ("vcpu-cannot-run", "cpu-mismatch", "We moved the VM from an EPYC to an Intel host and it crashes with an invalid opcode."),
        ("firmware", "firmware-hang", "The VM never gets past the BIOS and hangs with one CPU at 100%."),
        ("host-pressure", "cpu-contention", "The hypervisor runs 40 VMs on 16 cores and its guests are slow, with steal of 30%."),
        ("healthy", "paused", "The VM does not answer; virsh list shows it as paused by an admin. It was paused by virsh suspend."),
        ("host-pressure", "host-kernel-regression", "Guests freeze at random since the host has kernel 6.8; we pinned the 6.5 kernel and they run for weeks."),
        ("host-pressure", "memory-pressure", "All VMs of the host get slow at night; the host swaps heavily then."),
        ("qemu-blocked", "storage-stall", "The Ceph cluster reports slow requests and the guest hangs."),
    ],
)  # fmt: skip
def test_a_report_in_words(tmp_path: Path, family: str, cause: str, text: str) -> None:
    verdict = read(tmp_path, text).verdict
    assert (verdict.family, verdict.cause) == (family, cause)
    assert verdict.confidence < CONFIDENT


def test_the_api_that_reports_an_internal_error_is_not_kvm(tmp_path: Path) -> None:
    text = "The snapshot of the guest fails. Internal error occurred, says the service, with an unexpected code of 400."
    assert read(tmp_path, text).verdict.cause != "emulation-failure"


def test_every_cause_of_the_answers_is_one() -> None:
    assert {cause for _, cause, _ in ANSWERS} <= {cause.slug for cause in CAUSES}


def test_a_kernel_that_is_merely_named_is_not_blamed(tmp_path: Path) -> None:
    text = "A Windows guest freezes every night. The host has kernel 6.8.12 and an Intel CPU."
    since = "A Windows guest freezes every night since the host was upgraded to kernel 6.8.12."
    named, blamed = (
        [one.confidence for one in read(tmp_path, said).findings if one.cause == "host-kernel-regression"]
        for said in (text, since)
    )
    assert named < blamed


def test_what_is_denied_is_not_seen(tmp_path: Path) -> None:
    said = "The guest hangs. There are no storage issues, and no processes stuck in D state."
    assert read(tmp_path, said).verdict.cause not in {"storage-stall", "guest-hung-io"}
