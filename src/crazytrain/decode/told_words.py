"""Which words speak of what: the patterns of both parts, compiled, and what of it can be taken away."""

import re

from crazytrain.decode.told_clock_words import OF_CLOCKS
from crazytrain.decode.told_guest_words import HANGS, OF_GUEST
from crazytrain.decode.told_host_words import OF_HOST
from crazytrain.decode.told_inside_words import OF_INSIDE
from crazytrain.decode.told_kvm_words import OF_KVM
from crazytrain.decode.told_pressure_words import OF_PRESSURE
from crazytrain.decode.told_qemu_words import OF_QEMU
from crazytrain.decode.told_report_words import OF_REPORTS
from crazytrain.decode.told_timer_words import OF_TIMERS
from crazytrain.decode.told_wait_words import OF_WAITS, QEMU_IN_D
from crazytrain.model.facts.told import Topic

T = Topic
_PARTS = (OF_GUEST, OF_TIMERS, OF_HOST, OF_KVM, OF_QEMU, OF_PRESSURE, OF_INSIDE, OF_REPORTS, OF_WAITS, OF_CLOCKS)
WORDS: tuple[tuple[Topic, re.Pattern[str]], ...] = tuple(
    (topic, re.compile("|".join(way for part in _PARTS for way in part.get(topic, ()))))
    for topic in dict.fromkeys(topic for part in _PARTS for topic in part)
)

# What can be switched off or taken away: what "it" means where somebody says that all is well without it.
THINGS = frozenset(
    {
        T.RTC, T.PIT, T.HPET, T.HV_STIMER, T.HYPERV, T.HALT_POLL, T.APIC_VIRT, T.IO_URING, T.IOTHREAD, T.THROTTLE, T.USERNET, T.TAP,
        T.USB_TABLET, T.USB, T.USB_HOST, T.DISPLAY, T.AUDIO, T.AGENT, T.BALLOON, T.VHOST, T.SMM, T.NUMA_BALANCING, T.KSM, T.HUGE_PAGES,
        T.PASSTHROUGH, T.CHARDEV, T.SLOW_CLOCKSOURCE, T.SPLIT_LOCK, T.NO_BOOT, T.HOST_KERNEL, T.GUEST_PROGRAM, T.GUEST_DRIVER, T.OTHER_MODEL,
        T.GUEST_KERNEL, T.NESTED,
    }
)  # fmt: skip

# What a teller rules out where he says that it is not there; how other things are told has its "not" in it.
DENIABLE = frozenset(
    {
        T.EMULATED, T.OVERCOMMIT, T.MIGRATION, T.PANIC, T.SOFT_LOCKUP, T.HARD_LOCKUP, T.HUNG_TASK, T.TRIPLE_FAULT, T.NESTED, T.STEAL,
        T.IRQ_STORM, T.IO_ERROR, T.GUEST_SWAP, T.SPINLOCK, T.POSTCOPY, T.RESUME, T.HOST_LOAD, T.GUEST_IDLE, T.STORAGE_SILENT,
        T.GUEST_SLOW, T.QEMU_IN_D, T.GUEST_HUNG,
    }
)  # fmt: skip

