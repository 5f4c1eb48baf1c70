"""What was fetched or built once and is kept: files with their checksums, complete or not there at all."""

import hashlib
import os
import shutil
from pathlib import Path

import msgspec

from crazytrain.lab.scratch import scratch

_SUM = "sha256"


class Cache(msgspec.Struct, frozen=True):
    """The lab's cache: ``folder``/KIND/KEY/ holds one file and its checksum.

    An entry comes into being by renaming a finished folder, so a reader never sees half of one.
    """

    folder: Path

    def find(self, kind: str, key: str) -> Path | None:
        """Return the kept file, or ``None``; one that does not fit its checksum is thrown away."""
        entry = self.folder / kind / key
        file = _only_file(entry)
        if file is not None and _is_whole(entry, file):
            return file
        shutil.rmtree(entry, ignore_errors=True)
        return None

    def newest(self, kind: str) -> Path | None:
        """Return the file of that kind that was kept last, or ``None``."""
        entries = [path for path in (self.folder / kind).glob("[!.]*") if path.is_dir()]
        for entry in sorted(entries, key=lambda path: path.stat().st_mtime, reverse=True):
            if file := self.find(kind, entry.name):
                return file
        return None

    def keep(self, kind: str, key: str, file: Path) -> Path:
        """Copy a finished file into the cache and return it there; one that is kept already stays."""
        with scratch(self.folder / kind) as draft:
            shutil.copyfile(file, draft / file.name)
            (draft / _SUM).write_text(_sum_of(draft / file.name), "ascii")
            _settle(draft / file.name)
            entry = self.folder / kind / key
            if self.find(kind, key) is None:
                _rename_unless_there(draft, entry)
        return entry / file.name


def _only_file(entry: Path) -> Path | None:
    files = [path for path in entry.glob("*") if path.name != _SUM]
    return files[0] if len(files) == 1 else None


def _is_whole(entry: Path, file: Path) -> bool:
    try:
        return (entry / _SUM).read_text("ascii") == _sum_of(file)
    except (OSError, UnicodeDecodeError):
        return False


def _sum_of(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _settle(file: Path) -> None:
    """Have it on the disk before it gets its name."""
    with file.open("rb") as data:
        os.fsync(data.fileno())


def _rename_unless_there(draft: Path, entry: Path) -> None:
    """Give the draft its name; another one that was quicker has the same content."""
    try:
        draft.rename(entry)
    except OSError:
        if not entry.is_dir():
            raise
