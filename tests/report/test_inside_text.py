"""A guest from inside as text: golden pages, and names that a hostile guest chose."""

import unicodedata

import msgspec
import pytest

from crazytrain.derive.inside_view import inside_view
from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.inside import (
    FoundBy,
    GuestCpu,
    GuestFrame,
    GuestKernel,
    InsideLog,
    InsideProfile,
    InsideReading,
    LockWait,
    LogRecord,
    Missing,
    Mode,
    StackCount,
    WhoCount,
)
from crazytrain.model.facts.vcpu import CpuMode, VcpuActivity
from crazytrain.model.inside_report import InsideReport
from crazytrain.model.report import GuestView
from crazytrain.report.inside_text import Wanted, plain_inside, screen_lines
from tests.inside_made import KERNEL, S, a_clock, a_log, a_profile, a_reading, a_task, times

GUEST = GuestView(name="web01", pid=1234, manager="plain", accelerator="kvm", vcpus=2, memory_bytes=512 << 20)
LOCKUP = (LineMeaning.SOFT_LOCKUP, 28.0, "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:88]")


def a_report(**other: object) -> InsideReport:
    first, last, profile = a_reading(), a_reading(2.0), a_profile()
    report = InsideReport(
        tool="crazytrain 0",
        guest=GUEST,
        at="2026-11-23T13:00:00.000+00:00",
        view=inside_view(first, last, profile, a_log(LOCKUP)),
        first=first,
        last=last,
        profile=profile,
        took_ns=2_300_000_000,
        cpu_ns=130_000_000,
    )
    return msgspec.structs.replace(report, **other)


def shown(report: InsideReport, **wanted: object) -> str:
    return plain_inside(report, Wanted(**wanted), width=110)  # type: ignore[arg-type]


PAGE = """\
web01 · pid 1234 · KVM · 2 vCPUs · 512 MiB · plain
  kernel     Linux 6.1.0-56-cloud-amd64
             #1 SMP PREEMPT_DYNAMIC Debian 6.1.171-1 (2026-10-02)
             found by the vCPU's page table, 87,347 symbols, types from BTF (210 ms)
  up         60 min 2 s, booted 2026-11-23 12:00:00 UTC
  clock      tsc (could be hpet, acpi_pm), TSC 2,000.000 MHz, TSC trusted, 250 ticks/s
  wall time  as the host's, ± 4 ms
  CPU 0      sh (pid 88), 2 tasks ready to run
  CPU 1      idle
  tasks      64, 1 ready or running, 1 in D state; load 1.02 0.77 0.31
  time       moves: 2 s in 2 s of the host's, 1.0000 times its pace, ± 0.1040 (monotonic)

CPUs, over 2 s
  CPU  runs now      busy  user  system  irq  steal   idle  seen in user  kernel   halted
    0  sh (pid 88)  100 %  90 %    10 %  0 %    0 %    0 %        10±6 %  90±6 %    0±2 %
    1  idle           0 %   0 %     0 %  0 %    0 %  100 %         0±2 %   0±2 %  100±2 %
  the guest accounts in ticks: give or take 0.2 % each

Tasks, over 2 s
  pid  thread of  name  state  CPU  of one CPU  seen on it
   88             sh    R        0        96 %      95±3 %
   95             true  gone     0           ?       5±3 %

Where its vCPUs were (100 looks at their registers)
       50 % (43 to 57 %)  halted: nothing to do
       35 % (29 to 42 %)  chacha_permute
        10 % (7 to 15 %)  chacha_block_generic
        5.0 % (3 to 9 %)  code of sh (pid 88)

Tasks in D state: they wait, and cannot be interrupted
  dd (pid 90): it never ran in all the window
      __schedule+0x2f1
      schedule+0x5a
      io_schedule+0x42

Locks
  dd (pid 90) waits for the mutex pcpu_alloc_mutex in __mutex_lock, all the window; sh (pid 88) holds it

In its kernel log
  soft lockup: at 28.000000 s: watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:88]

Not read
  stacks: no unwind tables

200 looks at its run queues, 100 looks at registers; it was never paused; looking took us 2.3 s and 130 ms of CPU
"""


def test_one_screen() -> None:
    told = plain_inside(a_report(missing=(Missing("stacks", "no unwind tables"),)), Wanted(), width=120)
    assert told == PAGE


