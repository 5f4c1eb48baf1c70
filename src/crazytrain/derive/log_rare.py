"""Which rare lines of a log are shown: all where they are few, else those that matter, then the oddest; what is left out is counted."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from crazytrain.model.facts.log_templates import LogLineKept, LogTally, LogTemplate

SELDOM = 20
_FEW = 3
_LINES_FOR_ONE = 10_000
_LEAST_ALIKE = 4
# Words that somebody chose for trouble. They only order what is shown when not all can be.
_TROUBLE = re.compile(
    r"(?i)\b(?:err(?:or)?s?|fail\w*|fatal|crit\w*|emerg\w*|alert|warn\w*|denied|refused|timed? ?out|timeout|lost|dead|abort\w*"
    r"|corrupt\w*|unable|cannot|can't|invalid|unexpected|segfault|exception|traceback|killed|down|unreachable|overflow|dropp\w+|stuck|reset|panic)\b"
)


class Chosen(msgspec.Struct, frozen=True):
    """Lines to show, each with how many more like it were folded into it; and how many were left out, by program or meaning."""

    lines: tuple[tuple[LogLineKept, int], ...]
    left: tuple[tuple[str, int], ...]


def seldom(tally_lines: int) -> int:
    """Up to so many lines are rare in a log of so many: never above what the miner keeps.

    >>> seldom(100), seldom(1_000_000)
    (3, 20)
    """
    return min(SELDOM, max(_FEW, tally_lines // _LINES_FOR_ONE))


def rare_templates(tally: LogTally) -> tuple[LogTemplate, ...]:
    """The kinds of lines that are rare and do not matter by themselves."""
    most = seldom(tally.lines)
    return tuple(one for one in tally.templates if one.count <= most and not one.meaning and len(one.kept) == one.count)


def choose(rare: Sequence[LogTemplate], matter: Sequence[LogLineKept], counts: int, most: int | None) -> Chosen:
    """Choose among rare lines and those that matter (of which there are ``counts``, more than were kept, maybe); ``most`` ``None``: all."""
    rare_lines = [line for one in rare for line in one.kept]
    if most is None or len(rare_lines) + counts <= most:
        lines = sorted((*rare_lines, *matter), key=lambda line: line.number)
        missing = counts - len(matter)
        return Chosen(tuple((line, 0) for line in lines), (("lines that matter", missing),) if missing else ())
    for_matter = most - min(len(rare_lines), most // 2)
    told = _of_each(matter, for_matter) if counts > for_matter else tuple(matter)
    folded, left = _folded(rare, most - len(told))
    shown = sorted((*((line, 0) for line in told), *folded), key=lambda pair: pair[0].number)
    missing = counts - len(told)
    return Chosen(tuple(shown), (*((("lines that matter", missing),) if missing else ()), *left))


def _of_each(lines: Sequence[LogLineKept], most: int) -> tuple[LogLineKept, ...]:
    """So many lines, of each kind in turn: its first, its last, its second, ..."""
    kinds: dict[int, list[LogLineKept]] = {}
    for line in lines:
        kinds.setdefault(line.template, []).append(line)
    turns = [
        (turn, number, line)
        for number, kind in enumerate(kinds.values())
        for turn, line in enumerate(_ends_first(kind))
    ]
    return tuple(line for _, _, line in sorted(turns, key=lambda one: one[:2])[:most])


def _ends_first(lines: list[LogLineKept]) -> list[LogLineKept]:
    return [*lines[:1], *lines[1:][-1:], *lines[1:-1]]


def _folded(
    rare: Sequence[LogTemplate], most: int
) -> tuple[list[tuple[LogLineKept, int]], tuple[tuple[str, int], ...]]:
    """Fold kinds that differ in one word, the largest families first, as far as needed; then leave out what is least odd."""
    families = _families(rare)
    size = sum(one.count for one in rare)
    shown: list[tuple[LogLineKept, int, LogTemplate]] = []
    for family in sorted(families, key=lambda family: -sum(one.count for one in family)):
        lines = sorted((line for one in family for line in one.kept), key=lambda line: line.number)
        fold = size > most and (len(family) >= _LEAST_ALIKE or len(lines) > _FEW)
        if fold:
            size -= len(lines) - 1
            shown.append((lines[0], len(lines) - 1, family[0]))
        else:
            shown.extend((line, 0, family[0]) for line in lines)
    shown.sort(key=lambda one: (-bool(_TROUBLE.search(one[0].text)), one[2].count, -one[0].number))
    left: Counter[str] = Counter()
    for line, more, one in shown[max(0, most) :]:
        del line
        left[one.program or "lines without a program"] += 1 + more
    return [(line, more) for line, more, _ in shown[: max(0, most)]], tuple(left.most_common())


def _families(rare: Iterable[LogTemplate]) -> list[list[LogTemplate]]:
    """Kinds that differ in the same one word; each is in one family, the largest that it fits."""
    alike: dict[tuple[str, int, tuple[str, ...]], list[LogTemplate]] = {}
    whole = list(rare)
    for one in whole:
        for place in range(len(one.words)):
            words = (*one.words[:place], *one.words[place + 1 :])
            alike.setdefault((one.program, place, words), []).append(one)
    taken: set[int] = set()
    families: list[list[LogTemplate]] = []
    for group in sorted(alike.values(), key=len, reverse=True):
        family = [one for one in group if one.number not in taken]
        if len(family) >= _LEAST_ALIKE:
            families.append(family)
            taken.update(one.number for one in family)
    return [*families, *([one] for one in whole if one.number not in taken)]
