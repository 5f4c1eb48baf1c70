"""How lines of each kind look that people paste. Adding a kind is one entry in `SHAPES`; the first that fits wins."""

import re
from collections.abc import Callable

import msgspec

from crazytrain.decode import backtrace_lines as backtrace
from crazytrain.decode import (
    crash_bt,
    kernel_stack,
    libvirt_text,
    libvirt_xml,
    printed_files,
    proc_status,
    qemu_text_lines,
    qmp_text,
    windows_stack,
)
from crazytrain.decode import host_shapes as host
from crazytrain.decode.command_words import continues_command, starts_command
from crazytrain.decode.strace_line import BEGUN_LINE, KNOWN_CALL, NOTE_LINE, OPEN_LINE, WHOLE_LINE
from crazytrain.model.evidence import Kind

Test = Callable[[bytes], object]
_LONGEST_COMMAND = 1024
_LONGEST_LOOK = 16 * 1024
_NEVER = re.compile(rb"(?!)").match


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How lines of one kind look.

    ``whole`` knows a line that is of this kind by itself, ``unended`` one of them whose end is missing. ``begun`` knows
    one that may have been broken by a terminal or a mailer: like to an unended one, the next lines are put to it until
    it is whole. ``alone`` says that it is of this kind even when it never becomes whole. ``beside`` knows lines that
    belong to a region when they stand in or next to it, ``command`` the shell's line above it. ``gap`` is how many
    lines of something else a region may hold, ``continues`` whether a line goes on with the one before it.
    """

    kind: Kind
    whole: Test
    unended: Test = _NEVER
    begun: Test = _NEVER
    alone: Test = _NEVER
    beside: Test = _NEVER
    command: Test = _NEVER
    continues: Callable[[bytes, bytes], bool] | None = None
    gap: int = 0


def _command(program: bytes) -> Test:
    """The shell's line that ran a program, with or without a prompt."""
    prompt = rb"(?:[^\n(\"]{0,120}?[#$%>~] ?)?(?:sudo |watch |timeout \S+ ){0,3}(?:/\S*?/)?"
    pattern = re.compile(prompt + program)
    return lambda line: pattern.match(line, 0, _LONGEST_COMMAND)


def _text(line: bytes) -> str:
    return line[:_LONGEST_LOOK].decode("utf-8", "backslashreplace")


