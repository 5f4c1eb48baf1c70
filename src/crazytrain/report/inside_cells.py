"""Small pieces of what is shown of a guest's inside: names that cannot harm a terminal, shares with their doubt, tables."""

from collections.abc import Iterator, Sequence

from crazytrain.model.facts.inside import GuestFrame, Mode
from crazytrain.model.facts.inside_view import Share
from crazytrain.model.figures import share, span
from crazytrain.report.escape import plain
from crazytrain.report.text import Line

_LONGEST_NAME = 24


def name(text: str, longest: int = _LONGEST_NAME) -> str:
    """A short name of the guest's choice, harmless to show."""
    shown = plain(text, 64)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def doubtful(one: Share) -> str:
    """A share and what the true one lies between: ``65 % (55 to 74 %)``."""
    return f"{share(one.ratio)} ({one.low * 100:.0f} to {one.high * 100:.0f} %)"


def around(one: Share | None) -> str:
    """The same in few letters, for tables: ``65±9 %``; ``?`` where nobody looked."""
    if one is None or not one.samples:
        return "?"
    return f"{one.ratio * 100:.0f}±{(one.high - one.low) * 50:.0f} %"


def optional(ratio: float | None) -> str:
    """A share, or ``?`` where it is not known."""
    return "?" if ratio is None else share(ratio)


def frame(one: GuestFrame, mode: Mode = Mode.KERNEL) -> str:
    """One frame of a stack."""
    if one.name:
        return f"{plain(one.name, 120)}+{one.offset:#x}"
    return f"{one.address:#x}" + (" (program code)" if mode is Mode.USER else " (no symbol)")


def since_boot(ns: int) -> str:
    """A moment since boot, as the kernel's log has it: ``28.072023 s``."""
    return f"{ns / 1e9:.6f} s" if abs(ns) < 10**14 else span(ns)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], left: frozenset[int]) -> Iterator[Line]:
    """Rows under their titles, in columns; those of ``left`` are words, the others figures."""
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    for number, row in enumerate((titles, *rows)):
        cells = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield Line(("  " + "  ".join(cells)).rstrip(), "plain" if number else "dim")


def titled(title: str, lines: Iterator[Line]) -> Iterator[Line]:
    """Lines under a title with an empty line before it; nothing where there are none."""
    first = next(lines, None)
    if first is not None:
        yield Line("")
        yield Line(title, "title")
        yield first
        yield from lines
