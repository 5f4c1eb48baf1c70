"""How lines look that tools of the host (and the same tools within the guest) print. `shapes` puts them into its order."""

import re

from crazytrain.decode.command_words import continues_command, starts_command
from crazytrain.decode.folded_stacks import WHOLE as FOLDED

_LONGEST = 1024


class PerfKvm:
    """perf kvm stat."""

    whole = re.compile(
        rb"\S{1,60} +\d+ +[\d.,]+% +(?:[\d.,]+% +(?:[\d.]+us +[\d.]+us +)?[\d.]+us|\d+ +[\d.,]+% +\d+ +\d+ +\d+)"
        rb"|(?:VM-EXIT|Event name|IO Port Access|MMIO Access|MSR Access) +Samples?\b"
        rb"|Analyze events (?:for|from) |Total Samples: ?\d+, Total events handled"
    ).match
    # Neither three times, nor one and its deviation: a mailer broke it, or its end was left out.
    unended = re.compile(
        rb"\S{1,60} +\d+ +[\d.,]+% +[\d.,]+%(?! +[\d.]+us +[\d.]+us +[\d.]+us| +[\d.]+us +\( \+-) +[\d.]+us"
    ).match
    begun = re.compile(rb"\S{1,60} +\d+ +[\d.,]+% +[\d.,]+% +[\d.]+us").match
    beside = re.compile(rb"\d\d:\d\d:\d\d\.\d{6}$|(?:Max )?Time +Avg time|Avg time|\( \+-|time$").match


class KvmStat:
    """kvm_stat and debugfs."""

    whole = re.compile(
        rb"kvm_\w{2,60}(?:\([\w -]+\))? +\d+(?: +\d+\.\d)?(?: +\d+)?$|Event +Total +(?:%Total +)?Cur|kvm statistics"
        rb"|(?:/sys/kernel/debug/kvm/\S{0,60}/?)?(?:exits|halt_exits|halt_wakeup|halt_\w{4,40}|io_exits|irq_exits|irq_injections|irq_window"
        rb"|mmio_exits|signal_exits|request_irq|nmi_\w{4,20}|host_state_reload|insn_emulation\w*|fpu_reload|hypercalls|invlpg|efer_reload"
        rb"|pf_fixed|pf_guest|pf_\w{3,30}|tlb_flush|remote_tlb_flush\w*|mmu_\w{4,30}|largepages|l1d_flush|preemption_\w{4,20}|exit_\w{3,30}"
        rb"|req_event|directed_yield_\w+|nested_run|max_mmu_\w+|pages_\w{2}|nx_lpage_splits)(?::\d+| +\d+(?: +\d+\.\d)?(?: +\d+)?)$"
        rb"|(?:kvm_\w{1,40}(?:\([\w-]{1,40}\))? +){3,}kvm_\w{1,40}(?:\([\w-]{1,40}\))?\s*$"
    ).match
    beside = re.compile(
        rb"[A-Z][A-Z_]{2,40} +\d+(?: +\d+\.\d)?(?: +\d+)?$|Total +\d+|(?:\d+ +){3,}\d+$|kvm[- ]stat|[a-z_]+ +\d+ +\d+$"
    ).match


class KvmTrace:
    """ftrace, trace-cmd report, perf script of events."""

    line = re.compile(
        rb"\S.{0,40}?[- ]+\d{1,10} +(?:\([ \d-]+\) +)?\[\d{1,5}\] +(?:[\w.#]{2,8} +)?\d{1,12}\.\d{3,9}: +(?:\w+:)?\w+:"
    )
    beside = re.compile(rb"#|cpus=\d|CPU \d+ is empty|version = \d|" + line.pattern).match
    # What tells nothing without its end: a mailer broke it.
    unended = re.compile(
        rb"[^\n]{0,200}?: +(?:\w+:)?(?:kvm_exit:(?![^\n]* rip 0x)|kvm_pio:(?![^\n]* count \d)|kvm_mmio:(?![^\n]* gpa 0x)"
        rb"|kvm_msr:(?![^\n]* = 0x)|kvm_\w{1,60}: *$|kvm_\w{1,60}:[^\n]*,$)"
    ).match

    @classmethod
    def whole(cls, line: bytes) -> object:
        """A line of one of KVM's events."""
        return b"kvm_" in line[:200] and cls.line.match(line, 0, _LONGEST)