_STATE = rb"[A-Z] +[\d.,]+ +[\d.,]+ +[\d:.,hdw]+ "
SHAPES = (
    Shape(
        kind=Kind.STRACE,
        whole=WHOLE_LINE.match,
        unended=OPEN_LINE.match,
        begun=lambda line: KNOWN_CALL.match(line) or BEGUN_LINE.match(line),
        alone=KNOWN_CALL.match,
        beside=NOTE_LINE.match,
        command=_command(rb"strace (?!-c)"),
        gap=5,
    ),
    Shape(
        kind=Kind.STRACE_SUMMARY,
        whole=re.compile(rb"(?:\d+[.,]\d+ +\d+[.,]\d+ +(?:\d+ +){1,3}[a-z_]\w*|% time +seconds )").match,
        beside=re.compile(rb"[- ]{20,}$|(?:\S*strace: )?Process \d+ (?:at|de)tached").match,
        command=_command(rb"strace "),
    ),
    Shape(
        kind=Kind.FD_LISTING,
        whole=re.compile(
            rb"(?:\d+ +\d+ +)?l[rwxsStT-]{9}\S? [^\n]*[ /]\d{1,9}@? -> \S"
            rb"|\d{1,9} -> (?:/|anon_inode:|socket:|pipe:)"
            rb"|\S+ +\d+ [^\n]*? \d+[rwu -]?[A-Za-z]? +(?:REG|DIR|CHR|BLK|FIFO|IPv4|IPv6|unix|sock|a_inode|0000) "
        ).match,
        unended=re.compile(
            rb"[^\n]* -> (?:an[a-z_]*|anon_inode:(?!kvm-v(?:m|cpu(?::\d+)?)$)[a-z-]*|anon_inode:\[[^\]\n]*"
            rb"|(?:socket|pipe):?\[?\d*)$"
            rb"|(?![^\n]* -> )\S+ +\d+ [^\n]*? \d+[rwu -]?[A-Za-z]? +(?:REG|DIR|CHR|BLK|FIFO|unix|sock|a_inode)(?: +\S+){0,3}$"
        ).match,
        begun=re.compile(rb"l[rwxsStT-]{9}\S? +\d+ +\S+ +\S+ ").match,
        beside=re.compile(
            rb"\S{1,12}:? \d+$|\.\.\.$|\[\.\.\.\]$|COMMAND +PID |d[rwxsStT-]{9}\S? |ls: |/proc/\S*/fd/?:"
            rb"|\S+ +\d+ [^\n]*? (?:cwd|rtd|txt|mem|DEL|NOFD) "
        ).match,
        command=_command(rb"(?:ls|ll|find|lsof) "),
        gap=1,
    ),
    Shape(
        kind=Kind.PRINTED_FILES,
        whole=printed_files.WHOLE.match,
        continues=printed_files.goes_on,
        beside=proc_status.BESIDE.match,
        command=_command(rb"(?:cat|grep|head|tail|sysctl) "),
        gap=1,
    ),
    Shape(
        kind=Kind.PERF_KVM,
        whole=host.PerfKvm.whole,
        unended=host.PerfKvm.unended,
        begun=host.PerfKvm.begun,
        beside=host.PerfKvm.beside,
        command=_command(rb"perf kvm "),
        gap=2,
    ),
    Shape(
        kind=Kind.KVM_STAT,
        whole=host.KvmStat.whole,
        beside=host.KvmStat.beside,
        command=_command(rb"(?:kvm_stat|grep|cat) ?"),
        gap=2,
    ),
    Shape(
        kind=Kind.KVM_TRACE,
        whole=host.KvmTrace.whole,
        unended=host.KvmTrace.unended,
        beside=host.KvmTrace.beside,
        command=_command(rb"(?:trace-cmd|cat|perf script) ?"),
        gap=8,
    ),
    Shape(
        kind=Kind.PERF_COUNTS,
        whole=host.PerfCounts.whole,
        beside=host.PerfCounts.beside,
        command=_command(rb"perf stat "),
        gap=4,
    ),
    Shape(
        kind=Kind.TRACE_SUMMARY,
        whole=host.TraceSummary.whole,
        begun=host.TraceSummary.begun,
        beside=host.TraceSummary.beside,
        command=_command(rb"perf trace "),
        gap=4,
    ),
    Shape(
        kind=Kind.PERF_REPORT,
        whole=host.PerfReport.whole,
        begun=host.PerfReport.begun,
        beside=host.PerfReport.beside,
        command=_command(rb"perf (?:report|top|kvm)\b"),
        gap=50,
    ),
    Shape(kind=Kind.ONCPU, whole=host.Oncpu.whole, beside=host.Oncpu.beside, command=_command(rb"perf script"), gap=2),
    Shape(
        kind=Kind.LOG_TEXT,
        whole=host.LogText.whole,
        unended=host.LogText.unended,
        beside=host.LogText.beside,
        command=_command(rb"(?:dmesg|journalctl|virsh console|cat|tail|grep)\b"),
        gap=8,
    ),
    Shape(
        kind=Kind.PS,
        whole=host.Ps.whole,
        begun=host.Ps.begun,
        beside=host.Ps.beside,
        continues=host.Ps.goes_on,
        command=_command(rb"ps "),
        gap=1,
    ),
    Shape(
        kind=Kind.SYSSTAT,
        whole=host.Sysstat.whole,
        unended=host.Sysstat.unended,
        begun=host.Sysstat.begun,
        beside=host.Sysstat.beside,
        command=_command(rb"(?:pidstat|mpstat|sar|iostat|vmstat)\b"),
        gap=3,
    ),
    Shape(
        kind=Kind.INTERRUPTS,
        whole=host.Interrupts.whole,
        beside=host.Interrupts.beside,
        command=_command(rb"(?:cat|watch|grep) "),
        gap=2,
    ),
    Shape(
        kind=Kind.CLOCKSOURCE, whole=host.Clocksource.whole, command=_command(rb"(?:cat|grep|head|tail|more) "), gap=1
    ),
    Shape(
        kind=Kind.TOP_THREADS,
        whole=re.compile(
            rb"top - \d|%Cpu(?:\(s\)|\d{1,4}) *:\s+\d{1,3}[.,]\d/\d{1,3}[.,]\d\s+\d{1,3}\["  # bars
            rb"|\d{1,7} +\d{1,7} +\S{1,20} +[RSDTZ][<NW]{0,3} +\d+(?:\.\d)?[mg]? +\d{1,4}% +(?:\d{1,4} +)?\d{1,3}% +\S"  # busybox
            rb"|[* ]*PID +\S[^\n]*(?:%CPU|CPU%)|[* ]*\d{1,9} +\S+ +(?:rt|-?\d+) +-?\d+ +[\d.,]+[a-zA-Z]? [^\n]*? "
            + _STATE
        ).match,
        unended=re.compile(rb"\d[^\n]*[\d:.]{4,} +(?:CPU|IO|SPICE|ALL)$").match,  # the first word of a thread's name
        begun=re.compile(
            rb"[* ]*\d{1,9} +\S+ +(?:rt|-?\d+) +-?\d+ +[\d.,]+[a-zA-Z]? +[\d.,]+[a-zA-Z]? +[\d.,]+[a-zA-Z]? +[A-Z] "
        ).match,
        beside=re.compile(
            rb"(?:Tasks|Threads|T\xc3\xa2ches|%?Cpu\(?s?\)?\d*|CPU|Load average|(?:[KMG]iB )?(?:Mem|Swap))[ :]|%Cpu|  scroll|\.\.\.$|top: "
        ).match,
        command=_command(rb"top\b"),
        gap=3,
    ),
    Shape(
        kind=Kind.BACKTRACE,
        whole=backtrace.WHOLE.match,
        beside=backtrace.BESIDE.match,
        command=_command(rb"(?:gdb|pstack|gstack|eu-stack|coredumpctl|bt\b|thread apply)"),
        continues=backtrace.goes_on,
        gap=2,
    ),
    Shape(
        kind=Kind.KERNEL_STACK,
        whole=lambda line: (
            kernel_stack.FRAME.match(line) or crash_bt.WHOLE.match(line) or windows_stack.WHOLE.match(line)
        ),
        beside=re.compile(
            crash_bt.BESIDE.pattern
            + rb"|"
            + windows_stack.BESIDE.pattern
            + rb"|"
            + kernel_stack.HEAD.pattern
            + rb"|[^\n]{0,200}/stack(?: <==)?$|[=#* -]{0,8}/proc/\d{1,9}/task/\d{1,9}/?[ :=-]{0,4}$"
            rb"|[=#* -]{0,8}(?:TID|tid|thread|PID|pid)?[ :=]{0,3}\d{1,9}[ :=-]{0,4}$"
        ).match,
        gap=2,
    ),
    Shape(
        kind=Kind.QEMU_TEXT,
        whole=qemu_text_lines.WHOLE.match,
        beside=qemu_text_lines.BESIDE.match,
        continues=qemu_text_lines.goes_on,
        command=_command(rb"virsh (?:-c \S+ )?qemu-monitor-command "),
        gap=7,
    ),
    Shape(
        kind=Kind.QMP_TEXT,
        whole=qmp_text.WHOLE.match,
        beside=qmp_text.BESIDE.match,
        continues=lambda before, line: bool(before.strip() and qmp_text.BESIDE.match(line)),
        command=_command(rb"virsh (?:-c \S+ )?qemu-monitor-(?:command|event) |qmp-shell |socat "),
        gap=2,
    ),
    Shape(
        kind=Kind.LIBVIRT_XML,
        whole=libvirt_xml.WHOLE.match,
        beside=libvirt_xml.BESIDE.match,
        command=_command(rb"(?:virsh (?:-c \S+ )?(?:dumpxml|edit) |virt-xml |cat /etc/libvirt/)"),
        gap=3,
    ),
    Shape(
        kind=Kind.LIBVIRT_TEXT,
        whole=libvirt_text.whole,
        beside=libvirt_text.beside,
        continues=lambda before, line: bool(before.strip() and libvirt_text.beside(line)),
        command=_command(rb"virsh (?:-c \S+ )?dom"),
        gap=2,
    ),
    Shape(
        kind=Kind.COMMAND_LINE,
        whole=lambda line: (b"qemu" in line or b"kvm" in line) and starts_command(_text(line)),
        continues=lambda before, line: continues_command(_text(before), _text(line)),
        beside=re.compile(
            rb"[A-Z_]{2,}=\S* *\\$|\S+ \S+: starting up|[^\n]*\bPID\b[^\n]* (?:CMD|COMMAND|ARGS)$|[^\n]*grep "
        ).match,
        command=_command(rb"(?:ps|pgrep|cat|tr|virsh|qm) "),
    ),
)
TEXT = Shape(kind=Kind.TEXT, whole=_NEVER)
