"""The last healthy case of a guest: what it does when it is well."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from crazytrain.model.errors import CrazytrainError
from crazytrain.model.guest import Guest
from crazytrain.store.limits import READ_REPORT_BYTES
from crazytrain.store.loader import journal_of
from crazytrain.store.names import CASE_ID, REPORT_JSON
from crazytrain.store.package import FolderFiles

_LOOKED_THROUGH = 200  # of the newest cases: a look must not wait for its baseline
_LEAST_SURE = 0.5
_LEAST_WINDOW_NS = 1_000_000_000
_TIME = re.compile(r"-(\d{8}T\d{6}Z)-[0-9a-f]{6}$")


class _Verdict(msgspec.Struct, frozen=True):
    family: str = ""
    cause: str = ""
    confidence: float = 0.0


class _Report(msgspec.Struct, frozen=True):
    verdict: _Verdict = _Verdict()


class Earlier(msgspec.Struct, frozen=True):
    """A case that is there: its folder, and what it was judged to be."""

    path: Path
    cause: str
    confidence: float


def last_healthy(root: Path, guest: Guest) -> Earlier | None:
    """The newest whole case below ``root`` of this guest (by uuid, or by name where it has none) that was judged healthy.

    ``None`` where there is none; what cannot be read is passed over.
    """
    return next((found for name in _newest(root) if (found := _healthy(root / name, guest))), None)


def _newest(root: Path) -> list[str]:
    try:
        with os.scandir(root) as entries:
            names = [e.name for e in entries if CASE_ID.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    dated = ((found[1], name) for name in names if (found := _TIME.search(name)))
    return [name for _, name in sorted(dated, reverse=True)[:_LOOKED_THROUGH]]


def _healthy(path: Path, guest: Guest) -> Earlier | None:
    for report in _report(path):
        verdict = report.verdict
        if verdict.family == "healthy" and verdict.confidence >= _LEAST_SURE and _is_of(path, guest):
            return Earlier(path, verdict.cause, verdict.confidence)
    return None


def _report(path: Path) -> Iterator[_Report]:
    try:
        yield msgspec.json.decode(FolderFiles(path).read(REPORT_JSON, READ_REPORT_BYTES), type=_Report)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError, CrazytrainError):
        return


def _is_of(path: Path, guest: Guest) -> bool:
    """Whether it is whole and of this guest. Two guests may have one name; one that has a uuid is known by that."""
    try:
        journal, _ = journal_of(FolderFiles(path))
    except (OSError, CrazytrainError):
        return False
    other = journal.opened.guest if journal.opened else None
    if other is None or journal.sealed is None or journal.bad:
        return False
    if journal.window is None or journal.window.length_ns < _LEAST_WINDOW_NS:
        return False
    return other.uuid == guest.uuid if guest.uuid or other.uuid else bool(guest.name) and other.name == guest.name
