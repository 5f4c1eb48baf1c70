"""Console logs: what each line stands for, with every stamp and terminal sequence, and what does not matter."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.console import decode_console, plain
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import ConsoleLog, LineMeaning
from crazytrain.model.facts.restarts import ConsoleRestarts

LINES = [
    ("Kernel panic - not syncing: sysrq triggered crash", LineMeaning.PANIC),
    ("---[ end Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000200 ]---", LineMeaning.PANIC),
    ("watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]", LineMeaning.SOFT_LOCKUP),
    ("BUG: soft lockup - CPU#1 stuck for 67s! [swapper:0]", LineMeaning.SOFT_LOCKUP),
    ("BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!", LineMeaning.SOFT_LOCKUP),
    ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 2", LineMeaning.HARD_LOCKUP),
    ("watchdog: Watchdog detected hard LOCKUP on cpu 1", LineMeaning.HARD_LOCKUP),
    ("Watchdog detected hard LOCKUP on cpu 0", LineMeaning.HARD_LOCKUP),
    ("rcu: INFO: rcu_sched self-detected stall on CPU", LineMeaning.RCU_STALL),
    ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", LineMeaning.RCU_STALL),
    ("rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-... }", LineMeaning.RCU_STALL),
    ("INFO: rcu_sched_state detected stall on CPU 0 (t=60000 jiffies)", LineMeaning.RCU_STALL),
    ("rcu: rcu_sched kthread starved for 5250 jiffies!", LineMeaning.RCU_STALL),
    ("INFO: task jbd2/vda1-8:242 blocked for more than 120 seconds.", LineMeaning.HUNG_TASK),
    ("tsc: Marking TSC unstable due to TSCs unsynchronized", LineMeaning.TSC),
    ("Marking TSC unstable due to clocksource watchdog", LineMeaning.TSC),
    ("TSC found unstable after boot, most likely due to broken BIOS. Use 'tsc=unstable'.", LineMeaning.TSC),
    ("Clocksource tsc unstable (delta = -4398046474878 ns)", LineMeaning.TSC),
    (
        "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because the skew is too large:",
        LineMeaning.TSC,
    ),
    ("clocksource: Switched to clocksource tsc", LineMeaning.CLOCKSOURCE),
    ("Switching to clocksource kvm-clock", None),
    ("clocksource: timekeeping watchdog on CPU0: hpet read-back delay of 72ns", LineMeaning.CLOCKSOURCE),
    ("hrtimer: interrupt took 12345678 ns", LineMeaning.CLOCKSOURCE),
    ("Out of memory: Killed process 71 (sh) total-vm:1kB", LineMeaning.OOM),
    ("Memory cgroup out of memory: Killed process 71 (sh)", LineMeaning.OOM),
    ("sh invoked oom-killer: gfp_mask=0x100cca", LineMeaning.OOM),
    ("blk_update_request: I/O error, dev vda, sector 2048 op 0x1:(WRITE)", LineMeaning.IO_ERROR),
    ("Buffer I/O error on dev vda1, logical block 0, lost async page write", LineMeaning.IO_ERROR),
    ("critical space allocation error, dev vda, sector 8 op 0x1:(WRITE)", LineMeaning.IO_ERROR),
    ("EXT4-fs (vda1): Remounting filesystem read-only", LineMeaning.IO_ERROR),
    ("nfs: server files not responding, still trying", LineMeaning.IO_ERROR),
    ("Oops: 0002 [#1] PREEMPT SMP NOPTI", LineMeaning.OOPS),
    ("BUG: kernel NULL pointer dereference, address: 0000000000000000", LineMeaning.OOPS),
    ("general protection fault, probably for non-canonical address 0xdead: 0000 [#1]", LineMeaning.OOPS),
    ("invalid opcode: 0000 [#1] PREEMPT SMP", LineMeaning.OOPS),
    ("kernel BUG at mm/slub.c:381!", LineMeaning.OOPS),
    ("Unable to handle kernel paging request at ffffffffff", LineMeaning.OOPS),
    ("No bootable device.", LineMeaning.NO_BOOT),
    ("Boot failed: could not read the boot disk", LineMeaning.NO_BOOT),
    ("BdsDxe: No bootable option or device was found.", LineMeaning.NO_BOOT),
    ("grub rescue> ", LineMeaning.NO_BOOT),
    ("clocksource: tsc: mask: 0xffffffffffffffff max_cycles: 0x2573", None),
    ("watchdog: Delayed init of the lockup detector failed", None),
    ("rcu: Hierarchical RCU implementation.", None),
    ("tsc: Detected 2597.937 MHz processor", None),
    ("panic: is what a program printed", None),
    ("Starting Tell Plymouth To Write Out Runtime Data...", None),
    ("", None),
]
STAMPS = [
    "",
    "[    4.123456] ",
    "[12345.123456][    T1] ",
    "<0>[    4.123456] ",
    "Mar  9 12:41:07 web01 kernel: [    4.123456] ",
    "Mar 09 12:41:07 web01 kernel: ",
    "[Fri Mar  9 12:41:07 2012] ",
]


def log(data: bytes | str, first_line: int = 1) -> ConsoleLog:
    raw = data if isinstance(data, bytes) else data.encode()
    (seen,) = decode_console(Evidence(id="console.0", kind=Kind.CONSOLE, source="/c", data=raw, first_line=first_line))
    assert isinstance(seen, ConsoleLog)
    return seen


@pytest.mark.parametrize(("line", "meaning"), LINES)
@pytest.mark.parametrize("stamp", STAMPS)
def test_meanings(line: str, meaning: LineMeaning | None, stamp: str) -> None:
    seen = log(f"{stamp}{line}\r\n")
    assert [(x.meaning, x.text) for x in seen.matter] == ([(meaning, f"{stamp}{line}".rstrip())] if meaning else [])
    assert seen.lines == 1


def test_every_meaning_is_tried() -> None:
    assert {meaning for _, meaning in LINES} - {None} == set(LineMeaning)


def test_lines_are_counted_as_in_the_evidence() -> None:
    text = "one\r\ntwo\r\n[ 1.0] Kernel panic - not syncing: x\r\nfour\r\nfive\r\n"
    seen = log(text)
    assert (seen.lines, seen.after_last, str(seen.matter[0].ref)) == (5, 2, "console.0:3")
    assert str(log(text, first_line=11).matter[0].ref) == "console.0:13"
    assert log(text + "six without an end").lines == 6
    assert (log("nothing\n" * 7).after_last, log("").lines) == (0, 0)


def test_what_terminals_obey_is_not_text() -> None:
    assert plain("\x1b[2J\x1b[1;31mKernel\x1b[0m panic\x07\x00") == "Kernel panic"
    assert plain("\x1b]0;title\x07shown \x1bc\x1b(Bplain") == "shown plain"
    assert plain("progress 1 %\rprogress 99 %\r") == "progress 99 %"
    assert plain("x" * 10_000) == "x" * 400
    seen = log(b"\x1b[0m\x1b[31m[    1.0] Kernel panic - not syncing: \xff\x9b31m\r\n")
    assert [x.meaning for x in seen.matter] == [LineMeaning.PANIC]
    assert "\x1b" not in seen.matter[0].text
    assert "\x9b" not in seen.matter[0].text


def test_of_many_lines_the_last_are_kept() -> None:
    seen = log("".join(f"[ {i}.0] Oops: {i}\n" for i in range(1000)))
    assert (len(seen.matter), seen.matter[-1].text, seen.lines) == (200, "[ 999.0] Oops: 999", 1000)


def test_long_logs_are_read_in_bounded_time() -> None:
    hostile = ("I/O erro" * 1000 + "\n") * 100 + ("[" * 8000 + "\n") * 100 + "\x1b]" * 200_000 + "\n" * 300_000
    began = time.process_time()
    log(hostile)
    assert time.process_time() - began < 20


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    seen = log(data)
    assert seen.after_last <= seen.lines
    assert all(x.text.isprintable() or "\t" in x.text or " " in x.text for x in seen.matter)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_control_character_is_left(text: str) -> None:
    assert not any((ord(c) < 0x20 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0 for c in plain(text))


def test_restarts_are_told_with_the_uptime_at_which_they_were_said() -> None:
    raw = b"[    3.012345] reboot: Restarting system\r\nREADY\r\n[12345.000001][    T1] reboot: Restarting system\n[ 9.0] Restarting\n"
    _, told = decode_console(Evidence(id="console.0", kind=Kind.CONSOLE, source="/c", data=raw))
    assert isinstance(told, ConsoleRestarts)
    assert [(one.uptime_ns, one.ref.line) for one in told.restarts] == [(3_012_345_000, 1), (12_345_000_001_000, 3)]


def restarts_of(raw: bytes) -> ConsoleRestarts | None:
    return next((x for x in decode_console(made(raw)) if isinstance(x, ConsoleRestarts)), None)


def made(raw: bytes) -> Evidence:
    return Evidence(id="console.0", kind=Kind.CONSOLE, source="/c", data=raw)


PANICS = b"[    0.000000] Linux\n[    7.5] x\n[    7.995149] Rebooting in 2 seconds..\n"


def test_a_panic_that_will_restart_is_one_restart_whether_or_not_the_next_kernel_has_begun() -> None:
    for raw, waits in ((PANICS, 2), (PANICS + b"[    0.000000] Linux\n", None)):
        told = restarts_of(raw)
        assert told is not None
        assert [one.uptime_ns for one in told.restarts] == [7_995_149_000]
        assert told.waits_s == waits


def test_a_kernel_that_begins_anew_ended_the_one_before_though_nobody_told() -> None:
    told = restarts_of(b"[    0.000000] a\n[    6.250000] b\nnoise\n[    0.000000] a\n[    5.000000] b\n")
    assert told is not None
    assert [(one.uptime_ns, one.ref.line) for one in told.restarts] == [(6_250_000_000, 2)]
    assert restarts_of(b"[    1.000000] a\n[    0.900000] b: two CPUs\n[    2.000000] c\n") is None
