"""Does a confidence mean what it says? Reliability and Brier score of what was said of cases whose cause is known.

    python -m bench.calibration [--recorded tests/cases] [--cases DIR] [--lab FILE.json ...]

Cases: those recorded in the lab (tests/cases), public ones where a folder is given (their truth must be settled and answerable), and looks
of ``bench.verdicts --json``. Only the verdict counts, and only where one was given: an honest "unknown" is counted apart. The Brier score
is the mean squared distance between confidence and truth: 0 is best, and 0.25 is what a coin gets. Then, for each family, what was
said and what came true, and a map that would make confidences come true, with what it is worth on cases left out of its fit
(``bench.fitting``).
"""

import argparse
import json
import math
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench import corpus, first_sight, fitting
from crazytrain.cli.reading import read_all
from crazytrain.diagnose.named import OF_WORDS
from crazytrain.diagnose.weigh import FITTED, Map

BINS = (0.15, 0.5, 0.7, 0.85, 0.95, 1.001)
_SIGMAS = 1.96
_SURE = 0.9
Rows = list[dict[str, object]]


class Said(msgspec.Struct, frozen=True):
    """One verdict: its confidence, whether it was right, and which family was said. ``about``: of which case or guest."""

    confidence: float
    right: bool
    about: str = ""
    family: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """All verdicts of one range of confidence. ``low`` and ``high`` are where the true share lies, 19 times of 20 (Wilson)."""

    begin: float
    end: float
    count: int
    right: int
    mean: float
    low: float
    high: float

    @property
    def fits(self) -> bool:
        """Whether what was said can be true."""
        return self.low - 1e-9 <= self.mean <= self.high + 1e-9


def of_recorded(folder: Path) -> list[Said]:
    """Verdicts on the cases of the project, those that say what they should be."""
    found = []
    for path in sorted(folder.glob("*/expect.toml")):
        for look in tomllib.loads(path.read_text())["look"]:
            if "cause" not in look:
                continue
            (report,) = read_all([path.parent / name for name in look["files"]])
            said = report.verdict
            about = path.parent.name.removeprefix("lab-")
            found.append(Said(said.confidence, said.cause == look["cause"], about, said.family))
    return found


def of_public(folder: Path) -> list[Said]:
    """Verdicts on public cases whose cause is settled and can be read from what is there."""
    answers = (corpus.judged(case) for case in corpus.load_cases(folder) if case.truth.counts)
    return [Said(answer.confidence, answer.cause_right, answer.id, answer.family) for answer in answers]


def of_lab(path: Path) -> list[Said]:
    """Verdicts on guests of the lab, as ``bench.verdicts --json`` keeps them."""
    rows: Rows = json.loads(path.read_text())
    found = []
    for row in rows:
        sure = row.get("sure", [])
        assert isinstance(sure, list)
        expected, guest = row["expected"], str(row["guest"])
        found += [Said(float(sure_of), said == expected, guest, str(said).partition("/")[0]) for said, sure_of in sure]
    return found


def reliability(said: Iterable[Said]) -> list[Row]:
    """One row for each range in which something was said."""
    given = [one for one in said if one.confidence > 0]
    begins = (0.0, *BINS[:-1])
    ranges = zip(begins, BINS, strict=True)
    rows = (_row(begin, end, [one for one in given if begin <= one.confidence < end]) for begin, end in ranges)
    return [row for row in rows if row is not None]


def _row(begin: float, end: float, some: Sequence[Said]) -> Row | None:
    if not some:
        return None
    right, count = sum(one.right for one in some), len(some)
    low, high = wilson(right, count)
    mean = sum(one.confidence for one in some) / count
    return Row(begin=begin, end=min(end, 1.0), count=count, right=right, mean=mean, low=low, high=high)


