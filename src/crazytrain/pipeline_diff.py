"""Two guests beside each other: reads both with the code that every look uses, compares them, and says the answer."""

from collections.abc import Sequence

import msgspec

from crazytrain import __version__
from crazytrain.derive.compare import compared
from crazytrain.derive.compare_weight import judged
from crazytrain.derive.sibling import alike, unlike
from crazytrain.model.case import Case
from crazytrain.model.difference import Comparison, DiffReport, SideView
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude, read
from crazytrain.report.diff_answer import answer
from crazytrain.report.diff_plain import harmless
from crazytrain.report.escape import plain
from crazytrain.report.text import who

DIFF_SCHEMA_VERSION = 1


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two. ``kind``: ``live``, ``case`` or ``text``. ``known`` are facts of text that was decoded while it was read.

    ``report`` is what was concluded of it, where that was done already.
    """

    name: str
    kind: str
    case: Case
    known: tuple[object, ...] = ()
    notes: tuple[str, ...] = ()
    report: Report | None = None


def diff(here: Side, there: Side) -> DiffReport:
    """Compare two guests. Pure: the same evidence gives the same answer."""
    mine, other = read(here.case.evidence, here.known), read(there.case.evidence, there.known)
    sides = _view(here), _view(there)
    said = [judged(side.family, side.cause, side.confidence, side.symptoms) for side in sides]
    comparison = compared(mine.facts, other.facts, (said[0], said[1]))
    both = here.case.guest, there.case.guest
    return DiffReport(
        schema_version=DIFF_SCHEMA_VERSION,
        tool=f"crazytrain {__version__}",
        here=sides[0],
        there=sides[1],
        answer=plain(answer(comparison, lines="text" in (here.kind, there.kind)), 2000),
        comparison=_shown(comparison),
        same_kind=alike(both[0], both[1]) if both[0] and both[1] else (),
        other_kind=unlike(both[0], both[1]) if both[0] and both[1] else (),
        notes=_notes(("here", *mine.notes), ("there", *other.notes)),
    )


def _view(side: Side) -> SideView:
    report = side.report or conclude(side.case, side.notes, side.known)
    return SideView(
        name=plain(side.name),
        kind=side.kind,
        about=who(report.guest) if report.guest else "pasted text",
        window_start=report.window.start,
        window_ns=report.window.length_ns,
        family=report.verdict.family,
        cause=report.verdict.cause,
        confidence=report.verdict.confidence,
        headline=report.verdict.headline,
        symptoms=tuple(f.cause for f in report.findings if f.folded_into == report.verdict.cause),
        case=plain(side.case.id),
        notes=tuple(plain(note) for note in side.notes),
    )


def _shown(comparison: Comparison) -> Comparison:
    return harmless(comparison)


def _notes(*told: Sequence[str]) -> tuple[str, ...]:
    return tuple(plain(f"{side}: {note}") for side, *notes in told for note in notes)
