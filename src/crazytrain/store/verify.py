"""Whether a case is what was written: every line, every file, the seal."""

import hashlib
from collections.abc import Generator, Iterator
from pathlib import Path

from crazytrain.model.errors import BadInput, BrokenCase
from crazytrain.store.journal import Scan
from crazytrain.store.limits import READ_EVIDENCE_BYTES, READ_REPORT_BYTES
from crazytrain.store.loader import BASELINE_JOURNAL, evidence_data, files_at, journal_of
from crazytrain.store.names import BASELINE, JOURNAL, REPORTS, UNFINISHED
from crazytrain.store.package import Files
from crazytrain.store.problem import Problem


def verify(path: Path) -> tuple[Problem, ...]:
    """Everything that does not fit in a case (its folder or a packed file); empty where all does.

    A capture that was cut off and leftovers of a crash are told, too, with ``broken`` false.

    Raises:
        NoSuchCase, NotAllowed: there is nothing that may be looked at. What is broken is returned, not raised.
    """
    try:
        return tuple(_problems(files_at(path)))
    except (BadInput, BrokenCase) as error:
        return (Problem(str(path), error.message),)


def _problems(files: Files) -> Iterator[Problem]:
    journal, _ = journal_of(files)
    known = {JOURNAL, *(kept.file for kept in journal.kept)}
    yield from _journal_problems(journal, "")
    yield from _evidence_problems(files, journal, "")
    if journal.sealed:
        known |= set(journal.sealed.files)
        yield from _sum_problems(files, journal.sealed.files)
    else:
        known |= set(REPORTS)
    if BASELINE_JOURNAL in known or (journal.sealed is None and BASELINE_JOURNAL in files.names()):
        known |= yield from _baseline_problems(files)
    yield from _strangers(files, known)


def _journal_problems(journal: Scan, prefix: str) -> Iterator[Problem]:
    for bad in journal.bad:
        yield Problem(f"{prefix}{JOURNAL}", f"line {bad.number} {bad.why}")
    if journal.torn:
        yield Problem(f"{prefix}{JOURNAL}", "its last line is cut off", broken=False)
    if journal.sealed is None and not journal.bad:
        yield Problem(f"{prefix}{JOURNAL}", "has no seal: the capture was cut off; what is there fits", broken=False)


def _evidence_problems(files: Files, journal: Scan, prefix: str) -> Iterator[Problem]:
    for kept in journal.kept:
        try:
            evidence_data(files, kept, prefix, _bounded)
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            yield Problem(f"{prefix}{kept.file or JOURNAL}", f"{why} (evidence {kept.evidence.id})")


def _bounded(size_bytes: int) -> None:
    if not 0 <= size_bytes <= READ_EVIDENCE_BYTES:
        raise ValueError("is more than a case may hold")


def _sum_problems(files: Files, sums: dict[str, str]) -> Iterator[Problem]:
    for name, wanted in sums.items():
        try:
            data = files.read(name, READ_REPORT_BYTES)
        except (OSError, ValueError) as error:
            yield Problem(name, (error.strerror if isinstance(error, OSError) else None) or str(error))
            continue
        if hashlib.sha256(data).hexdigest() != wanted:
            yield Problem(name, "does not fit its checksum")


def _baseline_problems(files: Files) -> Generator[Problem, None, set[str]]:
    """Problems of the baseline; its files are known, as the generator's value."""
    known = {BASELINE_JOURNAL}
    try:
        journal, _ = journal_of(files, BASELINE_JOURNAL)
    except (BadInput, BrokenCase) as error:
        yield Problem(BASELINE_JOURNAL, error.message)
        return known
    yield from _journal_problems(journal, f"{BASELINE}/")
    yield from _evidence_problems(files, journal, f"{BASELINE}/")
    return known | {f"{BASELINE}/{kept.file}" for kept in journal.kept}


def _strangers(files: Files, known: set[str]) -> Iterator[Problem]:
    for name in files.names():
        if name in known:
            continue
        if f"/{name}".rpartition("/")[2].startswith(UNFINISHED):
            yield Problem(name, "was being written when the capture was cut off", broken=False)
        else:
            yield Problem(name, "is not named in the journal", broken=False)
