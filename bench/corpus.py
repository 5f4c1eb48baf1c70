"""Judged on the world's cases: a folder of public reports with their settled causes, each read as a user would paste it.

    python -m bench.corpus --cases DIR [--json FILE] [--verbose] [--with-spoilers]

A case is a JSON file: ``id``, ``evidence`` (``text``, ``form``, perhaps ``spoiler``) and ``truth`` (``family``, ``cause``,
``confidence``, ``answerable_from_evidence``). Each text becomes a file with a name that says nothing, and all files of a case go the
way of ``crazytrain explain``. Neither kind nor truth is told to it.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from crazytrain.cli.reading import read_all
from crazytrain.model.errors import BadInput
from crazytrain.model.report import Report

FAMILY_AIM, CAUSE_AIM, CONFIDENT_FROM = 0.9, 0.8, 0.8
SETTLED = ("confirmed", "likely")
ANSWERABLE = ("yes", "partly")
FIRST = 3


class Piece(msgspec.Struct, frozen=True):
    """One text of a case."""

    text: str
    spoiler: bool = False


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What it was, how settled that is, and how far it can be read from the evidence."""

    family: str
    cause: str | None = None
    confidence: str = "unknown"
    answerable: str = msgspec.field(name="answerable_from_evidence", default="no")

    @property
    def counts(self) -> bool:
        """Whether an answer is owed."""
        return self.confidence in SETTLED and self.answerable in ANSWERABLE


