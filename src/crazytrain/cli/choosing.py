"""Which files of a folder, an archive or an sosreport are read, how much of each, and what was left out."""

import re
from collections import Counter

MOST_BYTES = 32 << 20
MOST_FILES = 5000
_SMALL_BYTES = 1 << 20
_LARGE_BYTES = 2 << 20
_SOS = re.compile(r"(?:^|/)sosreport-|(?:^|/)sos_(?:commands|logs|reports)/")
# What an sosreport has of interest: what libvirt and QEMU say, the host's kernel log, who uses the CPUs, clocks, memory, KVM's settings.
_KNOWN = re.compile(
    r"sos_commands/(?:virsh|libvirt|kvm|process|logs|memory|sar)/|sos_commands/kernel/(?:dmesg|uname|modinfo|kernel|lsmod)|"
    r"sos_commands/(?:date|host|hardware|processor|numa)/|(?:^|/)(?:dmesg|ps|uptime|uname|free|lscpu|date|hostname)$|"
    r"(?:^|/)(?:installed-(?:rpms|debs)|uname)$|sos_commands/dpkg/dpkg_-l$|(?:^|/)proc/\d{1,9}/(?:task/\d{1,9}/)?\w+$|"
    r"var/log/(?:libvirt/|(?:messages|syslog|kern\.log|dmesg)(?:[.-]\d{1,8})?$|qemu)|etc/libvirt/(?:qemu/|.*\.conf$)|etc/modprobe\.d/|"
    r"(?:^|/)proc/(?:cpuinfo|stat|meminfo|vmstat|interrupts|loadavg|uptime|cmdline|version|pressure/\w+|buddyinfo)$|"
    r"(?:^|/)proc/sys/kernel/\w+$|sys/devices/system/(?:clocksource/clocksource0/\w+|cpu/online)$|"
    r"sys/module/(?:kvm\w*|vhost\w*|vfio\w*)/parameters/\w+$|sys/kernel/mm/(?:ksm|transparent_hugepage)/\w+$|qemu[^/]*\.log|strace[^/]*|gdb[^/]*|pstack[^/]*"
)
CASE_SUFFIX = ".crazytrain"
_LARGEST_CASE_BYTES = 16 << 20
_LOGS = re.compile(r"var/log/|sos_commands/logs/|dmesg|journal|\.log")
_PACKED = re.compile(
    r"\.(?:gz|xz|bz2|zst|zip|rpm|deb|so|ko|pcap|png|jpe?g|pdf|qcow2|img|iso|core|vmcore|db|sqlite|pyc|jar|data|dat|bin|ova|vmdk)$"
)
# A text that was packed alone, as logrotate does; a tar within an archive stays packed.
PACKED_ONCE = re.compile(r"(?<!\.tar)\.(?:gz|xz|bz2|zst)$", re.IGNORECASE)
_SHOWN = 5
_BEYOND = "beyond the limit of 32 MiB and 5,000 files for all together"


class Chooser:
    """Decides file by file, within a limit for all together. ``name`` is the archive's, for people."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._left_bytes = MOST_BYTES
        self._left_files = MOST_FILES
        self._sos = False
        self._why: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        self._stopped = ""

    def limit(self, name: str, size: int) -> int:
        """How many bytes of a file are to be kept; 0: none. Of what is larger the end is kept, for logs grow there."""
        self._sos = self._sos or bool(_SOS.search(name))
        bare = PACKED_ONCE.sub("", name)
        case = bare.endswith(CASE_SUFFIX)
        known = case or bool(_KNOWN.search(bare))
        if size <= 0:
            return 0
        if _PACKED.search(bare.lower()):
            return self._leave("packed or no text, by their names", name)
        if self._sos and not known:
            return self._leave("of no kind that is looked for in an sosreport", name)
        largest = self.longest(bare)
        if size > largest and (bare != name or not _LOGS.search(name)):
            return self._leave("too large", name)
        kept = min(size, largest)
        if not self._left_files:
            return self._leave(_BEYOND, name)
        if not self.takes(name, kept):
            return 0
        self._left_files -= 1
        return kept

    def longest(self, name: str) -> int:
        """How many bytes of a file of this name are kept at most."""
        if name.endswith(CASE_SUFFIX):
            return _LARGEST_CASE_BYTES
        return _LARGE_BYTES if _KNOWN.search(name) or _LOGS.search(name) else _SMALL_BYTES

    def takes(self, name: str, size: int) -> bool:
        """Whether so many bytes more are within the limit for all together; then they count."""
        if size > self._left_bytes:
            self._leave(_BEYOND, name)
            return False
        self._left_bytes -= size
        return True

    def _leave(self, why: str, name: str) -> int:
        self._why[why] += 1
        examples = self._examples.setdefault(why, [])
        if len(examples) < _SHOWN:
            examples.append(name[-120:])
        return 0

    def bomb(self, name: str) -> None:
        """What a file unpacks to is too much."""
        self._leave("too large once they are unpacked", name)

    def damaged(self, name: str) -> None:
        """A packed file ends early, or is damaged."""
        self._leave("cut off or damaged, and read as far as they could be unpacked", name)

    def unread(self, name: str) -> None:
        """A file could not be read."""
        self._leave("not to be read", name)

    def special(self, name: str) -> None:
        """It is no plain file."""
        self._leave("links, pipes, sockets or devices, which are not followed", name)

    def no_text(self, name: str) -> None:
        """A file was no text."""
        self._leave("no text", name)

    def unknown(self, name: str) -> None:
        """Nothing in a file was recognised."""
        self._leave("read, and nothing in them recognised", name)

    def beyond(self, name: str) -> None:
        """A packed case within is one too many."""
        self._leave("cases beyond the limit of 16 for all together", name)

    def stopped(self, why: str) -> None:
        """Reading ended early."""
        self._stopped = why

    def notes(self) -> list[str]:
        """What there is to say of what was left out."""
        told = [f"{self.name}: not read to its end: {self._stopped}"] if self._stopped else []
        for why, number in self._why.most_common():
            shown = self._examples[why]
            more = f" and {number - len(shown)} more" if number > len(shown) else ""
            told.append(f"{self.name}: {number} {'file' if number == 1 else 'files'} {why}: {', '.join(shown)}{more}")
        return told