class PerfCounts:
    """perf stat."""

    whole = re.compile(rb"(?:\d+\.\d+ +)?(?:[\d.,']+|<not \w+>) +kvm:kvm_\w+").match
    beside = re.compile(rb"Performance counter stats|[\d.,]+ +seconds (?:time elapsed|user|sys)|# +time +counts").match


class TraceSummary:
    """perf trace -s."""

    whole = re.compile(
        rb"Summary of events:|\S.{0,40}? \(\d{1,10}\), \d+ events, \d+(?:\.\d)?%"
        rb"|[a-z_]\w{0,40} +\d+ +(?:\d+ +)?\d+\.\d{3} +\d+\.\d{3} +\d+\.\d{3} +\d+\.\d{3} +\d+\.\d\d%"
    ).match
    begun = re.compile(rb"[a-z_]\w{0,40} +\d+ +(?:\d+ +)?\d+\.\d{3} +\d+\.\d{3}(?: |$)").match
    beside = re.compile(rb"syscall +calls|\(msec\)|-{3,} +-").match


class PerfReport:
    """perf report, perf top."""

    whole = re.compile(
        rb"(?:[+-] +)?\d{1,3}[.,]\d\d%(?: +\d{1,3}[.,]\d\d%)?(?: +[^\n]{1,400}?)? +\[[k.gu$H]\] +\S"
        rb"|# ?(?:Overhead|Children) +(?:Self +)?\S|#? ?Samples: [\d.]+[KMG]? +of event"
        rb"|\d{1,9}\.\d\d +\d{1,3}\.\d% +(?:[0-9a-f]{16} )?[\w.:<>~-]{2,120} +(?:\[[\w.]{1,60}\]|\S*/\S{1,200}|[\w.+-]{2,80})$"
        rb"|PerfTop: +\d+ irqs/sec "
    ).match
    begun = re.compile(
        rb"(?:[+-] +)?\d{1,3}[.,]\d\d%(?: +\d{1,3}[.,]\d\d%)?(?: +(?:[A-Za-z_]\S*|CPU \d+/\w+)(?: +\[?[a-z]\S*){0,3})?(?: +\[[k.gu$H]\])? *$"
    ).match
    beside = re.compile(
        rb"#|-{2,}|\|| *[\w.@]+(?: +\||$)|PerfTop:|Event count|Overhead +|Children +Self|For a higher level"
        rb"|[+-] +(?:\d{1,3}[.,]\d\d% +)?[A-Za-z_][\w.:~@]{2,120} *$|\d{1,3}[.,]\d\d% +[A-Za-z_][\w.:~@]{2,120} *$"
        rb"|samples +pcnt |_{5,} +_{3,}"
    ).match


class Oncpu:
    """perf script of samples; folded stacks."""

    whole = re.compile(
        FOLDED.pattern + rb"|"
        rb"\S.{0,63}? +(?:\d{1,10}/)?\d{1,10} +(?:\[\d{1,5}\] +)?\d{1,12}\.\d{6,9}: *(?:\d{1,15} +[\w:.-]{1,60}: *)?$"
    ).match
    beside = re.compile(rb"[0-9a-f]{4,16} \S.{0,400} \([^\n]+\)$").match


