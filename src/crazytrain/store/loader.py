"""From disk to a Case. What does not fit its checksum is never used: it becomes evidence with the outcome BROKE."""

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec

from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, BrokenCase, CrazytrainError, NoSuchCase, NotAllowed
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.store.folders import read_file
from crazytrain.store.journal import Kept, Scan, Sealed, scan
from crazytrain.store.limits import READ_EVIDENCE_BYTES, READ_JOURNAL_BYTES, READ_PACKED_BYTES, READ_REPORT_BYTES
from crazytrain.store.names import BASELINE, JOURNAL, REPORT_JSON, REPORT_TEXT, is_evidence_file
from crazytrain.store.package import Files, FolderFiles, is_packed, packed_files
from crazytrain.store.stored import restored

BASELINE_JOURNAL = f"{BASELINE}/{JOURNAL}"
_BAD_LINES_TOLD = 16
_AS_OWNER = "a case is readable for who made it: try it as that user"


def load(path: Path) -> Case:
    """Open a case: its folder, or a packed file.

    A journal whose end is missing gives what is there, with ``complete`` false. Evidence that is missing or does not
    fit its checksum is there with outcome ``BROKE``, a detail and no data.

    Raises:
        NoSuchCase: there is nothing at ``path``.
        NotAllowed: it may not be read.
        BadInput: it is no case, or one in a newer format.
        BrokenCase: nothing of its journal can be read, or the packed file is damaged.
    """
    return read_case(files_at(path))


def open_packed(data: bytes, name: str = "packed case") -> Case:
    """Open a packed case from its bytes; ``name`` is what errors call it. Raises as ``load`` does."""
    return read_case(packed_files(data, name))


