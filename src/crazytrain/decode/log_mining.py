"""A log of any size, block by block: every line counted as one of its template, in bounded memory.

Most lines of a flood differ from others in their digits alone. So a block is masked at once (each digit becomes 0), and a line whose masked
form was met before costs two look-ups: its template, and its minute. Only what is new is taken apart. A line's time is always its own:
the masked form tells where the stamp stands.
"""

import datetime as dt
import re
from collections import Counter, deque
from collections.abc import Callable, Sequence

import msgspec

from crazytrain.decode.log_clock_falls import Falls
from crazytrain.decode.log_dhcp import DhcpWatch
from crazytrain.decode.log_reading import Entry, LineReader
from crazytrain.decode.log_stamp import Form
from crazytrain.decode.log_tree import SELDOM, Kept, Template, Tree
from crazytrain.model.facts.log_templates import LogSpan

LONGEST_KEPT = 600
_LONGEST_KEY = 1024
_MOST_KNOWN = 60_000
_KNOWN_BYTES = 16 << 20
_MOST_GAPS = 64
_KEPT_BYTES = 24 << 20
_MOST_MATTER = 200  # so many at the beginning and at the end
_MINUTE_S = 60
# Identifiers that are new each time (a DHCP transaction); masked as the words are.
_HEX = re.compile(rb"=0x[0-9a-f]{1,64}(?![0-9A-Za-z])")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")

Sink = Callable[[int, int], None]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What of a log is wanted, in seconds of its own clock: lines from ``since`` to ``until`` are counted; of those from ``inside_from`` to
    ``inside_until`` more is kept.
    """

    since: float | None = None
    until: float | None = None
    inside_from: float | None = None
    inside_until: float | None = None

    def has(self, now: int | None) -> bool:
        """Whether a line of this time counts."""
        if self.since is None and self.until is None:
            return True
        return (
            now is not None and (self.since is None or now >= self.since) and (self.until is None or now <= self.until)
        )

    def is_inside(self, now: int | None) -> bool:
        """Whether more is kept of a line of this time."""
        if now is None or self.inside_from is None:
            return False
        return now >= self.inside_from and (self.inside_until is None or now <= self.inside_until)


class Matter:
    """The lines that matter: counted, and the first and last of them kept, as (template, line)."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[tuple[Template, Kept]] = []
        self.last: deque[tuple[Template, Kept]] = deque(maxlen=_MOST_MATTER)

    def see(self, template: Template, kept: Kept) -> None:
        """A line that matters."""
        self.counts[template.meaning] += 1
        (self.first if len(self.first) < _MOST_MATTER else self.last).append((template, kept))


