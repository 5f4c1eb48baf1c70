"""From files to reports: cases are replayed, everything else is recognised by its content and judged together."""

import sys
from collections.abc import Sequence
from pathlib import Path

from crazytrain.decode.paste import decoded
from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude
from crazytrain.store import is_packed, load

# A paste is read whole; what is larger is no paste (a recorded trace is cut to what fits).
LIMIT_BYTES = 256 << 20
_SAMPLE_BYTES = 1 << 16
_SNIFF_BYTES = 1 << 18


def read_all(paths: Sequence[Path | None]) -> list[Report]:
    """One report for all pasted text together, and one for each case; ``None`` is standard input.

    Raises:
        BadInput: a file cannot be read, is no text, or holds nothing; names the file.
    """
    reports: list[Report] = []
    pasted: list[Evidence] = []
    names: set[str] = set()
    for path in paths:
        case = _case(path)
        if case is not None:
            reports.append(conclude(case))
            continue
        name = _unique("standard input" if path is None else path.name, names)
        pasted.extend(split(name, _content(path)))
    if pasted:
        reports.append(_of_text(pasted))
    return reports


def _of_text(pasted: Sequence[Evidence]) -> Report:
    case = Case(id="", guest=None, window=None, evidence=tuple(pasted), baseline_choice="pasted text has no sibling")
    if all(e.kind is Kind.TEXT for e in pasted):
        raise BadInput(
            f"nothing in {', '.join(sorted({e.source for e in pasted}))} was recognised",
            "Known are: strace (all its shapes), ls -l /proc/PID/fd, top -H, a QEMU command line, cases of crazytrain.",
        )
    return conclude(case, _recognised(pasted))


def _recognised(pasted: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(
        f"{e.id}: {_lines(e)} {'not recognised' if e.kind is Kind.TEXT else 'read as ' + e.kind.value}" for e in pasted
    )


def _lines(evidence: Evidence) -> str:
    last = evidence.first_line + max(evidence.data.count(b"\n") - (1 if evidence.data.endswith(b"\n") else 0), 0)
    return f"line {last}" if last == evidence.first_line else f"lines {evidence.first_line} to {last}"


def _unique(name: str, names: set[str]) -> str:
    found, number = name, 1
    while found in names:
        number += 1
        found = f"{name}~{number}"
    names.add(found)
    return found


def _case(path: Path | None) -> Case | None:
    if path is None:
        return None
    if path.is_dir():
        return load(path)
    if path.is_file():
        with path.open("rb") as file:
            if is_packed(file.read(_SNIFF_BYTES)):
                return load(path)
    return None


def _content(path: Path | None) -> bytes:
    if path is None:
        data = sys.stdin.buffer.read(LIMIT_BYTES + 1)
        name = "standard input"
    else:
        name = str(path)
        try:
            with path.open("rb") as file:
                data = file.read(LIMIT_BYTES + 1)
        except OSError as error:
            raise BadInput(f"{name} cannot be read: {error.strerror}") from error
    if len(data) > LIMIT_BYTES:
        decoded(name, data[:_SAMPLE_BYTES])  # no text at all is the better thing to say
        hint = f"head -c {LIMIT_BYTES} {name} | crazytrain explain -"
        raise BadInput(f"{name} is larger than {LIMIT_BYTES >> 20} MiB", hint)
    return data
