"""Makes lines alike that differ only in a number of which nothing, or only the size, is told: remaining times and timeouts."""

from bisect import bisect_right
from itertools import repeat
from operator import methodcaller

# Behind these stands what is left of a time, or what a timer was set to: nothing is told of it. None can stand in a call's
# head or begin what it returned, so that the digits behind them can be left out.
_DROPPED = tuple(
    before + fraction
    for before in (b"left {", b"={")
    for fraction in (b"0, ", b"tv_sec=0, tv_nsec=", b"tv_sec=0, tv_usec=")
)
# Behind these stands a timeout: another one of the same size takes its place.
_SIZED = (b", {0, ", b", {tv_sec=0, tv_nsec=", b", {tv_sec=0, tv_usec=")
_LONGEST_SIZED = 9
_MANY = 16  # every sixteenth new line has it
_FEWEST_LINES = 64

# The smallest numbers of which the size in bits is another one, as they are or as thousands (µs that are told in ns).
_SIZES = sorted({0, *(1 << bits for bits in range(30)), *(-(-(1 << bits) // 1000) for bits in range(40))})
_WRITTEN = [b"", *(b"%d" % size for size in _SIZES)]

_without_digits = methodcaller("lstrip", b"0123456789")
_up_to_brace = methodcaller("partition", b"}")


class Squash:
    """Squashes what came often in new lines."""

    def __init__(self) -> None:
        self._dropped: list[bytes] = []
        self._sized: list[bytes] = []

    def watch(self, new: bytes, lines: int) -> None:
        """Look at lines that were not known, to see what makes them differ."""
        if lines >= _FEWEST_LINES:
            for marks, squashed in ((_DROPPED, self._dropped), (_SIZED, self._sized)):
                squashed += [mark for mark in marks if mark not in squashed and new.count(mark) * _MANY > lines]

    def __call__(self, text: bytes) -> bytes:
        """Whole lines that say the same; each is still its own."""
        for mark in self._dropped:
            text = _drop(text, mark)
        for mark in self._sized:
            text = _size(text, mark)
        return text


def _drop(text: bytes, mark: bytes) -> bytes:
    parts = text.split(mark)
    if len(parts) == 1:
        return text
    return mark.join([parts[0], *map(_without_digits, parts[1:])])


def _size(text: bytes, mark: bytes) -> bytes:
    parts = text.split(mark)
    if len(parts) == 1:
        return text
    numbers, _, rests = zip(*map(_up_to_brace, parts[1:]), strict=True)
    if not (b"".join(numbers).isdigit() and all(map(len, numbers)) and max(map(len, numbers)) <= _LONGEST_SIZED):
        return text
    sizes = map(_WRITTEN.__getitem__, map(bisect_right, repeat(_SIZES), map(int, numbers)))
    return mark.join([parts[0], *map(b"}".join, zip(sizes, rests, strict=True))])
