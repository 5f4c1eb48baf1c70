"""What the two words of ``crazytrain diff`` mean: a running guest, a saved case, or text."""

import os
from collections.abc import Sequence
from pathlib import Path

from crazytrain.cli.reading import JOURNAL, text_of
from crazytrain.collect.find import find, shown
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, NoSuchCase, NoSuchGuest
from crazytrain.model.evidence import Kind
from crazytrain.model.guest import Guest
from crazytrain.pipeline_diff import Side
from crazytrain.store import cases_root, is_packed, load
from crazytrain.store import find as find_case

STDIN = "-"
_SNIFF_BYTES = 1 << 18


def running(guests: Sequence[Guest], word: str) -> Guest | None:
    """The running guest that is meant; ``None`` where it is a file or a case.

    Raises:
        BadInput: it may be a guest and a file, or several guests; says how to tell them apart.
    """
    if word == STDIN or "/" in word:
        return None
    try:
        guest = find(guests, word)
    except NoSuchGuest:
        return None
    if not os.path.lexists(word):
        return guest
    if word not in (guest.name, str(guest.pid)):
        return None
    raise BadInput(
        f"{shown(word)!r} is a running guest and a file here",
        f"Say {guest.pid} for the guest, ./{shown(word)} for the file.",
    )


def saved(word: str, guests: Sequence[Guest]) -> Side:
    """A saved case or text.

    Raises:
        NoSuchGuest: nothing is called so. BadInput: it is there and cannot be read; says why.
    """
    path = None if word == STDIN else Path(word)
    if path is None or _is_text(path):
        return _text(word, path)
    try:
        case = load(find_case(cases_root(os.environ, os.geteuid()), word))
    except NoSuchCase as error:
        if "/" in word:
            raise
        near = find_error(guests, word)
        raise NoSuchGuest(f"{shown(word)!r} is no running guest, no case and no file", near or error.hint) from error
    return Side(name=case.guest.name if case.guest else case.id, kind="case", case=case)


def find_error(guests: Sequence[Guest], word: str) -> str:
    """What is said to somebody who names a guest that does not run."""
    try:
        find(guests, word)
    except NoSuchGuest as error:
        return error.hint
    return ""


def _is_text(path: Path) -> bool:
    """Whether it is text: a file, a folder of files, or several files joined by commas."""
    if "," in str(path) and not os.path.lexists(path):
        return all(os.path.lexists(name) for name in str(path).split(","))
    if path.is_dir():
        return not (path / JOURNAL).exists()
    return path.exists() and not _is_packed(path)


def _is_packed(path: Path) -> bool:
    if not path.is_file():  # what comes through a pipe can be read once: <(strace ...)
        return False
    try:
        with path.open("rb") as file:
            return is_packed(file.read(_SNIFF_BYTES))
    except OSError:
        return False


def _text(word: str, path: Path | None) -> Side:
    """All text of files, of a folder, of an archive or of standard input; a packed case in a folder is that case."""
    files = _files(path)
    packed = [p for file in files if file and file.is_dir() for p in sorted(file.iterdir()) if _is_packed(p)]
    if packed:
        return _packed(word, packed)
    told = text_of(files)
    unread = (f"{e.id}: not recognised" for e in told.evidence if e.kind is Kind.TEXT)
    case = Case(
        id="", guest=None, window=None, evidence=tuple(told.evidence), baseline_choice="pasted text has no sibling"
    )
    return Side(name=word, kind="text", case=case, known=tuple(told.facts), notes=(*told.notes, *unread))


def _packed(word: str, packed: Sequence[Path]) -> Side:
    if len(packed) > 1:
        raise BadInput(f"{shown(word)} holds {len(packed)} packed cases", "Name the one that is meant.")
    case = load(packed[0])
    notes = (f"of the files in {word} only {packed[0].name} was read",)
    return Side(name=case.guest.name if case.guest else case.id, kind="case", case=case, notes=notes)


def _files(path: Path | None) -> list[Path | None]:
    if path is None or os.path.lexists(path):
        return [path]
    return [Path(name) for name in str(path).split(",")]
