"""More words for clocks, exits and CPUs that are shared, as people use them in trackers."""

from crazytrain.model.facts.told import Topic

T = Topic

# fmt: off
OF_CLOCKS: dict[Topic, tuple[str, ...]] = {
    T.SPINLOCK: (r"\b_*(?:raw_callee_save_+)?(?:native|pv|kvm)_queued_spin_\w+", r"\b_*raw_spin_(?:un)?lock\w*"),
    T.MSR_EXITS: (
        r"\bmsrs? (?:0x)?[0-9a-f]{2,8}\b.{0,30}\b(?:written|read|accessed|polled)\b(?!.{0,20}\b(?:once|at boot|unhandled|ignored)\b)",
    ),
    T.GUEST_IDLE: (r"(?<!has )(?<!had )(?<!is )(?<!was )\bnothing to do\b(?! (?:with|about|but|for|against|than))",),
    T.NO_HALT: (r"\bno-hlt\b", r"\bhlt (?:does not|doesn't|did not|never) (?:work|halt|sleep)"),
    T.HOST_MEMORY: (
        r"\bspans? (?:over |across )?(?:both|two|several|all|more than one) numa nodes\b",
        r"\bcross[- ]numa\b",
    ),
    T.OVERCOMMIT: (
        (
            r"\bmore (?:busy |active )?(?:vms|guests|machines|v?cpus)\b.{0,20}\bthan (?:it has |there are )?"
            r"(?:physical |real |host )?(?:cores|cpus|processors)\b"
        ),
    ),
    T.HOST_SLEEP: (
        (
            r"\bhosts? (?:was|is|were|had been|has been|fell|falls|goes|went) "
            r"(?:asleep|suspended|sleeping|to sleep|in(?:to)? (?:standby|suspend|s3|sleep))\b"
        ),
    ),
    T.LONG_STOP: (r"\bstuck for \d{4,} ?s",),
    T.IRQ_STORM: (r"\birq ?#?\d+\b.{0,30}\b(?:rises?|grows?|increases?|goes up|went up|climbs?)\b.{0,20}\b\d[\d,]{4,}\b",),
    T.NESTED: (r"\bgithub(?:'s| actions?)? (?:hosted )?runners?\b",),
    T.GUEST_PROGRAM_BUSY: (
        (
            r"\bbecause (?:an?|the|our|my|some|its) [\w -]{2,30} (?:job|build|test|task|game|program|process) (?:runs?|is running)\b.{0,12}"
            r"\b(?:in it|inside|in there|in (?:the|my|our) (?:guest|vm))\b"
        ),
    ),
    T.SLOW_CLOCKSOURCE: (r"\b(?:0x)?fed000f0\b",),  # the HPET's counter
    T.TSC_FREQUENCY: (r"\btsc\b.{0,50}\b\d\.\d+ ?ghz\b.{0,60}\b\d\.\d+ ?ghz\b",),
    T.HOST_CLOCK_STEP: (
        (
            r"\bhost(?:'s)?\b.{0,20}\b(?:ntp\w*|chronyd?|timesyncd|clock|time)\b.{0,20}"
            r"\b(?:stepped|steps|was set|set|jumped|corrected|moved) (?:the |its )?(?:clock|time|back|forward|by|ahead)\b"
        ),
    ),
    T.TSC_UNSTABLE: (r"\btsc=(?:reliable|nowatchdog)\b.{0,60}\b(?:cures?|cured|helps?|helped|solve[sd]?|fix(?:es|ed)?|gone|goes away)\b",),
}
# fmt: on
