"""What matters in a log of a guest or its host, and is never folded: one table.

The kernel's own words stand in `kernel_log_patterns` (a host's) and `console` (a guest's); here stands what other programs say, and what
only one of the two tables knows. A row counts for the programs that it names; ``kernel`` stands for lines without a program, too.
"""

import re

from crazytrain.decode.console import meaning_of as guest_meaning
from crazytrain.decode.kernel_log_patterns import meaning_of as host_meaning

_KERNEL = r"(?:kernel)?"
_ANY = r".*"
_NOBODY = "-"  # stands for all programs that no row names
# Meaning, the program that says it, and its words: where they begin unless `.` leads.
# Meaning, the program that says it, texts of which one stands in every such line, and its words as they begin.
ROWS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "kernel panic",
        _KERNEL,
        ("panic", "kdump", "Rebooting"),
        (r".{0,80}\bKernel panic\b", r".{0,80}\bkdump: \w+ing", r"Rebooting in \d+ seconds"),
    ),
    (
        "segfault",
        _KERNEL,
        ("segfault", "traps: ", "show_signal"),
        (r"\S{1,40}\[\d+\]:? segfault at ", r"traps: \S{1,40}\[\d+\] ", r"show_signal_msg: "),
    ),
    (
        "lockup",
        _KERNEL,
        ("lockup", "rcu", "stall"),
        (r".{0,80}\b(?:soft|hard) ?lockup\b", r".{0,60}\brcu\w*: INFO: ", r".{0,60}\bself-detected stall\b"),
    ),
    (
        "clock",
        _KERNEL,
        ("clock", "TSC", "interrupt took", "rtc_cmos"),
        (
            r".{0,60}\bclocksource\b.{0,80}\b(?:unstable|skewed|watchdog|fallback|Switched)",
            r".{0,60}\bkvm-?clock\b.{0,60}\b(?:unstable|disabled|switched)",
            r".{0,40}\bTSC\b.{0,60}\b(?:unstable|warp|skew|disabled|deadline disabled)",
            r".{0,40}\b(?:hrtimer|perf): interrupt took too long",
            r"rtc_cmos .{0,60}(?:error|fail|unable)",
        ),
    ),
    (
        "clock",
        r"(?:systemd(?:-timesyncd|-journald)?|chronyd|ntpd|ntpdate|qemu-ga|cron|crond|CRON|openntpd)",
        ("ime", "clock"),
        (
            r".{0,40}[Tt]ime (?:has been changed|jumped)",
            r"System clock (?:wrong|was stepped|TAI)",
            r".{0,40}(?:Backward|Forward) time jump",
            r".{0,60}\b(?:time|clock) (?:reset|step(?:ped)?|slew limit)",
            r".{0,60}clock has (?:moved|changed)",
        ),
    ),
    (
        "out of memory",
        _ANY,
        ("oom", "OOM", "emory", "KILL"),
        (
            r".{0,80}\binvoked oom-killer\b",
            r".{0,40}\b[Oo]ut of memory\b",
            r".{0,80}\b(?:oom|OOM)[-_ ]kill",
            r".{0,80}\bCannot allocate memory\b",
            r".{0,40}\bMain process exited\b.{0,60}\bKILL\b",
        ),
    ),
    (
        "network",
        _KERNEL,
        ("NETDEV", "imed out", "table full", "imeout"),
        (
            r"NETDEV WATCHDOG: ",
            r".{0,60}\btransmit queue \d+ timed out",
            r".{0,40}\btable full, dropping packet",
            r".{0,40}\bTX timeout",
        ),
    ),
    (
        "I/O error",
        _KERNEL,
        ("rror", "orrupt", "hut", "bort", "blk_update", "virtio", "I/O", "lost page", "hung_task"),
        (
            r".{0,80}\b(?:I/O|i/o|Buffer I/O) error\b",
            r"(?:EXT4|XFS|BTRFS|JBD2|F2FS|ZFS)\b.{0,80}(?:[Ee]rror|corrupt|shut ?down|[Aa]bort)",
            r".{0,80}\bblk_update_request\b",
            r".{0,60}\bvirtio.{0,40}\b(?:timeout|timed out|error|reset)",
            r".{0,80}\b(?:task abort|rejecting I/O|Medium Error|lost page write)",
            r".{0,80}\bhung_task\b",
        ),
    ),
    (
        "no space",
        _ANY,
        ("No space", "quota", "Read-only"),
        (
            r".{0,160}\bNo space left on device\b",
            r".{0,160}\bDisk quota exceeded\b",
            r".{0,120}\bRead-only file system\b",
        ),
    ),
    (
        "KVM",
        _KERNEL,
        ("kvm", "KVM", "SVM", "VMX", "MSR", "steal", "split lock"),
        (
            r"(?:kvm|SVM|VMX)\b.{0,10}: ",
            r".{0,60}\bKVM internal error\b",
            r".{0,60}\bkvm-guest: .{0,60}(?:disabled|fail|unstable)",
            r"unchecked MSR access error",
            r".{0,80}\bsteal[- ]?time\b",
            r".{0,60}\bsplit lock\b",
        ),
    ),
    (
        "KVM",
        r"(?:qemu\S*|libvirtd|virtqemud|kvm)",
        ("KVM", "kvm", "emulation", "state change lock", "monitor", "gent", "panicked"),
        (
            r".{0,80}\b(?:KVM internal error|kvm run failed|KVM_RUN failed|emulation failure)",
            r".{0,80}\b(?:cannot acquire state change lock|internal error: End of file from (?:qemu )?monitor|guest agent is not responding)",
            r".{0,80}\b(?:Guest agent is not available|guest panicked)",
        ),
    ),
    (
        "watchdog",
        r"(?:kernel|watchdog|systemd)?",
        ("atchdog",),
        (r".{0,60}\bwatchdog\b.{0,60}(?:timeout|timed out|did not stop|[Hh]ard|expired)", r".{0,40}\bWatchdog timeout"),
    ),
    (
        "service failed",
        r"systemd",
        ("Failed with", "too quickly", "dumped", "Freezing"),
        (
            r".{0,120}: (?:Failed with result|Start request repeated too quickly)",
            r".{0,40}\bdumped core\b",
            r".{0,40}\bFreezing execution\b",
        ),
    ),
    ("core dump", r"systemd-coredump", ("dumped core",), (r".{0,60}\bProcess \d+ .{0,60}dumped core",)),
    (
        "DHCP refused",
        r"(?:dnsmasq\S*|dhclient\S*|dhcpd\S*|udhcpc\S*|dhcpcd\S*|NetworkManager|systemd-networkd)?",
        ("DHCP", "lease", "address"),
        (
            r"DHCPNAK\b",
            r"DHCPDECLINE\b",
            r".{0,60}\bno (?:free leases|address (?:range )?available)",
            r"No DHCPOFFERS received",
            r".{0,60}\blease (?:lost|expired)\b",
        ),
    ),
    (
        "sign-in",
        r"(?:sshd\S*|login|su|sudo)",
        ("BREAK-IN", "fatal: "),
        (r".{0,60}\b(?:POSSIBLE BREAK-IN ATTEMPT|fatal: )",),
    ),
)
# Whatever of the two tables of kernels matters holds one of these.
_KERNELS_HINTS = tuple(
    """split_lock|bus_lock|imer|nstable|blocked |ockup|LOCKUP|stall|starved|emory|oom-|allocation failure|Hardware Error|throttl|EDAC|MCE|thin:
    |o space|ENOSPC|nfs: |CIFS|ceph|rbd|nbd|drbd|connection|nvme|imeout|imed out|frozen|dlm: |rror|orrupt|read-only|failed command|Emask|resetting|TSC
    |tsc|locksource|sched_clock|interrupt took|timekeeping|Time jumped|crng|PM: |DMAR|AMD-Vi|vfio|kvm|SVM|L1TF|MSR|Oops|BUG|fault|WARNING: CPU
    |Unable to handle|RIP: |+0x|panic|invalid opcode|stack segment|divide|ootable|Boot|grub|perating |BOOTMGR""".replace(
        "\n    ", ""
    ).split("|")
)
_Row = tuple[str, re.Pattern[str]]
_LONGEST = 600
_MOST_PROGRAMS = 1_000
# Said at every boot, in words of the tables.
_HARMLESS = ("PM: hibernation: Registered nosave memory",)
_KERNEL_PROGRAMS = frozenset({"", "kernel"})


