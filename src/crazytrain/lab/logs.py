"""What a guest and its QEMU print, as files in the guest's folder. The guest is hostile: what is shown is escaped."""

import re
from pathlib import Path

_TAIL_BYTES = 256 * 1024
_CHUNK_BYTES = 1024 * 1024
_WORDS_BYTES = 8192
_PANIC = "Kernel panic - not syncing"


def tail(path: Path, limit_bytes: int = _TAIL_BYTES) -> str:
    """Return the end of a log as it is, empty where there is none yet."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - limit_bytes))
            return file.read(limit_bytes).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def shown(path: Path, lines: int = 12) -> str:
    """Return the last lines of a log, safe for a terminal."""
    return "\n".join(printable(line) for line in tail(path, 8192).splitlines()[-lines:])


def last_words(path: Path, lines: int = 40) -> str:
    """Return the console from its last panic on; without one, its last lines. A panic's own trace can be longer than those."""
    log = tail(path).splitlines()
    panics = [number for number, line in enumerate(log) if _PANIC in line and "---[ end" not in line]
    first = panics[-1] if panics else len(log) - lines
    return "\n".join(printable(line) for line in log[max(0, first) :])[:_WORDS_BYTES]


def printable(text: str) -> str:
    """Escape all that is not plainly printable."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shows(path: Path, pattern: str, times: int) -> bool:
    """Whether the pattern is in the end of the log, at least so often."""
    return sum(1 for _ in re.finditer(pattern, tail(path))) >= times


def last_number(path: Path, pattern: str) -> int:
    """Return the number in the last match of the pattern's group; 0 before the first."""
    found = re.findall(pattern, tail(path))
    return int(found[-1]) if found else 0


def count(path: Path, pattern: str) -> int:
    """Count matches of a pattern of one character in the whole log."""
    matcher, total = re.compile(pattern.encode()), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                total += sum(1 for _ in matcher.finditer(chunk))
    except FileNotFoundError:
        return 0
    return total
