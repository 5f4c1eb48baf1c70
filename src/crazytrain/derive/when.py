"""When pasted snapshots were made: each takes the mark of time that stands with it; order alone tells nothing."""

import itertools
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts
from crazytrain.model.facts.moments import Mark, MarkKind, Moments

_REGION = re.compile(r"#\d{1,6}$")
_DAY_NS = 86_400 * 10**9
_LEAST_NS = 10**8
_MOST_DOUBT = 0.2
_OWN_CLOCKS = (MarkKind.UPTIME, MarkKind.WALL)


class Timing(msgspec.Struct, frozen=True):
    """Moments of all snapshots in order, in ns from the first one, and how they are known."""

    at_ns: tuple[int, ...]
    how: str


class _Place(msgspec.Struct, frozen=True):
    """Where a snapshot stands, and which lines before and behind it belong to no other snapshot."""

    line: int
    before: tuple[Mark, ...]
    behind: tuple[Mark, ...]


def timing(refs: Sequence[Ref], facts: Facts) -> Timing | None:
    """When these snapshots were made; ``None`` with fewer than two, or where that is not told of each of them.

    A clock that stands above each of them counts first, then one below each of them (a prompt that shows the time appears when
    the command above it has ended), then the interval that is told between them.
    """
    if len(refs) < 2 or any(ref.line is None for ref in refs):
        return None
    marks = _marks(facts)
    places = tuple(_places(refs, marks))
    ways: tuple[Callable[[], Timing | None], ...] = (
        *(lambda kind=kind: _by_clock([_last(p.before, kind) for p in places]) for kind in _OWN_CLOCKS),
        *(lambda kind=kind: _by_clock([_first(p.behind, kind) for p in places]) for kind in _OWN_CLOCKS),
        lambda: _by_clock([_first(p.behind, MarkKind.PROMPT) for p in places]),
        lambda: _by_events(places),
        lambda: _by_steps(places, refs, marks),
        lambda: _by_word(refs, marks),
    )
    return next((found for way in ways if (found := way())), None)


def text_of(ref: Ref) -> str:
    """The name of the text in which a piece stands."""
    return _REGION.sub("", ref.evidence)


def _marks(facts: Facts) -> dict[str, list[Mark]]:
    """The marks of each text, in order of its lines."""
    found: dict[str, list[Mark]] = defaultdict(list)
    for moments in facts.all(Moments):
        found[moments.text].extend(moments.marks)
    return {text: sorted(marks, key=_line) for text, marks in found.items()}


def _line(mark: Mark) -> int:
    return mark.line


def _places(refs: Sequence[Ref], marks: Mapping[str, Sequence[Mark]]) -> Iterator[_Place]:
    lines = [(text_of(ref), ref.line or 0) for ref in refs]
    for number, (text, line) in enumerate(lines):
        own = marks.get(text, ())
        above = lines[number - 1] if number else ("", 0)
        below = lines[number + 1] if number + 1 < len(lines) else ("", 0)
        here = bisect_right(own, line, key=_line)
        first = bisect_right(own, above[1], key=_line) if above[0] == text else 0
        end = bisect_left(own, below[1], key=_line) if below[0] == text else len(own)
        yield _Place(line, tuple(own[first:here]), tuple(own[here:end]))


def _last(marks: Sequence[Mark], kind: MarkKind) -> Mark | None:
    return next((mark for mark in reversed(marks) if mark.kind is kind), None)


def _first(marks: Sequence[Mark], kind: MarkKind) -> Mark | None:
    return next((mark for mark in marks if mark.kind is kind), None)


def _by_clock(marks: Sequence[Mark | None]) -> Timing | None:
    known = [mark for mark in marks if mark is not None]
    if len(known) < len(marks) or len({(mark.says, mark.dated) for mark in known}) > 1:
        return None
    at_ns = [0]
    for before, now in itertools.pairwise(known):
        apart = now.ns - before.ns
        apart += _DAY_NS if apart < 0 and not now.dated else 0  # it went past midnight
        at_ns.append(at_ns[-1] + apart)
    fits = all(b - a >= _LEAST_NS for a, b in itertools.pairwise(at_ns)) and at_ns[-1] <= _DAY_NS
    return Timing(tuple(at_ns), f"by {known[0].says}") if fits else None


def _by_events(places: Sequence[_Place]) -> Timing | None:
    """Between an event before and one behind each of them: known well enough where those are much closer than the snapshots."""
    bounds = [(_last(place.before, MarkKind.EVENT), _first(place.behind, MarkKind.EVENT)) for place in places]
    known = [(before, behind) for before, behind in bounds if before and behind]
    if len(known) < len(places) or len({mark.says for pair in known for mark in pair}) > 1:
        return None
    middles = [(before.ns + behind.ns) // 2 for before, behind in known]
    widest = max(behind.ns - before.ns for before, behind in known)
    apart = [b - a for a, b in itertools.pairwise(middles)]
    fits = min(apart) >= _LEAST_NS and widest <= _MOST_DOUBT * min(apart) and middles[-1] - middles[0] <= _DAY_NS
    return Timing(tuple(at - middles[0] for at in middles), f"by {known[0][0].says}") if fits else None


def _by_word(refs: Sequence[Ref], marks: Mapping[str, Sequence[Mark]]) -> Timing | None:
    """Two of them, and one sentence anywhere that tells how far two things are apart."""
    told = [mark for of_text in marks.values() for mark in of_text if mark.kind is MarkKind.APART]
    return Timing((0, told[0].ns), f"by {told[0].says}") if len(told) == 1 and len(refs) == 2 else None


def _by_steps(places: Sequence[_Place], refs: Sequence[Ref], marks: Mapping[str, Sequence[Mark]]) -> Timing | None:
    if len({text_of(ref) for ref in refs}) > 1:
        return None
    loops = [mark for mark in marks.get(text_of(refs[0]), ()) if mark.kind is MarkKind.LOOP]
    around = next((mark for mark in reversed(loops) if mark.line <= places[0].line), None)
    at_ns, how = [0], ""
    for place in places[1:]:
        mark = _last(place.before, MarkKind.STEP) or _last(place.before, MarkKind.LOOP) or around
        if mark is None:
            return None
        how = how or f"by {mark.says}"
        at_ns.append(at_ns[-1] + mark.ns)
    return Timing(tuple(at_ns), how)
