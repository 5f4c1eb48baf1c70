"""From files to reports: cases are replayed, everything else is recognised by its content and judged together."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from crazytrain.cli.archives import Member, is_tar, is_zip, of_folder, of_tar, of_zip
from crazytrain.cli.choosing import Chooser
from crazytrain.cli.members import evidence_of
from crazytrain.cli.sources import Source, is_file, is_folder, opened
from crazytrain.cli.streaming import Streamed, read_stream
from crazytrain.cli.unpacking import unpacked
from crazytrain.decode.paste import decoded, is_lined
from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.kvm import KvmExits
from crazytrain.model.facts.moments import Moments
from crazytrain.model.facts.tool_lines import ToolLine
from crazytrain.model.facts.waits import WaitInstant
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude
from crazytrain.pipeline import decoded as decoded_of
from crazytrain.store import is_packed, load, open_packed

# What is larger is read block by block and not kept.
SMALL_BYTES = 4 << 20
# Text that must be changed as a whole before its lines can be read (UTF-16, line ends of an old Mac).
LIMIT_BYTES = 256 << 20
_SAMPLE_BYTES = 1 << 16
_SNIFF_BYTES = 1 << 18

_TAR_HEAD = 512
_MOST_CASES = 16
_LOOKED_INTO_BYTES = 64 << 10
_OF_PARTS = (ToolLine, KvmExits, KernelTrace, WaitInstant)  # what decoders read out of text that is of no kind
JOURNAL = "journal.jsonl"  # what makes a folder a case
_KNOWN = (
    "Known are: strace, /proc/PID/fd, top, ps, backtraces, kernel stacks, perf, kvm_stat, traces of kvm events, kernel logs, QEMU's monitor, "
    "QMP, register dumps and log, virsh's dumpxml, domstats and dominfo, QEMU command lines, folders and archives of these, cases of crazytrain."
)

Tell = Callable[[str], None]


class Packed(msgspec.Struct, frozen=True):
    """A packed case that lay within a folder or an archive."""

    name: str
    data: bytes


class Pasted(msgspec.Struct, frozen=True, kw_only=True):
    """All text that was given: evidence, facts of what was counted while it was read, and what there is to say of it.

    ``packed`` are cases that lay among it.
    """

    packed: list[Packed] = []
    evidence: list[Evidence] = []
    facts: list[object] = []
    notes: list[str] = []


def read_all(paths: Sequence[Path | None], tell: Tell = lambda _: None) -> list[Report]:
    """One report for all pasted text together, and one for each case; ``None`` is standard input. ``tell`` hears how far it is
    where reading takes long.

    Raises:
        BadInput: nothing that was given can be read, is text, or holds anything; names the file. Of several, those that can be are read.
    """
    reports: list[Report] = []
    pasted = Pasted()
    names: set[str] = set()
    bad: list[BadInput] = []
    for path in _once(paths, pasted):
        try:
            case = _case(path)
            if case is not None:
                reports.append(conclude(case))
            else:
                _take(path, names, pasted, tell)
        except BadInput as error:
            bad.append(error)
    if bad and not (reports or pasted.evidence or pasted.packed):
        raise bad[0]
    pasted.notes.extend(f"left out: {error}" for error in bad)
    reports += _of_packed(pasted)
    if not reports or any(e.kind is not Kind.TEXT for e in pasted.evidence):
        return [*reports, _of_text(pasted, sorted(names))]
    notes = (*reports[0].notes, *_recognised(pasted.evidence), *pasted.notes)
    return [msgspec.structs.replace(reports[0], notes=notes), *reports[1:]]


def _once(paths: Sequence[Path | None], pasted: Pasted) -> Iterator[Path | None]:
    """Each path once, however often it was given: what is read twice would speak twice."""
    seen: set[Path | None] = set()
    for path in paths:
        whole = None if path is None else path.absolute()
        if whole not in seen:
            yield path
        else:
            pasted.notes.append(
                f"{'standard input' if path is None else path.name} was given more than once, and is read once"
            )
        seen.add(whole)


def _of_packed(pasted: Pasted) -> Iterator[Report]:
    """Reports of the cases that lay within folders and archives, one after the other; what cannot be opened is told."""
    for one in pasted.packed:
        try:
            case = open_packed(one.data, one.name)
        except CrazytrainError as error:
            pasted.notes.append(f"{one.name}: {error}")
        else:
            yield conclude(case)


def text_of(paths: Sequence[Path | None], tell: Tell = lambda _: None) -> Pasted:
    """All text of files, folders and archives together, not judged yet; ``None`` is standard input.

    Raises:
        BadInput: as ``read_all``.
    """
    pasted = Pasted()
    names: set[str] = set()
    for path in paths:
        _take(path, names, pasted, tell)
    if all(e.kind is Kind.TEXT for e in pasted.evidence):
        raise _nothing(pasted, sorted(names))
    return pasted


def _take(path: Path | None, names: set[str], pasted: Pasted, tell: Tell) -> None:
    name = _unique("standard input" if path is None else path.name or str(path), names)
    if path is not None and (is_folder(path) or _begins(path, is_zip)):
        _take_files(of_folder if is_folder(path) else of_zip, path, name, pasted)
    else:
        _take_source(path, name, pasted, tell)


def _take_files(files: Callable[[Path, Chooser], Iterator[Member]], path: Path, name: str, pasted: Pasted) -> None:
    chooser = Chooser(name)
    _take_members(files(path, chooser), chooser, pasted)


def _take_members(members: Iterator[Member], chooser: Chooser, pasted: Pasted) -> None:
    pasted.evidence.extend(evidence_of(_without_cases(unpacked(members, chooser), chooser, pasted), chooser))
    pasted.notes.extend(chooser.notes())


def _without_cases(members: Iterator[Member], chooser: Chooser, pasted: Pasted) -> Iterator[Member]:
    for member in members:
        if member.tail or not is_packed(member.data):
            yield member
        elif len(pasted.packed) < _MOST_CASES:
            pasted.packed.append(Packed(f"{chooser.name}:{member.name}", member.data))
        else:
            chooser.beyond(member.name)


def _take_source(path: Path | None, name: str, pasted: Pasted, tell: Tell) -> None:
    with opened(path, name) as source:
        head = source.read(_TAR_HEAD)
        source.put_back(head)
        if is_tar(head):
            chooser = Chooser(name)
            _take_members(of_tar(source, chooser), chooser, pasted)
        else:
            found = _read(source, tell)
            pasted.evidence.extend(found.evidence)
            pasted.facts.extend(found.facts)
    pasted.notes.extend([source.problem] if source.problem else [])


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


def _of_text(pasted: Pasted, names: Sequence[str]) -> Report:
    seen = pasted.evidence
    case = Case(id="", guest=None, window=None, evidence=tuple(seen), baseline_choice="pasted text has no sibling")
    if all(e.kind is Kind.TEXT for e in seen) and not _tells(seen):
        raise _nothing(pasted, names)
    return conclude(case, (*_recognised(seen), *pasted.notes), pasted.facts)


def _tells(evidence: Sequence[Evidence]) -> bool:
    """Whether tables or single lines were read out of text that is of no kind as a whole."""
    return any(isinstance(fact, _OF_PARTS) for fact in decoded_of(evidence).facts)


def _nothing(pasted: Pasted, names: Sequence[str]) -> BadInput:
    left = f" ({'; '.join(pasted.notes[:4])})" if pasted.notes else ""
    return BadInput(f"nothing in {', '.join(names)} was recognised{left}", _KNOWN)


def _recognised(pasted: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(f"{e.id}: {_lines(e)} {_read_as(e)}" for e in pasted)


def _read_as(evidence: Evidence) -> str:
    if evidence.kind is Kind.TEXT:
        small = 0 < len(evidence.data) <= _LOOKED_INTO_BYTES
        return "read in part" if small and _tells((evidence,)) else "not recognised"
    said = f"read as {evidence.kind.value}"
    if evidence.kind is Kind.TOLD or not evidence.data or len(evidence.data) > _LOOKED_INTO_BYTES:
        return said
    told = any(not isinstance(fact, Moments) for fact in decoded_of((evidence,)).facts)
    return said if told else f"{said}, and nothing in it told anything"


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
    if is_folder(path):
        return load(path) if is_file(path / JOURNAL) else None
    return load(path) if _begins(path, is_packed) else None


def _begins(path: Path, fits: Callable[[bytes], bool]) -> bool:
    """Whether a file begins as it should; false where it cannot be read, which is said when it is."""
    if not is_file(path):  # what comes through a pipe can be read once
        return False
    try:
        with path.open("rb") as file:
            return fits(file.read(_SNIFF_BYTES))
    except OSError:
        return False
