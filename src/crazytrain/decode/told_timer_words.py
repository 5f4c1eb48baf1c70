"""The field's words for timers, for why a vCPU leaves guest mode, and for CPUs that are shared.

Each way to say it is searched in one clause (at most some hundred characters, in lower case). Gaps are bounded.
"""

from crazytrain.model.facts.told import Topic

T = Topic

# fmt: off
OF_TIMERS: dict[Topic, tuple[str, ...]] = {
    T.RTC: (r"\brtcs?\b", r"\bmc146818\w*",
        r"\b(?:1024|2048|4096|8192) ?(?:hz|times (?:a|per) second|/s|(?:wake-?ups|interrupts|timeouts))\b",
        r"\b(?:976|488|122)(?:\.\d+)? ?(?:us|µs|microseconds)\b", r"\breal[- ]time clock\b", r"\bcmos (?:clock|timer|port)",
        r"\btimer resolution\b", r"\btimebeginperiod\b"),
    T.RTC_CATCHUP: (r"\bdrift-?fix\b", r"\bcatch(?:es|ing)?[- ]?up\b", r"\breinject\w*\b", r"\blost[- ]ticks?\b", r"\bmissed (?:ticks?|interrupts)\b",
        r"\bcoalesced (?:irqs?|interrupts?)\b"),
    T.PIT: (r"\b(?:kvm-)?pit\b", r"\bi?8254\b", r"\birq ?0\b"),
    T.HPET: (r"\bhpet\b",),
    T.LAPIC_PERIODIC: (r"\b(?:l?apic|local apic)\b.{0,30}\bperiodic\b", r"\bperiodic\b.{0,30}\b(?:l?apic|local apic)\b"),
    T.APIC_TIMER: (r"\btsc[_-]?deadline\b", r"\b(?:l?apic|local apic)[- ]timer\b", r"\bnohz(?:=off)?\b",
        r"\b(?:config_)?hz_?=?(?:1000|1024)\b", r"\bno_hz\w*", r"\b(?:dynamic ticks?|dyn-?ticks?|tickless\w*)\b",
        r"\b(?:periodic|scheduler) ticks?\b",
        r"\bhz=1000\b", r"\b1000 ?hz tick\b",
        r"\blocal timer interrupts?\b", r"\bpreemption[_ -]timer\b"),
    T.TICK_LOWERED: (r"\bdivider ?= ?\d", r"\b(?:kern\.)?hz ?= ?(?:50|100|250)\b",
        r"\b(?:tick|hz)\b.{0,20}\b(?:lowered|reduced|down|set) to (?:50|100|250)\b"),
    T.HV_STIMER: (r"\bhv[-_]stimer\b", r"\bstimer\b", r"\bhv[-_]synic\b", r"\bsynic\b", r"\bsynthetic timers?\b"),
    T.HYPERV: (r"\bhyper-?v\b.{0,15}\b(?:enlight\w+|settings?|features?|flags?|options?|clock)", r"\bhypervclock\b", r"\benlighten\w+\b",
        r"\bhv[-_](?!stimer|synic)\w+\b",
        r"\bsynthetic (?:msrs?|apic|interrupt)"),
    T.TIMER_RATE: (
        r"(?:\b|_)(?:timer|clock|tick)\b.{0,20}\b(?:interrupts?|ticks?|irqs?|storm|rate)\b.{0,30}(?:/s\b|\bper second|\ba second|\bhz\b)",
        r"\btimer storm\b", r"\b(?:overload|flood|swamp|drown)(?:s|ed|ing)?\b.{0,25}\b(?:timer|clock) (?:interrupts?|ticks?|irqs?)\b",
        r"\b(?:thousands|tens of thousands|millions) of (?:timer|clock) (?:interrupts?|ticks?|irqs?)\b"),
    T.IDLE_POLL: (
        r"\bidle (?:thread|loop|task|process|v?cpu)s?\b.{0,45}(?:\b100 ?%|\bfull\b|\bspin\w*|\bpoll(?:s|ing)\b|\bnever (?:halt|sleep|rest)\w*)",
        r"\binstead of (?:halting|sleeping|hlt)\b", r"\bhlt\b.{0,40}\breturns? (?:immediately|at once|right away)\b",
        r"\b(?:no|not|without|misses|lacks)\b.{0,12}['\"`]?\b(?:wait|wfi|hlt|halt)\b['\"`]? (?:cpu )?instruction\b",
        r"\bidle=poll\b", r"\bhaltpoll\b", r"\bpoll(?:s|ing)? (?:in|while) idle\b",
        (
            r"\b(?:never|does not|doesn't|do not|don't|no|without) (?:(?:execut|issu|us|call)\w* )?(?:an? |the )?(?:hlt|wfi|wtint|mwait"
            r"|idle instruction)\b"
        ),
        r"\bidle guests?\b.{0,20}\b(?:still )?(?:pins?|burns?|keeps?|takes?|uses?)\b.{0,20}\b(?:cores?|cpus?)\b.{0,12}(?:100|full|busy)",
        r"\b(?:add|need|miss|lack|insert|put)\w* (?:an? |the )?.?hlt\b", r"\bidle ?halt\b", r"\bsleep[- ]states?\b",
        r"\bpower[- ]sav\w+\b"),
    T.HALT_POLL: (r"\bhalt[-_ ]poll\w*\b", r"\bkvm_vcpu_(?:check_)?block\b", r"\bkvm_vcpu_halt\b"),
    T.ALARM_FLOOR: (r"\bsigalrm\b", r"\btimer_settime\b", r"\bdynticks\b",
        r"\b(?:timer|deadline)\b.{0,25}\b(?:already|always) (?:due|expired|in the past|overdue)\b"),
    T.IO_EXITS: (r"\b(?:vm )?exits? (?:per|for (?:each|every)) (?:byte|character)\b",
        r"\b(?:each|every) (?:byte|character)\b.{0,60}\b(?:traps?|exits?)\b",
        r"\b(?:i/?o|pio|port)[ _]exits\b", r"\bio_instruction\b", r"\bkvm_pio\b", r"\bkvm_exit_io\b",
        r"\b(?:pio|port i/?o|i/?o port)\b.{0,20}\b(?:exits?|reads?|writes?|accesse?s?|polls?|polling)\b"),
    T.MSR_EXITS: (r"\b(?:writes?|reads?|writing|reading) (?:to |of |from )?(?:msr )?0x(?:400000[0-9a-f]{2}|6e0|8[0-3][0-9a-f])\b",
        r"\bmsr_(?:write|read)\b", r"(?<!unhandled )(?<!ignored )(?<!perfctr )\b(?:wr|rd)msrs?\b(?! (?:error|message|warning|line)s?\b)",
        r"\bmsrs?\b.{0,20}\b(?:exits?|writes?|reads?|accesse?s?)\b",
        r"\bsynthetic msrs?\b"),
    T.MMIO_EXITS: (r"\bept_misconfig\b", r"\bmmio\b.{0,20}\b(?:exits?|reads?|writes?|accesse?s?|polls?|polling)\b", r"\bkvm_mmio\b", r"\b0x?a0000\b",
        r"\b(?:vga memory|vga planes?|framebuffer (?:writes?|access\w*))\b"),
    T.PAUSE_EXITS: (r"\bpause\b.{0,12}\b(?:exits?|instructions?|loops?)\b", r"\bple\b", r"\bexit reason\b.{0,20}\bpause\b",
        r"\bdirected yield\b", r"\bpause_instruction\b", r"\bple_(?:gap|window)\b"),
    T.HLT_EXITS: (r"\b(?:time|samples)\b.{0,12}\bin hlt\b", r"\bhlt\b.{0,12}\b(?:exits?|time|samples?)\b", r"\bhalt exits?\b"),
    T.FAULT_EXITS: (r"\b(?:ept_violation|npf|ept violations?|nested page faults?|page[- ]fault loop)\b",
        r"\bkvm_(?:mmu_)?page_fault\b", r"(?:\b|_)fault\w*\b.{0,30}\bsame (?:guest )?(?:physical )?(?:address|gpa|gfn|page)\b",
        r"\bept_violation\b.{0,15}\b(?:at|on|for) (?:the )?(?:same|one)\b"),
    T.IRQ_STORM: (r"\bline\b.{0,12}\b(?:stays|remains|is stuck|stuck|kept|left)\b.{0,10}\b(?:asserted|high|low|active|raised)\b", r"\bresample\w*\b",
        r"\b(?:interrupt|irq)[- ]?(?:storms?|flood)\b", r"\b(?:storm|flood)s? of (?:\w+ ){0,2}(?:interrupts?|irqs?)\b", r"\bnobody cared\b",
        r"\bscreaming interrupt\b", r"\b\d{5,} (?:interrupts? |irqs? )?(?:/s|per second|a second) (?:for|on|from) .{0,30}\birq ?\d+\b",
        r"\b(?:never|not) (?:de-?asserted|acknowledged|acked|cleared)\b", r"\b(?:irq|interrupt) line (?:stays|remains|is stuck|stuck) \w+"),
    T.RTC_PORT: (r"\b(?:port|ports|ioport)?\b.{0,12}\b0x0?7[01]\b",),
    T.PM_TIMER_PORT: (r"\b0x(?:0?608|b008|0?408)\b",),
    T.PIT_PORT: (r"(?<![\w/+])0x0?(?:4[0-3]|61)\b(?![/)])",),
    T.OTHER_PORT: (r"\b(?:uart|16550a?|8250|pl011|ttys0|serial (?:port|console))\b.{0,60}\b(?:vm )?(?:exits?|traps)\b", r"\bi/?o registers?\b",
        r"\b(?:polls?|polling|reads?|reading)\b.{0,30}\b(?:status|data|i/?o|io|line[- ]status) (?:port|register)s?\b",
        r"\bports? 0x[0-9a-f]{2,4}\b", r"\b0x0?(?:[32]f[89a-f]|1[f7][0-7]|cf[8c]|402)\b", r"\bioport 0x[0-9a-f]{2,4}\b"),
    T.APIC_VIRT: (r"(?:\b|_)apicv\b", r"(?:\b|_)avic\b", r"\bauto-?eoi\b", r"\bposted interrupts?\b"),
    T.SPLIT_LOCK: (r"\bsplit[-_ ]?locks?", r"\bbus[-_ ]locks?\b", r"#ac\b"),
    T.OVERCOMMIT: (r"\b\d+ (?:vms|guests|vcpus|virtual machines)\b.{0,20}\bon (?:only |just )?\d+ (?:physical )?(?:cores|cpus|threads)\b",
        r"(?<!memory[ -])(?<!ram )(?<!\s-)\bover-?commit(?!guest|memory| \S{0,12}(?:cpu-pm|mem-lock))\w*\b(?! (?:of )?(?:the )?(?:memory|ram)\b)",
        r"\b(?:on|shar\w+|to) the same (?:\(?(?:hyper|physical|host)\)?[- ]?)?(?:core|cpu|thread|hyper-?thread)s?\b", r"\bover-?subscri\w+\b",
        r"\bmore vcpus than\b", r"\bfewer (?:cpus|cores|threads) than\b"),
}
# fmt: on