def test_one_instant_has_no_shares() -> None:
    one = a_reading()
    told = shown(a_report(first=one, last=None, profile=None, view=inside_view(one, one)))
    assert "CPU 0      sh (pid 88)" in told
    assert "dd (pid 90)\n" in told
    for word in ("over", "times its pace", "Where its vCPUs were", "all the window", "looks at"):
        assert word not in told


def test_every_task_with_the_stack_that_it_sleeps_in() -> None:
    told = shown(a_report(), tasks=True, stacks=True)
    assert "   90    90       1  D        0       1 s  dd\n           __schedule+0x2f1\n" in told
    assert "  70 times, CPU 0, sh (pid 88), kernel\n      chacha_permute\n      extract_crng\n" in told
    assert "(the rest is not known)" in told


def test_the_log_on_request() -> None:
    log = InsideLog(
        records=(
            LogRecord(1, 0, 5, "Linux version"),
            LogRecord(2, 28 * S, 0, "BUG: one\ntwo"),
            LogRecord(3, 29 * S, 6, "x"),
        ),
        lost=2,
    )
    told = shown(a_report(log=log), records=2)
    assert (
        "The guest's kernel log\n  (the last 2 records)\n  [   28.000000] BUG: one\n                 two\n"
        "  [   29.000000] x\n  2 records could not be read: they were being overwritten\n"
    ) in told
    assert "Linux version" in shown(a_report(log=log), records=0)
    assert "Linux version" not in shown(a_report(log=log))


def test_time_that_stands_still_is_bad_news() -> None:
    first, last = a_reading(), msgspec.structs.replace(a_reading(5.0), clock=a_clock(0.0, mono_ns=105 * S, wall_ns=0))
    told = shown(a_report(view=inside_view(first, last), last=last, profile=None))
    assert "  time       stands still, in 5 s of the host's (monotonic)\n" in told


def test_a_clock_that_was_set_and_a_tsc_that_is_not_trusted() -> None:
    clock = a_clock(2.0, realtime_ns=a_clock(2.0).wall_ns + 7200 * S, tsc_unstable=True)
    last = msgspec.structs.replace(a_reading(2.0), clock=clock, panicked=True)
    told = shown(a_report(view=inside_view(a_reading(), last), last=last))
    assert "  wall time  2 h 0 min ahead of the host's, ± 4 ms\n  wall time  was set by 2 h 0 min meanwhile\n" in told
    assert "the guest calls its TSC UNSTABLE" in told
    assert "PANICKED" in told


def test_a_guest_that_booted_meanwhile() -> None:
    last = msgspec.structs.replace(a_reading(2.0), kernel=msgspec.structs.replace(KERNEL, text=5 << 20))
    told = shown(a_report(view=inside_view(a_reading(), last), last=last))
    assert "The guest booted while it was looked at" in told
    assert "the window: the guest booted meanwhile" in told


def test_no_linux_says_what_is_still_true() -> None:
    banner = GuestKernel(system="FreeBSD", banner="FreeBSD 14.1-RELEASE", found_by=FoundBy.BANNER)
    first = InsideReading(mono_ns=1, took_ns=1, kernel=banner)
    vcpu = VcpuActivity(
        vcpu=0,
        samples=48,
        halted_ratio=0.0,
        user_ratio=0.0,
        kernel_ratio=1.0,
        interrupts_off_ratio=1.0,
        mode=CpuMode.REAL,
        places=1,
        top_ip=0x7C05,
        top_ip_ratio=1.0,
        span_bytes=0,
        polls_port=0x608,
    )
    told = shown(a_report(first=first, last=None, profile=None, view=inside_view(first, first), outside=(vcpu,)))
    assert "  system     FreeBSD: FreeBSD 14.1-RELEASE\n" in told
    assert "vCPU 0: real mode, 100 % at CPL 0, 0 % above, interrupts off 100 %; it does not leave 0x7c05" in told
    assert "it reads port\n  0x608 over and over (48 looks)" in told


def test_nothing_could_be_read() -> None:
    told = shown(InsideReport(tool="t", guest=GUEST, at="", missing=(Missing("the guest's memory", "needs root"),)))
    assert "Its kernel's memory was not read." in told
    assert "the guest's memory: needs root" in told


