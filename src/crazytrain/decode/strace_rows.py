"""Lines of strace as rows, by one regular expression that is made for the way in which this trace's lines begin.

A general pattern has to try all prefixes that strace can write at each line. Those of one trace are alike, so a few lines
tell which pattern reads the rest; that is three times as fast. What the fast pattern does not read, the general one does,
line by line, so that both give the same. Control characters that no terminal acts on are looked for in what is read only.
"""

import re
from collections import Counter
from functools import cache
from typing import NamedTuple

from crazytrain.decode.strace_line import CAREFUL_LINE, CLOSED_LINE, End, end_of, is_plain_note

# Thread, head (`read(17`, `<... read r`), timeout of a wait as written, what follows `) = ` up to the line's end. Empty
# parts where a line has none: all are where it reports no call, the last one where the call has not come back yet.
Row = tuple[bytes, bytes, bytes, bytes]
NOTHING: Row = (b"", b"", b"", b"")
RESUMED = b"<"

_THREADS = (
    rb"()",
    rb"\[pid +(\d+)\] ",
    rb"(\d+) +",
    rb"\[pid +(\d+)<[^>\n]*>\] ",
    rb"(\d+)<[^>\n]*> +",
    rb"(?:\[pid +(\d+)\] )?",  # strace -f before there is a second thread
)
_TIMES = (rb"", rb"\d\d:\d\d:\d\d\.\d+ ", rb"\d\d:\d\d:\d\d ", rb"\d+\.\d+ ", rb" *\d+\.\d+ ")
_SAMPLE_LINES = 24
# Each part is taken once and not given back, nor looked for beyond what a head can be: no line takes time like its length's square.
_HEAD = rb"(<\.\.\. [^ \n]* r|[^(\n]{0,120}+\(\d*+)"
_CUT = rb"[^\n]*(?<= <unfinished \.\.\.>)\n"
_END = rb"(?:[^\n]*\) *= *([^\n]*)\n|" + _CUT + rb")"
# Where no time stands at lines' ends, what is in brackets need not be taken out: it is what makes lines differ.
_SHORT_END = rb"(?:(?>[^\n]*\) *=) *+([^(<\n]*+)(?:\n|\([^)\n]*\)[^(<\n]*\n)|" + _CUT + rb")"
_TOOK = re.compile(rb"<\d+[.,]\d+>$")
# What stands between the head and the timeout, where the first word is the call's name.
_UP_TO_TIMEOUT = {
    "poll": rb"\[[^]\n]*\], \d+",
    "poll of named descriptors": rb"\[[^\n]*\], \d+",
    "sets": rb", \[[^]\n]*\](?:, \[[^]\n]*\], \[[^]\n]*\]|, \d+|(?:, \[[^]\n]*\]|, NULL|, \d+)*)",
    "io_uring": rb", \d+, \d+",
}
_TIMEOUT = rb", (\{[^}\n]*\}|-?\d+|[A-Z_|]+)"
_TIMEOUT_IN_TWO = rb", (?:\{tv_sec=0, tv_nsec=(\d{1,9})\}|(\{[^}\n]*\}|-?\d+|[A-Z_|]+))"
_FORMS = {
    "ppoll": "poll",
    "poll": "poll",
    "select": "sets",
    "_newselect": "sets",
    "pselect6": "sets",
    "epoll_wait": "sets",
    "epoll_pwait": "sets",
    "epoll_pwait2": "sets",
    "io_uring_enter": "io_uring",
}
_CALL = re.compile(rb"[a-z_]\w*\(\d*")
_CAME_BACK = re.compile(rb"<\.\.\. [a-z_]\w* r")
_MOST_KNOWN = 10_000
_MANY = 4  # a block in which every fourth line is odd is not of the dialect


@cache
def _pattern(prefix: bytes, waits: frozenset[str], *, tooks: bool, strict: bool) -> re.Pattern[bytes]:
    """What reads a block; ``tooks``: whether times in the calls stand at the lines' ends."""
    line = prefix + _HEAD + _after_head(waits, _TIMEOUT, rb"()") + (_END if tooks else _SHORT_END)
    return _compiled(line, strict=strict)


