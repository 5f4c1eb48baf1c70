"""Where one kernel's log ends and another's begins in pasted text: the host's and a guest's may stand together without a word between."""

from collections.abc import Callable, Iterator, Sequence

from crazytrain.decode.log_lines import LogLine

_FALLS_NS = 60 * 10**9  # lines of several CPUs are out of order by less
_MOST_PIECES = 64

Numbered = Sequence[tuple[int, LogLine]]
Side = tuple[bool, bool]


def by_side(lines: Numbered, side: Callable[[Sequence[str]], Side]) -> list[tuple[Numbered, Side]]:
    """The lines in pieces of one side each: whether it is the host's, and whether that is sure.

    A new piece begins where the kernel's stamps fall far back; one that does not tell whose it is, is of the whole text's side. Where
    all is of one side (a log of several boots), it stays one piece.
    """
    whole = side([line.text for _, line in lines])
    pieces = list(_pieces(lines))
    sides = [side([line.text for _, line in piece]) for piece in pieces]
    sides = [one if one[1] else whole for one in sides]
    if len({one[0] for one in sides}) < 2:
        return [(lines, whole)]
    joined: list[tuple[Numbered, Side]] = []
    for piece, own in zip(pieces, sides, strict=True):
        if joined and joined[-1][1][0] == own[0]:
            joined[-1] = ((*joined[-1][0], *piece), (own[0], own[1] or joined[-1][1][1]))
        else:
            joined.append((piece, own))
    return joined


def _pieces(lines: Numbered) -> Iterator[Numbered]:
    begin, last_ns, found = 0, 0, 0
    for at, (_, line) in enumerate(lines):
        if line.stamp_ns is None:
            continue
        if line.stamp_ns < last_ns - _FALLS_NS and found < _MOST_PIECES:
            yield lines[begin:at]
            begin, found = at, found + 1
        last_ns = line.stamp_ns
    yield lines[begin:]
