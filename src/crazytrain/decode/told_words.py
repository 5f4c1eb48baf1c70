"""Which words speak of what: the patterns of both parts, compiled, and what of it can be taken away."""

import re

from crazytrain.decode.told_guest_words import OF_GUEST
from crazytrain.decode.told_host_words import OF_HOST
from crazytrain.model.facts.told import Topic

T = Topic
WORDS: tuple[tuple[Topic, re.Pattern[str]], ...] = tuple(
    (topic, re.compile("|".join(ways))) for topic, ways in {**OF_GUEST, **OF_HOST}.items()
)

# What can be switched off or taken away: what "it" means where somebody says that all is well without it.
THINGS = frozenset(
    {
        T.RTC, T.PIT, T.HPET, T.HV_STIMER, T.HYPERV, T.HALT_POLL, T.APIC_VIRT, T.IO_URING, T.IOTHREAD, T.THROTTLE, T.USERNET, T.TAP,
        T.USB_TABLET, T.USB, T.USB_HOST, T.DISPLAY, T.AUDIO, T.AGENT, T.BALLOON, T.VHOST, T.SMM, T.NUMA_BALANCING, T.KSM, T.HUGE_PAGES,
        T.PASSTHROUGH, T.CHARDEV, T.SLOW_CLOCKSOURCE, T.SPLIT_LOCK, T.NO_BOOT, T.HOST_KERNEL, T.GUEST_PROGRAM, T.GUEST_DRIVER, T.OTHER_MODEL,
    }
)  # fmt: skip

# What a teller rules out where he says that it is not there; how other things are told has its "not" in it.
DENIABLE = frozenset(
    {
        T.EMULATED, T.OVERCOMMIT, T.MIGRATION, T.PANIC, T.SOFT_LOCKUP, T.HARD_LOCKUP, T.HUNG_TASK, T.TRIPLE_FAULT, T.NESTED, T.STEAL,
        T.IRQ_STORM, T.IO_ERROR, T.GUEST_SWAP, T.SPINLOCK, T.POSTCOPY, T.RESUME, T.HOST_LOAD, T.GUEST_IDLE, T.STORAGE_SILENT,
    }
)  # fmt: skip