class Miner:
    """Takes a log in. ``begin`` a source, ``feed`` its blocks of whole lines; `log_tally.tally` tells what is known at any time.

    ``sink`` hears of each line that counts: its place in the block that was fed, and its template's number at that moment.
    """

    def __init__(
        self, wanted: Wanted | None = None, *, zone: dt.tzinfo | None = None, sink: Sink | None = None
    ) -> None:
        self.tree = Tree()
        self.dhcp = DhcpWatch()
        self.matter = Matter()
        self.lines = 0
        self.bytes = 0
        self.outside = 0
        self.long_lines = 0
        self._wanted = wanted or Wanted()
        self._around = self._wanted.inside_from is not None
        self._ranged = self._wanted.since is not None or self._wanted.until is not None
        self._sink = sink
        self._reader = LineReader(self.tree, zone)
        self._known: dict[bytes, Entry] = {}
        self._known_bytes = 0
        self._falls = Falls()
        self._kept_bytes = 0
        self._untimed = 0
        self._first_s: int | None = None
        self._last_s: int | None = None

    def begin(self, until_s: float) -> None:
        """Another source begins, which was written until then (seconds since 1970): for stamps without a year."""
        self._reader.begin(until_s)

    def feed(self, block: bytes) -> None:
        """Take whole lines, each with its line end (the last one may miss it)."""
        self.bytes += len(block)
        lines = block.split(b"\n")
        keys = _masked(block).split(b"\n")
        if not lines[-1]:
            lines.pop()
            keys.pop()
        self._take(lines, keys)

    def feed_lines(self, lines: Sequence[bytes], size: int) -> None:
        """Take lines without line ends, which were ``size`` bytes where they came from."""
        self.bytes += size
        self._take(lines, [line.translate(_DIGITS) for line in lines])

    def go_on(self, size: int) -> None:
        """The line that was fed last was too long for one block: so many bytes of it follow."""
        self.bytes += size

    def _take(self, lines: Sequence[bytes], keys: Sequence[bytes]) -> None:  # noqa: C901, PLR0912 - a call a line costs a fifth of the speed
        """The one loop that must be fast: what can be is a local name, and what comes once in a while is a call."""
        reader, known, special = self._reader, self._known, self._around or self._sink is not None
        if reader.settle_form(lines):
            known.clear()
        minutes, falls, boot = reader.minutes, self._falls, reader.form is Form.BOOT
        now, number, ranged = self._last_s, self.lines, self._ranged
        for place, (key, line) in enumerate(zip(keys, lines, strict=True)):
            number += 1
            entry = known.get(key)
            if entry is None or entry[0].into is not None:
                entry = self._meet(key, line)
            template, begin, end, zone, zone_end, at, at_end, message = entry
            if at:
                base = minutes.get(line[begin:end] + line[zone:zone_end])
                if base is None:
                    base = reader.minute(line, entry, now or 0)
                stamped = base + int(line[at:at_end]) + falls.sum_s
                if now is None:
                    self._first_s = stamped
                elif stamped < now:
                    stamped = falls.fell(number, now, stamped, boot=boot)
                now = stamped
            else:
                self._untimed += 1
            if ranged and not self._wanted.has(now):
                self.outside += 1
                continue
            template.count = count = template.count + 1
            if now is not None:
                _count_time(template, now)
            template.last_number = number
            if count <= SELDOM + 1 or template.meaning:
                self._keep(template, number, now, line)
            if template.dhcp:
                self.dhcp.see(template.program, line, message, now, template.number)
            if special:
                self._tell(place, Kept(number, now, line[:LONGEST_KEPT]), template)
        self._last_s, self.lines = now, number

    def _meet(self, key: bytes, line: bytes) -> Entry:
        """A line whose masked form is new."""
        entry = self._reader.read(line, key)
        if len(key) <= _LONGEST_KEY:
            self._known_bytes += len(key)
            if len(self._known) >= _MOST_KNOWN or self._known_bytes > _KNOWN_BYTES:
                self._known.clear()
                self._known_bytes = len(key)
            self._known[key] = entry
        return entry

    def _keep(self, template: Template, number: int, now: int | None, line: bytes) -> None:
        if template.count == 1:
            template.first_number, template.first_at = number, now
        if template.meaning:
            self.matter.see(template, Kept(number, now, line[:LONGEST_KEPT]))
        kept = template.kept
        if template.count > SELDOM:
            for one in kept[1:] if len(kept) > 1 else ():
                self._kept_bytes -= len(one.data)
            del kept[1:]
        elif not kept or self._kept_bytes < _KEPT_BYTES:
            kept.append(Kept(number, now, line[:LONGEST_KEPT]))
            self._kept_bytes += len(kept[-1].data)

    def _tell(self, place: int, line: Kept, template: Template) -> None:
        if self._wanted.is_inside(line.at_s):
            template.inside += 1
            if len(template.seen_inside) < SELDOM:
                template.seen_inside.append(line)
        if self._sink:
            self._sink(place, template.number)

    def span(self) -> LogSpan:
        """What time was covered so far."""
        falls = self._falls
        return LogSpan(
            first_s=self._first_s,
            last_s=self._last_s,
            boots=tuple(falls.boots) if self._reader.form is Form.BOOT else None,
            untimed=self._untimed,
            jumps=tuple(falls.jumps),
            back_s=falls.back_s,
            more_jumps=falls.more,
            year_guessed=self._reader.year_guessed,
        )


def _masked(block: bytes) -> bytes:
    """A block whose lines are equal where they differ in digits alone, or in identifiers behind their stamps."""
    masked = block.translate(_DIGITS)
    if b"=0x" in masked and masked.count(b"\r") == masked.count(b"\r\n"):  # behind a carriage return a stamp may follow
        return _HEX.sub(b"=0x0", masked)
    return masked


def _count_time(template: Template, now: int) -> None:
    last = template.last_at
    if last is not None and now > last:
        gaps, gap = template.gaps, now - last
        template.spent += gap
        if gap in gaps:
            gaps[gap] += 1
        elif len(gaps) < _MOST_GAPS:
            gaps[gap] = 1
    template.last_at = now
    if 0 <= now - template.minute < _MINUTE_S:
        template.in_minute += 1
        return
    if template.in_minute > template.best:
        template.best, template.best_at = template.in_minute, template.minute
    template.minute, template.in_minute = now - now % _MINUTE_S, 1