class LogText:
    """Kernel logs: stamped by the kernel or by syslog, or the kernel's own words alone."""

    whole = re.compile(
        rb"(?:<\d{1,3}>|[a-z]\w{1,9} {0,6}:\w{1,8} {0,4}: )?\[ {0,8}\d{1,11}\.\d{6}\]"
        rb"|<\d{1,3}>(?=Kernel panic|BUG: |INFO: |Call Trace|Pid: \d| ?\[<[0-9a-f]{8,16}>\] )"
        rb"|\[[^\s\d\[\]]{2,6} [^\s\d\[\]]{3,12} [ \d]\d \d\d:\d\d:\d\d(?:[.,]\d+)? \d{4}\] "
        rb"|(?:[A-Z][a-z]{2} )?(?:\S{1,12} {1,2}\d{1,2} |\d{4}-\d\d-\d\d[T ])\d\d:\d\d:\d\d\S{0,20} (?:[A-Z]{3,4} )?\S{1,255} kernel: ?"
        rb"|kernel: ?(?:\[|INFO: |BUG: |Call Trace|nfs: |x86/|kvm|watchdog|rcu: |clocksource|Out of memory| \[<"
        rb"|CPU: \d|RIP: |WARNING: |(?:\? )?[\w.]{2,120}\+0x)"
        rb"|Message from syslogd@|.{0,200}?\[ {0,6}\d{1,7}\.\d{6}\] (?:rcu|BUG|INFO|watchdog|Call Trace|CPU:)"
        rb"|(?:(?:NMI )?watchdog: (?:BUG|Watchdog)|Watchdog (?:CPU|detected)"
        rb"|BUG: (?:soft lockup|workqueue lockup|unable to handle|kernel NULL|Bad page)"
        rb"|Oops: [0-9a-f]{4} \[#\d+\]|kernel BUG at |general protection fault[,:] |WARNING: CPU: \d+ PID: |Unable to handle kernel "
        rb"|(?:rcu: )?INFO: (?:rcu_|task [^\n:]{1,64}:\d+ blocked)|x86/split lock detection:|kvm \[\d+\]: "
        rb"|Kernel panic - not syncing|Clocksource \w+ unstable"
        rb"|clocksource: |Switched to clocksource|Marking TSC unstable|INFO: NMI handler"
        rb"|hrtimer: interrupt took|Out of memory: Kill|\S{1,40} invoked oom-killer"
        rb"|Call [Tt]race:|Modules linked in: |CPU: \d+ (?:UID: \d+ )?PID: \d+ Comm: |Hardware name: |RIP: 00\d\d:)"
        rb"|(?:\? )?[A-Za-z_.][\w.]{0,120}\+0x[0-9a-f]+/0x[0-9a-f]+"
    ).match
    beside = re.compile(
        rb"(?:\[<[0-9a-f]{8,16}>\] )?(?:\? )?[A-Za-z_.][\w.]{0,120}\+0x[0-9a-f]+/0x[0-9a-f]+"
        rb"|R[A-Z0-9]{1,2}: ?|[CDEFGS]S: |CR\d: |DR\d: |PKRU: |Code: |ORIG_RAX"
        rb"|</?[A-Z]{2,8}> *$|---\[|(?:[0-9a-f<>]{2,4} +){4,}"
        rb"|\.\.\.$|\[\.{2,3}\]|Call [Tt]race:|Stack:|task:|Workqueue:|NMI backtrace|[Ss]ending NMI|Tainted:|RSP: |EFLAGS: "
        rb"|rcu: +|\s*\(detected by \d|\s*\(t=\d+ jiffies|Task dump for CPU"
        rb"|#PF: |PGD [0-9a-f]+ |invalid opcode: |kernel NULL|FS: |CPU: \d|flags:0x[0-9a-f]{8}$"
        rb"|(?:[A-Z][a-z]{2} {1,2}\d{1,2}|\d{4}-\d\d-\d\d)[T ]\d\d:\d\d:\d\d\S{0,20} \S+ [\w./@-]{1,60}(?:\[\d+\])?: "
        rb"|-- (?:Logs|Journal|Boot|Reboot)|\[  OK  \]|kernel: \S"
    ).match

    # What tells nothing without its end: a mailer broke it.
    unended = re.compile(
        rb"[^\n]*(?:split lock detection: #[AD][CB]: (?!.{1,60} took a (?:split|bus)_lock trap)|INFO: task (?![^\n]*(?:seconds|I/O wait))"
        rb"|kvm: (?:vcpu \d+: )?requested (?![^\n]*(?:lapic|i8254)))"
    ).match


