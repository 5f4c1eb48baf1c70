"""Lines of a kernel's log as people paste them: dmesg (plain, -T, -x), syslog, journalctl, or without any stamp.

Sources: dmesg(1), journalctl(1) (output modes short, short-iso, short-precise, short-monotonic, short-full), RFC 3164, rsyslog's templates.
"""

import re

import msgspec

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_CLOCK = r"(?P<{0}h>\d\d):(?P<{0}m>\d\d):(?P<{0}s>\d\d(?:[.,]\d{{1,9}})?)"
_SYSLOG = re.compile(
    r"(?:(?:(?:[A-Z][a-z]{2},? )?(?P<month>"
    + _MONTHS
    + r")\w{0,6}\.?|(?P<number>\d{1,2})\S?\u6708|[^\s\d\[\]:]{2,12}) {1,2}(?P<day>\d{1,2}) "
    + _CLOCK.format("a")
    + r"|(?:[A-Z][a-z]{2} )?\d{4}-(?P<month2>\d\d)-(?P<day2>\d\d)[T ]"
    + _CLOCK.format("b")
    + r"(?: ?(?:Z|UTC|[A-Z]{3,4}|[+-]\d\d:?\d\d))?)\s+(?P<host>[\w.-]{1,255})\s+(?P<program>[\w./@:-]{1,60}?)(?:\[\d{1,10}\])?:\s*"
)
_LEVEL = re.compile(r"(?:<\d{1,3}>|[a-z]\w{1,9} {0,6}:\w{1,8} {0,4}: )")
_STAMP = re.compile(r"\[\s{0,8}(?P<s>\d{1,11})\.(?P<us>\d{3,9})\](?:\[[ \w]{1,20}\])?:? ?(?:\S{1,255} kernel: ?)?")
# A console's line that another program had begun: the kernel's words follow behind it.
_WITHIN = re.compile(r"\[\s{0,8}(?P<s>\d{1,10})\.(?P<us>\d{6})\] (?=\S)")
_HUMAN = re.compile(
    r"\[[^\W\d_]{2,4}\.? (?P<month>[^\W\d_]{3,9})\.? {1,2}(?P<day>\d{1,2}) (?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d(?:[.,]\d{1,9})?) \d{4}\] ?"
)
_SPOKEN = re.compile(r"(?:\S{1,60} )?kernel: ?(?=\[|\S)")
_ORDER = _MONTHS.split("|")
_LONGEST = 2000


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line without its stamps.

    ``stamp_ns`` counts since boot, ``at_ns`` from the year's beginning by the day (a month taken for 31 days: only good for differences
    within a month). ``stamped`` tells that there was a stamp at all, ``kernel`` whether the kernel said it and no program.
    """

    text: str
    stamp_ns: int | None = None
    at_ns: int | None = None
    stamped: bool = False
    kernel: bool = True
    host: str = ""


def log_line(line: str) -> LogLine:
    """Take a line's stamps off.

    >>> log_line("Mar  9 12:00:01 web01 kernel: [  12.500000] x").text
    'x'
    >>> log_line("[  12.500000] x").stamp_ns
    12500000000
    """
    rest = line[:_LONGEST].strip()
    syslog = _SYSLOG.match(rest)
    rest = rest[syslog.end() :] if syslog else rest
    level = _LEVEL.match(rest)
    rest = rest[level.end() :] if level else rest
    spoken = _SPOKEN.match(rest) if not syslog else None
    rest = rest[spoken.end() :] if spoken else rest
    stamp = _STAMP.match(rest) or _WITHIN.search(rest)
    human = None if stamp else _HUMAN.match(rest)
    found = stamp or human
    return LogLine(
        text=(rest[found.end() :] if found else rest).strip(),
        stamp_ns=int(stamp["s"]) * 10**9 + int(stamp["us"].ljust(9, "0")) if stamp else None,
        at_ns=_of_human(human) if human else _of_syslog(syslog) if syslog else None,
        stamped=bool(found or syslog),
        kernel=syslog is None or syslog["program"] == "kernel",
        host=syslog["host"] if syslog else "",
    )


def _of_human(found: re.Match[str]) -> int:
    month = _ORDER.index(found["month"]) if found["month"] in _ORDER else 0  # of another language
    return _at_ns(month, found["day"], found["h"], found["m"], found["s"])


def _of_syslog(found: re.Match[str]) -> int:
    if found["bh"]:
        return _at_ns(int(found["month2"]), found["day2"], found["bh"], found["bm"], found["bs"])
    month = _ORDER.index(found["month"]) + 1 if found["month"] else int(found["number"] or 0)
    return _at_ns(month, found["day"], found["ah"], found["am"], found["as"])


def _at_ns(month: int, day: str, hours: str, minutes: str, seconds: str) -> int:
    days = month * 31 + int(day)
    return int(((days * 24 + int(hours)) * 60 + int(minutes)) * 60e9 + float(seconds.replace(",", ".")) * 1e9)