class PublicCase(msgspec.Struct, frozen=True, kw_only=True):
    """One public report."""

    id: str
    evidence: tuple[Piece, ...]
    truth: Truth


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of one case."""

    id: str
    truth: Truth
    family: str
    cause: str
    confidence: float
    first: tuple[str, ...]
    headline: str = ""
    points: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def family_right(self) -> bool:
        """Whether the family is the true one; an unknown truth wants an unknown answer."""
        return self.family == self.truth.family

    @property
    def cause_right(self) -> bool:
        """Whether the cause is the true one; where the truth names none, its family is enough."""
        return self.cause == self.truth.cause if self.truth.cause else self.family_right

    @property
    def among_first(self) -> bool:
        """Whether the true cause is among the first three."""
        return self.cause_right or self.truth.cause in self.first

    @property
    def confidently_wrong(self) -> bool:
        """Said with confidence, and wrong."""
        return self.confidence >= CONFIDENT_FROM and not self.cause_right


def load_cases(folder: Path) -> list[PublicCase]:
    """The cases of a folder, in order of their names."""
    return [msgspec.json.decode(path.read_bytes(), type=PublicCase) for path in sorted(folder.glob("*.json"))]


def judged(case: PublicCase, *, with_spoilers: bool = False) -> Answer:
    """What is said of a case that is given as files."""
    texts = [piece.text for piece in case.evidence if with_spoilers or not piece.spoiler]
    with tempfile.TemporaryDirectory(prefix="ct-corpus-") as folder:
        paths = []
        for number, text in enumerate((text for text in texts if text.strip()), start=1):
            paths.append(Path(folder, f"paste-{number}.txt"))
            paths[-1].write_text(text, encoding="utf-8")
        try:
            reports = read_all(paths)
        except BadInput as error:
            unknown = {"family": "unknown", "cause": "unknown", "confidence": 0.0, "headline": error.message}
            return Answer(id=case.id, truth=case.truth, first=(), **unknown)  # type: ignore[arg-type]
    return _answer(case, reports[0])


def _answer(case: PublicCase, report: Report) -> Answer:
    said = report.verdict
    thought = [f for f in report.findings if f.verdict in ("found", "unknown") and not f.folded_into and f.because]
    first = dict.fromkeys([said.cause, *(f.cause for f in thought if f.confidence > 0)])
    why = next((f for f in report.findings if f.cause == said.cause), None)
    points = (*why.because, *why.against) if why else ()
    return Answer(
        id=case.id,
        truth=case.truth,
        family=said.family,
        cause=said.cause,
        confidence=said.confidence,
        first=tuple(c for c in first if c != "unknown")[:FIRST],
        headline=said.headline,
        points=tuple(f"{p.ratio:g}: {p.fact}" for p in points),
        kinds=tuple(sorted({e.kind for e in report.evidence})),
    )


class Sum(msgspec.Struct, frozen=True):
    """How many of how many."""

    name: str
    right: int
    of: int
    aim: float | None = None

    @property
    def missed(self) -> bool:
        """Whether it misses its aim."""
        return self.aim is not None and self.of > 0 and self.right / self.of < self.aim

    def __str__(self) -> str:
        part = f"{self.right / self.of:.0%}" if self.of else "none"
        aim = "" if self.aim is None else f", aim {self.aim:.0%}{' MISSED' if self.missed else ''}"
        return f"{self.name:<64} {self.right:>3} of {self.of:<3} ({part}{aim})"


def sums(answers: Sequence[Answer]) -> list[Sum]:
    """What is right in all, and for each class of what can be answered at all."""
    owed = [a for a in answers if a.truth.counts]
    named = [a for a in owed if a.truth.cause]
    open_ = [a for a in answers if a.truth.family == "unknown"]
    calm = len(answers) - sum(a.confidently_wrong for a in answers)
    found = [
        Sum(
            "family right (settled, answerable yes or partly)",
            _count(a.family_right for a in owed),
            len(owed),
            FAMILY_AIM,
        ),
        Sum("cause among the first three (the same)", _count(a.among_first for a in named), len(named), CAUSE_AIM),
        Sum("cause first (the same)", _count(a.cause_right for a in named), len(named)),
        Sum("unknown, or unsure, where the truth is unknown", _count(a.confidence < 0.5 for a in open_), len(open_)),
        Sum(f"no wrong cause with {CONFIDENT_FROM} or more (all)", calm, len(answers), 1.0),
    ]
    for way in ("yes", "partly", "no"):
        some = [a for a in answers if a.truth.answerable == way]
        found.append(Sum(f"answerable {way}: family right", _count(a.family_right for a in some), len(some)))
        some = [a for a in some if a.truth.cause]
        found.append(
            Sum(f"answerable {way}: cause among the first three", _count(a.among_first for a in some), len(some))
        )
    return found


def _count(true: Iterable[bool]) -> int:
    return sum(true)


def tell(answer: Answer, *, verbose: bool) -> None:
    """Print one case."""
    truth = f"{answer.truth.family}/{answer.truth.cause or '-'}"
    mark = (
        "right"
        if answer.cause_right
        else "near"
        if answer.among_first
        else "family"
        if answer.family_right
        else "wrong"
    )
    owed = "*" if answer.truth.counts else " "
    loud = "  CONFIDENT AND WRONG" if answer.confidently_wrong else ""
    print(f"{mark:<6}{owed} {answer.id}: truth {truth} ({answer.truth.confidence}, {answer.truth.answerable})")
    print(
        f"        said {answer.family}/{answer.cause} {answer.confidence:.2f}; first: {', '.join(answer.first) or '-'}{loud}"
    )
    for point in answer.points if verbose else ():
        print(f"          {point}")
    if verbose:
        print(f"          read: {', '.join(answer.kinds) or 'nothing'}; {answer.headline}")


def main(argv: Sequence[str] | None = None) -> int:
    """Judge all cases of a folder; gives 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--with-spoilers", action="store_true", help="give what shows the mended state, too")
    args = parser.parse_args(argv)
    answers = [judged(case, with_spoilers=args.with_spoilers) for case in load_cases(args.cases)]
    if not answers:
        print(f"no cases in {args.cases}", file=sys.stderr)
        return 1
    for answer in answers:
        tell(answer, verbose=args.verbose)
    print("\n* counts for the aims\n")
    results = sums(answers)
    print("\n".join(str(one) for one in results))
    if args.json:
        rows = [
            {**msgspec.to_builtins(a), "family_right": a.family_right, "cause_right": a.cause_right} for a in answers
        ]
        args.json.write_text(json.dumps(rows, indent=2))
    return int(any(one.missed for one in results))


if __name__ == "__main__":
    sys.exit(main())
