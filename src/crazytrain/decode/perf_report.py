"""PERF_REPORT: what ``perf report --stdio``, ``perf top`` and ``perf kvm top`` print.

    # Overhead  Command          Shared Object            Symbol
        19.08%  qemu-system-x86  [kernel.kallsyms]        [k] finish_task_switch.isra.0
    # Children      Self  Command          Shared Object            Symbol
        27.03%     0.42%  qemu-system-x86  [kernel.kallsyms]        [k] do_syscall_64

Manual: perf-report(1), perf-top(1). Of call graphs who called a function is kept, with the share of the branch it stands in.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.decode.perf_tree import NODE, tree_rows
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.profile_table import ProfileRow, ProfileTable
from crazytrain.model.facts.stacks import CpuProfile, FunctionShare, ThreadProfile
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.qemu_functions import role_by_functions
from crazytrain.model.thread_names import role_by_name

_ROW = re.compile(
    r"\s*(?:[+-]\s+)?(?P<first>\d{1,3}[.,]\d{1,2})%(?:\s+(?P<second>\d{1,3}[.,]\d{1,2})%)?\s+(?:(?P<samples>\d{1,9})\s+)?(?:(?P<rest>\S.{0,400}?)\s*)?\[(?P<where>[k.gu$H])\]\s+"
    r"(?P<symbol>\S.{0,200}?)(?:\s+-\s+-)?\s*$"
)
# perf top of Linux 2.6.3x: samples, share, where it ran (since 2.6.36 not), function, file.
_OLD_ROW = re.compile(
    r"\s*\d{1,9}\.\d{2}\s+(?P<share>\d{1,3}\.\d)%\s+(?:[0-9a-f]{16} )?(?P<symbol>[\w.:<>~-]{2,120})\s+"
    r"(?P<file>\[[\w.]{1,60}\]|\S*/\S{1,200}|[\w.+-]{2,80})\s*$"
)
_SAMPLES = re.compile(r"[# ]*Samples: (\d{1,9}(?:\.\d)?)([KMG]?)\b(?: +of events? '([^']{1,80})')?")
_SCALE = {"": 1, "K": 1000, "M": 1_000_000, "G": 1_000_000_000}
_BRANCH = re.compile(r"[\s|]*(?:--(?P<part>\d{1,3}[.,]\d{1,2})%--|-{3}|)\s*(?P<name>[A-Za-z_][\w.:~<>*-]{2,120})\s*$")
_NO_NAME = re.compile(r"[\s|]*(?:--\d{1,3}[.,]\d{1,2}%--\s*)?(?:\[\.\.\.\]|\(nil\)|0x[0-9a-f]{1,16})?\s*$")
_MOST_CALLERS = 40
_MOST_TREES = 200
_MOST_ROWS = 5000
_MOST_LINES = 200_000
_MOST_FUNCTIONS = 40
_LAST_WORD = re.compile(r"(?P<command>\S.*?) (?P<file>\[JIT\] tid \d{1,9}|\S+)")
_FIELDS = re.compile(r"\s{2,}")


def decode_perf_report(evidence: Evidence) -> Iterable[object]:
    """Yield one ``ProfileTable``; and a ``CpuProfile`` of QEMU's threads where commands and the number of samples are told.

    The threads of the profile are told by name alone: ``tid`` is 0, and threads of one name are one.
    """
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    found = list(_rows(lines))
    if not found:
        return
    heads = [one for one in map(_SAMPLES.match, lines) if one]
    samples = int(float(heads[-1][1]) * _SCALE[heads[-1][2]]) if heads else None
    ref = evidence.ref(found[0][0], found[-1][0])
    rows = (*(row for _, row in found), *_below(lines, found))
    yield ProfileTable(rows=rows, event=heads[-1][3] or "" if heads else "", samples=samples, refs=(ref,))
    threads = tuple(_threads(rows, samples)) if samples else ()
    if threads and samples:
        yield CpuProfile(threads=threads, samples=samples, refs=(ref,))


def _rows(lines: Sequence[str]) -> Iterator[tuple[int, ProfileRow]]:
    kept = 0
    for number, line in enumerate(lines, start=1):
        found, old = _ROW.match(line[:800]), _OLD_ROW.match(line[:800])
        row = _row(found) if found else _old_row(old) if old else None
        if row and kept < _MOST_ROWS:
            kept += 1
            yield number, msgspec.structs.replace(row, callers=tuple(_callers(lines[number:], row)))


def _below(lines: Sequence[str], found: Sequence[tuple[int, ProfileRow]]) -> Iterator[ProfileRow]:
    """Functions that stand in trees alone, each with the largest share that one of them shows."""
    told = {row.symbol for _, row in found}
    kept: dict[str, ProfileRow] = {}
    for number, row in found[:_MOST_TREES]:
        for node in tree_rows(lines[number:], row):
            before = kept.get(node.symbol)
            if before is None or (node.with_calls_ratio or 0.0) > (before.with_calls_ratio or 0.0):
                kept[node.symbol] = node
    yield from (node for name, node in kept.items() if name not in told)


def _callers(lines: Sequence[str], row: ProfileRow) -> Iterator[tuple[str, float]]:
    """Who called it: names with the share of their branch. Older perf prints a branch's part of the row, newer one its part of all."""
    part, kept = row.own_ratio, 0
    for line in itertools.takewhile(_is_branch, lines):
        found = _BRANCH.match(line[:400]) or (NODE.match(line[:400]) if row.with_calls_ratio is None else None)
        if found and kept < _MOST_CALLERS:
            told = _ratio(found["part"]) if found["part"] else None
            part = part if told is None else told if told <= row.own_ratio else told * row.own_ratio
            kept += 1
            yield found["name"], round(part, 6)


