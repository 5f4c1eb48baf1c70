"""Templates of log lines: a tree of fixed depth (program, number of words, words), after Drain (He et al., ICWS 2017).

Drain takes a line for an instance of a template when enough of its words agree. Then one odd word drowns in a flood. Here words are
given up only where they are seen to vary: a place that held many different words, each of them seldom. A template that is frequent
never swallows one that is rare. Everything is bounded: see the constants.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from crazytrain.decode.log_words import ANY

MOST_TEMPLATES = 8_000
MOST_PROGRAMS = 256
_MOST_LEAVES = 8_000
SELDOM = 20  # a template with more lines is frequent; up to so many of its lines are kept
VARIES = 33  # so many rare templates must differ in a place before its words are given up
_LEAST_AGREEING = 0.4  # the share of words that must stay, as Drain's similarity threshold
_FIRST_LOOK = 64  # a leaf is looked through when it holds so many, then whenever that has doubled
REST = "<anything>"


class Kept(msgspec.Struct, frozen=True):
    """A line that was kept: its number, its time (the log's own clock, seconds; ``None`` where unknown), its first bytes."""

    number: int
    at_s: int | None
    data: bytes


class Template:
    """One kind of line. Its figures are counted by the miner; ``into`` is set once it was made one with another."""

    __slots__ = (
        "best", "best_at", "count", "dhcp", "first_at", "first_number", "gaps", "in_minute", "inside", "into",
        "kept", "last_at", "last_number", "meaning", "minute", "number", "program", "seen_inside", "spent", "words",
    )  # fmt: skip

    def __init__(self, number: int, program: str, words: tuple[str, ...], meaning: str) -> None:
        self.number = number
        self.program = program
        self.words = words
        self.meaning = meaning
        self.count = 0
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.spent = 0
        self.first_number = 0
        self.last_number = 0
        self.minute = -1 << 60
        self.in_minute = 0
        self.best = 0
        self.best_at: int | None = None
        self.gaps: dict[int, int] = {}
        self.kept: list[Kept] = []
        self.inside = 0
        self.seen_inside: list[Kept] = []
        self.dhcp = False
        self.into: Template | None = None

    def last(self) -> "Template":
        """The template that this one has become a part of; itself where it was not."""
        found = self
        while found.into is not None:
            found = found.into
        return found

    def take_in(self, other: "Template") -> None:
        """Count what another one counted; it refers here from now on."""
        self.count += other.count
        self.spent = max(self.spent, other.spent)
        self.inside += other.inside
        if other.count:
            self._take_ends(other)
        for one in (other.best, other.in_minute):
            if one > self.best:
                self.best, self.best_at = one, other.best_at if one == other.best else other.minute
        self.kept = sorted((*self.kept, *other.kept), key=_number)[:SELDOM]
        self.seen_inside = sorted((*self.seen_inside, *other.seen_inside), key=_number)[:SELDOM]
        self.dhcp = self.dhcp or other.dhcp
        other.into, other.kept, other.seen_inside, other.gaps = self, [], [], {}

    def _take_ends(self, other: "Template") -> None:
        if other.first_number and (not self.first_number or other.first_number < self.first_number):
            self.first_number, self.first_at = other.first_number, other.first_at
        if other.last_number > self.last_number:
            self.last_number, self.last_at = other.last_number, other.last_at


def _number(one: Kept) -> int:
    return one.number


Key = tuple[str, ...]


class _Leaf:
    """Templates of one program, meaning and number of words, by their words; ``masks`` are the places whose words were given up."""

    __slots__ = ("by_words", "look_at", "masks", "rest")

    def __init__(self) -> None:
        self.by_words: dict[Key, Template] = {}
        self.masks: dict[tuple[int, ...], None] = {}
        self.look_at = _FIRST_LOOK
        self.rest: Template | None = None

    def find(self, words: Key) -> Template | None:
        found = self.by_words.get(words)
        if found is None:
            for mask in self.masks:
                found = self.by_words.get(_given_up(words, mask))
                if found is not None:
                    break
        return found or self.rest


def _given_up(words: Key, places: Iterable[int]) -> Key:
    left = list(words)
    for place in places:
        left[place] = ANY
    return tuple(left)


class Tree:
    """All templates. ``find`` gives the one of a line, a new one where there is none. ``full`` tells that kinds of lines were no longer
    told apart.
    """

    def __init__(self, most: int = MOST_TEMPLATES) -> None:
        self._most = most
        self._leaves: dict[tuple[str, str, int], _Leaf] = {}
        self._beyond: dict[str, Template] = {}
        self._merged: dict[int, int] = {}
        self._programs: set[str] = set()
        self._next = 1
        self._alive = 0
        self.full = False

    def find(self, program: str, words: Key, meaning: str = "") -> Template:
        """The template of a line of these words."""
        program = self._known_program(program)
        key = (program, meaning, len(words))
        leaf = self._leaves.get(key)
        if leaf is None:
            if len(self._leaves) >= _MOST_LEAVES:
                return self._any(meaning)
            leaf = self._leaves[key] = _Leaf()
        return leaf.find(words) or self._new(leaf, program, words, meaning)

    def templates(self) -> list[Template]:
        """All of them, in order of their numbers, after rare ones that differ in one place were put together a last time."""
        for leaf in self._leaves.values():
            self._look_through(leaf)
        found = [one for leaf in self._leaves.values() for one in (*leaf.by_words.values(), leaf.rest) if one]
        return sorted((*found, *self._beyond.values()), key=lambda one: one.number)

    def part_of(self, number: int) -> int:
        """The number of the template that this one has become a part of; its own where it was not."""
        while number in self._merged:
            number = self._merged[number]
        return number

    def _any(self, meaning: str) -> Template:
        self.full = True
        if meaning not in self._beyond:
            self._beyond[meaning] = Template(self._next, "", (REST,), meaning)
            self._next += 1
        return self._beyond[meaning]

    def _put_in(self, into: Template, one: Template) -> None:
        into.take_in(one)
        self._merged[one.number] = into.number
        self._alive -= 1

    def _known_program(self, program: str) -> str:
        if program not in self._programs:
            if len(self._programs) >= MOST_PROGRAMS:
                return ANY
            self._programs.add(program)
        return program

    def _new(self, leaf: _Leaf, program: str, words: Key, meaning: str) -> Template:
        made = Template(self._next, program, words, meaning)
        self._next += 1
        self._alive += 1
        leaf.by_words[words] = made
        if len(leaf.by_words) >= leaf.look_at:
            self._look_through(leaf)
            leaf.look_at = max(_FIRST_LOOK, 2 * len(leaf.by_words))
        if self._alive > self._most:
            self._make_room(leaf)
        return made.last()

    def _make_room(self, newest: _Leaf) -> None:
        """Tell the kinds of lines in the largest leaf no longer apart, but for the frequent ones."""
        self.full = True
        leaf = max(self._leaves.values(), key=lambda one: len(one.by_words))
        leaf = leaf if len(leaf.by_words) > 1 else newest
        seldom = [one for one in leaf.by_words.values() if one.count <= SELDOM]
        first = seldom[0] if seldom else next(iter(leaf.by_words.values()))
        if leaf.rest is None:
            leaf.rest = Template(self._next, first.program, (REST,), first.meaning)
            self._next += 1
        for one in seldom or (first,):
            del leaf.by_words[one.words]
            self._put_in(leaf.rest, one)

    def _look_through(self, leaf: _Leaf) -> None:
        if len(leaf.by_words) < VARIES:
            return
        places = range(len(next(iter(leaf.by_words))))
        for place in places:
            self._give_up(leaf, (place,))
        varying = _varying(leaf)
        if len(varying) > 1 and 1 - len(varying) / len(places) >= _LEAST_AGREEING:
            self._give_up(leaf, varying)

    def _give_up(self, leaf: _Leaf, places: tuple[int, ...]) -> None:
        """Make those one that differ in these places alone, where they are many."""
        if 1 - len(places) / max(1, len(next(iter(leaf.by_words)))) < _LEAST_AGREEING:
            return
        alike: dict[Key, list[Template]] = {}
        for words, one in leaf.by_words.items():
            if one.count <= SELDOM:
                alike.setdefault(_given_up(words, places), []).append(one)
        for words, many in alike.items():
            if len(many) >= VARIES:
                self._join(leaf, words, many)
                leaf.masks.setdefault(tuple(place for place, word in enumerate(words) if word == ANY))

    def _join(self, leaf: _Leaf, words: Key, many: Sequence[Template]) -> None:
        into = leaf.by_words.get(words) or min(many, key=lambda one: one.number)
        for one in many:
            leaf.by_words.pop(one.words, None)
            if one is not into:
                self._put_in(into, one)
        into.words = words
        leaf.by_words[words] = into


def _varying(leaf: _Leaf) -> tuple[int, ...]:
    """Places that hold many different words in a leaf's rare templates."""
    columns = zip(*(words for words, one in leaf.by_words.items() if one.count <= SELDOM), strict=True)
    return tuple(place for place, column in enumerate(columns) if len(Counter(column)) >= VARIES)
