"""The field's words for what can be observed of a guest, first part: how it behaves, its time, why it leaves guest mode.

Each way to say it is searched in one clause (at most some hundred characters, in lower case). Gaps are bounded, so that no text takes long.
"""

from crazytrain.model.facts.told import Topic

T = Topic

HANGS = r"(?:hangs?|hung|hanging|fre+zes?|fre+zing|froze|frozen|stuck|stalls?|stalled|blocked|dead(?:lock\w*)?|unresponsive)"
SILENT = (
    r"(?:(?:does|do|did|will|would|is|are|was)(?: not|n'?t)(?: \w+)? (?:answer|respond|repl\w+|return|react|responding|responsive)"
    r"|no longer (?:answers?|responds?|repl\w+|reacts?)|never (?:answers?|returns?|responds?|comes? back|replies)"
    r"|no (?:answer|reply|response)|time[sd]? out|stops? (?:answering|responding))"
)
GUEST = r"(?:guests?|vms?|domains?|virtual machines?|windows|linux|centos|ubuntu|debian|fedora)"

# fmt: off
OF_GUEST: dict[Topic, tuple[str, ...]] = {
    T.SYSTEM_TIME: (r"\b(?:system|kernel|sys) (?:time|cpu)\b", r"%sys\b"),
    T.USER_TIME: (r"\b(?:user|guest) time\b", r"\bin (?:user|guest) mode\b", r"%(?:usr|user|guest)\b"),
    T.GUEST_IDLE: (r"\bidle\b", r"\bidling\b", r"\bnothing (?:runs|is running|running)\b", r"\bdoes nothing\b", r"\bdoing nothing\b"),
    T.GUEST_HUNG: (rf"\b{HANGS}\b", r"\block(?:s|ed)? (?:solid|up\b)", r"\bseize[sd]?\b", rf"\b{GUEST}\b.{{0,40}}\b{SILENT}",
        r"\bunreachable\b", r"\bnever finish\w*\b", r"\bstops? working\b"),
    T.GUEST_SLOW: (r"\bsluggish\w*\b", r"\bslow(?:ly|er|s|ness|down)?\b", r"\blatenc\w+\b", r"\blag(?:s|gy|ging)?\b", r"\bstutter\w*\b",
        r"\bjerky\b", r"\b(?:poor|bad|low) performance\b", r"\bunresponsive\b"),
    T.QEMU_HUNG: (r"\b(?:libvirtd?|virsh|monitor|qmp) blocks\b", r"\bcannot acquire state change lock\b", r"\bheld by (?:monitor|remotedispatch\w*)",
        rf"\b(?:monitor|qmp|hmp|main (?:thread|loop)|libvirtd?|virsh|qemu process|vnc)\b.{{0,50}}\b(?:{SILENT}|{HANGS})",
        rf"\b(?:stop|cont|quit|query\S*|migrate\S*|system_\w+|device_\w+|drive_\w+|\w+) command\b.{{0,50}}\b(?:{SILENT}|{HANGS})",
        rf"\bqemus?\b(?: \w+){{0,2}} (?:{HANGS}|{SILENT})", r"\bgdb\b.{0,20}\b(?:cannot|can't|could not|fails? to) attach",
        r"\bcannot be (?:stopped|killed|quit)"),
    T.GUEST_PAUSED: (r"\bpaused?\b",),
    T.NOTHING_WRONG: (r"\bnothing (?:is )?wrong\b", r"\bis (?:it|this|that) (?:normal|expected)",
        r"\b(?:is|are|was|were|seems?) (?:\w+ )?healthy\b", r"\bhealthy (?:guests?|vms?)\b", r"\bno (?:slow ?down|problem)s?\b"),
    T.RECOVERS: (r"\brecover(?:s|ed)\b", r"\bcontinues\b", r"\bcomes? back (?:by|after|to life)",
        r"\bthen (?:it )?(?:goes on|runs) again\b"),
    T.MIGRATION: (r"\bmigrat\w+\b", r"\bvmotion\b"),
    T.MIGRATION_LASTS: (r"\b(?:never|not|does not|doesn't|fails? to) converges?\b", r"\bdirt(?:y|ies)\b.{0,25}\b(?:faster|too fast|quick\w*)",
        r"\b(?:while|during) (?:a |the )?(?:live )?migrat\w+ (?:is|was) (?:going on|running|under way|in progress|active)",
        r"\bmigrat\w+ (?:takes|runs|lasts) (?:for )?(?:hours|days|long|for ever|forever)\b"),
    T.POSTCOPY: (r"\bpost-?copy\b", r"\buserfault\w*\b"),
    T.STORAGE_COPY: (r"\bmov(?:e|es|ed|ing)\b.{0,30}\b(?:disks?|storage|image|volume)\b",
        r"\b(?:disks?|storage|image|volume)s?\b.{0,30}\bmov(?:e|es|ed|ing)\b", r"\bdrive-mirror\b", r"\bblock-?(?:copy|mirror)\b",
        r"\b(?:storage|disk|block) (?:copy|migration)\b", r"\bstorage motion\b", r"\bmirror(?:ed|ing)\b", r"--copy-storage"),
    T.BLOCK_JOB: (
        (
            r"\b(?:block(?:[- ]|_)?jobs?|blockdev-\w+|block[-_](?:commit|stream)|drive[-_](?:del|add|backup)|device_del"
            r"|hot-?unplug\w*|(?:live |external |internal |disk )?snapshots?|backups?)\b"
        ),
        r"\bdetach\w*\b.{0,20}\b(?:disk|drive)\b"),
    T.RESUME: (r"\b(?:suspend\w*|resum\w+|restored?|restoring|savevm|loadvm|managedsave|hibernat\w+|snapshots?)\b",),
    T.LONG_STOP: (r"\bsigstop\b", r"\b(?:stopped|paused|suspended|frozen|asleep)\b.{0,25}\b(?:long|hours?|days?|weeks?|months?)\b",
        r"\blong (?:pause|stop|suspend)"),
    T.HOST_SLEEP: (
        r"\b(?:host|laptop|hypervisor)\b.{0,30}\b(?:suspend\w*|sle(?:ep|pt)\w*|hibernat\w*|wakes?|waking|woken?|resum\w+)\b(?![- ]?ups?)",
    ),
    T.AT_START: (
        r"\b(?:at|on|during|in|after) (?:the )?(?:very )?(?:early )?(?:start(?:-?up)?|boot(?:ing|-?up)?|power-?(?:on|up)|launch)\b",
        r"\bwhen (?:it |the \w+ )?(?:starts|boots)\b", r"\b(?:never|not|does not|doesn't|fails? to|cannot) (?:boots?|starts?)\b",
        r"\bstart (?:sometimes )?hangs\b", r"\bboot hangs?\b"),
    T.AT_RESET: (r"\b(?:warm |hard |soft )?re-?boot(?:s|ed|ing)?\b", r"\bsystem_reset\b", r"\bresets?\b", r"\brestart(?:s|ed|ing)?\b"),
    T.AT_SHUTDOWN: (r"\bshut(?:s|ting)?[ -]?down\b", r"\bpower(?:s|ing)?[ -]?(?:off|down)\b"),
    T.UPTIME: (r"\blonger\b.{0,30}\b(?:up-?time|it runs|running)\b", r"\bup-?time\b.{0,30}\blonger\b",
        r"\bafter (?:some|many|several|\d+) (?:days|weeks|months)\b"),
    T.WINDOWS: (r"\bwindows\b", r"\bwin ?(?:xp|7|8|10|11|2k\d*|\d{4})\b", r"\bserver 20\d\d\b"),
    T.LINUX: (r"\b(?:linux|centos|rhel|debian|ubuntu|fedora|opensuse|sles|alpine|arch)\b.{0,25}\b(?:guests?|vms?|domains?)\b",
        r"\b(?:guests?|vms?)\b.{0,20}\b(?:linux|centos|rhel|debian|ubuntu|fedora|opensuse|sles|alpine)\b"),
    T.SOFT_LOCKUP: (r"\bsoft[- ]lock-?ups?\b", r"\brcu\b.{0,20}\bstalls?\b", r"\bself-detected stall", r"\bcpu#?\d* stuck for\b",
        r"\bworkqueue lockup\b"),
    T.HARD_LOCKUP: (r"\bhard[- ]lock-?ups?\b", r"\bnmi watchdog\b"),
    T.HUNG_TASK: (r"\bhung[- ]tasks?\b", r"\bblocked for more than\b", r"\bd[- ]state\b", r"\buninterruptible\b"),
    T.PANIC: (r"(?<!host )(?<!hypervisor )\b(?:kernel )?panic(?:s|ked)?\b", r"\bnot syncing\b"),
    T.TRIPLE_FAULT: (r"\btriple[- _]?faults?\b",),
    T.RESETS: (r"\b(?:reset|reboot|restart)(?:s|ing)?\b.{0,30}\b(?:again and again|in a loop|endlessly|repeatedly|over and over)\b",
        r"\b(?:endlessly|repeatedly|constantly|continuously) (?:reset|reboot|restart)\w*\b",
        r"\b(?:reboot|reset|restart|boot)[- ]loops?\b", r"\bkeeps? (?:rebooting|resetting|restarting)\b"),
    T.SPINLOCK: (r"spin-?locks?\b", r"\block holder\b", r"\bspin(?:s|ning)? (?:on|for|in) (?:a |the )?locks?\b"),
    T.SMP_START: (r"\b(?:second|secondary|other|application) (?:cpu|processor|vcpu|core)s?\b",
        r"\bap (?:start|boot|trampoline|bring)\S*", r"\bsipi\b", r"\bsmp (?:start|boot|bring)\w*"),
    T.LOST_INTERRUPT: (r"\b(?:lost|missing|missed|dropped|no more)\b.{0,15}\b(?:interrupts?|irqs?|msi|notifications?|kick)\b",
        r"\binjection failed\b", r"\binterrupts? (?:is|are|was|were|gets?) (?:lost|missed)\b"),
    T.NETWORK_DEAD: (r"\b(?:loses?|lost|drops|dropped|no) (?:its |the )?(?:network|connectivity|connection)\b",
        r"\bnetwork\b.{0,25}\b(?:stops?|stopped|dies|died|dead|hangs?|stalls?|drops?|gone)\b"),
    T.WAKEUPS: (r"\bwake-?ups?\b", r"\bwakes? (?:up )?\d", r"\bpowertop\b", r"\bwakes? up\b.{0,12}\bper second\b"),
    T.GUEST_SWAP: (r"\bswap(?:s|ping|ped)\b", r"\bkswapd\b", r"\bthrash\w*\b", r"\breclaim\w*\b"),
    T.STEAL: (r"\bsteal\b", r"\d ?% st\b"),
    T.STEAL_ABSURD: (r"\b\d{4,}(?:\.\d+)? ?% (?:st|steal)\b", r"\b100 ?% (?:st|steal)\b",
        r"\bsteal\b.{0,30}\b(?:huge|absurd\w*|impossible|negative|overflow\w*|backwards?|jumps?|100 ?%)"),
    T.TIME_JUMP: (
        (
            r"\b(?:time|clock|date|uptime|tsc|timestamps?)\b.{0,40}\b(?:jump\w*|leaps?|backwards?|behind|ahead|in(?:to)? the future"
            r"|stands? still|stopped|wrong by|steps?)\b"
        ),
        r"\b(?:584|585|292) years?\b", r"\bjump\w*\b.{0,20}\b(?:of|in) (?:time|clock)\b", r"\b18446744073", r"\b9223372036"),
    T.CLOCK_DRIFT: (r"\bclock\b.{0,40}\b(?:drift\w*|runs? (?:too )?(?:fast|slow)|gains?|loses?|ahead|fast(?:er)?|slow(?:er)?)\b",
        r"\btime drift\w*\b", r"\bruns? (?:too )?fast\b"),
    T.TSC_FREQUENCY: (
        (
            r"\b(?:different|another|other|differing|unequal|not the same)\b.{0,25}\b(?:tsc|clock|cpu)[- ]?(?:frequenc\w+|speed|khz"
            r"|mhz|rate)\b"
        ),
        r"\btsc[- ]?(?:frequenc\w+|khz|scaling)\b"),
    T.TSC_UNSTABLE: (r"\btsc\b.{0,30}\bunstable\b", r"\bunstable\b.{0,10}\btsc\b", r"\btsc skew\b", r"\bclocksource watchdog\b"),
    T.KVMCLOCK: (r"\bkvm-?_?clock\b", r"\bpvclock\b", r"\bpv clock\b"),
    T.SLOW_CLOCKSOURCE: (r"\bclock-?source\b.{0,30}\b(?:acpi_pm|hpet|jiffies|pit)\b", r"\b(?:acpi_pm|hpet)\b.{0,15}\bclock-?source\b",
        r"\bacpi_pm\b", r"\b(?:acpi )?pm[- ]timer\b", r"\buse-?platform-?clock\b"),
    T.RTC: (r"\brtc\b", r"\breal[- ]time clock\b", r"\bcmos (?:clock|timer|port)", r"\btimer resolution\b", r"\btimebeginperiod\b"),
    T.RTC_CATCHUP: (r"\bdrift-?fix\b", r"\bcatch-?up\b", r"\breinject\w*\b", r"\blost[- ]ticks?\b", r"\bmissed (?:ticks?|interrupts)\b",
        r"\bcoalesced (?:irqs?|interrupts?)\b"),
    T.PIT: (r"\b(?:kvm-)?pit\b", r"\bi?8254\b", r"\birq ?0\b"),
    T.HPET: (r"\bhpet\b",),
    T.LAPIC_PERIODIC: (r"\b(?:l?apic|local apic)\b.{0,30}\bperiodic\b", r"\bperiodic\b.{0,30}\b(?:l?apic|local apic)\b"),
    T.APIC_TIMER: (r"\btsc[_-]?deadline\b", r"\b(?:l?apic|local apic)[- ]timer\b", r"\bnohz=off\b", r"\bhz=1000\b", r"\b1000 ?hz tick\b",
        r"\blocal timer interrupts?\b", r"\bpreemption[_ -]timer\b"),
    T.HV_STIMER: (r"\bhv[-_]stimer\b", r"\bstimer\b", r"\bhv[-_]synic\b", r"\bsynic\b", r"\bsynthetic timers?\b"),
    T.HYPERV: (r"\bhyper-?v\b.{0,15}\benlight\w+", r"\benlighten\w+\b", r"\bhv[-_](?!stimer|synic)\w+\b",
        r"\bsynthetic (?:msrs?|apic|interrupt)"),
    T.TIMER_RATE: (
        r"\b(?:timer|clock|tick)\b.{0,20}\b(?:interrupts?|ticks?|irqs?|storm|rate)\b.{0,30}(?:/s\b|\bper second|\ba second|\bhz\b)",
        r"\btimer storm\b"),
    T.IDLE_POLL: (r"\bidle=poll\b", r"\bhaltpoll\b", r"\bpoll(?:s|ing)? (?:in|while) idle\b",
        r"\b(?:never|does not|doesn't|no|without) (?:executes? |issues? |uses? )?hlt\b"),
    T.HALT_POLL: (r"\bhalt[-_ ]poll\w*\b",),
    T.ALARM_FLOOR: (r"\bsigalrm\b", r"\btimer_settime\b", r"\bdynticks\b",
        r"\b(?:timer|deadline)\b.{0,25}\b(?:already|always) (?:due|expired|in the past|overdue)\b"),
    T.IO_EXITS: (r"\bio_instruction\b", r"\bkvm_pio\b", r"\bkvm_exit_io\b",
        r"\b(?:pio|port i/?o|i/?o port)\b.{0,20}\b(?:exits?|reads?|writes?|accesse?s?|polls?|polling)\b"),
    T.MSR_EXITS: (r"\bmsr_(?:write|read)\b", r"\b(?:wr|rd)msr\b", r"\bmsrs?\b.{0,20}\b(?:exits?|writes?|reads?|accesse?s?)\b",
        r"\bsynthetic msrs?\b"),
    T.MMIO_EXITS: (r"\bept_misconfig\b", r"\bmmio\b.{0,20}\b(?:exits?|reads?|writes?|accesse?s?|polls?|polling)\b", r"\bkvm_mmio\b"),
    T.PAUSE_EXITS: (r"\bpause\b.{0,12}\b(?:exits?|instructions?|loops?)\b", r"\bple\b", r"\bexit reason\b.{0,20}\bpause\b",
        r"\bdirected yield\b", r"\bpause_instruction\b"),
    T.HLT_EXITS: (r"\bhlt\b.{0,12}\b(?:exits?|time|samples?)\b", r"\bhalt exits?\b"),
    T.FAULT_EXITS: (r"\b(?:ept_violation|npf|ept violations?|nested page faults?|page[- ]fault loop)\b",),
    T.IRQ_STORM: (r"\b(?:interrupt|irq)[- ]?(?:storms?|flood)\b", r"\bnobody cared\b", r"\bscreaming interrupt\b"),
    T.RTC_PORT: (r"\b(?:port|ports|ioport)?\b.{0,12}\b0x0?7[01]\b",),
    T.PM_TIMER_PORT: (r"\b0x(?:0?608|b008|0?408)\b",),
    T.PIT_PORT: (r"\b0x0?(?:4[0-3]|61)\b",),
    T.OTHER_PORT: (r"\bports? 0x[0-9a-f]{2,4}\b", r"\bioport 0x[0-9a-f]{2,4}\b"),
    T.APIC_VIRT: (r"\bapicv\b", r"\bavic\b", r"\bauto-?eoi\b", r"\bposted interrupts?\b"),
    T.SPLIT_LOCK: (r"\bsplit[-_ ]?locks?", r"\bbus[-_ ]locks?\b", r"#ac\b"),
    T.OVERCOMMIT: (r"\bover-?commit\w*\b", r"\bover-?subscri\w+\b", r"\bmore vcpus than\b", r"\bfewer (?:cpus|cores|threads) than\b"),
}
# fmt: on
