"""All cases below a root, and the one that is meant."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from crazytrain.model.errors import CrazytrainError, NoSuchCase, NotAllowed
from crazytrain.store.journal import Scan
from crazytrain.store.limits import READ_REPORT_BYTES
from crazytrain.store.loader import journal_of
from crazytrain.store.names import CASE_ID, PACKED_SUFFIX, REPORT_JSON
from crazytrain.store.package import FolderFiles

_NAMES_TOLD = 5


class CaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """One case in a list. ``problem`` says why the rest is empty, where it cannot be read.

    ``wall_ns`` and ``length_ns`` are the window's (``None``: pasted text); ``size_bytes`` is what it takes on disk.
    """

    id: str
    guest: str = ""
    wall_ns: int | None = None
    length_ns: int | None = None
    complete: bool = False
    headline: str = ""
    size_bytes: int = 0
    problem: str = ""


class _Verdict(msgspec.Struct, frozen=True):
    headline: str = ""


class _Report(msgspec.Struct, frozen=True):
    verdict: _Verdict = _Verdict()


def listing(root: Path) -> tuple[CaseLine, ...]:
    """The cases below ``root``, newest first; what cannot be read is there with its problem, last.

    Raises:
        NotAllowed: ``root`` itself may not be read.
    """
    lines = [_line(root / name) for name in _names(root)]
    return tuple(sorted(lines, key=lambda line: (bool(line.problem), -(line.wall_ns or 0), line.id)))


def _names(root: Path) -> list[str]:
    """Folders that may be cases. What is hidden is being made, or is the leftover of a crash."""
    try:
        with os.scandir(root) as entries:
            return sorted(e.name for e in entries if CASE_ID.fullmatch(e.name) and e.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise NotAllowed(
            f"{root}: {error.strerror}", "cases are readable for who made them: try it as that user"
        ) from error


def _line(path: Path) -> CaseLine:
    files = FolderFiles(path)
    try:
        journal, _ = journal_of(files)
        size_bytes = sum(_sizes(files))
    except CrazytrainError as error:
        return CaseLine(id=path.name, problem=error.message)
    except OSError as error:
        return CaseLine(id=path.name, problem=f"{path}: {error.strerror}")
    guest = journal.opened.guest if journal.opened else None
    return CaseLine(
        id=path.name,
        guest=guest.name if guest else "",
        wall_ns=journal.window.wall_ns if journal.window else None,
        length_ns=journal.window.length_ns if journal.window else None,
        complete=journal.sealed is not None,
        headline=_headline(files, journal),
        size_bytes=size_bytes,
    )


def _sizes(files: FolderFiles) -> Iterator[int]:
    for name in files.names():
        found = (files.path / name).lstat()
        if stat.S_ISREG(found.st_mode):
            yield found.st_size


def _headline(files: FolderFiles, journal: Scan) -> str:
    if journal.sealed is None:
        return ""
    try:
        return msgspec.json.decode(files.read(REPORT_JSON, READ_REPORT_BYTES), type=_Report).verdict.headline
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return ""


def find(root: Path, wanted: str) -> Path:
    """The case that is meant: by its id, the beginning of one that fits no other, or a path (folder or packed file).

    Raises:
        NoSuchCase: none fits, or several do; the hint names them.
        NotAllowed: ``root`` may not be read.
    """
    if wanted in (".", "..") or "/" in wanted or wanted.endswith(PACKED_SUFFIX):
        return _at_path(Path(wanted))
    names = _names(root)
    fitting = [wanted] if wanted in names else [name for name in names if wanted and name.startswith(wanted)]
    if len(fitting) == 1:
        return root / fitting[0]
    if fitting:
        raise NoSuchCase(f"{len(fitting)} cases begin with {wanted!r}", f"say which: {_some(fitting)}")
    if wanted and os.path.lexists(wanted):
        return Path(wanted)
    hint = f"there are: {_some(names)}" if names else f"there is no case in {root}"
    raise NoSuchCase(f"no case is called {wanted!r}", hint)


def _at_path(path: Path) -> Path:
    if not os.path.lexists(path):
        raise NoSuchCase(f"{path}: there is no such case", "crazytrain case list")
    return path


def _some(names: list[str]) -> str:
    """The newest of them: their ids hold the time."""
    newest = sorted(names, key=lambda name: name.rsplit("-", 2)[1:], reverse=True)
    return ", ".join(newest[:_NAMES_TOLD]) + (", ..." if len(newest) > _NAMES_TOLD else "")
