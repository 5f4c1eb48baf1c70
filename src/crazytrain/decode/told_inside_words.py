"""The field's words for what can be observed of a guest's inside: its load, its kernel, its interrupts and its clock.

Further ways to say what the other parts name; a topic may stand in several parts. All is in lower case, and gaps are bounded.
"""

from crazytrain.model.facts.told import Topic

T = Topic

_BUSY_PROGRAMS = (
    r"(?:anti-?virus|virus scan\w*|defender|search index\w*|indexer|windows update|update service|defrag\w*|transcod\w*|encod(?:er|ing)"
    r"|render\w*|compiler|make -j\d*|mprime|prime95|folding|monero|xmrig|minerd?)"
)
_IN = r"(?:inside|within|in it|in (?:the|its|this|that) (?:guest|vm|machine|system)|(?:guest|vm)'s)"
_HIGH = r"(?:[4-9]\d|[1-9]\d\d)(?:\.\d+)?"
_NAME = (
    r"(?:process|service|daemon|program|application|script|\w+\.exe|php\d?|java|python[\d.]*|node|mysqld?|mariadbd?|postgres|perl|ruby|ffmpeg"
    r"|httpd|apache2?|containerd|dockerd|kubelet|k3s)"
)
# The flags of an x86 with bit 9 (interrupts) clear.
_FLAGS_OFF = r"\b(?:e|r)?fl(?:ags)?[ :=]{1,3}(?:0x)?0{0,6}(?:[0-9a-f]{1,2}|[014589cd][0-9a-f]{2})\b"
_NEVER_ENDS = r"\b(?:without (?:an )?end|over and over|again and again|endless\w*|for ever|forever|in a loop)\b"

