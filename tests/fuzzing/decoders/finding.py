"""Findings: an input that did harm is kept as a file, with what happened beside it; the same harm is kept once."""

import hashlib
import traceback
from pathlib import Path

HOW = "tools/fuzz-decoders --repeat {file} --only {target}\n"


class Findings:
    """Those of one target, in one folder."""

    def __init__(self, folder: Path, target: str) -> None:
        self._folder = folder
        self._target = target
        self._known: set[str] = set()

    def keep_error(self, data: bytes, error: BaseException) -> bool:
        """Keep an input at which something was raised; whether this is new."""
        frames = [
            f for f in traceback.extract_tb(error.__traceback__) if "crazytrain" in f.filename or "judge" in f.filename
        ]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        words = "".join(traceback.format_exception(error))
        return self._keep(f"{type(error).__name__} {where}", data, words)

    def keep_slow(self, data: bytes, words: str) -> bool:
        """Keep an input that took too long."""
        return self._keep(f"slow {len(self._known)}" if len(data) > 1 << 19 else "slow", data, words)

    def keep_end(self, data: bytes, words: str) -> bool:
        """Keep what was fed when the process ended."""
        return self._keep(words, data, "The process ended at this input.")

    def _keep(self, what: str, data: bytes, words: str) -> bool:
        if what in self._known:
            return False
        self._known.add(what)
        name = f"{self._target}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"
        file = self._folder / f"{name}.input"
        file.write_bytes(data)
        (self._folder / f"{name}.txt").write_text(
            f"{what}\n{HOW.format(file=file, target=self._target)}\n{words}", errors="backslashreplace"
        )
        return True
