"""CONSOLE: the guest's serial console (or its dmesg): the lines that matter."""

import re
from collections import deque
from collections.abc import Iterable

from crazytrain.decode.console_restarts import RestartReader
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.console import ConsoleLine, ConsoleLog, LineMeaning

_MOST_LINES = 200_000
_MOST_KEPT = 200
_LONGEST = 400
_LONGEST_READ = 8192
# What terminals obey and people do not read: CSI and OSC sequences, single escapes, then all other control characters.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# `[  12.345678] `, `[  12.345678][    T1] `, `<4>[ 12.3] `, `Mar  9 12:00:00 web01 kernel: `, `[Fri Mar  9 12:00:00 2012] `.
_STAMP = re.compile(
    r"^\s*(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d [\d:.]{8,15} \S{1,255} kernel:\s*)?(?:\[[^\]\n]{1,40}\]\s*){0,2}"
)
# The kernel's own words, as they begin behind the stamp; a line that fits two rows has the meaning of the first. Sources:
# kernel/{panic,watchdog,hung_task,workqueue}.c, kernel/rcu/tree_stall.h, kernel/time/clocksource.c, block/blk-core.c,
# arch/x86/kernel/{tsc,tsc_sync,traps,dumpstack}.c, mm/oom_kill.c. Other systems say nothing of this on a serial port.
_PATTERNS: tuple[tuple[LineMeaning, tuple[str, ...]], ...] = (
    (LineMeaning.PANIC, (r"(?:---\[ end )?Kernel panic - not syncing",)),
    (LineMeaning.SOFT_LOCKUP, (r"(?:NMI )?(?:watchdog: )?BUG: soft lockup", r"BUG: workqueue lockup")),
    (LineMeaning.HARD_LOCKUP, (r"(?:NMI )?(?:watchdog: )?Watchdog (?:CPU:\d+ )?detected .{0,40}hard LOCKUP",)),
    (
        LineMeaning.RCU_STALL,
        (
            r"(?:rcu: )?INFO: rcu\w* (?:self-)?detected (?:expedited )?stall",
            r"(?:rcu: )?rcu_\w+ kthread (?:starved|timer wakeup)",
            r"(?:rcu: )?\s*Possible timer handling issue on cpu",
            r"NMI backtrace for cpu \d+ skipped: idling at",
        ),
    ),
    (LineMeaning.HUNG_TASK, (r"INFO: task .{1,80} blocked (?:for more than \d+|in I/O wait)",)),
    (
        LineMeaning.TSC,
        (
            r"(?:tsc: )?Marking TSC unstable",
            r"(?:tsc: )?TSC (?:found )?unstable",
            r"(?:clocksource: )?Clocksource tsc unstable",
            r"clocksource: .{0,80}'?tsc.{0,80}(?:unstable|skew)",
            r"sched_clock: Marking unstable",
        ),
    ),
    (
        LineMeaning.CLOCKSOURCE,
        (
            r"(?:clocksource: )?Switched to clocksource",
            r"(?:clocksource: )?Override clocksource",
            r"(?:clocksource: )?(?:timekeeping watchdog|Clocksource \S+ unstable)",
            r"(?:hrtimer: )?interrupt took \d+ ns",
        ),
    ),
    (
        LineMeaning.OOM,
        (r"(?:Memory cgroup out|Out) of memory", r".{1,80} invoked oom-killer"),
    ),
    (
        LineMeaning.IO_ERROR,
        (
            r".{0,80}\bI/O [Ee]rror\b",
            r".{0,40}critical (?:\w+ ){1,3}error, dev",
            r"EXT4-fs error",
            r".{0,80}Remounting filesystem read-only",
            r"nfs: server \S{1,80} not responding",
        ),
    ),
    (
        LineMeaning.OOPS,
        (
            r"Oops(?:: |\[#)",
            r"BUG: ",
            r"(?:traps: )?general protection fault",
            r"(?:invalid opcode|double fault|stack segment|divide error): \d",
            r"kernel BUG at",
            r"Unable to handle kernel",
        ),
    ),
    # SeaBIOS, OVMF, GRUB and the boot sectors of DOS and its heirs.
    (
        LineMeaning.NO_BOOT,
        (
            r"No bootable device",
            r"Boot failed: ",
            r"BdsDxe: (?:No bootable option|failed to load Boot)",
            r"grub rescue>",
            r"(?:Missing operating system|Operating System not found|BOOTMGR is missing)",
        ),
    ),
)
_MATTERS = re.compile("|".join(f"(?P<{meaning.name}>{'|'.join(words)})" for meaning, words in _PATTERNS))


def decode_console(evidence: Evidence) -> Iterable[object]:
    """Yield one ``ConsoleLog`` and a ``ConsoleRestarts`` where it shows any.

    Reads CR LF and CR, terminal sequences and the stamps of dmesg and syslog. Lines are counted as in the evidence. Of
    many lines that matter the last 200 are kept. ::

        [   28.072023] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]
    """
    lines = evidence.data.decode("utf-8", "replace").split("\n")
    if not lines[-1].strip("\r"):
        lines.pop()
    matter: deque[ConsoleLine] = deque(maxlen=_MOST_KEPT)
    restarts = RestartReader(evidence)
    last = 0
    for number in range(max(0, len(lines) - _MOST_LINES), len(lines)):
        text = plain(lines[number])
        meaning = meaning_of(text)
        restarts.line(number + 1, text)
        if meaning:
            last = number + 1
            matter.append(ConsoleLine(meaning=meaning, text=text, ref=evidence.ref(last)))
    after_last = len(lines) - last if last else 0
    yield ConsoleLog(lines=len(lines), matter=tuple(matter), after_last=after_last, refs=(evidence.ref(),))
    if found := restarts.restarts():
        yield found


def plain(line: str) -> str:
    """A line as a person saw it: no control characters, and of what was overwritten after a CR only the last."""
    shown = _ESCAPES.sub("", line[:_LONGEST_READ]).rstrip("\r").rpartition("\r")[2]
    return _CONTROLS.sub("", shown)[:_LONGEST].rstrip()


def meaning_of(text: str) -> LineMeaning | None:
    """What a plain line stands for, ``None`` where it does not matter.

    >>> meaning_of("[    4.123456][    T1] Kernel panic - not syncing: Attempted to kill init!")
    <LineMeaning.PANIC: 'kernel panic'>
    """
    stamp = _STAMP.match(text)
    found = _MATTERS.match(text, stamp.end() if stamp else 0)
    return LineMeaning[found.lastgroup] if found and found.lastgroup else None
