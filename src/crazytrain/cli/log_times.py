"""Times as people write them: ``13:33``, ``2026-11-23 13:33``, ``Nov 23 13:33``, ``1234.5`` (since the boot), ``5m``."""

import datetime as dt
import re
import zoneinfo

import msgspec

from crazytrain.model.errors import BadInput

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?")
_DAY = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?))? ?(Z|UTC|[+-]\d\d:?\d\d)?")
_NAMED = re.compile(r"([A-Za-z]{3})[a-z]{0,6} {1,2}(\d{1,2})(?: (\d{1,2}:\d\d(?::\d\d)?))?")
_SINCE_BOOT = re.compile(r"\+?(\d{1,9}(?:\.\d{1,9})?) ?s?")
_LENGTH = re.compile(r"(\d{1,7}(?:\.\d{1,3})?) ?(s|m|min|h|d)?")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, None: 60}
_DAY_S = 86_400


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A moment as it was written. ``day`` is ``None`` where only a time of day was said, ``year`` where that was left out.

    ``since_boot_s``: counted from the boot instead.
    """

    text: str
    clock_s: int = 0
    day: tuple[int, int] | None = None
    year: int | None = None
    zone: dt.tzinfo | None = None
    since_boot_s: float | None = None


def moment(text: str) -> Moment:
    """Read a moment. Raises ``BadInput`` with what can be said.

    >>> moment("13:33").clock_s
    48780
    """
    text = text.strip()
    if found := _CLOCK.fullmatch(text):
        return Moment(text=text, clock_s=_of_clock(text))
    if found := _DAY.fullmatch(text):
        day = int(found[2]), int(found[3])
        zone = zone_of(found[5]) if found[5] else None
        return _checked(
            Moment(text=text, clock_s=_of_clock(found[4] or "0:00"), day=day, year=int(found[1]), zone=zone)
        )
    if (found := _NAMED.fullmatch(text)) and found[1].lower() in _MONTHS:
        day = _MONTHS.index(found[1].lower()) + 1, int(found[2])
        return _checked(Moment(text=text, clock_s=_of_clock(found[3] or "0:00"), day=day))
    if found := _SINCE_BOOT.fullmatch(text):
        return Moment(text=text, since_boot_s=float(found[1]))
    raise BadInput(
        f"{text!r} is no time",
        "13:33, 13:33:20, '2026-11-23 13:33', 'Nov 23 13:33', or seconds since the boot (1234.5).",
    )


def _checked(said: Moment) -> Moment:
    try:
        dt.datetime(said.year or 2024, *(said.day or (1, 1)), tzinfo=dt.UTC)
    except ValueError as error:
        raise BadInput(f"{said.text!r} is no day of the calendar") from error
    return said


def _of_clock(text: str) -> int:
    hours, minutes, seconds = (int(float(part)) for part in (*text.split(":"), "0")[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        raise BadInput(f"{text!r} is no time of day")
    return hours * 3600 + minutes * 60 + seconds


def length_s(text: str) -> float:
    """Read a length of time, minutes where no unit is named. Raises ``BadInput``.

    >>> length_s("5m"), length_s("90s"), length_s("2h")
    (300.0, 90.0, 7200.0)
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{text!r} is no length of time", "30s, 5m, 2h or 1d")
    return float(found[1]) * _UNITS[found[2]]


def zone_of(text: str) -> dt.tzinfo | None:
    """Read a time zone; ``local`` is ``None``. Raises ``BadInput``."""
    if text.lower() == "local":
        return None
    if text.upper() in ("Z", "UTC", "GMT"):
        return dt.UTC
    if found := re.fullmatch(r"([+-])(\d\d):?(\d\d)", text):
        ahead = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
        return dt.timezone(ahead if found[1] == "+" else -ahead)
    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"{text!r} is no time zone", "local, UTC, +02:00 or a name as Europe/Berlin") from error


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a log's time once it was read: ``first_s`` and ``last_s`` of its clock, ``boots`` where that counts from the boot.

    ``ahead_s``: how far its clock is ahead of the time that people say; ``boot_wall_s``: when its last boot was.
    """

    first_s: int | None
    last_s: int | None
    boots: tuple[int, ...] | None
    zone: dt.tzinfo | None
    ahead_s: float = 0.0
    boot_wall_s: float | None = None


def seconds_of(said: Moment, ends: Ends) -> float:
    """A moment on the log's clock. Raises ``BadInput`` where the log has no such clock."""
    if ends.last_s is None:
        raise BadInput("the log has no times that can be read", "Leave --around, --since, --until and --incident out.")
    if said.since_boot_s is not None:
        if ends.boots is None:
            raise BadInput(f"{said.text!r} counts from the boot, but the log has the time of day")
        return said.since_boot_s + (ends.boots[-1] if ends.boots else 0)
    if ends.boots is None:
        return _wall_s(said, ends.zone, ends.last_s - ends.ahead_s) + ends.ahead_s
    if ends.boot_wall_s is None:
        raise BadInput(
            "the log's clock counts from the boot, and nobody knows when that was",
            "Say --around in seconds since the boot: 1234.5",
        )
    begin_s = ends.boots[-1] if ends.boots else 0
    wall_s = _wall_s(said, ends.zone, ends.last_s - begin_s + ends.boot_wall_s)
    return wall_s - ends.boot_wall_s + begin_s


def _wall_s(said: Moment, zone: dt.tzinfo | None, last_s: float) -> float:
    """Seconds since 1970; what was left out (day, year) is the last one within the log."""
    last = dt.datetime.fromtimestamp(last_s, dt.UTC).astimezone(said.zone or zone)
    month, day = said.day or (last.month, last.day)
    years = (said.year,) if said.year else (last.year, last.year - 1) if said.day else (last.year,)
    found = last_s
    for year in years:
        try:
            midnight = dt.datetime(year, month, day)  # noqa: DTZ001 - its zone comes next
        except ValueError:
            continue
        at = midnight + dt.timedelta(seconds=said.clock_s)
        found = (at.replace(tzinfo=said.zone or zone) if said.zone or zone else at).timestamp()
        if found <= last_s:
            break
    return found - (_DAY_S if said.day is None and found > last_s else 0)
