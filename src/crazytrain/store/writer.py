"""Writer: keeps a case while it is being seen. Trouble with the disk is told, never raised.

The look goes on in memory.
"""

import contextlib
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from crazytrain import __version__
from crazytrain.model.case import Case, Window
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.guest import Guest
from crazytrain.store.casefolder import CaseFolder
from crazytrain.store.diskthread import DiskThread
from crazytrain.store.folders import open_root
from crazytrain.store.journal import FORMAT, Compared, Ended, Kept, Line, Opened
from crazytrain.store.limits import CASE_BYTES, HEADER_BYTES, MAX_CASE_BYTES, MAX_EVIDENCE, TEXT_CHARS
from crazytrain.store.names import BASELINE, JOURNAL, REPORT_JSON, REPORT_TEXT, case_id
from crazytrain.store.problem import Problem
from crazytrain.store.stored import to_store
from crazytrain.store.texts import each_text, encodable

PATIENCE_S = 10.0
_PROBLEMS_TOLD = 4


class _Room:
    """What a case and its baseline may still take together."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = min(limit_bytes, MAX_CASE_BYTES)
        self.left_bytes = self.limit_bytes
        self.left_evidence = MAX_EVIDENCE

    def fit(self, evidence: Evidence) -> Evidence:
        """The evidence, cut (at a line's end where there is one) where it does not fit."""
        data = evidence.data
        if len(data) > self.left_bytes:
            cut = data[: self.left_bytes]
            cut = cut[: cut.rfind(b"\n") + 1] or cut
            why = f"kept {len(cut)} of {len(data)} bytes: a case is limited to {self.limit_bytes} bytes"
            detail = f"{evidence.detail}; {why}" if evidence.detail else why
            evidence = msgspec.structs.replace(evidence, data=cut, outcome=Outcome.TRUNCATED, detail=detail)
        self.left_bytes -= len(evidence.data)
        return evidence


class Keeper:
    """Keeps the evidence of one guest, in memory and on disk. Made by ``open_case`` and ``Writer.baseline``."""

    def __init__(self, disk: DiskThread, room: _Room, opened: Opened) -> None:
        self._disk = disk
        self._room = room
        self._opened = opened
        self._window = opened.window
        self._evidence: list[Evidence] = []
        self._ids: set[str] = set()
        self._taken: set[str] = set()
        self._folder: CaseFolder | None = None

    def keep(self, evidence: Evidence) -> None:
        """Keep it. Returns at once; the disk has it some moments later. Never raises for what the disk does.

        What the case's limit leaves no room for is cut and becomes ``TRUNCATED``; an id that is taken gets a number
        (``x~2``).
        """
        self._room.left_evidence -= 1
        if self._room.left_evidence < 0:
            self._disk.problems.append(
                Problem(evidence.id, f"was not kept: a case takes {MAX_EVIDENCE} pieces of evidence")
            )
            return
        clean = each_text(evidence, lambda text: encodable(text, TEXT_CHARS))
        whole = self._room.fit(msgspec.structs.replace(clean, id=self._free_id(clean.id)))
        self._evidence.append(whole)
        self._disk.do(whole.id, lambda: self._store(whole))

    def ended(self, window: Window) -> None:
        """Say how long the look really took."""
        self._window = window
        self._disk.do(JOURNAL, lambda: self._append(Ended(window=window)))

    @property
    def case(self) -> Case:
        """All that was kept so far, as a later ``load`` gives it."""
        opened = self._opened
        return Case(
            id=opened.id,
            guest=opened.guest,
            window=self._window,
            evidence=tuple(self._evidence),
            complete=not self._disk.problems,
            note=opened.note,
        )

    def _free_id(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._ids:
            number += 1
            name = f"{wanted}~{number}"
        self._ids.add(name)
        return name

    # From here on: in the disk's thread.

    def _open(self, parent: int, name: str) -> None:
        self._folder = CaseFolder(parent, name, self._opened)

    def _append(self, line: Line) -> None:
        if self._folder is not None:  # else: that it could not be made is told already
            self._folder.append(line)

    def _store(self, evidence: Evidence) -> None:
        folder = self._folder
        if folder is None:
            return
        kept, data = to_store(evidence, self._taken)
        try:
            folder.put(kept, data)
        except OSError as error:
            lost = f"{len(evidence.data)} bytes were seen, but not kept: {error.strerror}"
            with contextlib.suppress(OSError):
                folder.append(Kept(evidence=_without_data(kept.evidence, lost)))
            raise

    def _sync(self) -> None:
        if self._folder is not None:
            self._folder.sync()

    def _close(self) -> None:
        if self._folder is not None:
            self._folder.close()
            self._folder = None


class Writer(Keeper):
    """A case being written; use it in a ``with`` statement, so that nothing handed over is left behind.

    ``path`` is its folder. ``problems`` says what could not be kept: while it is not empty, the case is incomplete.
    """

    def __init__(self, root: Path, opened: Opened, limit_bytes: int) -> None:
        super().__init__(DiskThread(self._sync_all), _Room(limit_bytes), opened)
        self.path = root.absolute() / opened.id
        self._baseline: Keeper | None = None
        self._choice = ""
        self._closed = False
        self._disk.do(str(self.path), self._open_below_root)

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be kept, and why: the first few, and how many more."""
        told = tuple(str(problem) for problem in self._disk.problems)
        more = len(told) - _PROBLEMS_TOLD
        return told if more <= 0 else (*told[:_PROBLEMS_TOLD], f"and {more} more like these")

    @property
    def case(self) -> Case:
        """All that was kept so far, baseline included, as a later ``load`` gives it."""
        other = self._baseline.case if self._baseline else None
        return msgspec.structs.replace(super().case, baseline=other, baseline_choice=self._choice)

    def baseline(self, guest: Guest | None, choice: str, window: Window | None = None) -> Keeper:
        """A keeper for the healthy guest that this one is compared with. ``choice`` says in a sentence why that one.

        ``window`` is when it was seen, by default the case's own (it runs beside). At most one a case.
        """
        if self._baseline is not None:
            raise ValueError("a case has one baseline")
        self.say_choice(choice)
        opened = _opened(f"{self._opened.id}.{BASELINE}", guest, window or self._window, "")
        self._baseline = keeper = Keeper(self._disk, self._room, opened)
        self._disk.do(BASELINE, lambda: self._open_beside(keeper))
        return keeper

    def say_choice(self, choice: str) -> None:
        """Keep the sentence that says with whom it is compared, or why with nobody."""
        self._choice = encodable(choice, TEXT_CHARS)
        self._disk.do(JOURNAL, lambda: self._append(Compared(choice=self._choice)))

    def settle(self, patience_s: float = PATIENCE_S) -> bool:
        """Wait until the disk thread has written all that was handed over.

        Say whether it has, and in ``problems`` if not.
        """
        if self._disk.settle(patience_s):
            return True
        self._disk.problems.append(Problem(str(self.path), f"the disk did not take it within {patience_s:g} s"))
        return False

    def finish(self, report_json: bytes, report_text: str, patience_s: float = PATIENCE_S) -> bool:
        """Keep the report, seal the case if all of it was kept, and let go. Says whether the case is whole on disk."""
        reports = {REPORT_JSON: report_json, REPORT_TEXT: report_text.encode("utf-8", "backslashreplace")}
        self._disk.do(str(self.path), lambda: self._seal(reports))
        return self.close(patience_s) and not self._disk.problems

    def close(self, patience_s: float = PATIENCE_S) -> bool:
        """Let go. Without ``finish`` the case stays incomplete.

        What was kept can be read, nothing says that this is all.
        """
        if self._closed:
            return True
        self._closed = True
        self._disk.do(JOURNAL, self._close_all)
        done = self.settle(patience_s)
        self._disk.stop()
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # From here on: in the disk's thread.

    def _keepers(self) -> tuple[Keeper, ...]:
        return (self,) if self._baseline is None else (self._baseline, self)

    def _open_below_root(self) -> None:
        parent = open_root(self.path.parent)
        try:
            self._open(parent, self._opened.id)
        finally:
            os.close(parent)

    def _open_beside(self, keeper: Keeper) -> None:
        if self._folder is not None:
            keeper._open(self._folder.fd, BASELINE)  # noqa: SLF001 - of one kind

    def _sync_all(self) -> None:
        for keeper in self._keepers():
            keeper._sync()  # noqa: SLF001 - of one kind

    def _close_all(self) -> None:
        self._sync_all()
        for keeper in self._keepers():
            keeper._close()  # noqa: SLF001 - of one kind

    def _seal(self, reports: dict[str, bytes]) -> None:
        if self._folder is None:
            return
        for name, data in reports.items():
            self._folder.put_report(name, data)
        if self._disk.problems:
            return
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in reports.items()}
        beside = self._baseline._folder if self._baseline else None  # noqa: SLF001 - of one kind
        if beside is not None:
            sums[f"{BASELINE}/{JOURNAL}"] = beside.seal({})
        self._folder.seal(sums)


def open_case(
    root: Path, guest: Guest | None, window: Window | None, note: str = "", *, limit_bytes: int = CASE_BYTES
) -> Writer:
    """Begin a case below ``root`` (see ``cases_root``). Never raises for what the disk does: see ``Writer.problems``.

    Args:
        root: the folder of all cases; made where it is missing.
        guest: whose evidence it is; ``None`` for pasted text.
        window: when it is meant to look; ``Keeper.ended`` corrects it.
        note: a sentence of the user's.
        limit_bytes: what evidence and baseline may take together, uncompressed.
    """
    name = case_id(guest.name if guest else "pasted", window.wall_ns if window else None)
    return Writer(root, _opened(name, guest, window, note), limit_bytes)


def _opened(name: str, guest: Guest | None, window: Window | None, note: str) -> Opened:
    opened = Opened(format=FORMAT, tool=f"crazytrain {__version__}", id=name, guest=guest, window=window, note=note)
    clean = each_text(opened, lambda text: encodable(text, TEXT_CHARS))
    if clean.guest is None or len(msgspec.json.encode(clean)) <= HEADER_BYTES:
        return clean
    few = tuple(word[:256] for word in clean.guest.command_line[:64])
    return msgspec.structs.replace(clean, guest=msgspec.structs.replace(clean.guest, command_line=few))


def _without_data(evidence: Evidence, why: str) -> Evidence:
    return msgspec.structs.replace(evidence, data=b"", outcome=Outcome.TRUNCATED, detail=why)
