"""Short reports of the guest's side: one sentence, and what was printed beside it. All texts are made up; the lines are as programs print them."""

from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.model.report import Report

CONFIDENT = 0.8
TOLD = """\
guest-busy | guest-user-busy | The Windows guest is at 200%; its Task Manager lists setuphost.exe and svchost.exe first.
guest-busy | guest-user-busy | A virus scan runs in the guest each noon and takes all cores, then qemu is back at nothing.
guest-busy | guest-kernel-busy | In the firewall guest ksoftirqd/3 fills its vCPU, the rest of the cores rest.
guest-busy | guest-io-heavy | The database guest does 120000 IOPS in its test, and its process takes two cores as long as that lasts.
guest-busy | guest-memory-thrash | A guest with 768 MB: free memory is 11 MB, and it pages to disk without pause.
guest-stuck | guest-soft-lockup | The arm64 guest prints that rcu_preempt detected stalls on CPUs, each time within the same driver.
guest-stuck | guest-hard-lockup | One vCPU spins at the same PC with the interrupt flag cleared, and the guest is dead.
guest-stuck | guest-spinlock | Every vCPU of the guest spins on the same mutex, on a host that has nothing else to do.
guest-stuck | guest-panic-spin | The NetBSD guest sits in ddb, and its process takes a full core.
guest-stuck | guest-reboot-loop | The guest's logo comes up, the screen flashes, the logo comes up, over and over.
guest-stuck | guest-lost-interrupt | The guest stops receiving, and its interrupt counter for the network card no longer grows.
guest-clock | tsc-unstable | The two sockets of the host have unsynchronised TSCs, so time in the guest differs between its vCPUs.
guest-clock | kvmclock-jump | The restored guest has a date two weeks old, and its cron does not run.
timer-storm | apic-timer-storm | Ten idle guests cost a core; with divider=10 on their command lines next to nothing.
timer-storm | timer-always-due | The main thread is full, and gdb finds it in timerlist_run_timers whenever one looks.
guest-busy | guest-user-busy | A mail guest is at 100% each morning; ps in the guest has python3 with 97%.
guest-busy | guest-kernel-busy | perf inside the guest has nft_do_chain at 64%, and its only vCPU is full.
guest-busy | guest-memory-thrash | In the build guest vmstat has si and so in the thousands; the host has plenty of free memory.
guest-stuck | guest-hard-lockup | The guest is frozen, its vCPU stays in the same loop with EFLAGS 0x00000002.
guest-stuck | guest-reboot-loop | The appliance cycles between the boot loader and its first lines.
guest-stuck | guest-halted-dead | The DOS guest stands still with HLT=1 and EFL=00000086, its process is at 0%.
guest-clock | kvmclock-jump | After virsh restore the guest says that its CPU was stuck for 172811s, and nobody can log in.
guest-clock | tsc-unstable | The BSD guest prints 388 cycles skew, timecounter disabled.
timer-storm | timer-always-due | After the resume the main loop never blocks any more; perf has timerlist_expired on top.
timer-storm | lapic-catchup | Going on with a guest that was asleep for a week locks up the host in advance_periodic_target_expiration.
"""
LOCKED = """\
(qemu) info registers
RAX=0000000000000007 RBX=0000000000000001 RCX=0000000000000000 RDX=0000000000000001
RSI=0000000000000008 RDI=ffffffffa0531048 RBP=ffffb12a400f7e28 RSP=ffffb12a400f7e10
RIP=ffffffffa052f0{at} RFL=0000{flags} [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0010 0000000000000000 ffffffff 00a09b00 DPL=0 CS64 [-RA]
"""
QUEUES = """\
$ grep virtio /proc/interrupts; sleep 20; grep virtio /proc/interrupts
 41:     120033          0   PCI-MSI-edge      virtio2-input.0
 42:     990113          0   PCI-MSI-edge      virtio3-req.0
 41:     120033          0   PCI-MSI-edge      virtio2-input.0
 42:     991204          0   PCI-MSI-edge      virtio3-req.0
"""
LEAPT = """\
[  310.120002] clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:
[  310.120004] clocksource:                       'kvm-clock' wd_nsec: 86400500000000 wd_now: 4e9a0c2f1d00 wd_last: 5d21dba00 mask: ffffffffffffffff
[  310.120005] clocksource:                       'tsc' cs_nsec: 500120331 cs_now: 24a1f0c2b1 cs_last: 2463b1e0a7 mask: ffffffffffffffff
"""
RESTS = """\
             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

           MSR_WRITE      20120    50.01%     0.41%      0.70us     71.10us      1.50us ( +-   0.20% )
                 HLT      10040    24.95%    99.41%      3.01us   1001.90us    870.10us ( +-   0.10% )
    PREEMPTION_TIMER      10010    24.88%     0.12%      0.61us     20.01us      1.00us ( +-   0.20% )
"""
HPET = "".join(
    f"  qemu-system-x86-511 [001] 77.{n:03}001: kvm_mmio: mmio write len 4 gpa 0xfed00108 val 0x{n:x}\n"
    f"  qemu-system-x86-511 [001] 77.{n:03}009: kvm_mmio: mmio read len 4 gpa 0xfed000f0 val 0x{n:x}\n"
    for n in range(1, 40)
)
PIT = "".join(
    f" kvm-pit/811-813  [003]  7711.{n:03}013: kvm_set_irq: gsi 0 level {level} source 2\n"
    for n in range(1, 60)
    for level in (1, 0)
)
IRQS = """\
(qemu) info irq
IRQ statistics for kvm-i8259:
  0: 1000
 12: 40
(qemu) info irq
IRQ statistics for kvm-i8259:
  0: 81000
 12: 41
"""
CALLS = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 40.00    0.400000           2     90100           timer_settime
 35.00    0.350000           2     90120           select
 25.00    0.250000           2     90110        20 read
