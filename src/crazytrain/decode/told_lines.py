"""Lines of programs that say something in words among what is for machines: logs in JSON, daemons of a storage."""

import re

# Marks of quotations and lists; an option of QEMU's at the beginning of a line is none.
MARGIN = re.compile(
    r"^[ \t]*(?:(?!-(?:serial|nographic|machine|accel|smp|cpu|drive|device|netdev|append|kernel|hda|m|M) )[>|*#-][>|*# ]{0,8})?"
)
_SAID = re.compile(r'"(?:msg|message|reason|error|err)":"((?:[^"\\]|\\.){3,2000})"')
# Ceph's object storage daemons, and those of others that are built like it: how they say it.
_SLOW = re.compile(r"\b[Ss]low (?:ops?|requests?)\b(?: from client| \d[\d.]* seconds old)?")
_OSD = re.compile(r"\bosd[. ]\d|\w-osd\[\d+\]|\[OSD \d+\]")

# The title of a change to the kernel says what was changed, not what was seen: "KVM: x86: Emulate reads of some register".
_TITLE = re.compile(
    r"(?<=[\"(\u201c`'])(?P<of>KVM|x86|perf|sched|mm|arm64|irq|timers?|clocksource|iommu)(?:/[\w/.-]{1,30})?"
    r": [^\"()\u201d`]{5,150}(?=[\")\u201d`'])"
)
_CHANGE = re.compile(r"\b(?:commits?|patch\w*|bisect\w*|revert\w*|fix(?:ed)?|series|[0-9a-f]{8,40})\b", re.IGNORECASE)
_BEFORE = 60

SHARE = re.compile(  # of a CPU's time, where nothing else is named
    r"\b(\d{1,4}(?:\.\d+)?) ?(?:%|percent|per cent)(?! (?:reproduc|repeatab|reliab|probab|chance|certain|success|idle|unused|msr_"
    r"|(?:of )?(?:all |the |its )*exits|of (?:the )?time\b.{0,30}\bhlt\b|of the (?:boot|run)s))"
)


def changes_aside(text: str) -> str:
    r"""The text without the titles of changes to the kernel; whether one is KVM's is left. It stays as long as it is.

    >>> changes_aside('bisected to commit 0123abcd ("KVM: x86: Emulate it").')
    'bisected to commit 0123abcd ("kvm\'s change        ").'
    """
    return _TITLE.sub(_what_is_left, text)


def _what_is_left(found: re.Match[str]) -> str:
    if not _CHANGE.search(found.string[max(0, found.start() - _BEFORE) : found.start()]):
        return found[0]
    return ("kvm's change" if found["of"] == "KVM" else "a change").ljust(len(found[0]))[: len(found[0])]


def in_words(line: str) -> str:
    """What a line of a log in JSON says: container engines and their like write so; and what a daemon of a storage says of requests
    that take too long. Another line is as it is.
    """
    if (slow := _SLOW.search(line[:2000])) and _OSD.search(line[:2000]):
        return f"The storage has {slow[0]}"
    if not line.startswith('{"'):
        return line
    return "; ".join(found[1].replace('\\"', '"') for found in _SAID.finditer(line[:4000]))
