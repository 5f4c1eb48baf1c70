"""What people tell of the guest's side, and tables that they paste with it. The reports are made up for this."""

from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.diagnose.causes import CAUSES
from crazytrain.model.report import Report

CONFIDENT = 0.8

REPORTS = tuple(
    line.split(" | ", 2)
    for line in """\
exit-storm | pause-contention | With 48 vCPUs on 24 cores the guest gets slower and slower. perf shows PAUSE exits above all; the lock holder was preempted each time.
guest-busy | guest-user-busy | The guest ran at 100% CPU. Inside it top shows a backup agent process using all of it; after killing that process the load is gone.
guest-clock | steal-time-overflow | In the guest top says 100% steal although the host is idle and no process uses CPU time.
timer-storm | rtc-catchup | After the snapshot was loaded and the clock of the host had been stepped by two days the Windows guest takes 100% CPU for minutes.
emulated | software-emulation | The VM is very slow and takes 100% CPU. It turned out that KVM acceleration was not available, so QEMU used TCG.
guest-stuck | guest-panic-spin | The guest stops with a kernel panic - not syncing, and its QEMU process stays at 100% CPU.
""".splitlines()
)

TICKS = """\
An idle guest takes 15% CPU on the host. strace -c -f for a while:

% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.20    2.100000          52     40112           ppoll
 38.10    1.300000          32     40090           ioctl
  0.40    0.014000          11      1204           read
  0.30    0.010000          10       988           write
------ ----------- ----------- --------- --------- ----------------
100.00    3.424000                 82394           total
"""
CLOCK = """\
The database in the virtual machine is slow and its CPU is at 100%. strace -c of the program inside the guest:

% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 93.10    8.100000           8   1010112           clock_gettime
  4.10    0.350000          31     11090           pread64
  2.80    0.240000          30      8004           write
------ ----------- ----------- --------- --------- ----------------
100.00    8.690000               1029206           total
"""


def read(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "paste.txt"
    path.write_text(text, encoding="utf-8")
    return read_all([path])[0]


@pytest.mark.parametrize(("family", "cause", "text"), REPORTS, ids=[cause for _, cause, _ in REPORTS])
def test_a_report_in_words(tmp_path: Path, family: str, cause: str, text: str) -> None:
    verdict = read(tmp_path, text).verdict
    assert (verdict.family, verdict.cause) == (family, cause)
    assert verdict.confidence < CONFIDENT


@pytest.mark.parametrize(("text", "cause"), [(TICKS, "rtc-periodic-storm"), (CLOCK, "slow-clocksource")])
def test_a_table_of_calls_without_a_window(tmp_path: Path, text: str, cause: str) -> None:
    report = read(tmp_path, text)
    assert report.verdict.cause == cause
    assert report.verdict.confidence < CONFIDENT


def test_a_loop_that_moves_data_is_not_laid_at_the_timers(tmp_path: Path) -> None:
    report = read(tmp_path, TICKS.replace("1204           read", "39004          read"))
    assert report.verdict.family != "timer-storm"


@pytest.mark.parametrize(
    ("text", "not_so"),
    [
        ("The guest hangs at 100% CPU. This is not software emulation, KVM is in use.", "software-emulation"),
        ("The host itself crashed with a kernel panic last night; since then it is slow.", "guest-panic-spin"),
        ("The guest takes 100% CPU. There is no soft lockup in its log and no panic.", "guest-panic-spin"),
    ],
)
def test_what_is_denied_or_said_of_the_host_is_no_cause(tmp_path: Path, text: str, not_so: str) -> None:
    verdict = read(tmp_path, text).verdict
    assert verdict.cause != not_so
    assert verdict.confidence < CONFIDENT


def test_every_cause_of_the_reports_is_one() -> None:
    assert {cause for _, cause, _ in REPORTS} <= {cause.slug for cause in CAUSES}


SCREEN = """\
top - 09:00:00 up 3 days,  2:00,  1 user,  load average: 3.01, 3.00, 2.90
Tasks: 120 total,   2 running, 118 sleeping,   0 stopped,   0 zombie
%Cpu(s): 50.0 us, 49.0 sy,  0.0 ni,  1.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st

    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
"""
ROWS = {
    "guest-user-busy": "   4711 app       20   0 1203344 403212  10112 R  99.7   9.1 130:12.10 indexer",
    "guest-kernel-busy": "     39 root      20   0       0      0      0 R  98.3   0.0  12:40.11 kswapd0",
    "guest-agent-spin": "    801 root      20   0   12044   3212   1112 R  99.9   0.1  90:40.11 qemu-ga",
}


@pytest.mark.parametrize("cause", ROWS)
def test_a_screen_of_top_from_inside(tmp_path: Path, cause: str) -> None:
    verdict = read(tmp_path, SCREEN + ROWS[cause] + "\n").verdict
    assert verdict.cause == cause
    assert verdict.confidence < CONFIDENT


def test_a_screen_of_the_host_says_nothing_of_the_guests_programs(tmp_path: Path) -> None:
    qemu = "   9001 qemu      20   0 5203344 4.0g    10112 S  99.9  12.1 130:12.10 qemu-system-x86\n"
    report = read(tmp_path, SCREEN + ROWS["guest-user-busy"] + "\n" + qemu)
    assert all("indexer" not in point.fact for found in report.findings for point in found.because)


def test_cpus_at_qemus_own_gdb_port(tmp_path: Path) -> None:
    report = read(
        tmp_path,
        """\
(gdb) target remote :1234
(gdb) info threads
  Id   Target Id                    Frame
* 1    Thread 1 (CPU#0 [running]) 0xffffffff81001000 in queued_spin_lock_slowpath (lock=0xffff888000000000, val=1) at qspinlock.c:1
  2    Thread 2 (CPU#1 [running]) 0xffffffff81001004 in queued_spin_lock_slowpath (lock=0xffff888000000000, val=1) at qspinlock.c:2
""",
    )
    assert report.verdict.cause == "guest-spinlock"
    assert report.verdict.confidence < CONFIDENT