------ ----------- ----------- --------- --------- ----------------
100.00    1.000000                270330        20 total
"""
BITES = "".join(
    f'2021-02-03 04:{n:02}:00.100+0000: event WATCHDOG for domain \'a\': {{"action":"reset"}}\n'
    f"2021-02-03 04:{n:02}:00.130+0000: event RESET for domain 'a': {{\"guest\":false}}\n"
    for n in range(1, 5)
)
CROWD = "".join(
    f"CPU#{cpu}\nRAX=0000000000000101 RBX=ffff9a7e41f2c6c0 RCX=0000000000000000 RDX=0000000000000001\nRIP=ffffffff810cb5d{cpu} RFL=00000046 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\n"
    for cpu in range(4)
)
TOP = """\
  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND
   41 root      39  19       0      0      0 R  99.9  0.0  12:20.11 kcompactd0
 2120 app       20   0   12.1g   1.2g  31000 S   2.3 10.0   9:11.20 java
"""
PASTED = (
    ("guest-hard-lockup", "The guest is frozen.", LOCKED.format(at="a6", flags="0002"), LOCKED.format(at="aa", flags="0002")),
    ("guest-soft-lockup", "The guest is frozen.", LOCKED.format(at="a6", flags="0202"), LOCKED.format(at="b0", flags="0202")),
    ("guest-lost-interrupt", "The guest cannot be reached since it was moved.", QUEUES),
    ("kvmclock-jump", "The guest was stuck for a while.", LEAPT),
    ("kvmclock-jump", "The guest was stuck.", "[1729100.118240] watchdog: BUG: soft lockup - CPU#1 stuck for 1728800s! [bash:1]\n"),
    ("apic-timer-storm", "An idle guest takes a tenth of a core.", RESTS),
    ("pit-hpet-storm", "An idle guest takes a third of a core.", HPET),
    ("pit-hpet-storm", "A game was played in the guest.", PIT),
    ("pit-hpet-storm", "The guest takes CPU. The monitor was asked twice, ten seconds apart.", IRQS),
    ("timer-always-due", "The qemu process takes 100% CPU, the guest has no load.", CALLS),
    ("guest-reboot-loop", "The guest does not stay up.", BITES),
    ("guest-panic-spin", "The guest takes 100% of a core.", "#0  0xffffffff8187e3a4 in delay_tsc ()\n#1  0xffffffff8105d1a1 in panic ()\n"),
    ("tsc-unstable", "Times in the guest are wrong at times.", "kernel: calcru: negative runtime of -12 usec for pid 4 (cam)\n"),
    ("rtc-periodic-storm", "The guest takes CPU though it does nothing.", "periodic_IRQ\t: yes\nperiodic_freq\t: 4096\n"),
    ("kvmclock-jump", "The guest was restored.", "[ 9112.102200] rcu_sched kthread starved for 43200331 jiffies! g41 c40 f0x0 RCU_GP_WAIT_FQS(3) ->state=0x1\n"),
    ("guest-spinlock", "All vCPUs are at 100%.", CROWD, CROWD),
    ("guest-memory-thrash", "The guest is slow.", "Mem:            972         951          12           1           8           9\n"),
    ("guest-kernel-busy", "The guest is slow.", TOP),
    ("timer-always-due", "The main thread of qemu takes a core.", "#0  0x00007f3c1d0f2a40 in clock_gettime ()\n#1  0x000055c3a1b2e9c8 in timerlist_run_timers ()\n#2  0x000055c3a18e0b7f in main_loop ()\n"),
    ("guest-halted-dead", "The guest is gone and QEMU stays.", "[   71.000133] reboot: System halted\n"),
    ("guest-io-heavy", "The router guest takes two cores.", "18:40:06  tap3  91203.20  88812.00 9822.11 9113.90 0.00 0.00 0.00 0.00\n"),
)  # fmt: skip


LIVES = "".join(
    "[    0.000000] Linux version 5.10.0-8-amd64 (Debian 5.10.46-4)\n[    2.100120] reboot: Restarting system\n"
    for _ in range(3)
)
INSIDE = """\
Overhead  Shared Object            Symbol
  38.10%  [kernel]                 [k] nft_do_chain
  33.80%  [kernel]                 [k] __fib_lookup
   1.20%  unbound                  [.] worker_handle_request
