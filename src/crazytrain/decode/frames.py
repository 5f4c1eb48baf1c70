"""Takes away what stands before every line of a paste: numbers, bullets, a shell's comment mark, the stamp of the program that printed it.

Such a frame counts only where many lines have it and some of them are of a known kind without it; none is then one with it. A message
in quoted-printable (RFC 2045, what mail programs send and archives keep) is decoded. Lines keep their numbers.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from crazytrain.decode.paste import without_margin
from crazytrain.decode.shapes import SHAPES

_NUMBER = re.compile(rb"[ \t]{0,12}(\d{1,7})(?:\t|: ?|[.)] | ?\| ?| {1,2}(?=\S)| {2}|$)")
_STAMP = re.compile(
    rb"(?P<who>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?P<name>[\w.-]{1,64} [\w./@-]{1,48}(?:\[\d{1,9}\])?): ?"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6,9}(?:Z|[+-]\d\d:\d\d) (?:std(?:out|err) [FP] )?)"
)
_MARKS = (
    re.compile(rb"[ \t]{0,8}(?:[-*+]|\xe2\x80\xa2) "),
    re.compile(rb"[ \t]{0,8}(?:#|//|;) ?"),
    re.compile(rb"[ \t]{0,8}`(?=[^`]+`\\?$)"),
    re.compile(rb"\| ?(?=[^\n]*\|$)"),
)
_ENDS = re.compile(rb"(?: *\||`\\?|<br ?/?>)$")
_RULE = re.compile(rb"[ \t|]{0,8}:?-{2,}:?[ \t]*\|[-:| \t]{2,400}$")  # below the head of a table
_BARS = re.compile(rb"[ \t]*\|[ \t]*")
_BREAKS = re.compile(rb"<br ?/?>$")
_FEWEST, _SAMPLE = 2, 400
_MOST = 0.6  # of the lines that are not blank
_SOFT_BREAK = re.compile(rb"=[ \t]*$")
_ENCODED = re.compile(rb"=([0-9A-F]{2})")
_NO_QUOTED_PRINTABLE = re.compile(rb"=(?![0-9A-F]{2}|[ \t]*$)", re.MULTILINE)
_LINE_OF_QUOTED_PRINTABLE = 78
_MOST_PIECES = 400

Change = Callable[[bytes], bytes]


def unframed(lines: Sequence[bytes]) -> list[bytes]:
    """The lines without what stands before each of them; as they are where nothing does."""
    found = _unnumbered(_readable(list(lines)))
    for change in (_without_break, *_changes(found)):
        found = _changed(found, change)
    return _changed(found, _without_bars) if any(_RULE.match(line) for line in found) else found


def _changes(lines: Sequence[bytes]) -> Iterator[Change]:
    filled = [line for line in lines if line.strip()]
    names = Counter(found["name"] or b"" for line in filled if (found := _STAMP.match(line)))
    if names and names.most_common(1)[0][1] > _MOST * len(filled):
        yield lambda line: _STAMP.sub(b"", line, count=1)
    for mark in _MARKS:
        if sum(mark.match(line) is not None for line in filled) > _MOST * len(filled):
            yield lambda line, mark=mark: _ENDS.sub(b"", mark.sub(b"", line, count=1)) if mark.match(line) else line  # type: ignore[misc]


def _without_bars(line: bytes) -> bytes:
    """A row of a table in Markdown with blanks instead of the bars between its columns."""
    return _BARS.sub(b"  ", line).strip(b" |") if len(_BARS.findall(line)) >= _FEWEST else line


def _without_break(line: bytes) -> bytes:
    return _BREAKS.sub(b"", line)


def _unnumbered(lines: list[bytes]) -> list[bytes]:
    """The lines without numbers that grow by one from each line to the next, where they are known without these."""
    numbers = [int(found[1]) if (found := _NUMBER.match(line)) else None for line in lines]
    follow = sum(b is not None and a is not None and b == a + 1 for a, b in itertools.pairwise(numbers))
    filled = sum(bool(line.strip()) for line in lines)
    few = filled <= _FEWEST and numbers[:1] == [1] and follow + 1 == filled
    if not few and (follow < _FEWEST or follow + 1 <= _MOST * filled):
        return lines
    bare = [_NUMBER.sub(b"", line, count=1) for line in lines]
    before, after = (sum(map(_is_known, some[:_SAMPLE])) for some in (lines, bare))
    return bare if after and 2 * after >= before else lines


def _changed(lines: list[bytes], change: Change) -> list[bytes]:
    """The lines changed, where that makes some of them known and none unknown."""
    bare = [change(line) for line in lines]
    known = 0
    for line, without in [pair for pair in zip(lines, bare, strict=True) if pair[0] != pair[1]][:_SAMPLE]:
        after = _is_known(without)
        if not after and _is_known(line):
            return lines
        known += after
    return bare if known else lines


def _is_known(line: bytes) -> bool:
    bare = without_margin(line)
    return any(shape.whole(bare) or shape.begun(bare) for shape in SHAPES)


def _readable(lines: list[bytes]) -> list[bytes]:
    """Lines of a message in quoted-printable, decoded: one with ``=`` at its end goes on in the next."""
    ends = sum(_SOFT_BREAK.search(line) is not None for line in lines)
    text = b"\n".join(lines)
    encoded = _ENCODED.search(text)
    if (
        not ((ends and encoded) or ends > 1 or b"=3D" in text)
        or any(len(line) > _LINE_OF_QUOTED_PRINTABLE for line in lines)
        or _NO_QUOTED_PRINTABLE.search(text)
    ):
        return lines
    found, at = list(lines), 0
    while at < len(found):
        count = 1
        while count < _MOST_PIECES and at + count < len(found) and _SOFT_BREAK.search(found[at]):
            found[at] = _SOFT_BREAK.sub(b"", found[at]) + found[at + count]
            found[at + count] = b""
            count += 1
        found[at] = _ENCODED.sub(lambda hexed: bytes([int(hexed[1], 16)]), found[at])
        at += count
    return found
