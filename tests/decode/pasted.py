"""Text as people paste it: recorded samples, and what terminals and mailers do to text."""

import textwrap
from collections.abc import Iterable
from pathlib import Path

from crazytrain.model.evidence import Evidence, Kind
from tests.support import ROOT

PASTE = ROOT / "tests" / "data" / "paste"
CASE_2012 = ROOT / "tests" / "cases" / "2012-crazy-train"


def sample(name: str) -> bytes:
    return (PASTE / name).read_bytes()


def case(name: str) -> bytes:
    return (CASE_2012 / name).read_bytes()


def evidence(kind: Kind, data: bytes | str, name: str = "paste.txt") -> Evidence:
    return Evidence(id=name, kind=kind, source=name, data=data.encode() if isinstance(data, str) else data)


def only(found: Iterable[object], wanted: type) -> object:
    (one,) = [value for value in found if isinstance(value, wanted)]
    return one


def files() -> list[Path]:
    return sorted(path for path in PASTE.iterdir() if path.name != "README.md")


def broken_by_terminal(text: str, width: int) -> str:
    """Every line cut at the width, in the middle of words."""
    return "".join(
        line[start : start + width] + "\n" for line in text.splitlines() for start in range(0, max(len(line), 1), width)
    )


def broken_by_mailer(text: str, width: int) -> str:
    """Every line broken at blanks, which are taken away."""
    lines = [
        piece
        for line in text.splitlines()
        for piece in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    ]
    return "\n".join(lines) + "\n"