"""
BITS_32 = """\
(qemu) info registers
EAX=00000001 EBX=00000000 ECX=00000000 EDX=000003fd
EIP=c0101af{at} EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0008 00000000 ffffffff 00cf9a00 DPL=0 CS32 [-R-]
"""
STOLEN = """\
09:12:30     CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle
09:12:31     all    0.00    0.00    0.00    0.00    0.00    0.00  100.00    0.00    0.00    0.00
"""
MORE = (
    ("guest-reboot-loop", "The instance never answers.", LIVES),
    ("guest-kernel-busy", "The router guest is slow; perf top in it:", INSIDE),
    ("guest-hard-lockup", "The guest is frozen.", BITS_32.format(at=1), BITS_32.format(at=3)),
    ("guest-hung-io", "Commands in the guest hang.", "   211 D    jbd2_log_wait_commit   jbd2/vda2-8\n   900 D+   io_schedule            tar\n"),
    ("steal-time-overflow", "Since its live migration the guest shows this, and its host is idle.", STOLEN),
)  # fmt: skip


@pytest.mark.parametrize(("cause", "texts"), [(cause, texts) for cause, *texts in MORE])
def test_what_a_guest_printed_names_the_cause(tmp_path: Path, cause: str, texts: list[str]) -> None:
    assert read(tmp_path, *texts).verdict.cause == cause


def test_a_process_that_was_continued_is_not_stopped(tmp_path: Path) -> None:
    told = "The guest takes a core since its process was stopped with SIGSTOP and continued."
    assert read(tmp_path, told).verdict.cause != "cgroup-frozen"


def read(tmp_path: Path, *texts: str) -> Report:
    paths = []
    for number, text in enumerate((text for text in texts if text), start=1):
        paths.append(tmp_path / f"paste-{number}.txt")
        paths[-1].write_text(text, encoding="utf-8")
    return read_all(paths)[0]


@pytest.mark.parametrize("line", TOLD.splitlines())
def test_a_sentence_names_the_cause(tmp_path: Path, line: str) -> None:
    family, cause, text = line.split(" | ", 2)
    report = read(tmp_path, text)
    assert (report.verdict.family, report.verdict.cause) == (family, cause)
    assert report.verdict.confidence < CONFIDENT


@pytest.mark.parametrize(("cause", "texts"), [(cause, texts) for cause, *texts in PASTED])
def test_a_sentence_and_what_was_printed_name_the_cause(tmp_path: Path, cause: str, texts: list[str]) -> None:
    report = read(tmp_path, *texts)
    assert report.verdict.cause == cause


NOT = (
    ("guest-hard-lockup", LOCKED.format(at="a6", flags="0002"), LOCKED.format(at="a6", flags="0002").replace("ffffffffa052", "ffffffffa1ff")),
    ("guest-lost-interrupt", QUEUES.replace("41:     120033", "41:     120099", 1)),
    ("kvmclock-jump", LEAPT.replace("86400500000000", "500500000")),
    ("apic-timer-storm", RESTS.replace("870.10us", "9870.10us")),
    ("guest-io-heavy", "18:40:06  tap3  12.20  8.00 1.11 0.90 0.00 0.00 0.00 0.00\n"),
    ("guest-reboot-loop", BITES.splitlines()[0]),
)  # fmt: skip


@pytest.mark.parametrize(("cause", "texts"), [(cause, texts) for cause, *texts in NOT])
def test_nearly_the_same_names_it_not(tmp_path: Path, cause: str, texts: list[str]) -> None:
    assert read(tmp_path, "The guest is odd.", *texts).verdict.cause != cause
