"""A log's seconds as times for people: with the zone that was chosen, moved by what the log's clock is off, or counted from the boot."""

import datetime as dt
from collections.abc import Sequence

import msgspec

_FIRST_S, _LAST_S = -62_000_000_000, 253_000_000_000  # what a calendar of four digits holds


class LogTimes(msgspec.Struct, frozen=True, kw_only=True):
    """``boots`` as in ``LogSpan``. ``ahead_s``: how far the log's clock is ahead of the time that is shown. ``boot_wall_s``: when the
    (last) boot was, where that is known. ``zone`` ``None``: this machine's.
    """

    boots: tuple[int, ...] | None = None
    zone: dt.tzinfo | None = None
    ahead_s: float = 0.0
    boot_wall_s: float | None = None

    def shown(self, at_s: float | None) -> str:
        """A time; empty where none is known."""
        if at_s is None:
            return ""
        if self.boots is None:
            return self._wall(at_s - self.ahead_s)
        begin_s, number = _boot(self.boots, at_s)
        if self.boot_wall_s is not None and number == len(self.boots) + 1:
            return self._wall(at_s - begin_s + self.boot_wall_s)
        return f"boot {number} +{at_s - begin_s:.0f} s" if self.boots else f"+{at_s:.0f} s"

    def _wall(self, at_s: float) -> str:
        if not _FIRST_S < at_s < _LAST_S:
            return f"{at_s:.0f}"
        return dt.datetime.fromtimestamp(at_s, dt.UTC).astimezone(self.zone).isoformat(" ", "seconds")

    def clock(self) -> str:
        """What the times are, for people."""
        if self.boots is None:
            moved = f", moved by {-self.ahead_s:+.6g} s" if self.ahead_s else ""
            return f"wall-clock time{moved}"
        return "seconds since the boot" + (", of which it is known when it was" if self.boot_wall_s is not None else "")


def _boot(boots: Sequence[int], at_s: float) -> tuple[int, int]:
    """When that boot began, on the log's growing clock, and its number."""
    begun = [begin for begin in boots if begin <= at_s]
    return (begun[-1] if begun else 0), len(begun) + 1