# What says nothing where it stands so: the clock that nearly every guest has, and what a guest does that hangs.
_AS_USUAL = (
    (re.compile(QEMU_IN_D), frozenset({T.HUNG_TASK})),  # the host's kernel holds them, not the guest's
    (
        re.compile(
            r"\bclock[- ]?source\b.{0,30}(?:\b(?:is|are|says|shows|reads|stays)\b|=|:)\W{0,3}(?:still )?kvm[-_ ]?clock\b"
        ),
        frozenset({T.CLOCKSOURCE, T.KVMCLOCK}),
    ),
    (re.compile(r"\bguest(?:'s)? time (?:runs?|goes|passes|jumps?|is|was)\b"), frozenset({T.USER_TIME})),  # its clock
    (  # what a disk may move is another thing
        re.compile(
            r"\b(?:cpus?|processors?|cores?)\b(?: of (?:the|that|this|our) \w+)?.{0,12}\bthrottl\w+|\brt throttling\b"
        ),
        frozenset({T.THROTTLE}),
    ),
    (  # a figure that overflowed is steal's, not the clock's
        re.compile(r"\bsteal\w*\b.{0,40}\b\d{10,}|\d{10,}.{0,30}\bsteal\b"),
        frozenset({T.TIME_JUMP}),
    ),
    (  # the TSC's own trouble
        re.compile(r"\btsc warp\w*\b|\btime\b.{0,40}\bbackwards? (?:between|across) (?:its |the )?(?:v?cpus|cores)\b"),
        frozenset({T.TIME_JUMP}),
    ),
    (  # a function of its kernel is no program
        re.compile(r"\d ?% (?:(?:is |of (?:it|the time) )?(?:is )?in )?_*\w*(?:spin_?lock|lock_slowpath)"),
        frozenset({T.GUEST_PROGRAM_BUSY}),
    ),
    (  # it was well before something
        re.compile(
            r"\b(?:healthy|fine|well|ok|normal|good)\b(?: again)? (?:when|before|until|till|up to|as long as)\b"
            r"(?! (?:it is |it's |they are )?idle)"
        ),
        frozenset({T.NOTHING_WRONG}),
    ),
    (  # nothing of the guest's starts anew
        re.compile(r"\b(?:reset|restart)\w*\b.{0,20}\b(?:timers?|poll\w*|transfers?|counters?)\b"),
        frozenset({T.AT_RESET, T.RESETS}),
    ),
    (re.compile(r"\btime (?:was )?reset\b"), frozenset({T.AT_RESET, T.RESETS})),  # it sets its clock
    (re.compile(rf"\b{HANGS}\b.{{0,30}}\b(?:does|doing) nothing\b"), frozenset({T.GUEST_IDLE})),
    (re.compile(r"\b(?:shutdowns?|resets?|reboots?|nmis?|keys?) (?:does|do|did) nothing\b"), frozenset({T.GUEST_IDLE})),
    (  # where nothing answers, the network does not, either
        re.compile(
            r"\b(?:vnc|screen|display|console|keyboard|mouse)\b.{0,25}\b(?:black|nothing|dead|frozen|blank|unresponsive|stuck)\b"
        ),
        frozenset({T.NETWORK_DEAD}),
    ),
    (  # who may nest has not yet done so
        re.compile(
            r"^(?!.*\bnested (?!virt)).*(?:\bnested=[y1]\b|\bnested\b.{0,40}\b(?:vmx|svm) (?:for|to|in) (?:the|a|its) guests?\b)"
        ),
        frozenset({T.NESTED}),
    ),
    (re.compile(r"\block-?ups?\b.{0,25}\bon (?:the|a|our) hosts?\b"), frozenset({T.SOFT_LOCKUP, T.HARD_LOCKUP})),
    (re.compile(r"\bhosts? (?:is|was|are|were|has been|must be) re(?:set|booted|started)\b"), frozenset({T.AT_RESET})),
    (  # what begins anew again and again has not come back
        re.compile(
            r"\b(?:starts|begins|boots) (?:again|anew|over)\b.{0,40}\b(?:over and over|again and again|endless\w*|for ?ever)\b"
        ),
        frozenset({T.RECOVERS, T.GUEST_HUNG}),
    ),
    (  # somebody reads there what the guest says
        re.compile(
            r"\bserial (?:console|shell|log|output|terminal)\b.{0,30}\b(?:shows?|prints?|echoes|says?|reacts?|responsive|responds?|answers?)\b"
        ),
        frozenset({T.CHARDEV}),
    ),
    (  # it ran before
        re.compile(r"\b(?:when|once|after|as soon as|whenever)\b.{0,25}\b(?:crash\w*|panic\w*|oops\w*|dies|died)\b"),
        frozenset({T.NO_SCREEN}),
    ),
    (  # what was let go on again is no longer paused
        re.compile(
            r"\bpaus\w+\b(?!.{0,80}\b(?:never|cannot|not|until|unless|must|again|repeatedly|over|constantly)\b).{0,80}"
            r"\b(?:and|then|later) (?:is |are |was |were )?resumed\b"
        ),
        frozenset({T.GUEST_PAUSED, T.PAUSED_BY}),
    ),
    (  # who freezes them does it for a backup, and nothing else hangs by that
        re.compile(
            r"^(?!.*\b(?:hangs?|hung|stuck|unresponsive|never|not (?:answer|respond)\w*)\b)"
            r".*(?:\bfs-?freeze|\b(?:freezes?|froze|freezing)\b.{0,15}\bfile ?-?systems?\b)"
        ),
        frozenset({T.GUEST_HUNG, T.QEMU_HUNG}),
    ),
    (
        re.compile(
            r"^(?!.*\b(?:9\d|100)(?:\.\d+)? ?(?:%|percent)).*(?<![\d.])[1-8]?\d(?:\.\d+)? ?(?:%|percent) (?:full|used|filled)\b"
        ),
        frozenset({T.NO_SPACE}),
    ),
    (
        re.compile(r"\bssh (?:sessions|connections)\b.{0,20}\b(?:lost|dropped|died|dead|gone|broken|closed)\b"),
        frozenset({T.CLIENT_GONE}),
    ),
    (
        re.compile(
            r"\b(?:nothing|no (?:errors?|messages?|lines?|output|entry|entries|logs?|trace))\b.{0,12}\b(?:in|on|from|of)\b.{0,40}"
            r"\b(?:libvirtd?|journal\w*|dmesg|syslog|logs?)\b"
        ),
        frozenset({T.QEMU_HUNG}),
    ),
)


def as_usual(clause: str) -> frozenset[Topic]:
    """Topics of which a clause says no more than what is so with most guests."""
    return frozenset(topic for words, topics in _AS_USUAL if words.search(clause) for topic in topics)
