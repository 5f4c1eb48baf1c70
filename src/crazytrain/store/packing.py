"""One file from a case, for a colleague."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from crazytrain import __version__
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, NotAllowed
from crazytrain.store.journal import FORMAT, Compared, Opened, Scan, Sealed, encode
from crazytrain.store.limits import READ_UNPACKED_BYTES
from crazytrain.store.loader import BASELINE_JOURNAL, SavedReport, files_at, journal_of, read_case, report_in
from crazytrain.store.names import BASELINE, CASE_ID, JOURNAL, PACKED_SUFFIX, REPORT_JSON, REPORT_TEXT, REPORTS, plain
from crazytrain.store.package import Files, package
from crazytrain.store.redaction import redacted
from crazytrain.store.stored import to_store


def pack(path: Path, out: Path, *, redact: bool = False) -> Path:
    """Pack a case (its folder, or a packed one again) into one file that ``load`` and ``open_packed`` read; return its path.

    The same case gives the same bytes. ``redact`` masks secrets, replaces names and addresses by placeholders
    and leaves out what the guest printed; see ``redaction``, ``masks`` and ``aliases`` for what is and is not replaced.

    Args:
        path: the case.
        out: the new file (mode 0600), or a folder to put ``ID.crazytrain`` in.
        redact: make it fit for others to read.

    Raises:
        BadInput: ``out`` is there already. NotAllowed: it cannot be written. Otherwise as ``load``.
    """
    files = files_at(path)
    name, content = _redacted(files) if redact else _as_it_is(files)
    target = out / f"{name}{PACKED_SUFFIX}" if out.is_dir() else out
    _write_new(target, package(name, content))
    return target


def _as_it_is(files: Files) -> tuple[str, dict[str, bytes]]:
    journal, _ = journal_of(files)
    content: dict[str, bytes] = {}
    left_bytes = READ_UNPACKED_BYTES
    for name in _known(files, journal):
        try:
            content[name] = files.read(name, left_bytes)
        except OSError:
            continue  # it is missing here, and will be found missing there
        left_bytes -= len(content[name])
    return _folder_name(journal.opened.id if journal.opened else ""), content


def _known(files: Files, journal: Scan) -> Iterator[str]:
    """What belongs to the case: no leftovers, nothing that somebody put there."""
    yield from (JOURNAL, *REPORTS)
    yield from (kept.file for kept in journal.kept if kept.file)
    if BASELINE_JOURNAL in files.names():
        yield BASELINE_JOURNAL
        beside, _ = journal_of(files, BASELINE_JOURNAL)
        yield from (f"{BASELINE}/{kept.file}" for kept in beside.kept if kept.file)


def _redacted(files: Files) -> tuple[str, dict[str, bytes]]:
    journal, _ = journal_of(files)
    case, report = redacted(read_case(files), report_in(files, journal))
    name = _folder_name(case.id)
    return name, _content(msgspec.structs.replace(case, id=name), report)


def _folder_name(case_id: str) -> str:
    return case_id if CASE_ID.fullmatch(case_id) else plain(case_id, "case", 64)


def _content(case: Case, report: SavedReport | None) -> dict[str, bytes]:
    """The files of a case, as a writer leaves them."""
    files: dict[str, bytes] = {}
    sums: dict[str, str] = {}
    if report is not None:
        files |= {REPORT_JSON: report.json, REPORT_TEXT: report.text.encode("utf-8", "backslashreplace")}
    if case.baseline is not None:
        files |= {f"{BASELINE}/{name}": data for name, data in _content(case.baseline, None).items()}
    sums = {name: hashlib.sha256(files[name]).hexdigest() for name in (*REPORTS, BASELINE_JOURNAL) if name in files}
    tool = f"crazytrain {__version__}"
    opened = Opened(format=FORMAT, tool=tool, id=case.id, guest=case.guest, window=case.window, note=case.note)
    lines = [encode(opened)]
    if case.baseline_choice:
        lines.append(encode(Compared(choice=case.baseline_choice)))
    taken: set[str] = set()
    for evidence in case.evidence:
        kept, data = to_store(evidence, taken)
        lines.append(encode(kept))
        files |= {kept.file: data} if kept.file else {}
    if case.complete:
        before = hashlib.sha256(b"".join(lines)).hexdigest()
        lines.append(encode(Sealed(count=len(case.evidence), journal_sha256=before, files=sums)))
    return {JOURNAL: b"".join(lines), **files}


def _write_new(target: Path, data: bytes) -> None:
    unfinished = target.with_name(f".{target.name[:200]}.{os.getpid()}.new")
    try:
        if os.path.lexists(target):
            raise BadInput(f"{target}: is there already", "name another file, or remove it first")
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        unfinished.rename(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise NotAllowed(f"{target}: cannot be written: {error.strerror}") from error
