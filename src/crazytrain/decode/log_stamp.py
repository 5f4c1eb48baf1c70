"""Where a log line's stamp stands and what it says: the forms of syslog, journald, dmesg, libvirt and ISO 8601.

Sources: RFC 3164, RFC 5424, journalctl(1) (output modes), dmesg(1), rsyslog's templates, libvirt's virLogFormatString.
"""

import datetime as dt
import re
from enum import StrEnum
from typing import NamedTuple

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# What may stand before a stamp: NULs of a crash, colours, a priority with RFC 5424's version, a level of `dmesg -x`.
_BEFORE = rb"(?:\xef\xbb\xbf|\0|\x1b\[[0-9;?]{0,16}[A-Za-z]){0,4000}(?:<\d{1,3}>(?:1 )?)?(?:[a-z]\w{1,9} {0,6}:\w{1,8} {0,4}: )?[ \t]{0,8}"
_STAMP = re.compile(
    _BEFORE
    + rb"(?:(?P<iso>(?:[A-Z][a-z]{2} )?(?P<ia>\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d):(?P<is>\d\d)(?:[.,]\d{1,9})?"
    + rb"(?P<iz> ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)(?![A-Za-z\d]))?)"
    + rb"|(?P<sys>(?P<sa>"
    + _MONTH
    + rb" [ \d]\d \d\d:\d\d):(?P<ss>\d\d)(?:\.\d{1,9})?)"
    + rb"|(?P<hum>\[?[A-Z][a-z]{2} (?P<ha>"
    + _MONTH
    + rb" [ \d]\d \d\d:\d\d):(?P<hs>\d\d)(?:[.,]\d{1,9})? (?P<hz>\d{4})(?:\]|(?=\s)))"
    + rb"|(?P<boot>\[(?P<ba> {0,10}\d{0,10})(?P<bs>[ \d]\d)\.\d{3,9}\](?:\[[ \w]{1,20}\])?)"
    + rb"|(?P<one>\[(?P<oa>)(?P<os>\d)\.\d{3,9}\])"
    + rb"|(?P<unix>(?P<ua>\d{7,9})(?P<us>\d\d)\.\d{3,9}(?= )))"
    + rb"[:,]?[ \t]?"
)
_CLOCK_AT = 5  # characters of HH:MM at the end of what comes before the seconds
_SAME_YEAR_S = 200 * 86_400
LATE_S = 86_400  # how far behind its file's own time a line may be stamped


class Form(StrEnum):
    """How a stamp counts."""

    WALL = "wall"
    BOOT = "boot"


class Stamp(NamedTuple):
    """Places in a line: what stands before the seconds (``begin`` to ``minute_end``), the zone or year, the seconds' last two digits, and
    where the stamp ends. Lines that differ in digits alone have them in the same places.
    """

    form: Form
    begin: int
    minute_end: int
    zone_begin: int
    zone_end: int
    seconds_begin: int
    seconds_end: int
    end: int


_GROUPS = {"iso": "i", "sys": "s", "hum": "h", "boot": "b", "one": "o", "unix": "u"}


def stamp_of(line: bytes, start: int = 0) -> Stamp | None:
    """The stamp at the beginning of a line; ``None`` where there is none.

    >>> stamp_of(b"Nov 23 06:45:01 web01 cron[1]: x").end
    16
    """
    found = _STAMP.match(line, start)
    if found is None:
        return None
    kind = next(name for name in _GROUPS if found[name] is not None)
    letter = _GROUPS[kind]
    zone = found.span(f"{letter}z") if kind in ("iso", "hum") and found[f"{letter}z"] is not None else (0, 0)
    form = Form.BOOT if kind in ("boot", "one") else Form.WALL
    begin, minute_end = found.span(f"{letter}a")
    return Stamp(form, begin, minute_end, *zone, *found.span(f"{letter}s"), found.end())


class LogClock:
    """Reads stamps as seconds: since 1970, or since the boot. Stamps without a year get the one that fits ``until_s``, by which the log
    was written; ``zone`` is for stamps that name none (``None``: this machine's).
    """

    def __init__(self, until_s: float, zone: dt.tzinfo | None = None) -> None:
        self._until_s = until_s
        self._zone = zone
        self._year: int | None = None
        self._last_s: float | None = None

    def base(self, line: bytes, stamp: Stamp) -> int | None:
        """The seconds of a stamp without its last two digits; ``None`` where no calendar has such a day."""
        text = line[stamp.begin : stamp.minute_end]
        if text[:3] in _MONTHS:
            return self._named(text, line[stamp.zone_begin : stamp.zone_end])
        if b":" not in text:
            return int(text.strip() or b"0") * 100
        return self._iso(text, line[stamp.zone_begin : stamp.zone_end].strip())

    def _iso(self, text: bytes, zone: bytes) -> int | None:
        try:
            naive = dt.datetime(  # noqa: DTZ001 - its zone comes next
                int(text[0:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16])
            )
            return _seconds(naive, _zone(zone) or self._zone)
        except (ValueError, OverflowError, OSError):
            return None

    def _named(self, text: bytes, year: bytes) -> int | None:
        if year:
            return self._of_year(text, int(year))
        if self._year is None:
            self._year = self._guess(text)
        at_s = self._of_year(text, self._year)
        if at_s is not None and self._last_s is not None:
            at_s = self._turned(text, at_s, self._last_s)
        self._last_s = at_s if at_s is not None else self._last_s
        return at_s

    def _guess(self, text: bytes) -> int:
        """The last year in which this stamp is not later than the log itself."""
        latest = dt.datetime.fromtimestamp(self._until_s, dt.UTC).year + 1
        for year in range(latest, latest - 9, -1):  # 29 February comes once in four years, mostly
            at_s = self._of_year(text, year)
            if at_s is not None and at_s <= self._until_s + LATE_S:
                return year
        return latest - 1

    def _turned(self, text: bytes, at_s: int, last_s: float) -> int:
        """A new year began, or a line of the old one came late."""
        year = self._year or 1970
        step = 1 if at_s < last_s - _SAME_YEAR_S else -1 if at_s > last_s + _SAME_YEAR_S else 0
        other = self._of_year(text, year + step) if step else None
        if other is None:
            return at_s
        if step > 0:
            self._year = year + step
        return other

    def _of_year(self, text: bytes, year: int) -> int | None:
        try:
            naive = dt.datetime(  # noqa: DTZ001 - its zone comes next
                year,
                _MONTHS.index(text[:3]) + 1,
                int(text[4:6]),
                int(text[-_CLOCK_AT : -_CLOCK_AT + 2]),
                int(text[-2:]),
            )
            return _seconds(naive, self._zone)
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def year_guessed(self) -> bool:
        """Whether a stamp had no year."""
        return self._year is not None


def _seconds(naive: dt.datetime, zone: dt.tzinfo | None) -> int:
    return int((naive.replace(tzinfo=zone) if zone else naive).timestamp())


def _zone(text: bytes) -> dt.tzinfo | None:
    if not text:
        return None
    if text in (b"Z", b"UTC", b"GMT"):
        return dt.UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    ahead = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(ahead if text[:1] == b"+" else -ahead)
