"""A change of a guest's clock as text: what was asked, the diff, QEMU's command line, when it comes true, what was seen."""

from collections.abc import Iterator

from crazytrain.model.clock_change import ClockChange, Site
from crazytrain.report.escape import plain
from crazytrain.report.style import Line, wrapped

WIDTH = 100
_LONG, _LINE = 600, 4000


def clock_change_lines(change: ClockChange, *, width: int = WIDTH) -> tuple[Line, ...]:
    """It as styled lines: before it is done with its diff, afterwards with what was looked at."""
    lines = [
        Line(f"{plain(change.asked, _LONG)}{' (dry run: nothing was changed)' if change.dry_run else ''}", "title")
    ]
    lines += _done(change) if change.done else _planned(change)
    whole = set(_diff(change))
    return tuple(part for one in lines for part in ((one,) if one in whole else wrapped(one, width)))


def _planned(change: ClockChange) -> Iterator[Line]:
    if not change.diff:
        yield Line("  it is so already: there is nothing to change", "good")
        yield from (Line(f"  note: {plain(note, _LONG)}", "dim") for note in change.notes)
        return
    yield from _diff(change)
    yield from _command_line(change)
    if change.dry_run:
        yield from (Line(f"  $ {plain(one, _LONG)}", "command") for one in change.commands)
    yield Line(f"  comes true {plain(change.takes_effect, _LONG)}")
    yield from (Line(f"  note: {plain(note, _LONG)}", "dim") for note in change.notes)


def _diff(change: ClockChange) -> Iterator[Line]:
    styles = {"-": "bad", "+": "good"}
    for line in change.diff:
        named = line.startswith(("---", "+++", "@@"))
        yield Line(f"  {plain(line, _LINE)}", "dim" if named else styles.get(line[:1], "row"))


def _command_line(change: ClockChange) -> Iterator[Line]:
    words = change.qemu
    if words is None:
        return
    if words.gone or words.new:
        yield Line("  QEMU's command line:", "dim")
    yield from (Line(f"  - {plain(one, _LONG)}", "bad") for one in words.gone)
    yield from (Line(f"  + {plain(one, _LONG)}", "good") for one in words.new)


def _done(change: ClockChange) -> Iterator[Line]:
    yield Line("  done", "good")
    yield from (Line(f"  seen: {plain(one, _LONG)}") for one in change.verified)
    if change.site is not Site.INSIDE:
        yield Line(f"  comes true {plain(change.takes_effect, _LONG)}", "verdict")
    if change.case:
        yield Line(f"  how the guest was before is the case {plain(change.case, _LONG)}", "dim")
    if not change.undoes:
        yield Line(f"  the old state is kept in {plain(change.record, _LONG)}; --undo brings it back", "dim")
