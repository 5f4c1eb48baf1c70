"""How much memory a machine has left, as ``free -h``, the head of top and the meters of htop show it.

    Mem:            43Gi        42Gi       289Mi        17Mi       1.1Gi       512Mi
    MiB Mem :  24022.7 total,    482.5 free,  21722.3 used,   1817.9 buff/cache
    MiB Swap:   8192.0 total,   8174.3 free,     17.7 used.   1854.2 avail Mem
    Mem[|||||||||||||||||||22.9G/23.5G]
    Swp[|||||||||||||||||||13.9G/14.0G]

Manuals: free(1), top(1), htop(1). The plain numbers of ``free`` are read with the other lines of tools. Used memory alone says nothing, for a
cache uses all there is: what counts is what is available, and with htop, which does not show that, the swap that is full as well.
"""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_MOST_LINES, _LONGEST, _SHOWN = 50_000, 400, 160
_LEFT_TO, _FULL_FROM, _SWAP_FULL_FROM = 0.02, 0.93, 0.97
_SIZE = r"(\d{1,15}(?:[.,]\d{1,3})?)([KMGTP])?i?[Bb]?"
_FREE = re.compile(rf"\s*Mem: +{_SIZE} +{_SIZE} +{_SIZE} +{_SIZE} +{_SIZE} +{_SIZE}\s*$")
_TOTAL = re.compile(r"\s*[KMGTP]iB Mem ?: *(\d{1,15}(?:[.,]\d)?)\+? ?total\b")
_AVAILABLE = re.compile(r"\s*[KMGTP]iB Swap ?:.{10,200}? (\d{1,15}(?:[.,]\d)?)\+? ?avail Mem\b")
_METER = re.compile(rf"\b(?P<of>Mem|Swp)\[[|# ]{{0,200}}{_SIZE}/{_SIZE}\]")
_POWERS = "KMGTP"


def decode_memory_left(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` for the first place that shows that next to no memory is left."""
    lines = [line[:_LONGEST] for line in evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]]
    for number, line in (*_by_free(lines), *_by_top(lines), *_by_htop(lines)):
        yield ToolLine(meaning=ToolMeaning.NO_MEMORY_LEFT, text=line.strip()[:_SHOWN], ref=evidence.ref(number))
        return


def _by_free(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        found = _FREE.match(line)
        if found and found[2] and _bytes(found[11], found[12]) <= _LEFT_TO * _bytes(found[1], found[2]):
            yield number, line


def _by_top(lines: list[str]) -> Iterator[tuple[int, str]]:
    total = 0.0
    for number, line in enumerate(lines, start=1):
        if found := _TOTAL.match(line):
            total = _number(found[1])
        elif (found := _AVAILABLE.match(line)) and total and _number(found[1]) <= _LEFT_TO * total:
            yield number, line


def _by_htop(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Memory and swap must be full both."""
    full: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, start=1):
        for found in _METER.finditer(line):
            used, every = _bytes(found[2], found[3]), _bytes(found[4], found[5])
            if every and used >= (_FULL_FROM if found["of"] == "Mem" else _SWAP_FULL_FROM) * every:
                full[found["of"]] = (number, line)
    if len(full) > 1:
        yield full["Mem"]


def _bytes(number: str, unit: str | None) -> float:
    return _number(number) * 1024.0 ** (1 + _POWERS.index(unit)) if unit else _number(number)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
