"""Which words speak of what: the patterns of both parts, compiled, and what of it can be taken away."""

import re

from crazytrain.decode.told_guest_words import OF_GUEST
from crazytrain.decode.told_host_words import OF_HOST
from crazytrain.decode.told_inside_words import OF_INSIDE
from crazytrain.decode.told_kvm_words import OF_KVM
from crazytrain.decode.told_pressure_words import OF_PRESSURE
from crazytrain.decode.told_qemu_words import OF_QEMU
from crazytrain.model.facts.told import Topic

T = Topic
_PARTS = (OF_GUEST, OF_HOST, OF_KVM, OF_QEMU, OF_PRESSURE, OF_INSIDE)
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
    }
)  # fmt: skip

# What a teller rules out where he says that it is not there; how other things are told has its "not" in it.
DENIABLE = frozenset(
    {
        T.EMULATED, T.OVERCOMMIT, T.MIGRATION, T.PANIC, T.SOFT_LOCKUP, T.HARD_LOCKUP, T.HUNG_TASK, T.TRIPLE_FAULT, T.NESTED, T.STEAL,
        T.IRQ_STORM, T.IO_ERROR, T.GUEST_SWAP, T.SPINLOCK, T.POSTCOPY, T.RESUME, T.HOST_LOAD, T.GUEST_IDLE, T.STORAGE_SILENT,
        T.GUEST_SLOW,
    }
)  # fmt: skip