@cache
def call_pattern(before: bytes, waits: frozenset[str], *, strict: bool) -> re.Pattern[bytes]:
    """What reads one call a line, without times. Groups: thread, head, a timeout's ns below a second, any other timeout as it is
    written, what was returned.
    """
    line = before + _HEAD + _after_head(waits, _TIMEOUT_IN_TWO, rb"()()") + _SHORT_END
    return _compiled(line, strict=strict)


def _after_head(waits: frozenset[str], timeout: bytes, nothing: bytes) -> bytes:
    forms = b"|".join(_UP_TO_TIMEOUT[form] for form in sorted(waits))
    return rb"(?:(?:" + forms + rb")" + timeout + rb"|)" if waits else nothing


def _compiled(line: bytes, *, strict: bool) -> re.Pattern[bytes]:
    if not strict:  # one character that ends a part is looked for faster than two; what reached too far is noticed
        line = re.sub(rb"\[\^(.)\\n\]", rb"[^\1]", line)
    return re.compile(line + rb"|[^\n]*\n")


class Prefix(NamedTuple):
    """What stands before a call, as patterns; both may be empty."""

    thread: bytes
    time: bytes

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """Both, up to a call's first character; the first group is all of the thread's part."""
        return _prefix_pattern(self)

    @property
    def has_columns(self) -> bool:
        """Whether a call stands in the same column in all lines, behind a time."""
        return bool(self.time) and self.time != _TIMES[-1] and self.thread != _THREADS[-1]


@cache
def _prefix_pattern(prefix: Prefix) -> re.Pattern[bytes]:
    return re.compile(rb"(" + prefix.thread + rb")" + prefix.time + rb"(?=[a-z_<])")


def _sample(block: bytes) -> list[bytes]:
    return [line for line in block.split(b"\n", 4 * _SAMPLE_LINES)[: 4 * _SAMPLE_LINES] if line][:_SAMPLE_LINES]


def _prefix_of(sample: list[bytes]) -> Prefix:
    """The prefix that fits most of some lines."""
    prefixes = [Prefix(thread, time) for thread in _THREADS for time in _TIMES]
    return max(prefixes, key=lambda prefix: sum(prefix.pattern.match(line) is not None for line in sample))


class Sheet:
    """Some whole lines of a trace and the row that each is."""

    def __init__(self, text: bytes, rows: list[Row], *, timed: bool = True) -> None:
        self.text = text  # ends with a line's end
        self.timed = timed  # whether more than the odd lines may say when they were
        self.rows = rows
        self.counts = Counter(rows)
        self.odd: list[int] = []  # lines that the fast pattern may have read wrongly
        self.doubtful: list[int] = []  # lines that may be something else than strace, or a part of a broken line
        self._lines: list[bytes] = []

    @property
    def lines(self) -> list[bytes]:
        """The lines without their ends."""
        if not self._lines and self.rows:
            self._lines = self.text.split(b"\n")[:-1]
        return self._lines

    def part(self, start: int, stop: int) -> "Sheet":
        """Some of the lines, as a sheet of their own."""
        if (start, stop) == (0, len(self.rows)):
            return self
        lines = self.lines[start:stop]
        part = Sheet(b"".join(line + b"\n" for line in lines), self.rows[start:stop], timed=self.timed)
        part.odd = [index - start for index in self.odd if start <= index < stop]
        return part

    @property
    def timed_text(self) -> bytes:
        """The lines in which a time may stand."""
        return self.text if self.timed else b"".join(self.lines[index] + b"\n" for index in self.odd)

    def where(self, kinds: frozenset[Row] | set[Row]) -> list[int]:
        """The lines whose row is one of these."""
        return [index for index, row in enumerate(self.rows) if row in kinds]