def files_at(path: Path) -> Files:
    """The files of the case at ``path``. Raises as ``load`` does."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            return FolderFiles(path)
        data = read_file(path.absolute().parent, path.name, READ_PACKED_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoSuchCase(f"{path}: there is no such case", "crazytrain case list") from error
    except PermissionError as error:
        raise NotAllowed(f"{path}: {error.strerror}", _AS_OWNER) from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    if not is_packed(data):
        raise BadInput(f"{path}: is no case: neither a case's folder nor a packed case")
    return packed_files(data, str(path))


def journal_of(files: Files, name: str = JOURNAL) -> tuple[Scan, bytes]:
    """The journal of a case, or of its baseline, read and raw. Raises as ``load`` does."""
    try:
        data = files.read(name, READ_JOURNAL_BYTES)
    except PermissionError as error:
        raise NotAllowed(f"{files.where}/{name}: {error.strerror}", _AS_OWNER) from error
    except FileNotFoundError as error:
        raise BadInput(f"{files.where}: is no case: it has no {name}") from error
    except OSError as error:
        raise BrokenCase(f"{files.where}/{name}: {error.strerror}") from error
    found = scan(data)
    if found.lines == 0:
        raise BrokenCase(f"{files.where}/{name}: not one line of it can be read")
    return found, data


def read_case(files: Files) -> Case:
    """The case in these files. Raises as ``load`` does."""
    room = _Room(READ_EVIDENCE_BYTES)
    journal, _ = journal_of(files)
    case = _case(files, journal, "", room)
    other, trouble = _baseline(files, journal.sealed, room)
    return msgspec.structs.replace(
        case,
        evidence=(*case.evidence, *trouble),
        baseline=other,
        baseline_choice=journal.compared.choice if journal.compared else "",
        complete=case.complete and not trouble,
    )


class _Room:
    """How many bytes of evidence may still be taken into memory."""

    def __init__(self, left_bytes: int) -> None:
        self.left_bytes = left_bytes

    def take(self, size_bytes: int) -> None:
        if not 0 <= size_bytes <= self.left_bytes:
            raise ValueError("is more than a case may hold")
        self.left_bytes -= size_bytes


def _case(files: Files, journal: Scan, prefix: str, room: _Room) -> Case:
    opened = journal.opened
    evidence = [_evidence(files, kept, prefix, room) for kept in journal.kept]
    return Case(
        id=opened.id if opened else "unknown",
        guest=opened.guest if opened else None,
        window=journal.window,
        evidence=(*evidence, *_lost_lines(journal, prefix + JOURNAL)),
        complete=journal.sealed is not None,
        note=opened.note if opened else "",
    )


def _evidence(files: Files, kept: Kept, prefix: str, room: _Room) -> Evidence:
    try:
        data = evidence_data(files, kept, prefix, room.take)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        detail = f"{prefix}{kept.file or JOURNAL}: {why}"
        return msgspec.structs.replace(kept.evidence, data=b"", outcome=Outcome.BROKE, detail=detail)
    return msgspec.structs.replace(kept.evidence, data=data)


def evidence_data(files: Files, kept: Kept, prefix: str, take: Callable[[int], None]) -> bytes:
    """The data of one evidence; ``OSError`` or ``ValueError`` say what does not fit.

    ``take`` is asked for room first.
    """
    if not kept.file:
        if kept.bytes:
            raise ValueError("names no file for its data")
        return b""
    if not is_evidence_file(kept.file):
        raise ValueError("is no name for a file of a case")
    take(kept.bytes)
    return restored(kept, files.read(prefix + kept.file, READ_EVIDENCE_BYTES))


def _lost_lines(journal: Scan, name: str) -> tuple[Evidence, ...]:
    """Lines that cannot be used, as evidence that broke: they are missing, and it must be seen that they are."""
    told = [
        _broke(f"{name}:{bad.number}", f"line {bad.number} of {name} {bad.why}")
        for bad in journal.bad[:_BAD_LINES_TOLD]
    ]
    if len(journal.bad) > _BAD_LINES_TOLD:
        told.append(_broke(name, f"{len(journal.bad)} lines cannot be used"))
    return tuple(told)


def _broke(name: str, detail: str) -> Evidence:
    return Evidence(id=name, kind=Kind.TEXT, source=name, outcome=Outcome.BROKE, detail=detail)


def _baseline(files: Files, sealed: Sealed | None, room: _Room) -> tuple[Case | None, tuple[Evidence, ...]]:
    """The baseline, and evidence of what is wrong with it. One that a seal does not name was put there later.

    Passed over.
    """
    promised = sealed.files.get(BASELINE_JOURNAL) if sealed else None
    if sealed and promised is None:
        return None, ()
    if promised is None and BASELINE_JOURNAL not in files.names():
        return None, ()
    try:
        journal, data = journal_of(files, BASELINE_JOURNAL)
    except CrazytrainError as error:
        return None, (_broke(BASELINE_JOURNAL, error.message),)
    case = _case(files, journal, f"{BASELINE}/", room)
    if promised not in (None, hashlib.sha256(data).hexdigest()):
        return case, (_broke(BASELINE_JOURNAL, f"{BASELINE_JOURNAL} does not fit its checksum"),)
    return case, ()


class SavedReport(msgspec.Struct, frozen=True):
    """The report as it was when the case was made."""

    json: bytes
    text: str


def saved_report(path: Path) -> SavedReport | None:
    """The report that was kept with a case; ``None`` where there is none, as in one that was cut off.

    Raises:
        BrokenCase: it does not fit its checksum. Otherwise as ``load``.
    """
    files = files_at(path)
    journal, _ = journal_of(files)
    return report_in(files, journal)


def report_in(files: Files, journal: Scan) -> SavedReport | None:
    """See ``saved_report``."""
    if journal.sealed is None:
        return None
    data = {name: _report_file(files, name, journal.sealed) for name in (REPORT_JSON, REPORT_TEXT)}
    return SavedReport(data[REPORT_JSON], data[REPORT_TEXT].decode("utf-8", "backslashreplace"))


def _report_file(files: Files, name: str, sealed: Sealed) -> bytes:
    try:
        data = files.read(name, READ_REPORT_BYTES)
    except OSError as error:
        raise BrokenCase(f"{files.where}/{name}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != sealed.files.get(name):
        raise BrokenCase(f"{files.where}/{name}: does not fit its checksum")
    return data