def _is_branch(line: str) -> bool:
    return any(shape.match(line[:400]) for shape in (_BRANCH, _NO_NAME, NODE))


def _row(found: re.Match[str]) -> ProfileRow:
    first, second = _ratio(found["first"]), found["second"]
    fields = _columns((found["rest"] or "").strip())
    return ProfileRow(
        symbol=found["symbol"].partition("@@")[0].strip(),
        own_ratio=_ratio(second) if second else first,
        where=found["where"],
        file=fields[-1] if fields else "",
        command=fields[0] if len(fields) > 1 else "",
        with_calls_ratio=first if second else None,
    )


def _old_row(found: re.Match[str]) -> ProfileRow:
    where = "k" if found["file"].startswith("[") else "."
    return ProfileRow(symbol=found["symbol"], own_ratio=_ratio(found["share"]), where=where, file=found["file"])


def _columns(text: str) -> list[str]:
    """Command and file; where a page has made one blank of many, the file is the last word."""
    fields = [field for field in _FIELDS.split(text) if field]
    squeezed = _LAST_WORD.fullmatch(text) if len(fields) == 1 else None
    return [squeezed["command"], squeezed["file"]] if squeezed else fields


def _ratio(word: str) -> float:
    return round(float(word.replace(",", ".")) / 100, 6)


def _threads(rows: Sequence[ProfileRow], samples: int) -> Iterator[ThreadProfile]:
    by_command: dict[str, list[ProfileRow]] = defaultdict(list)
    for row in rows:
        if row.command:
            by_command[row.command].append(row)
    for command, own in sorted(by_command.items(), key=_most, reverse=True):
        total = max(sum(row.own_ratio for row in own), *(row.with_calls_ratio or 0.0 for row in own))
        if total > 0:
            yield _thread(command, own, total, samples)


def _most(pair: tuple[str, list[ProfileRow]]) -> float:
    return sum(row.own_ratio for row in pair[1])


def _thread(command: str, rows: Sequence[ProfileRow], total: float, samples: int) -> ThreadProfile:
    shares = [
        FunctionShare(_name(row), max(row.own_ratio, row.with_calls_ratio or 0.0) / total, row.own_ratio / total)
        for row in rows
    ]
    named, vcpu = role_by_name(command)
    role = named if named is not ThreadRole.OTHER else role_by_functions([share.name for share in shares]) or named
    return ThreadProfile(
        tid=0,
        comm=command,
        role=role,
        label=f"vCPU {vcpu}" if vcpu is not None else command if role is ThreadRole.OTHER else role.value,
        samples=round(total * samples),
        stacks=(),
        kernel_ratio=sum(row.own_ratio for row in rows if row.where == "k") / total,
        functions=tuple(sorted(shares, key=_inclusive, reverse=True))[:_MOST_FUNCTIONS],
    )


def _inclusive(share: FunctionShare) -> float:
    return share.inclusive


def _name(row: ProfileRow) -> str:
    return f"{row.symbol} [k]" if row.where == "k" else row.symbol
