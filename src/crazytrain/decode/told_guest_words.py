"""The field's words for what can be observed of a guest, first part: how it behaves, and its time.

Each way to say it is searched in one clause (at most some hundred characters, in lower case). Gaps are bounded, so that no text takes long.
"""

from crazytrain.model.facts.told import Topic

T = Topic

HANGS = r"(?:hangs?|hung|hanging|fre+zes?|fre+zing|froze|frozen|stuck|stalls?|stalled|blocked|dead(?:lock\w*)?|unresponsive)"
SILENT = (
    r"(?:(?:does|do|did|will|would|is|are|was)(?: not|n'?t)(?: \w+)? (?:answer|respond|repl\w+|return|react|responding|responsive)"
    r"|no longer (?:answers?|responds?|repl\w+|reacts?)|never (?:answers?|returns?|responds?|comes? back|replies)"
    r"|no (?:answer|reply|response)|time[sd]? out|stops? (?:answering|responding|reacting|replying))"
)
GUEST = r"(?:guests?|vms?|domains?|virtual machines?|windows|linux|centos|ubuntu|debian|fedora)"

# fmt: off
OF_GUEST: dict[Topic, tuple[str, ...]] = {
    T.SYSTEM_TIME: (r"\b(?:system|kernel|sys) (?:time|cpu)\b", r"%sys\b"),
    T.USER_TIME: (r"\b(?:user|guest) time\b", r"\bin (?:user|guest) mode\b", r"%(?:usr|user|guest)\b"),
    T.GUEST_IDLE: (
        (r"(?<!cpu )(?<!other )(?<!others )(?<!rest )(?<!others are )(?<!other is )(?<!kernel )\bidle\b"
            r"(?!=| (?:process|thread|task|loop|cores?|hosts?|cpus?)\b)"),
        r"\bidling\b(?! at \w+_)", r"\bnothing (?:runs|is running|running)\b", r"\bdoes nothing\b", r"\bdoing nothing\b",
        r"\bsits at (?:the|its|a) prompt\b", r"\b(?:zero|no) (?:guest )?(?:work-?)?load (?:in|inside|at all)\b",
        r"\b(?:zero|no) (?:guest )?workload\b"),
    T.GUEST_HUNG: (rf"\b{HANGS}\b", r"\block(?:s|ed)? (?:solid|up\b)", r"\bseize[sd]?\b", rf"\b{GUEST}\b.{{0,40}}\b{SILENT}",
        r"\b(?:stops?|stopped|pauses?|stands? still|halts?) for (?:\w+ ){0,4}(?:\d[\d .-]*)?(?:s|secs?|seconds?|min\w*)\b",
        r"\bunreachable\b", r"\bnever finish\w*\b", r"\bstops? working\b",
        r"\b(?:stands?|stood|standing|comes? to a) (?:dead )?(?:still|standstill)\b"),
    T.GUEST_SLOW: (r"\bcrawl(?:s|ing)?\b",
        r"\bsluggish\w*\b", r"\bslow(?:ly|er|s|ness|down)?\b",
        r"\b(?<!normal )(?<!low )latenc\w+\b(?! (?:is|are|was|stays?|remains?) (?:\w+ )?(?:as|normal|fine|low|ok|good|unchanged)\b)",
        r"\blag(?:s|gy|ging)?\b", r"\bstutter\w*\b",
        r"\bjerky\b", r"\b(?:poor|bad|low) performance\b", r"\bunresponsive\b"),
    T.QEMU_HUNG: (r"\b(?:qmp|monitor)\b.{0,12}\b(?:silent|mute)\b",
        r"\b(?:virsh|libvirt\w*)\b.{0,50}\b(?:waits?|hangs?|blocks?) (?:for ever|forever|indefinitely)",
        r"\b(?:libvirtd?|virsh|monitor|qmp) blocks\b", r"(?<=\S )cannot acquire state change lock\b(?! \(held by \S*migrate)",
        r"\bheld by (?:monitor\b(?!\S*migrate)|remotedispatch(?!\w*migrate)\w*)",
        rf"\b(?:monitor|qmp|hmp|main (?:thread|loop)|libvirtd?|virsh|qemu process|vnc)\b[^()]{{0,50}}\b(?:{SILENT}|{HANGS})",
        rf"\b(?:stop|cont|quit|query\S*|migrate\S*|system_\w+|device_\w+|drive_\w+|(?!any |every )\w+) command\b.{{0,50}}\b(?:{SILENT}|{HANGS})",
        (r"(?<!in )(?<!under )(?<!on )(?<!inside )"
        rf"\bqemus?\b(?! (?:\w+ )?(?:cpus?|guests?|vms?|machines?|instances?)\b)(?: \w+){{0,2}} (?:{HANGS}|{SILENT})"),
        r"\bvirsh \w[\w-]*\b.{0,70}\b(?:never|does not|doesn't|did not|didn't|do not|don't|won't) (?:complete|finish|return|end|come back)",
        r"\bgdb\b.{0,20}\b(?:cannot|can't|could not|fails? to) attach", r"\bqemu\b(?!.{0,12}\b(?:vms?|guests?)\b).{0,12}\block(?:s|ed)? up\b",
        r"\b(?:monitor|qmp|vnc)\b.{0,20}\b(?:included|as well|too|also)\b.{0,10}(?:\bhang\w*|\bfr[eo]ez\w*|$)",
        r"\bcannot be (?:stopped|killed|quit)", r"\bonly (?:a )?(?:`|')?kill -9\b", r"\b(?:drain_call_rcu|pause_all_vcpus|do_run_on_cpu)\b",
        r"\b(?:monitor|qmp|hmp)\b.{0,60}\b(?:no greeting|(?:gives?|shows?|returns?|prints?) nothing)", r"\binfo \w+\b.{0,40}\bgives? nothing\b"),
    T.GUEST_PAUSED: (r"\bpaused\b",
        r"\b(?:goes|go|went|gets?|enters?|put|puts|into|in|on|to) pause\b(?![- _](?:loop|instruction|exit))",
        r"\bpause (?:state|status|mode)\b"),
    T.PAUSED_BY: (
        (
            r"\bpaus\w+\b \W{0,2}(?:(?:it|the \w+) )?(?:by|via|through|from|with|in) (?:the )?(?:virt-?manager|virsh|admin\w*|operator|gui|ui|monitor"
            r"|libvirt|(?:a )?script|hand)\b"
        ),
        r"\b(?:user|admin\w*|operator|i|we|you|somebody|someone)\b (?:\w+ ){0,5}paus(?:e|es|ed|ing)\b", r"\bvirsh suspend\b",
        r"\blibvirt\b.{0,12}[\"'`]suspend\b", r"\bstart\w*\b.{0,40}\bin (?:a |the )?paused state\b", r"\bpaused \(user\)", r"\bprelaunch\b",
        r"\bqmp\b.{0,12}[\"'`]stop\b", r"\bto paus\w+ (?:it|the (?:vm|guest|domain))\b"),
    T.NOTHING_WRONG: (r"\bnothing (?:is |seems |was )?(?:wrong|slow|broken|amiss)\b",
        (
            r"\b(?:takes?|took|mistak\w+|mistook|blam\w+) (?:these|this|those|that|them|it|the) (?:\S+ ){0,4}(?:for|as) (?:the |an? )?"
            r"(?:reason|cause|sign|problem)"
        ),
        r"\bwonders? (?:about|whether|why)\b.{0,60}\b(?:errors?|lines?|messages?|percent|figures?|count\w*|exits?|rates?)",
        r"\bis (?:it|this|that) (?:normal|expected)",
        r"\bharm(?:ful|less)\b", r"\bbenign\b", r"\bof (?:any|some) concern\b", r"\beverything still (?:seems to |appears to )?works?\b",
        r"\b(?:output|behaviou?r|this|that|it|which) is (?:normal|expected|cosmetic)\b",
        r"\b(?:are|is) (?:these|those|they|it|this|that) (?:a |really )?(?:normal|expected|dangerous|bad|problem\w*|concern\w*)",
        r"\b(?:should|need) (?:i|we) (?:to )?(?:be )?worr\w+", r"\bcosmetic\b",
        r"\b(?:is|are|was|were|seems?) (?:\w+ )?healthy\b", r"\bhealthy (?:guests?|vms?)\b", r"\bno (?:slow ?down|problem)s?\b"),
    T.RECOVERS: (r"\bcomes? (?:back )?alive\b", r"\bafter (?:this|that|the) (?:delay|pause|freeze)\b", r"\brecover(?:s|ed)\b", r"\bcontinues\b",
        r"\bcomes? back (?:by|after|to life)",
        r"\b(?:everything|all|it|the (?:vm|guest))\b.{0,20}\b(?:is|seems|works)\b.{0,12}\bfine after (?:that|this|it)\b",
        (
            r"\b(?:for|takes|by|spends|waits|needs) (?:about |around |almost |nearly |up to |roughly |over |more than |at least )?"
            r"(?:\d[\d.-]*|an?) ?(?:s|secs?|seconds?|mins?|minutes?)\b.{0,40}\b(?:then|before (?:it|the)|and (?:it )?then)\b"
            r"(?! (?:it )?(?:re-?starts|re-?boots|resets|crashes|panics|starts (?:again|over|anew)|dies))"
        ),
        (
            r"\b(?:fre+zes?|stands? still|hangs|stutters|pauses|stalls|stops|blocks|unresponsive) for (?:(?:up to|about|around|some"
            r"|several|a few|more than) )?(?:\d[\d -]{0,5})?(?:to \d+ )?(?:s|secs?|seconds?|mins?|minutes?)\b"
        ),
        r"\bdelay(?:s|ed|ing)?\b.{0,20}\b(?:re)?\(?(?:re\)?)?boot\w*\b",
        r"\bthen (?:it )?(?:goes on|runs) again\b"),
    T.MIGRATION: (r"(?:\b|live)migrat\w+\b", r"\bvmotion\b"),
    T.MIGRATION_LASTS: (r"\bsnapshots?\b.{0,30}\b(?:with|includ\w+) (?:the |its )?(?:ram|memory|vm ?state)\b",
        r"\bsav\w+ (?:the |its )?(?:vm|guest|ram|memory) ?(?:state|contents?)?\b.{0,20}\b(?:takes|lasts|slow)\b",
        r"\bauto-?converge\w*", r"\bdirtied\b.{0,12}\bfaster\b", r"\bmigration thread\b",
        r"\b(?:dump thread|virsh dump|dump-guest-memory)\b", r"\bremotedispatchdomainmigrat\w*",
        r"\b(?:endless\w*|never)\b.{0,20}\bmigrat\w+|\bmigrat\w+\b.{0,20}\bendless\w*",
        r"\b(?:never|not|does not|doesn't|fails? to) converges?\b",
        r"\bdirt(?:y|ies)\b.{0,25}\b(?:faster|too fast|quick\w*)",
        r"\b(?:while|during) (?:a |the )?(?:live )?migrat\w+ (?:is|was) (?:going on|running|under way|in progress|active)",
        r"\bmigrat\w+ (?:takes|runs|lasts) (?:for )?(?:hours|days|long|for ever|forever)\b",
        (
            r"(?<!after )(?<!after live )(?<!after the )(?<!after a )migrat\w+\b.{0,50}"
            r"\b(?:never|cannot|can'?t|could ?n[o']t|did ?n[o']t|does ?n[o']t|won't|unable to|fails? to)\b"
            r".{0,15}\b(?:be )?(?:complet\w+|finish\w*|succeed\w*|end)\b"
        )),
    T.POSTCOPY: (r"\bpost-?copy\b", r"\buserfault\w*\b"),
    T.STORAGE_COPY: (r"\bmov(?:e|es|ed|ing)\b.{0,30}\b(?:disks?|storage|image|volume)\b",
        r"\b(?:disks?|storage|image|volume)s?\b.{0,30}\bmov(?:e|es|ed|ing)\b", r"\bdrive-mirror\b", r"\bblock-?(?:copy|mirror)\b",
        r"\b(?:storage|disk|block) (?:copy|migration)\b", r"\bstorage motion\b", r"\bmirror(?:ed|ing)\b", r"--copy-storage"),
    T.BLOCK_JOB: (
        r"\bremotedispatchdomain(?:snapshot|block(?!stats|info)|backup|checkpoint|managedsave)\w*",
        (
            r"\b(?:block(?:[- ]|_)?jobs?|blockdev-\w+|block[-_](?:commit|stream)|drive[-_](?:del|add|backup)|device_del"
            r"|hot-?unplug\w*|(?:live|external|internal|disk)[- ]snapshots?|backups?(?! (?:servers?|guests?|vms?|machines?|software|program)\b))\b"
        ),
        r"\b(?:tak|mak|creat|delet|remov|commit|merg)\w*\b.{0,25}\bsnapshots?\b",
        r"\b(?:during|while|after|at) (?:a |the |each )?(?:\w+ )?snapshots?\b(?!(?:/| and | )(?:restore|resume|load))",
        r"\bsnapshots?\b.{0,20}\b(?:taken|made|created|deleted|removed|committed|merged)\b",
        r"\bdetach\w*\b.{0,20}\b(?:disk|drive)\b"),
    T.RESUME: (r"\b(?:suspend\w*|resum\w+|restored?|restoring|savevm|loadvm|managedsave|hibernat\w+)\b",
        r"(?<!lvm )(?<!zfs )(?<!btrfs )(?<!storage )\bsnapshots?\b"),
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
        r"\bafter (?:some|many|several|a few|\d+(?: ?(?:to|-) ?\d+)?) (?:hours|days|weeks|months)\b",
        r"\b(?:runs?|ran|running|works?|worked)\b(?: \w+){0,3} for (?:some |several |a few |many |\d+ )?(?:hours|days|weeks|months)\b"),
    T.WINDOWS: (r"\bwindows\b", r"\b20(?:08|12) ?r2\b", r"\bwin ?(?:xp|7|8|10|11|2k\d*|\d{4})\b", r"\bserver 20\d\d\b"),
    T.LINUX: (r"\b(?:linux|centos|rhel|debian|ubuntu|fedora|opensuse|sles|alpine|arch)\b.{0,25}\b(?:guests?|vms?|domains?)\b",
        r"\b(?:guests?|vms?)\b(?!.{0,4}\bon\b).{0,20}\b(?:linux|centos|rhel|debian|ubuntu|fedora|opensuse|sles|alpine)\b"),
    T.SOFT_LOCKUP: (r"\bsoft[- ]lock-?ups?\b", r"\brcu\b.{0,20}\bstalls?\b", r"\bself-detected stall", r"\bcpu#?\d* stuck for\b",
        r"\bworkqueue lockup\b"),
    T.HARD_LOCKUP: (r"\bhard[- ]lock-?ups?\b", r"\bnmi watchdog\b(?!.{0,10}\bsoft|\W*$)",
        r"\binterrupts? (?:are |stay |remain |is )?(?:disabled|masked)\b", r"\bif=0\b"),
    T.ALL_HALTED: (r"\ball (?:\w+ )?(?:v?cpus|cores)\b.{0,25}\bhalted\b", r"\bhlt\b.{0,30}\b(?:if=0|interrupts? (?:disabled|off|masked))",
        r"\bcli;? ?(?:and )?hlt\b", r"\bsystem halted\b", r"\b(?:kernel|guest|vm) (?:has |is )?halt(?:s|ed)\b(?! (?:during|while|when|at|after|as))",
        r"\bhalted\b.{0,20}\b(?:for ever|forever|if=0)"),
    T.NO_CPU: (r"\b(?:0 ?%|no|zero|hardly any|next to no) (?:of (?:the |a )?)?cpu\b",
        r"\bcpu (?:usage|use|load|time)?\b.{0,12}\b(?:0 ?%|zero|none)"),
    T.HUNG_TASK: (r"\bhung[- ]tasks?\b", r"\b(?:kill -9|sigkill)\b.{0,30}\b(?:not|doesn't|didn't|no effect|nothing)\b",
        r"\bblocked for more than\b", r"\bd[- ]state\b", r"\buninterruptible\b"),
    T.PANIC: (r"(?<!host )(?<!hypervisor )(?<![`_./=-])\b(?:kernel )?panic(?:s|ked)?\b(?![`_(=])(?!.{0,25}\bhung[- _]task)", r"\bnot syncing\b",
        r"\battempted to kill init\b", r"\bunable to mount root\b"),
    T.BLUE_SCREEN: (
        r"\bblue ?screens?\b", r"\bbsods?\b", r"\bbug ?check\b",
        r"\b(?:clock_watchdog_timeout|dpc_watchdog_violation|kmode_exception|kernel_security_check|system_thread_exception|irql_not_less)"),
    T.TRIPLE_FAULT: (r"\btriple[- _]?faults?\b(?!.{0,20}reboot=)", r"\bkvm_exit_shutdown\b", r"\bkvm_exit\b.{0,20}\bshutdown\b",
        r"\bexit_reason\b\W{0,3}(?:is |was |= ?|set to ){0,2}(?:0x0?)?8\b"),
    T.RESETS: (r"\bnever stays up\b|\bstays up (?:for )?(?:less|only|no longer|not longer|at most|barely)\b",
        r"\b(?:reset|reboot|restart)(?:s|ing)?\b.{0,30}\b(?:again and again|in a loop|endlessly|repeatedly|over and over)\b",
        r"\b(?:endlessly|repeatedly|constantly|continuously) (?:reset|reboot|restart)\w*\b",
        r"\b(?:reboot|reset|restart|boot)[- ]loops?\b", r"\bkeeps? (?:on )?(?:rebooting|resetting|restarting)\b",
        r"\b(?:bios|firmware|boot ?loader|grub|post)\b.{0,25}\b(?:comes?|starts?|appears?) again\b",
        r"\bloops? (?:during|at|on|while|in) (?:the )?(?:boot|reset|reboot)\w*\b",
        r"\b(?:re-?)?boot(?:s|ing)?\b.{0,25}\b(?:in an? )?(?:endless |infinite )?loop\b(?! device)",
        r"\b(?:reboots?|resets?|restarts?)\b.{0,15}\bevery (?:few|couple|\d+) ?(?:seconds?|minutes?|s|min)\b"),
    T.SPINLOCK: (r"spin[-_ ]?lock", r"\bspin(?:s|ning)? (?:on|for|in) (?:a |the )?locks?\b"),
    T.LOCK_HOLDER: (r"\block[- ]holder\b",
        r"\b(?:holds?|holding|holder)\b.{0,25}lock\b.{0,60}\b(?:pre-?empt\w*|not (?:currently )?running|descheduled)",
        r"\bpre-?empt\w*\b.{0,40}\b(?:holder|holding|holds|vcpus?)\b", r"\bvcpus?\b.{0,30}\b(?:pre-?empted|descheduled|scheduled out)\b"),
    T.SMP_START: (r"\b(?:second|secondary|other|application) (?:cpu|processor|vcpu|core)s?\b",
        r"\bap (?:start|boot|trampoline|bring)\S*", r"\bsipi\b", r"\bsmp (?:start|boot|bring|init)\w*", r"\bsmpboot\b", r"\bdo_boot_cpu\b"),
    T.LOST_INTERRUPT: (r"\b(?:lost|missing|missed|dropped|no more)\b.{0,15}\b(?:interrupts?|irqs?|msi|notifications?|kick)\b",
        r"\bstop(?:s|ped)? (?:passing|delivering|raising|sending|receiving|getting) (?:\w+ )?(?:irqs?|interrupts?|notifications?)\b",
        r"\b(?:no|without) (?:further|more|new|any) (?:\w+ )?(?:interrupts?|irqs?)\b", r"\bioeventfd\b", r"\bidle with interrupts (?:on|enabled)\b",
        r"\b(?:lost|missing|missed) ipis?\b", r"\bipis?\b.{0,20}\b(?:lost|missed|never)\b", r"\bevent[_-]idx\b",
        r"\binterrupts? (?:count\w* )?(?:does not|doesn't|do not|don't|no longer|stop\w*) (?:increas|arriv|com|fir|rais|deliver|grow)\w*",
        r"\b(?:never|not|n't) (?:gets?|receiv\w+|sees?|deliver\w*) (?:the |an? |any |its )?(?:completion )?(?:interrupts?|irqs?)\b",
        r"\binjection failed\b", r"\b(?:hangs?|hung|stuck|waits?|waiting)\b.{0,15}\b(?:on|for) (?:an? |the )?interrupts?\b",
        r"\b(?:interrupts?|irqs?|msi(?:-?x)?s?|ipis?|kicks?|notifications?) (?:is|are|was|were|gets?|got|has been) (?:lost|missed|not delivered)\b",
        r"\b(?:in|on) the used (?:ring|queue)\b.{0,40}\b(?:never|not|n't)\b",
        (
            r"\b(?:interrupts?|irqs?) (?:(?:is|are|was|were) )?(?:never|not) (?:being )?"
            r"(?:deliver|rais|inject|fir|arriv|receiv|handl|trigger|com|occur|happen)\w*"
        ),
        r"\binterrupt (?:counter|count)s?\b.{0,60}\b(?:stays?|remains?|unchanged|constant)\b",
        r"\b(?:interrupts?|irqs?) (?:can ?not|can't|could not) be (?:delivered|injected|raised)\b",
        (  # Linux waits there for the clock to tick
            r"\b(?:hangs?|hung|stuck|stops?|freezes?)\b.{0,40}\bcalibrating delay\b|\bcalibrating delay\b.{0,25}(?:\bhangs?\b|\bhung\b|\bstuck\b)"
        ),
        r"\bjiffies\b.{0,20}\b(?:never|not|n't|stop\w*)\b"),
    T.POKED: (
        (
            r"\b(?:gdb|gcore|strace|pstack|sigstop|sigcont|signal|virsh \w+|info \w+|\w+ info|monitor|debugger|attach\w*)\b.{0,60}"
            r"\b(?:comes? back|un-?(?:lock|freez|stick|stuck|hang)\w*|continues?|recovers?|wakes? (?:it|up)|alive|goes on|runs again)\b"
        ),
        (
            r"\b(?:un-?(?:lock|freez|stick|stuck|hang)\w*|comes? back|recovers?|wakes? up|continues?|goes on)\b.{0,50}\b(?:by|when|after|with) "
            r"(?:\w+ ){0,4}(?:gdb|gcore|strace|pstack|sigstop|sigcont|signal|virsh|info|monitor|debugger)\b"
        ),
    ),
    T.NETWORK_DEAD: (r"\bstop(?:s|ped)? (?:receiving|sending|transmitting|passing) (?:any )?(?:packets|traffic|frames)\b",
        r"\b(?:cannot|can't|could not|no longer|not)\b.{0,12}\bping(?:ed|s|able)?\b", r"\bnetdev watchdog\b",
        r"\bpings?\b.{0,20}\b(?:stops?|fails?|lost|times? out)\b", r"\btransmit queue\b.{0,15}\btimed out\b",
        r"\b(?:los(?:es?|t|ing)|drops?|dropped|(?<!accepts )no) (?:its |the |their |all |any )?(?:network\w*|connectivity|connection)\b",
        (
            r"\b(?:ifdown|ifup|ip link set|nmcli|restart\w* (?:the )?network\w*|re-?load\w* (?:the )?(?:virtio\S*|nic|network) (?:driver|module))\b"
            r".{0,40}\b(?:brings?|restores?|helps?|cures?|fixes|back)\b"
        ),
        r"\bnetwork\b.{0,25}\b(?:stops?|stopped|dies|died|dead|hangs?|stalls?|drops?|gone)\b(?! for (?:up to|about|some|a few|\d|seconds|minutes))"),
    T.WAKEUPS: (r"\bwake-?ups?\b", r"\bwakes? (?:up )?\d", r"\bpowertop\b", r"\bwakes? up\b.{0,12}\bper second\b"),
    T.GUEST_SWAP: (r"\bno memory left\b", r"\b\d+(?:\.\d+)? ?[mg]i?b? (?:of|in) swap\b", r"\bswap (?:disk|device)\b.{0,15}\ball the time\b",
        r"\bswap (?:partition|file|space)\b.{0,20}\b(?:read|used|full|busy)\b",
        r"\bswap(?:s|ping|ped)\b", r"\bmemory pressure (?:with)?in(?:side)? (?:the |a |its )?(?:guest|vm|machine)s?\b",
        r"\b(?:guest|vm|instance|vps)\b.{0,25}\b(?:out of|short of|runs low on) memory\b", r"(?<!state of )\bthrash\w*\b", r"\breclaim\w*\b"),
    T.HOST_CALM: (
        (
            r"\bhost(?:'s)?(?: itself)?(?: (?:cpus?|cores|machine|system))? (?:is|are|was|were|stays?|sits?|looks|seems) (?:[\w.]+(?: ?%)? ){0,2}"
            r"(?:idle|calm|bored)\b"
        ),
        (
            r"\b(?:host|hypervisor)\b.{0,35}\b(?:no (?:activity|load|usage|cpu)|nothing (?:is )?(?:running|going on)"
            r"|hardly (?:any|busy)|(?:shows|sees|reports|counts) (?:nothing|none|no\b|(?:an? )?(?:\w+ )?idle\b))"
        ),
    ),
    T.LOAD_OF_NOBODY: (r"\bno process(?:es)? (?:takes?|uses?|shows?|needs?|has|have) (?:much|any|it)",
        r"\b(?:no|without an?y?) process(?:es)?\b.{0,30}(?:\bcpu\b|\bload\b|\d ?%|\bexplains?\b)",
        (
            r"\b(?:nothing|no process(?:es)?) (?:in|inside) (?:the )?(?:guest|vm|top|htop)\b"
            r"(?!'?s? (?:\w+ )?(?:logs?|journal|dmesg|syslog|console|events?))"
        )),
    T.OTHER_HOST: (
        (
            r"\b(?:i am|i'm|i was|we are|hosts?|hypervisor|laptop|vmware(?: [\w.]+)?|virtualbox(?: [\w.]+)?|hyper-v)(?: os)?"
            r"(?: (?:is|runs|running|was))? (?:on |under |with )?(?:a )?(?:windows|win ?1[01]|mac ?os|os x)\b"
        ),
    ),
    T.HOST_STUCK: (
        (
            r"\b(?:host|hypervisor)\b(?:(?!\b(?:after|when|once|the guests?|the vms?|all guests|all vms) )[^()]){0,40}"
            r"\b(?:unresponsive|hangs?|hung|panic\w*|crash\w*|freezes?|froze|locks? up|locked up"
            r"|hard lock-?up)\b"
        ),
    ),
    T.GUEST_KTHREAD: (
        (
            r"\b(?:btrfs-\w+|jbd2/\S+|kcryptd\S*|md\d+_\w+|txg_sync|irq/\d+\S*|ksoftirqd(?:/\d+)?|kworker\S*|kswap(?:d\d*)?|kcompactd\d*|kjournald|rcu_sched|events/\d"
            r"|system interrupts|ntoskrnl\.exe)\b.{0,40}(?:\bcpu|\bfull|\bbusy|\d ?%|\bburns?\b|\beats?\b|\bhogs?\b)"
        ),
    ),
    T.GUEST_PROGRAM: (
        r"\bstress(?:-ng)?\b", r"\bbenchmark\w*\b", r"\bcompil(?:es|ing|ation)\b",
        r"\bminers?\b", r"\bcpu[- ]bound\b", r"\bwhile ?\(1\)",
        (
            r"\b(?:kill|stopp?|clos|end|quitt?|terminat|uninstall|exit)(?:s|ed|ing|e)?\b.{0,35}\b(?:(?<!qemu |.kvm )process|application|app|program"
            r"|service|daemon|driver|transcod\w*|encod\w*|container|job|script|antivirus|game|browser)\b"
        ),
        r"\b(?:process|program|application|service|daemon|malware|miner)\b.{0,25}\b(?:in|inside|of) the (?:guest|vm)\b",
        r"\b(?:in|inside) the (?:guest|vm)\b.{0,40}\b(?:process|program|application|service|daemon)\b.{0,30}(?:\bcpu\b|\d ?%)",
    ),
    T.GUEST_PROGRAM_BUSY: (
        r"\b(?:task manager|process explorer|resource monitor|activity monitor)\b.{0,60}\b(?!qemu)\w{2,30}\.exe\b",
        (
            r"\b(?!qemu)\w{2,30}\.exe\b(?:(?!\b(?:not|no|nothing|idle|crash\w*|fails?|hangs?)\b).){0,50}"
            r"\b(?:leads?|tops?|uses?|takes?|eats?|burns?|busy|most|at) .{0,15}(?:\bcpu\b|\d{2,3} ?%|\blist\b|\ball\b|\bof it\b|\btime\b)"
        ),
        (
            r"\bh?top (?:in|inside|within|of) (?:it|(?:the |my )?(?:guest|vm))\b.{0,10}\b(?:shows?|lists?|says?|has)\b"
            r"(?!.{0,40}\b(?:nothing|idle|no|low|little|\d(?:[.-]\d)? ?%|few|only|steal|st|iowait|wa)(?:\b|(?<=%)))"
        ),
        (
            r"\b(?:in|inside|within) (?:the |a |my |our |this )?(?:guest|vm|virtual machine)s?\b(?:(?!\b(?:no|nothing|idle)\b).){0,60}"
            r"\b(?:process|program|application|service|daemon|\w{2,20}\.exe|windows update|java|python\d?|node|mysqld?|postgres)\b"
            r".{0,30}\b(?:takes?|uses?|using|eats?|consum\w+|burns?|hogs?|at)\b.{0,15}(?:\d{2,4} ?%|\ball\b|\bcpu\b|\bfull\b)"
        ),
    ),
    T.GUEST_DRIVER: ((r"(?<!warnings of )(?<!warnings from )(?<!errors from )(?<!events from )"
        r"\b(?:viostor|vioscsi|netkvm|vioser\w*|viorng|qxldod|viogpu\w*|virtio[- ]win|guest drivers?)\b"),
        r"\b(?:virtio\S*|scsi|storage|network|disk|windows|guest'?s?) drivers?\b"),
    T.OTHER_MODEL: (r"\b(?:ide|sata|ahci|e1000e?|rtl8139|lsi\w*|vmxnet3)\b",),
    T.STEAL: (r"\bsteal(?:time|ing)?\b", r"\bcpu ready\b", r"\d ?% st\b"),
        T.STEAL_ABSURD: (
        (
            r"\b(?:user|system|idle)(?: (?:and|or) (?:user|system|idle))?(?: time)? (?:stands?|stay|stood|is|are) (?:still|frozen"
            r"|stuck)\b"
        ),
        r"\b\d{4,}(?:\.\d+)? ?% (?:st|steal)\b", r"\b100 ?% (?:st|steal)\b",
        r"\bst\b (?:\w+ ){0,2}(?:at|of|=) ?100\b",
        r"\bsteal\b.{0,30}\b(?:huge|absurd\w*|impossible|negative|overflow\w*|backwards?|jumps?|100 ?%)"),
    T.TIME_JUMP: (
        (
            r"(?<!host )(?<!host's )(?<!start )(?<!boot )(?<!load )(?<!response )(?<!every )(?<!each )(?<!first )(?<!second )(?<!next )(?<!last )"
            r"\b(?:time(?! of the (?:freeze|hang|crash|problem|issue))|clock|date|uptime|tsc"
            r"|timestamps?)\b.{0,40}\b(?:jump\w*|leaps?|backwards?|behind|ahead|in(?:to)? the future"
            r"|stands? still|stopped|wrong by|off by|steps?|frozen|freezes?|stuck|warps?|skips?|goes back)\b"
        ),
        r"\bwrong (?:time|clock|date)(?:stamps?)?\b", r"\bclock (?:is|was|gets?) (?:\w+ )?(?:delayed|late|lagging|stale|outdated)\b",
        r"\b(?:vm|guest|domain)s?\b.{0,20}\b\d+ (?:seconds?|minutes?|hours?|days?)\b.{0,8}\b(?:behind|ahead|late|slow|fast)\b",
        r"\b(?:584|585|292) years?\b", r"\bjump\w*\b.{0,20}\b(?:of|in) (?:time|clock)\b",
        r"\buptime\b.{0,20}\b\d{5,} days\b", r"\b(?:ntp\w*|chrony\w*|timesyncd?)\b.{0,40}\boffset\b.{0,8}\b\d{3,}(?:\.\d+)? ?(?:s|sec|seconds)\b",
        r"\b(?:date|time|clock)\b.{0,25}\b(?:hours?|days?|weeks?|months?|years?) (?:old|off|wrong|in the (?:past|future))\b",
        r"\b18446744073", r"\b9223372036"),
    T.HOST_CLOCK_STEP: (r"\bhost(?:'s)? (?:clock|time|date)\b.{0,30}\b(?:jump\w*|steps?|stepped|set|chang\w+|correct\w+)\b",),
    T.CLOCK_DRIFT: (r"\bclock\b.{0,40}\b(?:drift\w*|runs? (?:too )?(?:fast|slow)|gains?|loses?|ahead|fast(?:er)?|slow(?:er)?)\b",
        r"\btime drift\w*\b", r"\b(?:times?|timestamps?|date) (?:(?:has|have|is|was|were|been) ){0,2}drift(?:s|ed|ing)\b",
        r"\bruns? (?:too )?fast\b", r"\bclock[- ](?:skew|issues?|problems?|trouble)\b",
        r"\b(?:time|clock)s? (?:runs?|goes|is running) (?:wrong|off|at (?:half|double|twice))\b",
        r"\b(?:time|clock)s? (?:is |are |gets? |goes )?out of sync\b"),
    T.TSC_FREQUENCY: (
        (
            r"\b(?:different|another|other|differing|unequal|not the same)\b.{0,25}\b(?:tsc|clock|cpu)[- ]?(?:frequenc\w+|speed|khz"
            r"|mhz|rate)\b"
        ),
        r"\btsc[- ]?(?:frequenc\w+|khz|scaling)\b"),
    T.TSC_UNSTABLE: (r"\btscs?\b.{0,15}\bdiffers? (?:between|from|across)\b",
        r"\btsc\b.{0,30}\b(?:un-?sync\w*|out of sync|not (?:in )?sync\w*|warp|unreliable)",
        r"\bclocksource (?:tsc )?unstable\b",
        r"\btsc\b.{0,50}\bunstable\b", r"\bclock ?source\b.{0,12}\binstabilit\w+", r"\bunstable\b.{0,10}\btsc\b", r"\btsc skew\b",
        r"\bclocksource watchdog\b"),
    T.CLOCKSOURCE: (r"\bclock[- ]?sources?\b",),
    T.KVMCLOCK: (r"\bkvm[-_ ]?clock(?:source)?\b", r"\bkvm_[gs]et_clock\w*", r"\b(?:tsc reference|reference tsc)\b", r"\bpvclock\b", r"\bpv clock\b"),
    T.SLOW_CLOCKSOURCE: (r"\bcurrent_clocksource\b.{0,25}\b(?:hpet|acpi_pm|jiffies|pit)\b",
        r"\b(?:time|clock) (?:calls?|queries|reads?)\b.{0,40}(?:\bmicroseconds?\b|\d ?[uµ]s\b|\bslow\w*)",
        r"\btimecounter(?:\.hardware)?\b\W{0,3}(?:\w+ ){0,2}(?:acpi-(?:safe|fast)|hpet|i8254)\b",
        r"\bclock-?source\b.{0,30}\b(?:acpi_pm|hpet|jiffies|pit)\b", r"\b(?:acpi_pm|hpet)\b.{0,15}\bclock-?source\b",
        (
            r"\b(?:gettimeofday|clock_gettime|queryperformancecounter)\b.{0,40}(?:\bslow\w*|\bexpensive|\bsystem calls?|\bsyscalls?"
            r"|\bcontext switch\w*|\bhypervisor|\bexits?|\bcosts?"
            r"|\bcpu|\d ?[unµ]s\b)"
        ),
        r"\bslow\w* (?:gettimeofday|clock_gettime|time (?:queries|reads?|calls?)|clock (?:queries|reads?))\b",
        r"\b(?:system calls?|syscalls?)\b.{0,25}\b(?:gettimeofday|clock_gettime)\b", r"\bhypervisor as (?:the |its )?clock ?source\b",
        r"\bacpi_pm\b", r"\b(?:acpi )?pm[- ]timer\b", r"\buse-?platform-?clock\b"),
}
# fmt: on
