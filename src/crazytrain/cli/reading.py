"""From files to reports: cases are replayed, everything else is recognised by its content and judged together."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from crazytrain.cli.sources import Source, opened
from crazytrain.cli.streaming import Streamed, read_stream
from crazytrain.decode.paste import decoded, is_lined
from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude
from crazytrain.store import is_packed, load

# What is larger is read block by block and not kept.
SMALL_BYTES = 4 << 20
# Text that must be changed as a whole before its lines can be read (UTF-16, line ends of an old Mac).
LIMIT_BYTES = 256 << 20
_SAMPLE_BYTES = 1 << 16
_SNIFF_BYTES = 1 << 18

Tell = Callable[[str], None]


class _Pasted(msgspec.Struct, frozen=True, kw_only=True):
    """All text that was given: evidence, facts of what was counted while it was read, and what there is to say of it."""

    evidence: list[Evidence] = []
    facts: list[object] = []
    notes: list[str] = []


def read_all(paths: Sequence[Path | None], tell: Tell = lambda _: None) -> list[Report]:
    """One report for all pasted text together, and one for each case; ``None`` is standard input. ``tell`` hears how far it is
    where reading takes long.

    Raises:
        BadInput: a file cannot be read, is no text, or holds nothing; names the file.
    """
    reports: list[Report] = []
    pasted = _Pasted()
    names: set[str] = set()
    for path in paths:
        case = _case(path)
        if case is not None:
            reports.append(conclude(case))
            continue
        with opened(path, _unique("standard input" if path is None else path.name, names)) as source:
            found = _read(source, tell)
        pasted.evidence.extend(found.evidence)
        pasted.facts.extend(found.facts)
        pasted.notes.extend([source.problem] if source.problem else [])
    if pasted.evidence:
        reports.append(_of_text(pasted))
    return reports


def _read(source: Source, tell: Tell) -> Streamed:
    """What stands in a source, whatever its size."""
    head = source.read(SMALL_BYTES + 1)
    if len(head) > SMALL_BYTES and not is_lined(head[:_SAMPLE_BYTES]):
        head += source.read(LIMIT_BYTES + 1 - len(head))
        if len(head) > LIMIT_BYTES:
            decoded(source.name, head[:_SAMPLE_BYTES])  # no text at all is the better thing to say
            hint = "Give it as UTF-8 with a line feed at the end of each line."
            raise BadInput(f"{source.name} is larger than {LIMIT_BYTES >> 20} MiB", hint)
    elif len(head) > SMALL_BYTES:
        source.put_back(decoded(source.name, head[:_SAMPLE_BYTES]) + head[_SAMPLE_BYTES:])
        return read_stream(source, tell)
    return Streamed(split(source.name, head), ())


def _of_text(pasted: _Pasted) -> Report:
    seen = pasted.evidence
    case = Case(id="", guest=None, window=None, evidence=tuple(seen), baseline_choice="pasted text has no sibling")
    if all(e.kind is Kind.TEXT for e in seen):
        raise BadInput(
            f"nothing in {', '.join(sorted({e.source for e in seen}))} was recognised",
            "Known are: strace (all its shapes), ls -l /proc/PID/fd, top -H, a QEMU command line, cases of crazytrain.",
        )
    return conclude(case, (*_recognised(seen), *pasted.notes), pasted.facts)


def _recognised(pasted: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(
        f"{e.id}: {_lines(e)} {'not recognised' if e.kind is Kind.TEXT else 'read as ' + e.kind.value}" for e in pasted
    )


def _lines(evidence: Evidence) -> str:
    if evidence.detail:
        return f"{evidence.detail}:"
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