class _Rows:
    """The rows that count for a program, and the hints of all of them."""

    def __init__(self) -> None:
        self._rows = [
            (meaning, re.compile(program), hints, re.compile("|".join(words)))
            for meaning, program, hints, words in ROWS
        ]
        self._own = re.compile("|".join(program for _, program, _, _ in ROWS if program != _ANY))
        self._of: dict[str, tuple[tuple[str, ...], tuple[_Row, ...]]] = {}

    def of(self, program: str) -> tuple[tuple[str, ...], tuple[_Row, ...]]:
        """What counts for a program; most are known by no row of their own."""
        found = self._of.get(program)
        if found is not None:
            return found
        known = program == _NOBODY or self._own.fullmatch(program)
        found = self._found(program) if known else self.of(_NOBODY)
        if len(self._of) >= _MOST_PROGRAMS:
            self._of.clear()
        self._of[program] = found
        return found

    def _found(self, program: str) -> tuple[tuple[str, ...], tuple[_Row, ...]]:
        fitting = [(meaning, hints, words) for meaning, who, hints, words in self._rows if who.fullmatch(program)]
        more = _KERNELS_HINTS if program in _KERNEL_PROGRAMS else ()
        hints = dict.fromkeys((*(hint for _, hints, _ in fitting for hint in hints), *more))
        return tuple(hints), tuple((meaning, words) for meaning, _, words in fitting)


_ROWS = _Rows()


def matters(program: str, message: str) -> str:
    """What a line stands for that somebody has to see; empty where it may be folded.

    >>> matters("kernel", "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]")
    'soft lockup'
    >>> matters("CRON", "(root) CMD (command -v debian-sa1)")
    ''
    """
    text = message[:_LONGEST]
    hints, rows = _ROWS.of(program)
    for hint in hints:
        if hint in text:
            return "" if text.startswith(_HARMLESS) else _meaning(program, text, rows)
    return ""


def _meaning(program: str, text: str, rows: tuple[_Row, ...]) -> str:
    if program in _KERNEL_PROGRAMS:
        known = host_meaning(text) or guest_meaning(text)
        if known:
            return known.value
    return next((meaning for meaning, words in rows if words.match(text)), "")