def wilson(right: int, count: int) -> tuple[float, float]:
    part, square = right / count, _SIGMAS**2
    centre = (part + square / (2 * count)) / (1 + square / count)
    half = _SIGMAS * math.sqrt(part * (1 - part) / count + square / (4 * count**2)) / (1 + square / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def brier(said: Iterable[Said]) -> float | None:
    """The mean squared distance between confidence and truth of all verdicts that were given; ``None`` without any."""
    given = [one for one in said if one.confidence > 0]
    return sum((one.confidence - one.right) ** 2 for one in given) / len(given) if given else None


def tell(name: str, said: Sequence[Said]) -> None:
    """Print one table."""
    score = brier(said)
    mute = sum(one.confidence == 0 for one in said)
    shown = "none" if score is None else f"{score:.3f}"
    print(f"{name}: {len(said)} cases, {mute} of them answered with unknown, Brier score {shown}\n")
    print("  confidence     verdicts   right   said in the mean   true share (19 of 20)")
    for row in reliability(said):
        mark = "" if row.fits else "   surer than it should be" if row.mean > row.high else "   could be surer"
        print(
            f"  {row.begin:.2f} to {row.end:.2f}   {row.count:>8}   {row.right:>5}   {row.mean:>16.2f}"
            f"   {row.low:.2f} to {row.high:.2f}{mark}"
        )
    for one in said:
        if not one.right and one.confidence >= corpus.CONFIDENT_FROM:
            print(f"  confident and wrong: {one.about} ({one.confidence:.2f})")
    print()


def families(said: Iterable[Said]) -> list[tuple[str, Row]]:
    """One row for each family that was said, the most often said first."""
    given = [one for one in said if one.confidence > 0 and one.family]
    names = {one.family for one in given}
    rows = [(name, _row(0.0, 1.0, [one for one in given if one.family == name])) for name in sorted(names)]
    return sorted(((name, row) for name, row in rows if row), key=lambda pair: -pair[1].count)


def tell_families(said: Sequence[Said]) -> None:
    """Print what was said of each family, and what of it came true."""
    print("by family that was said\n")
    print("  family             verdicts   right   said in the mean   true share (19 of 20)")
    for name, row in families(said):
        mark = (
            "   surer than it should be" if row.mean > row.high else "   could be surer" if row.mean < row.low else ""
        )
        print(
            f"  {name:<18} {row.count:>8}   {row.right:>5}   {row.mean:>16.2f}   {row.low:.2f} to {row.high:.2f}{mark}"
        )
    print()


def fitted(said: Iterable[Said]) -> tuple[Map, fitting.Crossed] | None:
    """The map that these verdicts ask for, and what it is worth on cases left out; ``None`` where there are too few."""
    tried = [fitting.Tried(one.confidence, one.right, one.about) for one in said if one.confidence > 0]
    worth = fitting.crossed(tried)
    return (fitting.fit(tried), worth) if worth else None


def advice(told: Map, worth: fitting.Crossed) -> str:
    """What to do with a fitted map. One that raises needs cases that nobody knew while the ratios were chosen, and these were known."""
    if not worth.justified:
        return "not more than twice its error, so what is said stays"
    if told(_SURE) < _SURE:
        return "what is said is too sure: use the map"
    return "but the ratios were chosen with these cases at hand, which can show too much confidence, not too little: what is said stays"


def tell_fit(said: Sequence[Said]) -> bool:
    """Print the map, what it makes of some confidences, and whether it is worth using. Gives whether it has to be used."""
    found = fitted(said)
    if found is None:
        print("too few cases to fit a map\n")
        return False
    told, worth = found
    shown = ", ".join(f"{sure:.2f} would be {told(sure):.2f}" for sure in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99))
    print(f"a map fitted to {worth.cases} cases: log odds times {told.slope:.2f}, plus {told.shift:+.2f}: {shown}")
    print(f"  each case left out once: log loss {worth.loss:.3f} as said, {worth.fitted_loss:.3f} by the map")
    print(f"                           Brier    {worth.brier:.3f} as said, {worth.fitted_brier:.3f} by the map")
    print(f"  the map takes {worth.gain:+.4f} (give or take {worth.error:.4f}) off the log loss: {advice(told, worth)}")
    print(f"  in use (crazytrain.diagnose.weigh.FITTED): times {FITTED.slope:.2f}, plus {FITTED.shift:+.2f}\n")
    return worth.justified and told(_SURE) < _SURE


def tell_first_sight(seen: Sequence[first_sight.Seen]) -> None:
    """Print what came true of reports that nobody had seen, and the slope which that asks for where words alone named a cause."""
    tell("reports at first sight", [Said(one.now, one.right, one.of, one.family) for one in seen])
    written = [one for one in seen if one.real]
    if written:
        tell(
            "those of them that somebody really wrote",
            [Said(one.now, one.right, one.of, one.family) for one in written],
        )
    guessed, slope = first_sight.deciding(seen), first_sight.slope_of(seen)
    if slope is None:
        return
    right = sum(one.right for one in guessed)
    before, after = (first_sight.off(guessed, now=now) for now in (False, True))
    print(
        f"  of these, {len(guessed)} below one half by words alone, {right} right: their log odds times {slope:.2f} fit best,"
    )
    print(
        f"  in use (crazytrain.diagnose.named.OF_WORDS) {OF_WORDS.slope:.2f}; Brier score {before:.3f} before that, {after:.3f} by it\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table for each source and one for all; gives 1 where confidence is more than the truth bears out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recorded", type=Path, default=Path(__file__).resolve().parent.parent / "tests" / "cases")
    parser.add_argument("--cases", type=Path, help="a folder of public cases")
    parser.add_argument("--lab", type=Path, nargs="+", help="what bench.verdicts --json wrote")
    args = parser.parse_args(argv)
    sources = {"recorded cases": of_recorded(args.recorded)}
    if args.cases:
        sources["public cases"] = of_public(args.cases)
    if args.lab:
        sources["guests of the lab"] = [said for path in args.lab for said in of_lab(path)]
    for name, said in sources.items():
        tell(name, said)
    every = [one for said in sources.values() for one in said]
    if len(sources) > 1:
        tell("all together", every)
    tell_first_sight(first_sight.kept())
    tell_families(every)
    wanted = tell_fit(every)
    return int(wanted or any(row.mean > row.high + 1e-9 for row in reliability(every)))


if __name__ == "__main__":
    sys.exit(main())
