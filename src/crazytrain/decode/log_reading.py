"""One log line taken apart: where its stamp stands, who says it, which template it is of, and whether it matters."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from crazytrain.decode.log_dhcp import like_dhcp
from crazytrain.decode.log_matters import matters
from crazytrain.decode.log_stamp import Form, LogClock, Stamp, stamp_of
from crazytrain.decode.log_tree import Template, Tree
from crazytrain.decode.log_words import Words, is_binary, shown_part, spoken, without_controls

LONGEST_READ = 4096  # of a line, for its template
BINARY = "<no text>"
_FIRST_LINES = 400
_MOST_MINUTES = 20_000
_MOST_REMEMBERED = 10_000
_NUMBER = re.compile(r"\d+")
_PLAIN = bytes(range(32, 127)) + b"\t"
_NEVER_KNOWN = frozenset({"", "kernel"})  # what follows decides where their message begins


class Entry(NamedTuple):
    """Which template a line is of, and where in it what stands: its stamp up to the minute, zone or year, seconds (see ``Stamp``; all 0
    where it has none), and where the message begins.
    """

    template: Template
    begin: int
    minute_end: int
    zone_begin: int
    zone_end: int
    seconds_begin: int
    seconds_end: int
    message: int


class _Head(NamedTuple):
    """What stands before a message: who says it, as it is named and masked, the places of its stamp, and where the message begins."""

    named: str
    program: str
    places: tuple[int, int, int, int, int, int]
    message: int


class LineReader:
    """Reads lines whose like was not met before. ``form``: the clock that the log counts by, once that is known."""

    def __init__(self, tree: Tree, zone: dt.tzinfo | None) -> None:
        self.tree = tree
        self._words = Words()
        self._by_words: dict[tuple[str, tuple[str, ...]], Template] = {}
        self._zone = zone
        self._clock = LogClock(0.0, zone)
        self._heads: dict[bytes, _Head] = {}
        self.form: Form | None = None
        self.minutes: dict[bytes, int] = {}
        self.year_guessed = False

    def begin(self, until_s: float) -> None:
        """Another source begins, which was written until then."""
        self._clock = LogClock(until_s, self._zone)
        self.minutes.clear()

    def settle_form(self, lines: Sequence[bytes]) -> bool:
        """One clock for the whole log: that of most of its first lines; stamps of the other kind are words. Whether it was settled now."""
        if self.form is None:
            forms = Counter(stamp.form for line in lines[:_FIRST_LINES] if (stamp := _stamp(line)))
            self.form = forms.most_common(1)[0][0] if forms else None
            self._heads.clear()
            return self.form is not None
        return False

    def minute(self, line: bytes, entry: Entry, before_s: int) -> int:
        """The seconds of a minute that was not met yet; those of the line before where no calendar has it."""
        stamp = _stamp(line)
        base = self._clock.base(line, stamp) if stamp else None
        if base is None:
            return before_s - int(line[entry.seconds_begin : entry.seconds_end])
        self.year_guessed = self.year_guessed or self._clock.year_guessed
        if len(self.minutes) >= _MOST_MINUTES:
            self.minutes.clear()
        self.minutes[line[entry.begin : entry.minute_end] + line[entry.zone_begin : entry.zone_end]] = base
        return base

    def read(self, whole: bytes, key: bytes) -> Entry:
        """Take a line apart; ``key`` is its masked form."""
        line = whole[:LONGEST_READ]
        text = line.removesuffix(b"\r")
        if text.translate(None, _PLAIN):
            return self._read_odd(line)
        cut = key.find(b": ", 0, LONGEST_READ) + 2
        head = self._heads.get(key[:cut])
        if head is None:
            head = self._head(text)
            if cut > 1 and head.message == cut and head.program not in _NEVER_KNOWN:
                if len(self._heads) >= _MOST_REMEMBERED:
                    self._heads.clear()
                self._heads[key[:cut]] = head
        return Entry(self._template(head, text[head.message :].strip()), *head.places, head.message)

    def _read_odd(self, line: bytes) -> Entry:
        """A line that holds more than plain ASCII."""
        head = self._head(line)
        if is_binary(line):
            return Entry(self.tree.find("", (BINARY,)), *head.places, len(line))
        return Entry(self._template(head, without_controls(line[head.message :]).strip()), *head.places, head.message)

    def _head(self, line: bytes) -> _Head:
        stamp = _stamp(line)
        begin = stamp.end if stamp else shown_part(line)
        rest = line[begin:]
        named, end = spoken(rest, boot=stamp is None or stamp.form is Form.BOOT)
        inner = stamp_of(rest, end) if named == "kernel" else None
        end = inner.end if inner else end
        timed = stamp is not None and stamp.form is self.form
        places = (*stamp[1:7],) if stamp and timed else (0, 0, 0, 0, 0, 0)
        return _Head(named, _NUMBER.sub("<n>", named), places, begin + end)

    def _template(self, head: _Head, message: bytes) -> Template:
        words = self._words.of(message)
        template = self._by_words.get((head.program, words))
        if template is None or template.into is not None:
            template = self.tree.find(head.program, words, matters(head.named, message.decode("utf-8", "replace")))
            template.dhcp = template.dhcp or like_dhcp(message)
            self._remember(head.program, words, template)
        return template

    def _remember(self, program: str, words: tuple[str, ...], template: Template) -> None:
        if template.words == words:  # words that vary would fill the room with what comes once
            if len(self._by_words) >= _MOST_REMEMBERED:
                self._by_words.clear()
            self._by_words[program, words] = template


def _stamp(line: bytes) -> Stamp | None:
    return stamp_of(line, shown_part(line)) or stamp_of(line)