EVIL = "\x1b[2J\x1b]0;owned\x07\u202eevil\u2066\r\nname\x00\x9b31m\u200b\ud800"


def evil_report() -> InsideReport:
    """Every text that a guest can choose is hostile."""
    kernel = GuestKernel(
        system=EVIL, banner=EVIL, release=EVIL, version=EVIL, types=EVIL, found_by=FoundBy.BANNER, symbols=2**70
    )
    frame = GuestFrame(EVIL, 2**70, 2**70)
    wait = LockWait(
        kind=EVIL, cpu=1, pid=2, comm=EVIL, function=EVIL, lock=5, lock_name=EVIL, holder_why=EVIL, holder_comm=EVIL
    )
    held = msgspec.structs.replace(wait, holder_pid=3)
    reading = a_reading(
        kernel=kernel,
        clock=a_clock(0.0, clocksource=EVIL, available=(EVIL, EVIL + "x"), boot_ns=-(2**70), realtime_ns=2**70),
        cpus=(GuestCpu(cpu=0, pid=2**70, comm=EVIL),),
        tasks=tuple(a_task(pid, EVIL, state=state, stack=(frame,)) for pid, state in ((1, "D"), (2, EVIL))),
        locks=(wait, held),
        missing=(Missing(EVIL, EVIL),),
    )
    last = msgspec.structs.replace(reading, mono_ns=reading.mono_ns + S)
    profile = InsideProfile(
        start_ns=0,
        end_ns=1,
        vcpus=1,
        task_samples=10,
        samples=10,
        who=(WhoCount(cpu=0, pid=7, comm=EVIL, count=5),),
        stacks=tuple(
            StackCount(cpu=0, mode=mode, pid=7, comm=EVIL, frames=(frame,), count=3)
            for mode in (Mode.USER, Mode.KERNEL)
        ),
    )
    log = InsideLog(records=(LogRecord(1, 2**70, 0, EVIL * 2),), missing=(Missing(EVIL, EVIL),))
    view = inside_view(reading, last, profile, a_log((LineMeaning.OOPS, 1.0, EVIL)))
    return a_report(first=reading, last=last, profile=profile, view=view, log=log, missing=(Missing(EVIL, EVIL),))


def test_nothing_that_a_guest_wrote_reaches_a_terminal_as_it_is() -> None:
    report = evil_report()
    whole = shown(report, tasks=True, stacks=True, records=0)
    drawn = "\n".join(one.text for one in screen_lines(report, width=100, height=200))
    for told in (whole, drawn):
        assert "evil" in told
        bad = {c for c in told if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}}
        assert bad == set()
    # A newline of the guest's makes no line of ours: but for its log, whose records may have several.
    assert not any(line.startswith("name") for line in whole.splitlines())


@pytest.mark.parametrize(("width", "height"), [(60, 24), (100, 10), (200, 60), (10, 1)])
def test_a_screen_is_never_left(width: int, height: int) -> None:
    for report in (a_report(), evil_report()):
        lines = screen_lines(report, width=width, height=height)
        assert len(lines) <= max(height, 5)
        assert max(len(one.text) for one in lines) <= width


def test_a_cpu_without_account_is_told() -> None:
    spins = (GuestCpu(cpu=0, pid=88, comm="sh", times=times(0.0)),)
    first, last = (msgspec.structs.replace(one, cpus=spins) for one in (a_reading(), a_reading(2.0)))
    last = msgspec.structs.replace(last, tasks=first.tasks)
    told = shown(a_report(first=first, last=last, view=inside_view(first, last, a_profile())))
    assert "  no account  seen in user" in told
    assert "  no account: no tick came there" in told
    assert "  sh (pid 88) was on a CPU in 95 % of the looks, but accounted for 0 %\n" in told


def test_many_cpus_are_cut_and_counted() -> None:
    cpus = tuple(GuestCpu(cpu=number, pid=0, idle=True) for number in range(512))
    first, last = (msgspec.structs.replace(one, cpus=cpus) for one in (a_reading(), a_reading(2.0)))
    told = shown(a_report(first=first, last=last, view=inside_view(first, last)))
    assert "and 496 more CPUs, 496 of them idle" in told
    assert "and 496 more (--json has them all)" in told