class RowReader:
    """Reads blocks of lines of one trace; remembers what its lines look like."""

    def __init__(self) -> None:
        self._prefix: Prefix | None = None
        self._tooks = False
        self.waits: frozenset[str] = frozenset()
        self._plain: set[bytes] = set()  # heads and ends that are read well; none can be taken for one of the others
        self.ends: dict[bytes, End] = {}

    def read(self, block: bytes) -> Sheet:
        """Read whole lines; each is one row. The last one may lack its end."""
        if not block.endswith(b"\n"):
            block += b"\n"
        sheet = self._fast_sheet(block)
        odd = self._odd(sheet)
        if sum(sheet.counts[row] for row in odd) * _MANY > len(sheet.rows):
            self._prefix = None
            sheet = self._fast_sheet(block)
            odd = self._odd(sheet)
        if sum(sheet.counts[row] for row in odd) * _MANY > len(sheet.rows):
            sheet = Sheet(block, CAREFUL_LINE.findall(block)[: block.count(b"\n")])
            odd = self._odd(sheet) | {row for row in sheet.counts if not row[3]}
        if odd:
            self._look_closely(sheet, odd)
        return sheet

    def prefix(self, block: bytes) -> Prefix:
        """What stands before the calls."""
        if self._prefix is None:
            sample = _sample(block)
            self._prefix = _prefix_of(sample)
            self._tooks = any(_TOOK.search(line) for line in sample)
        return self._prefix

    def _fast_sheet(self, block: bytes) -> Sheet:
        return Sheet(block, self._fast(block), timed=bool(self.prefix(block).time))

    def _fast(self, block: bytes) -> list[Row]:
        prefix = b"".join(self.prefix(block))
        rows: list[Row] = _pattern(prefix, self.waits, tooks=self._tooks, strict=False).findall(block)
        if len(rows) == block.count(b"\n"):
            return rows
        return _pattern(prefix, self.waits, tooks=self._tooks, strict=True).findall(block)

    def expect(self, call: str, text: bytes) -> None:
        """Take the timeouts of this wait out of the lines from now on; ``text`` is a line of it in which none was found."""
        form = _FORMS.get(call, "")
        named = "poll of named descriptors"
        if form == "poll" and form in self.waits and b">, events" in text:
            self.waits = self.waits - {form} | {named}
        elif form and not (form == "poll" and named in self.waits):
            self.waits |= {form}

    def _odd(self, sheet: Sheet) -> set[Row]:
        """Rows in which the fast pattern may have read something else than the general one does."""
        plain = self._plain
        return {row for row in sheet.counts if not (row[1] in plain and row[3] in plain) and not self.is_plain(row)}

    def is_plain(self, row: Row) -> bool:
        """Whether the general pattern reads the same, and the line is whole beyond doubt."""
        head, end = row[1], row[3]
        return self._is_plain_head(head) and self.end_of(end).closed if end else _CALL.fullmatch(head) is not None

    def _is_plain_head(self, head: bytes) -> bool:
        plain = head in self._plain or bool(_CALL.fullmatch(head) or _CAME_BACK.fullmatch(head))
        if plain:
            self._make_room()
            self._plain.add(head)
        return plain

    def _make_room(self) -> None:
        if len(self._plain) >= _MOST_KNOWN or len(self.ends) >= _MOST_KNOWN:
            self.ends.clear()
            self._plain.clear()

    def end_of(self, returned: bytes) -> End:
        """What stands behind ``) = ``."""
        end = self.ends.get(returned)
        if end is None:
            end = end_of(returned)
            self._make_room()
            self.ends[returned] = end
            if end.closed:
                self._plain.add(returned)
        return end

    def _look_closely(self, sheet: Sheet, odd: set[Row]) -> None:
        """Read odd lines once more, each for itself, and say which of them are no whole lines of strace."""
        sheet.odd = sheet.where(odd)
        for index in sheet.odd:
            line = sheet.lines[index]
            _put(sheet, index, careful_row(line))
            if not (CLOSED_LINE.match(line + b"\n") or is_plain_note(line)):
                sheet.doubtful.append(index)


def careful_row(line: bytes) -> Row:
    """One line as the general pattern reads it."""
    found = CAREFUL_LINE.match(line)
    return (found[1] or b"", found[2] or b"", b"", found[4] or b"") if found else NOTHING


def _put(sheet: Sheet, index: int, row: Row) -> None:
    before = sheet.rows[index]
    sheet.rows[index] = row
    sheet.counts[row] += 1
    sheet.counts[before] -= 1
    if not sheet.counts[before]:
        del sheet.counts[before]