# fmt: off
OF_INSIDE: dict[Topic, tuple[str, ...]] = {
    T.GUEST_PROGRAM: (rf"\b{_BUSY_PROGRAMS}\b",),
    T.GUEST_PROGRAM_BUSY: (
        r"\b(?:svchost|wuauserv|msmpeng|tiworker|trustedinstaller|searchindexer|mscorsvw|compattelrunner)\b.{0,40}\b(?:culprit|cpu|\d\d+ ?%|full)",
        r"\bculprit\b.{0,30}\b(?:task manager|h?top|ps)\b",
        (
            rf"\b{_BUSY_PROGRAMS}\b.{{0,40}}\b(?:uses?|takes?|eats?|needs?|burns?|on all|at) .{{0,20}}"
            r"(?:\beverything\b|\ball\b|\bcpus?\b|\bcores?\b|\d{2,4} ?%)"
        ),
        (
            r"\b(?:inside|in it|in the guest|within it)\b,?(?:(?!\b(?:no|nothing|idle|not)\b).){0,60}"
            r"\b(?:uses?|takes?|eats?|consumes?) (?:up )?(?:everything|all of it|all (?:the )?(?:v?cpus?|cores|time)|most of (?:it|the (?:cpu|time)))"
        ),
        r"\b(?:samples?|time|cpu)\b.{0,30}\b(?:in|is) (?:the )?guest user(?: ?space| mode)?\b", rf"\b{_HIGH} ?% (?:of )?(?:in )?guest user\b",
        (
            rf"\b{_IN}\b,?(?:(?!\b(?:idle|nothing|swapper)\b).){{0,60}}\b(?:h?top|ps|task manager|process list)\b"
            rf"(?:(?!\b(?:idle|nothing|kworker|ksoftirqd|kswapd|kernel)\b).){{0,80}}\b{_HIGH} ?%"
            r"(?! ?(?:idle|id|free|unused|steal|st|wa|iowait)\b)"
        ),
        rf"\b{_NAME}\b.{{0,12}}\b(?:at|on) (?:the )?top of (?:the |its )?(?:list|h?top|table|processes)\b",
        rf"\b(?:{_IN}|h?top(?: -\w+)?|ps(?: \w+)?)\b(?:(?!\b(?:nothing|no)\b).){{0,80}}\b{_NAME}\b.{{0,40}}\b{_HIGH}(?: ?%|$|[.,;])",
    ),
    T.GUEST_KTHREAD: (
        (
            r"\b(?:kworker\S*|ksoftirqd\S*|arc_reclaim|arc_prune|txg_sync\S*|z_\w+|khugepaged|kcompactd\S*|systemd and kworker)\b.{0,60}"
            r"\b(?:vcpus?|system time|cores?)\b"
        ),
        r"\b(?:memcg|cgroup|dentr(?:y|ies)|slab|inode|netfilter|conntrack|iptables)\b.{0,25}\b(?:functions?|code|rules?)\b.{0,30}\bguest\b",
        rf"\bperf(?: \w+)? {_IN}\b.{{0,30}}\b\w+_\w+\b.{{0,25}}\b[2-9]\d(?:\.\d+)? ?%",
        rf"\b(?:soft-?irqs?|sys(?:tem)?|kernel)\b(?: time)?\b.{{0,20}}\b{_HIGH} ?%.{{0,40}}\b(?:guest|inside|in it)\b",
        rf"\b{_IN}\b.{{0,40}}\b(?:soft-?irqs?|sys(?:tem)? time|kernel time)\b.{{0,20}}\b{_HIGH} ?%",
        r"\bsystem process\b.{0,20}\b(?:uses?|takes?|at)\b.{0,12}\d{2,3} ?%", r"\bntoskrnl\b.{0,30}\b\d{2,3} ?%",
        r"\bperf (?:top )?(?:in|inside|within|of) the guest\b.{0,30}\b(?:shows?|has)\b.{0,60}\b(?:functions|kernel|\w+_\w+)\b",
    ),
    T.GUEST_TRAFFIC: (
        r"\b\d{3,}(?:\.\d+)? ?m(?:i?b|byte\w*)(?:/s| per second| a second)", r"\b\d+(?:\.\d+)? ?g(?:i?b|bit|byte)\w*(?:/s| per second| a second)",
        r"\b\d+(?:\.\d+)? ?gbps\b", r"\b\d{5,} ?iops\b", r"\b\d{2,}(?:\.\d+)? ?k ?iops\b",
        r"\b\d{4,} (?:\w+ ){0,2}(?:packets|requests|i/?os|frames|operations)\b(?:/s| per second| a second)",
        r"\b\d+(?:\.\d+)? ?mpps\b", r"\b\d{3,} ?kpps\b",
        r"\b(?:fio|iperf3?|dd|rsync|rclone|borg|restic|netperf|pgbench|hammerdb)\b.{0,40}\b(?:writes?|reads?|runs?|copies|moves)\b",
    ),
    T.GUEST_SWAP: (
        r"\b(?:vm|guest)'s (?:own )?memory pressure\b", r"\bprocess in (?:it|the guest|the vm)\b.{0,15}\bgr[eo]wn?\b.{0,12}\d+(?:\.\d+)? ?gi?b\b",
        r"\bswap\b.{0,30}\b(?:full|exhausted|used up|at 100 ?%)", r"\bno (?:more )?swap left\b",
        r"\b(?:guest|vm)(?:'s)? swap\b", r"\b(?:free|available) memory (?:is|of|was|stands at) \d{1,3} ?m", r"\bhard (?:page )?faults?\b",
        r"\b(?:9[5-9]|100) ?% (?:of (?:the |its )?)?(?:memory|ram)\b", r"\b(?:memory|ram) (?:is |at |use (?:is )?(?:at )?)(?:9[5-9]|100) ?%",
        r"\bmore (?:ram|memory) (?:cures?|helps?|solves?|fixes|cured|helped|solved|fixed)\b", r"\boom[- ]killer\b.{0,20}\b(?:in|inside) the guest\b",
        r"\bpag(?:es|ing) (?:in and out|to disk)\b", r"\bsi (?:and|/|,) ?so\b.{0,30}\b(?:thousands?|high|large|\d{3,})\b",
    ),
    T.SOFT_LOCKUP: (r"\brcu_?\w*\b.{0,30}\bstall\w*",
        r"\bkernel\b.{0,12}\b(?:reports?|logs?|prints?|warns? of) (?:\w+ )?stalls?\b",
        r"\bstuck for \d+ ?s\b", r"\bwatchdog\b.{0,25}\b(?:cpu|soft)\b.{0,20}\bstuck\b"),
    T.HARD_LOCKUP: (
        r"\bif (?:flag )?(?:is )?(?:clear(?:ed)?|unset|off|0|zero)\b",
        r"\binterrupts?(?: flag)? (?:are |is |stay |were )?(?:all )?(?:off|clear(?:ed)?|blocked)\b",
        rf"(?<!hlt=1 with )(?<!hlt=1, )(?<!hlt=1 ){_FLAGS_OFF}(?!.{{0,20}}\bhlt=1)",
        r"\b(?:hangs?|stops?|loops?|spins?)\b.{0,20}\bafter (?:a )?cli\b", r"\bwith(?:out)? interrupts (?:off|disabled|enabled again)\b",
    ),
    T.RIP_STILL: (
        r"\b(?:same|one|single) (?:rip|eip|pc|program counter|instruction pointer|instruction|code address)\b",
        r"\b(?:rip|eip|pc|instruction pointer)\b.{0,25}\b(?:does not|doesn't|never|no longer|not) (?:leave|move|chang\w*|advanc\w*)",
        r"\b(?:rip|eip|pc)\b.{0,12}\b(?:is |stays |remains )?(?:always |constantly )?(?:the same|unchanged|constant)\b",
        r"\b(?:in|at) (?:the|one) same (?:small |tight )?(?:loop|place|function|routine|spot)\b",
        r"\bnever leaves? (?:an?|the|its)\b.{0,30}\b(?:handler|loop|function|routine)\b",
        r"\b(?:two|three|one|single|few)[- ]instructions? loop\b", r"\bjmp \$", r"\bjump(?:s|ing)? to (?:itself|self)\b",
    ),
    T.SPINLOCK: (
        r"\bspin(?:s|ning)? (?:\w+ ){0,4}(?:mutex\w*|locks?)\b", r"\bmutex_vector_enter\b", r"\b_?mtx_lock_(?:sleep|spin)\w*", r"\block_delay\b",
        (
            r"\b(?:v?cpus?|processors?|cores?)\b.{0,60}\b(?:\w+_)?lock(?!up|ed|s up)(?:_\w+|s|ing)?\b.{0,20}"
            r"\b(?:routines?|functions?|code|loop|path|slow ?path)\b"
        ),
        r"\bxqueuespinlock\b|\bke(?:x?acquire|wait)\w*lock\w*",
    ),
    T.PASSTHROUGH: (r"\bhanded[- ](?:through|to (?:it|(?:the|a) (?:guest|vm)))\b",
        r"\bpassed[- ](?:through|to it)\b.{0,20}\bcontrollers?\b", r"\bassigned (?:nic|hba|gpu|device|card|controller|function)\b"),
    T.PANIC: (
        r"\bddb(?:\{\d\})?> ?|\bin(?:to)? ddb\b|\bddb prompt\b", r"\bno working init\b", r"\bfatal exception in interrupt\b", r"\bpanic loop\b",
        r"\bguest_?panic(?:ked)?\b", r"\bpvpanic\b",
    ),
    T.RESETS: (
        rf"(?<!at the )(?<!after the )(?<!since the )\b(?:resets?|reboots?|restarts?|reset itself|firmware|bios|logo|banner)\b.{{0,80}}{_NEVER_ENDS}",
        r"\b(?:resets?|reboots?|restarts?) (?:itself )?(?:right )?(?:after|every|each)\b.{0,60}\b(?:loader|kernel|seconds?|minutes?|boot)\b",
        rf"\bstarts (?:again )?(?:from the (?:beginning|start)|all over)\b.{{0,30}}{_NEVER_ENDS}",
        r"\bcycl(?:es?|ing) (?:between|through)\b.{0,40}\b(?:grub|boot|firmware|bios|kernel|loader|logo)\b",
        r"\b(?:re-?boot(?:s|ed|ing)?|resets?|restart(?:s|ed)?)\b.{0,60}\b\d{2,} times\b",
        r"\b(?:grub|boot ?loader|kernel lines?|bios|firmware|logo|banner)\b.{0,60}\bevery (?:\w+ ){0,2}(?:seconds?|minutes?|s|min)\b",
        r"\b(?:reset|reboot) events?\b.{0,30}\b(?:at that rate|again|every|repeat\w*)\b",
    ),
    T.LOST_INTERRUPT: (
        (
            r"\b(?:counters?|counts?|/proc/interrupts)\b.{0,60}\b(?:no longer|does not|doesn't|do not|don't|never|stops?|stopped) "
            r"(?:mov\w*|grow\w*|increas\w*|chang\w*|count\w*|go\w* up)"
        ),
        r"\b(?:counters?|counts?|/proc/interrupts)\b.{0,40}\b(?:stands? still|stays? (?:the same|put|unchanged)|is frozen|unchanged|constant)\b",
        r"\brequests?\b.{0,60}\b(?:makes?|let|lets) (?:all |the )?(?:old|earlier|pending|others?)\b.{0,20}\b(?:complete|finish|end)\b",
        r"\bkernel[-_]irqchip ?= ?(?:off|split)\b.{0,30}\b(?:boots?|works?|helps?|fine|cures?|avoids?)\b",
        (
            r"\b(?:sleeps?|nanosleep|usleep|timers?|timeouts?)\b.{0,20}"
            r"\b(?:never (?:ends?|ended|returns?|returned|fires?|fired|expires?)|(?:did|does) not (?:end|fire|expire))\b"
        ),
        r"\blost interrupt\b", r"\bpossible timer handling issue\b", r"\btimer wakeup didn't happen\b", r"\bidling at \w+_\w+",
        r"\b(?:replies|answers|packets|frames|completions?)\b.{0,30}\b(?:arriv\w+|on the tap|in the ring)\b.{0,60}\bguest\b.{0,20}\b(?:never|not)\b",
        r"\b(?:never|not) (?:notified|signal?led|woken|kicked|told)\b", r"\bmissed (?:wake-?ups?|kicks?|notifications?)\b",
        r"\b(?:msi-?x?|vector) (?:stays |remains |is )?(?:masked|pending)\b", r"\birr\b.{0,30}\b(?:set|pending)\b.{0,30}\b(?:never|not)\b",
    ),
    T.SMP_START: (r"\bbooting (?:node|processors?|smp|the (?:second|other))\b", r"\bprocessors? #\d",
        r"\bcpu\d? (?:failed to|did not|never) c(?:a|o)me? up\b"),
    T.NETWORK_DEAD: (
        r"\b(?:stops?|stopped) (?:receiving|transmitting|sending)\b", r"\bhangs? in network\b", r"\bpings?\b.{0,30}\bnever returns?\b",
        (
            r"\b(?:unload\w*|reload\w*|rmmod|modprobe|remov\w* and (?:load|insert|prob)\w*)\b.{0,40}\b(?:driver|module|virtio\S*)\b"
            r".{0,20}\b(?:helps?|cures?|fixes|brings?|restores?)\b"
        ),
    ),
    T.POKED: (
        r"\b(?:recovers?|comes? back|works? again|goes on) (?:after|by|with) (?:an? )?(?:ifdown|ifup|restart\w* (?:the )?network|re-?load\w*)\b",
    ),
    T.HUNG_TASK: (r"\b(?:processes|tasks|threads|programs)\b.{0,20}\b(?:in|to) (?:state )?d\b(?!-)", r"\bsync\b.{0,12}\bnever (?:returns?|ends?)\b"),
    T.NO_CPU: (r"\b(?:process|qemu|kvm|vcpus?|cpu use|usage)\b (?:is |stays |stands )?(?:at|uses|takes) (?:0|zero|no)\b(?! ?\.)",),
    T.STORAGE_FINE: (
        (
            r"\b(?:ssds?|nvmes?|local disks?|storage|san|iostat|host's disks?|disks? of the host|image|qcow2|backend|array)\b"
            r"(?:(?!\b(?:guest|not|never)\b).){0,50}"
            r"\b(?:no errors?|without errors?|(?:is|are|was|looks?|stays?) (?:\w+ )?(?:idle|fine|healthy|clean|ok|readable)|no load"
            r"|answers? (?:with)?in)\b"
        ),
        r"\bother (?:guests|vms|disks)\b.{0,30}\bon the same (?:storage|ssd|disk|pool|array|datastore|nfs)\b.{0,30}\b(?:fine|work\w*|ok|normal\w*)\b",
    ),
    T.LONG_STOP: (r"\b(?:paused|stopped|suspended|frozen)\b.{0,45}\b(?:minutes?|hours?|days?|weeks?|months?)\b",),
    T.ALL_HALTED: (
        rf"\bhlt=1\b.{{0,30}}{_FLAGS_OFF}", rf"{_FLAGS_OFF}.{{0,30}}\bhlt=1\b",
        r"\b(?:all|every|both) (?:the )?(?:v?cpus?|cores?|processors?)\b.{0,20}\bin hlt\b.{0,25}\binterrupts?\b",
        r"\bhlt=1\b.{0,40}\bif\b",
        (r"\b(?:all|both|every|each) (?:of (?:the|its) )?(?:v?cpus?|cores?|processors?)\b.{0,30}"
        r"\b(?:wfi|wait_for_interrupt|idle loops?|native_safe_halt)\b")),
    T.TIME_JUMP: (
        r"\bchronyd?\b.{0,40}\bstepped\b",
        r"\bdate\b.{0,30}\b(?:months?|years?|weeks?|days?|hours?) (?:old|ago|late|early)\b", r"\buptime\b.{0,20}\b2\d{5} days\b",
        r"\b(?:timers?|cron)\b.{0,25}\b(?:do not|don't|never|no longer|not) (?:fire|run|start)\b",
        r"\bstuck for \d{5,} ?s", r"\b(?:boot time|date|clock|year|time)\b.{0,30}\b(?:in|of|is|to) (?:the year )?(?:2[1-9]\d\d|19[0-6]\d|1970)\b",
        r"\bclock\b.{0,20}\bis (?:behind|ahead|late|wrong) by\b", r"\bhwclock\b.{0,20}\b(?:repairs?|cures?|fixes|helps?)\b",
    ),
    T.SYSTEM_TIME: (r"\b(?:[3-9]\d|100)(?:\.\d+)? ?% (?:in )?(?:the )?(?:sys|sy|system|kernel)\b",),
    T.STEAL: (r"(?<!\w)%st\b",),
    T.CLOCK_DRIFT: (
        (
            r"(?<!run )(?<!load )(?<!boot )\b(?:time|clock)s?\b.{0,15}\b(?:runs?|goes|passes|flows|moves|ticks)\b.{0,12}"
            r"\b(?:twice|half|double|(?:two|three|four|ten) times|too (?:fast|slow)|faster|slower)\b"
        ),
        r"\b(?:guests?|vms?|clocks?|domains?|machines?) (?:\w+ )?(?:loses?|losing|lost|gains?|gaining) (?:some |a lot of |much )?time\b",
        (
            r"\b(?:loses?|losing|lost|gains?|gaining) (?:about |some |up to )?\d[\d.]* ?(?:s|secs?|seconds?|min\w*|hours?)\b.{0,10}"
            r"\b(?:per|a|an|each|every) (?:hour|day|minute|night|week)"
        ),
        r"\btime reset [+-]?\d", r"\bit is \d[\d.]* ?(?:s|secs?|seconds?|min\w*|hours?) (?:behind|ahead|late|fast|slow)\b",
    ),
    T.TSC_UNSTABLE: (
        r"\b(?:un-?sync\w*|out[- ]of[- ]sync|skewed|drifting) tscs?\b", r"\btscs\b.{0,40}\b(?:un-?sync\w*|differ\w*|apart|not (?:in )?sync\w*)",
        (
            r"\b(?:time|clock)\b.{0,50}\b(?:between|across|from one) (?:its |the |different |two )?(?:v?cpus?|cores|processors?)\b"
            r"(?!.{0,20}\b(?:model|generation|host)s?\b)"
        ),
        r"\bcalcru\b", r"\btsc warp\b",
        r"\bcycles (?:of )?skew\b|\btsc\b.{0,40}\bskew", r"\btimecounter disabled\b",
    ),
    T.SLOW_CLOCKSOURCE: (r"\bread_pmtmr\b|\bread_hpet\b|\bacpi_pm_read\b",),
    T.RTC: (r"\brtc0\b",),
    T.POLL_SPIN: (r"\bp?poll\b.{0,20}\{0, ?0\}",
        r"\bp?poll\b.{0,30}\b(?:comes?|came) back at once\b", r"\bnever (?:blocks?|sleeps?|waits?) (?:any ?more|any longer)\b"),
    T.OVERCOMMIT: (r"\b\d+ v?cpus\b.{0,15}\b(?:share|compete for|on top of|over)\b.{0,10}\d+ (?:\w+ )?(?:cores|cpus|threads)\b",),
    T.STEAL_ABSURD: (r"\bst(?:eal)? (?:is |at |of )?100\b.{0,30}\b(?:0|zero)\b", r"\bsteal\b.{0,30}\b(?:2\^6\d|18446744\d*|\d{4,} ?%)"),
    T.ALARM_FLOOR: (r"\btimerlist_\w+|\bqemu_clock_(?:deadline|get)_ns\b|\bqemu_run_(?:all_)?timers\b|\bqemu_clock_run_\w*timers\b",
        r"\b250[ ,.]?000 ?ns\b|\b250 ?(?:us|µs)\b"),
    T.LAPIC_PERIODIC: (r"\badvance_periodic_target\w*|\bapic_timer_fn\b",),
    T.GUEST_IDLE: (
        (
            r"\b(?:h?top|task manager|uptime|mpstat|vmstat|sar)\b.{0,12}\b(?:in|inside|within|of) (?:the |my |a )?(?:guest|vm|it)\b.{0,12}"
            r"\b(?:shows?|says?|reports?|has|gives?|claims?)\b.{0,15}?(?:\bnothing\b|\bno (?:cpu )?(?:load|usage|use|activity)\b"
            r"|(?<![\d.])[0-5](?:[.-]\d+)? ?%|\blow\b)"
        ),
    ),
    T.HOST_CALM: (r"\bhost\b.{0,20}\bhas (?:\w+ )?(?:free|enough|plenty of|lots of) (?:free )?(?:memory|ram)\b",),
    T.HOST_STUCK: (r"\b(?:freezes?|hangs?|locks? up|stalls?|blocks?) (?:the|a|its) (?:whole )?host(?:'s)?\b",
        r"\b(?:soft|hard)[- ]lock-?ups?\b.{0,25}\bon (?:the|a|our) hosts?\b"),
    T.GUEST_HUNG: (r"\bnobody makes progress\b|\bno progress\b", r"\b(?:does not|doesn't|no longer) reacts?\b"),
}
# fmt: on