class Ps:
    """ps. A row of QEMU's with its arguments is a command line: it is left to that kind."""

    row = re.compile(
        rb"(?:\S{1,32} +)?\d{1,9} +(?:[\d.,]+ +){0,6}(?:\S{1,8} +)?(?:\?|pts/\d+|tty\S{0,8}) +(?:[A-Z]\S{0,5} +\S+ +)?"
        rb"(?:\d+-)?\d{1,3}:\d\d(?::\d\d)? +\S"
    )
    # A mailer broke it before the command.
    begun = re.compile(
        rb"\S{1,32} +\d{1,9} +(?:[\d.,]+ +){1,6}(?:\S{1,8} +)?(?:\?|pts/\d+|tty\S{0,8}) +(?:[A-Z]\S{0,5} +\S+ +)?(?:\d+-)?\d{1,4}:\d\d(?::\d\d)? *$"
    ).match
    header = re.compile(rb"(?=[^\n]*\bPID\b)(?![^\n]*(?: PR +NI |%VSZ))(?:[%A-Z+]+ +)+(?:CMD|COMMAND|COMM|ARGS) *$")
    threads = re.compile(rb"(?=[^\n]*\b(?:LWP|TID|SPID)\b)" + header.pattern)
    waiting = re.compile(
        rb"(?:\d{1,9} +){1,2}[RSDTtZI][<NLsl+]{0,5} +[a-z_][\w.]{2,60} +(?:qemu|kvm *$|CPU \d+/|worker *$|IO \w|vhost-\d|iou-wrk)"
    )
    beside = header.match

    @classmethod
    def whole(cls, line: bytes) -> object:
        """A row with terminal and time, or the head of a table of threads; a row of QEMU's with what it waits for."""
        if cls.threads.match(line, 0, _LONGEST) or cls.waiting.match(line, 0, _LONGEST):
            return True
        return cls.row.match(line, 0, _LONGEST) and not (b"qemu" in line and starts_command(_text(line)))

    @classmethod
    def goes_on(cls, before: bytes, line: bytes) -> bool:
        """Rows of a table of threads whose columns were chosen; the rest of a command that was broken."""
        if re.match(rb"\d{1,9} +\d{1,9} +\S", line) and (
            cls.header.match(before) or re.match(rb"\d{1,9} +\d{1,9} +", before)
        ):
            return True
        return b"qemu" in before and continues_command(_text(before), _text(line))


class Sysstat:
    """pidstat, mpstat, sar, iostat, vmstat."""

    whole = re.compile(
        rb"(?:\d\d:\d\d:\d\d(?: [AP]M)?|Average:) +(?:CPU +%us|[UT]?G?[UP]ID +|UID +|(?:all|-|\d{1,5})(?: +(?:-|\d+(?:[.,]\d+)?)){3,})"
        rb"|(?:\d\d:\d\d:\d\d(?: [AP]M)?|Average:) +(?:IFACE +rxpck/s|[A-Za-z][\w.@:-]{1,30}(?: +\d{1,9}[.,]\d\d){7,8} *$)"
        rb"|avg-cpu: +%user|procs -+memory-|r +b +swpd +free|Linux \S+ \([^)\n]{0,100}\)\s+\d[\d/-]+\s+_\w+_|(?:\d+ +){15,17}\d+$"
    ).match
    # Rows and heads of mpstat, and rows of vmstat, that a mailer broke.
    unended = re.compile(
        rb"\S+(?: [AP]M)? +CPU +%us(?![^\n]*%idle)|r +b +swpd +free(?![^\n]* wa)"
        rb"|(?:\d\d:\d\d:\d\d(?: [AP]M)?|Average:) +(?:all|\d{1,5})(?: +\d+[.,]\d+){3,8} *$"
    ).match
    begun = re.compile(rb"(?:\d+ +){10,14}\d+ *$").match
    beside = re.compile(rb"Device:? +|[\w-]{2,20} +(?:[\d.,]+ +){4,25}[\d.,]+$|(?:[\d.,]+ +){5,6}[\d.,]+$").match


class Interrupts:
    """/proc/interrupts."""

    whole = re.compile(
        rb"(?:\d{1,4}|NMI|LOC|SPU|PMI|IWI|RTR|RES|CAL|TLB|TRM"
        rb"|THR|DFR|MCE|MCP|HYP|HVS|HRE|PIN|NPI|PIW|IPI\d{0,2}): +(?:\d{1,15} +)+[A-Za-z][^\n]{2,}|(?:CPU\d+ +)*CPU\d+ *$"
    ).match
    beside = re.compile(rb"(?:ERR|MIS): +\d+").match


class Clocksource:
    """Files of clocksource0 in sysfs, with the path or a prompt, or the value alone."""

    _names = rb"(?:kvm[-_]clock|tsc(?:-early)?|hpet|acpi_pm|hyperv_clocksource\w*|jiffies|refined-jiffies|pit|arch_sys_counter|xen|timebase)"
    whole = re.compile(
        rb"\S{0,120}(?:current|available)_clocksource: *\w\S*|" + _names + rb"(?: " + _names + rb"){0,9} *$"
    ).match


def _text(line: bytes) -> str:
    return line[: 16 * 1024].decode("utf-8", "backslashreplace")
